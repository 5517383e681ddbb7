"""Spoken intent: the intent that the words alone say, where the network wrote another service's.

The pipeline asks it once the network has written an intent, before the belief state is tracked.
Example: "find me an attraction", of which the network makes ``find_restaurant``, is
``find_attraction``.
"""

from collections.abc import Iterable

from todserve.runtime.language.schema import Schema


def spoken_intent(
    utterance: str,
    intent: str | None,
    schema: Schema,
    *,
    sure: Iterable[str] = (),
    written: Iterable[str] = (),
    at_hand: str | None = None,
) -> str | None:
    """Return the intent that the words say instead of the generated one; None where it stands.

    Args:
        utterance: the user's words.
        intent: the generated intent.
        schema: services and their intents.
        sure: services of which the words say a value for certain.
        written: services of which the network wrote a slot.
        at_hand: the active service, where the words only ask for what is known of its entities.
    """
    of_intent = schema.intent_domains(intent)
    certain = next(iter(sure), None)
    if certain is not None:
        return None if certain in of_intent else _intent_of(certain, intent, schema)
    said = {word.key for word in schema.forms.words_of(utterance.lower())}
    named = [domain for domain in schema.domains if domain in said]
    asks = at_hand is not None and not named and not [*written]
    if asks and of_intent and at_hand not in of_intent:
        return _intent_of(str(at_hand), intent, schema)
    if len(named) != 1 or len(of_intent) != 1 or of_intent == tuple(named):
        return None
    # A slot speaks for the network's service more than a word does for another.
    return None if of_intent[0] in written else _intent_of(named[0], intent, schema)


def _intent_of(domain: str, intent: str | None, schema: Schema) -> str | None:
    """Return a service's intent to do the same, else its first."""
    known = next((one.intents for one in schema.services if one.name == domain), ())
    verb = (intent or "").partition("_")[0]
    alike = (one for one in known if one.partition("_")[0] == verb)
    return next(alike, next(iter(known), None))
