"""Values of belief states, spelled as serving spells them.

The readers put every value of a state through it, so that a published value and a generated one can
be compared. Example: a constraint ``"5 pm"`` is ``17:00``, ``Thai`` is ``thai``.
"""

from todserve.corpora.read_report import ReadReport
from todserve.runtime.language.schema import Schema, Service, Slot, letters_and_digits

UNKNOWN_VALUE = "value: not in the schema, kept as said"
RESPELLED_VALUE = "value: spelled as the schema does"
SEVERAL_VALUES = "value: first of several kept"
"""Reasons under which a `ReadReport` counts values."""

_ANY = "any"
_OPEN = Schema(services=(Service(name=_ANY, slots=(Slot(name=_ANY),)),))


def open_value(raw: str) -> str | None:
    """Return a value of free text: lower case, single spaces, times as HH:MM, ``dontcare``.

    None when it says that there is none. Of ``a|b`` the first stands, as everywhere.
    """
    return _OPEN.normalise_value(_ANY, _ANY, raw)


def known_spelling(raw: str) -> str:
    """Return how a schema lists a value: lower case, single spaces, times as HH:MM."""
    text = " ".join(raw.lower().split())
    return _OPEN.forms.clock_time(text) or text


def schema_value(
    schema: Schema, place: tuple[str, str], raw: str, where: str, report: ReadReport
) -> str | None:
    """Return ``raw`` as the schema writes it, or as said when the schema has nothing like it.

    Args:
        schema: of the corpus.
        place: (domain, slot).
        raw: the published value.
        where: for the report, which counts values that the schema lacks.
        report: of the reading.

    Returns:
        None when ``raw`` says that there is no value.
    """
    domain, slot = place
    text = known_spelling(raw)
    value = schema.normalise_value(domain, slot, text)
    if value is not None and value in schema.values(domain, slot):
        if letters_and_digits(value) != letters_and_digits(text.split("|")[0]):
            report.changed(RESPELLED_VALUE, f"{where} {domain} {slot} {raw!r}")
        return value
    if value is not None or open_value(text) is None:
        return value
    report.changed(UNKNOWN_VALUE, f"{where} {domain} {slot} {raw!r}")
    return text
