"""A dialogue as people corrected it: the labels that a model may learn from.

The export of corrected dialogues calls it. Example: a state corrected from six people to two is two
in every later turn that only carried it on, whether the turn was run again or not.

What is learnt is what somebody stands for. A dialogue counts once a turn of it was corrected or
judged right. It ends before the first turn that was judged wrong and left at that: nobody said
what would have been right there, and what follows rests on it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from todserve.bot.user_message import plain
from todserve.gateway.store.records import TurnRecord
from todserve.runtime.knowledge.knowledge_base import DatabaseResult
from todserve.runtime.language.dialogue import DONTCARE, GENERAL, DialogueAct, Turn, state_update
from todserve.runtime.language.formats import BOOKING
from todserve.runtime.reply.lexicalisation import lexicalise

State = Mapping[str, Mapping[str, str]]

_LIMITS = frozenset({"leave", "arrive", "time"})
"""Slots whose value in a state is a limit, which a row need not equal."""

_PLACEHOLDER = re.compile(r"\[value_([^\]]+)\]")


def vouched(turns: Sequence[TurnRecord]) -> tuple[TurnRecord, ...]:
    """Return the turns that may be learnt from; none where nobody stands for any."""
    kept: list[TurnRecord] = []
    for turn in turns:
        if turn.correction.get("verdict") == "wrong" and not turn.is_corrected:
            break
        kept.append(turn)
    someone = any(one.is_corrected or one.correction.get("verdict") == "right" for one in kept)
    return tuple(kept) if someone else ()


def as_corrected(turns: Sequence[TurnRecord]) -> Iterator[Turn]:
    """Yield the turns with what people said and, where they said nothing, the newest answers."""
    own: State = {}
    before: State = {}
    for turn in turns:
        answered = plain_state(turn.standing)
        state = answered
        if "belief_state" in turn.correction:
            state = _plain(turn.correction["belief_state"])
        elif answered is not None:
            state = _carried(answered, own, before)
        yield _turn(turn.user, turn.standing, turn.correction, state, before, turn.exchange.system)
        own = own if answered is None else answered
        before = before if state is None else state


def as_answered(turns: Sequence[TurnRecord]) -> Iterator[Turn]:
    """Yield the turns as the model answered them at first, whatever people made of them."""
    for turn in turns:
        yield _turn(turn.user, turn.answer, {}, plain_state(turn.answer), {}, turn.reply)


def worded(turn: Turn) -> Turn:
    """Return the turn with its reply in a form whose placeholders filled in are its text.

    Words around a value are polished when it is filled in (capitals, articles, spaces), so the
    template takes them from the text. Where the two cannot be brought together again, the text
    is the template with its slots' names, unless somebody else said it: a bot's reply stays.
    """
    template, text = turn.delexicalised_response, turn.system
    if template is None or text is None:
        return turn
    pieces = _PLACEHOLDER.split(template)
    slots = pieces[1::2]
    first, *others = map(_loosely, pieces[::2])
    # Atomic but for the last: a literal stands where it is found first, and a search for another
    # place of it would, in a text that is not the template's, take longer than anybody lives.
    values = [rf"(?>(\S.*?){literal})" for literal in others[:-1]]
    values += [rf"(\S.*?){literal}" for literal in others[-1:]]
    match = re.fullmatch(first + "".join(values), text, re.IGNORECASE | re.DOTALL)
    if match is None and not _is_of(template, text):
        return replace(turn, delexicalised_response=text, placeholders=())
    if match is None:
        named = _PLACEHOLDER.sub(lambda one: one[1], template)
        return replace(turn, system=named, placeholders=tuple((slot, slot) for slot in slots))
    polished, end = "", 0
    for number, slot in enumerate(slots, start=1):
        polished += text[end : match.start(number)] + f"[value_{slot}]"
        end = match.end(number)
    surfaces = tuple(zip(slots, match.groups(), strict=True))
    return replace(turn, delexicalised_response=polished + text[end:], placeholders=surfaces)


def plain_state(answer: Mapping[str, Any]) -> dict[str, dict[str, str]] | None:
    """Return the belief state of an answer without confidences; None where it has none."""
    state = answer.get("belief_state")
    return None if state is None else _plain(state)


def _plain(state: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    return {domain: slots for domain, slots in plain(state).items() if slots}


def _carried(answered: State, own: State, before: State) -> dict[str, dict[str, str]]:
    """Return the state of a turn whose predecessor may have been corrected after it was said.

    What the model left as it had it before is as it stands corrected now; without this, the turn
    would teach to take the correction back.

    Args:
        answered: the model's state after the turn.
        own: the model's state after the turn before.
        before: the state after the turn before as it stands.
    """
    state: dict[str, dict[str, str]] = {}
    for domain in dict.fromkeys([*answered, *before]):
        now, then = answered.get(domain, {}), own.get(domain, {})
        standing = before.get(domain, {})
        for slot in dict.fromkeys([*now, *standing]):
            value = standing.get(slot) if now.get(slot) == then.get(slot) else now.get(slot)
            if value is not None:
                state.setdefault(domain, {})[slot] = value
    return state


def _turn(
    user: str,
    answer: Mapping[str, Any],
    correction: Mapping[str, Any],
    state: State | None,
    before: State,
    said: str,
) -> Turn:
    """Return a turn as it is learnt from.

    ``said`` is what the user read, on which the next turn rests: a bot's reply, where it spoke.
    What the model is to write stays the model's own.
    """
    domain = _domain(answer, correction, state, before)
    acts = correction.get("dialogue_act", answer.get("dialogue_act"))
    response = answer.get("response") or {}
    text, template = said or response.get("text"), response.get("delexicalised")
    found = answer.get("database") or {}
    if "response" in correction:
        template = correction["response"]
        text = _filled(template, domain or GENERAL, state or {}, found)
    return Turn(
        user=user,
        belief_state=state,
        intent=correction.get("intent", (answer.get("intent") or {}).get("name")),
        active_domain=domain,
        dialogue_acts=None
        if acts is None
        else tuple(
            DialogueAct(domain=one["domain"], act=one["act"], slot=one.get("slot", ""))
            for one in acts
        ),
        system=text,
        delexicalised_response=template,
        database_matches=found.get("matches") if found.get("domain") == domain else None,
    )


def _filled(template: str, domain: str, state: State, found: Mapping[str, Any]) -> str:
    """Return a corrected reply with the values of the state, and of what was found for it."""
    wanted = {
        slot: value.casefold()
        for slot, value in state.get(domain, {}).items()
        if slot not in _LIMITS and value != DONTCARE
    }
    # The look-up was for the state as the model had it; what the corrected one excludes goes.
    results = tuple(
        row
        for row in found.get("results") or ()
        if all(str(row.get(slot, value)).casefold() == value for slot, value in wanted.items())
    )
    matches = (found.get("matches") or 0) if results else 0
    result = DatabaseResult(domain=domain, matches=matches, results=results)
    return lexicalise(template, domain=domain, state=state, result=result).text


def _domain(
    answer: Mapping[str, Any], correction: Mapping[str, Any], state: State | None, before: State
) -> str | None:
    """Return the active domain: the model's, unless what was corrected speaks of another."""
    active: str | None = (answer.get("domain") or {}).get("active")
    changed = list(state_update(before, state or {})) if "belief_state" in correction else []
    if changed and active not in changed:
        return changed[0]
    spoken = {one["domain"] for one in correction.get("dialogue_act", ())} - {GENERAL, BOOKING}
    return spoken.pop() if len(spoken) == 1 and not changed else active


def _is_of(template: str, text: str) -> bool:
    """Say whether a text may come from a template: it has most of the words between the slots."""
    words = re.findall(r"\w+", _PLACEHOLDER.sub(" ", template.casefold()))
    there = set(re.findall(r"\w+", text.casefold()))
    return 2 * sum(word in there for word in words) >= len(words)


def _loosely(literal: str) -> str:
    words = re.findall(r"\w+|[^\w\s]", literal)
    return r"\s*" + r"\s*".join(map(re.escape, words)) + r"\s*" if words else r"\s*"
