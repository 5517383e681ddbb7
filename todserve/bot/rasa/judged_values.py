"""Values that a form's own action has judged, so that what it refused stays refused.

The bot calls it before a form goes on. Example: where ``9`` people were refused, a belief state
that still has ``people: 9`` has none for the form, until somebody says it again.
"""

from collections.abc import Mapping
from dataclasses import replace

from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_outcome import FormState
from todserve.bot.user_message import Heard


def judged_before(heard: Heard, form: FormState | None, config: BotConfig) -> Heard:
    """Return a message whose state has what became of values that were judged before.

    A value that is said once more is judged once more.
    """
    known = None if form is None else config.forms.get(form.name)
    if form is None or known is None or not form.judged:
        return heard
    slots = dict(heard.state.get(known.domain, {}))
    said = heard.user.casefold()
    for slot, (raw, made) in form.judged.items():
        if slots.get(slot) != raw or (made is None and str(raw).casefold() in said):
            continue
        if made is None:
            del slots[slot]
        else:
            slots[slot] = made
    return replace(heard, state={**heard.state, known.domain: slots})


def new_values(before: FormState | None, after: FormState) -> Mapping[str, str]:
    """Return the values of a form that nobody has judged yet."""
    old: Mapping[str, str] = {} if before is None else before.values
    return {slot: value for slot, value in after.values.items() if old.get(slot) != value}
