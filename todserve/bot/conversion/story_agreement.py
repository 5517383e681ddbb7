"""What stories agree on: which action follows an intent, and what tells the cases apart.

`intent_flows` calls it when it has read every story. Example: where every "yes" after
``utter_offer`` leads to ``action_book`` and every other "yes" elsewhere, the first becomes a rule
with that ``after``.

Rasa's policies learn what stories say by the message, what was done before it and which slots are
set; so does this, in that order, and what still contradicts itself is named and left to the model.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from todserve.bot.bot_config import RESUME
from todserve.bot.conversion.flow_rules import (
    Condition,
    Done,
    FlowRule,
    Meant,
    Named,
    Names,
    Seen,
    conditioned,
)
from todserve.corpora.read_report import ReadReport


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreed:
    """What all stories of a project agree on: what follows an intent, always or under conditions.

    Attributes:
        answers: intent -> what always follows it outside forms.
        rules: what follows under conditions.
    """

    answers: Mapping[str, Names]
    rules: tuple[FlowRule, ...]


def agreement(
    seen: Iterable[Seen], decided: frozenset[str], shy: frozenset[str], report: ReadReport
) -> Agreed:
    """Return what all stories of a project agree on.

    Args:
        seen: every turn of every story.
        decided: intents outside forms of which a rule decides.
        shy: intents that mean nothing by themselves, such as yes.
        report: counts what contradicts itself.
    """
    groups: dict[tuple[str, str | None], list[Seen]] = {}
    for one in seen:
        if one.form is not None or one.intent not in decided:
            groups.setdefault((one.intent, one.form), []).append(one)
    answers: dict[str, Names] = {}
    rules: list[FlowRule] = []
    for (intent, form), ones in groups.items():
        if len({one.leads for one in ones}) == 1 and intent not in shy:
            if form is None:
                answers[intent] = ones[0].names
            else:
                rules.append(ones[0].rule(Condition(form=form)))
            continue
        for before in dict.fromkeys(one.before for one in ones):
            same = [one for one in ones if one.before == before]
            if before is None and form is None and intent in shy:
                report.skipped("story: begins with yes or no", same[0].where)
                continue
            for rule in _settled(same, Condition(after=before, form=form), report):
                if rule.condition.weight() or rule.intent is None:
                    rules.append(rule)
                else:
                    answers[intent] = rule.names
    return Agreed(answers=answers, rules=tuple(rules))


def told_apart(rules: Sequence[FlowRule], report: ReadReport) -> list[FlowRule]:
    """Return rules of which no two contradict each other, by the values of slots if need be."""
    found: list[FlowRule] = []
    for one in dict.fromkeys(rules):
        same = [
            rule
            for rule in rules
            if (rule.intent, rule.condition) == (one.intent, one.condition)
            and rule.names != one.names
        ]
        if not same:
            found.append(one)
        elif all(rule.names[-1] == rule.left for rule in (one, *same)):
            found.append(replace(one, names=(*one.names[:-1], RESUME)))
        elif one.raw and all(rule.raw and rule.raw != one.raw for rule in same):
            plain = replace(one.condition, slots=(), known=())
            found.append(replace(one, condition=conditioned(plain, one.raw)))
        else:
            report.skipped(
                "form: stories begin several under one condition",
                f"{one.where} {one.names[-1]} {one.intent}",
            )
    return list(dict.fromkeys(found))


def _settled(ones: Sequence[Seen], condition: Condition, report: ReadReport) -> Iterable[FlowRule]:
    """Yield the rules for one intent after one action."""
    kinds: dict[tuple[Names, bool, bool], list[Seen]] = {}
    for one in ones:
        kinds.setdefault(one.leads, []).append(one)
    if len(kinds) == 1:
        yield ones[0].rule(condition)
        return
    for told in (_told, _raw):
        split = list(_branching([found[0] for found in kinds.values()], condition, told))
        if split:
            yield from split
            return
    for key in (_seen_by_rasa, _as_told):
        cells: dict[tuple[Named, Meant], list[Seen]] = {}
        for one in ones:
            cells.setdefault(key(one), []).append(one)
        if len(cells) > 1:
            for (entities, slots), found in cells.items():
                own = conditioned(replace(condition, entities=entities), slots)
                yield from _settled(found, own, report)
            return
    yield from _by_past(kinds, condition) or _by_most(ones, kinds, condition, report)


def _by_past(
    kinds: Mapping[tuple[Names, bool, bool], Sequence[Seen]], condition: Condition
) -> list[FlowRule]:
    """Return rules by what was done earlier in the dialogue; none where that tells nothing."""
    rules: list[FlowRule] = []
    plain = 0
    for lead, found in kinds.items():
        others = {
            name for other in kinds if other != lead for one in kinds[other] for name in one.earlier
        }
        own = [
            name
            for name in reversed(found[0].earlier)
            if name not in others and all(name in one.earlier for one in found)
        ]
        plain += not own
        rules.append(found[0].rule(replace(condition, earlier=own[0] if own else None)))
    if plain > 1:
        return []
    if not plain:
        # Where nothing of the past is known, what most stories say holds.
        often = max(kinds, key=lambda lead: len(kinds[lead]))
        rules.append(kinds[often][0].rule(condition))
    return rules


def _by_most(
    ones: Sequence[Seen],
    kinds: Mapping[tuple[Names, bool, bool], Sequence[Seen]],
    condition: Condition,
    report: ReadReport,
) -> Iterable[FlowRule]:
    """Yield what more than half of the stories say, and name the others."""
    (most, count), *others = Counter(one.leads for one in ones).most_common()
    if count * 2 > len(ones):
        yield kinds[most][0].rule(condition)
    left = [lead for lead, _ in others] if count * 2 > len(ones) else list(kinds)
    for lead in left:
        report.skipped(
            "story: does another thing than others after its intent",
            f"{kinds[lead][0].where}: {', '.join(lead[0])}",
        )


def _branching(
    ones: Sequence[Seen], condition: Condition, told: Callable[[Done], Any]
) -> Iterable[FlowRule]:
    """Yield what all begin with, and what follows it by the slots that were set by it."""
    shortest = min(len(one.done) for one in ones)
    length = 0
    while length < shortest and len({one.done[length].name for one in ones}) == 1:
        length += 1
    if not length:
        return
    last = [told(one.done[length - 1]) for one in ones]
    if len(set(last)) < len(last) or not all(last):
        return
    first = ones[0]
    yield replace(first, done=first.done[:length]).rule(condition)
    for one, slots in zip(ones, last, strict=True):
        names = one.names[length:]
        if names:
            branch = conditioned(Condition(after=one.done[length - 1].name), slots)
            yield FlowRule(intent=None, condition=branch, names=names, where=one.where)


def _seen_by_rasa(seen: Seen) -> tuple[Named, Meant]:
    return seen.entities, seen.slots


def _as_told(seen: Seen) -> tuple[Named, Meant]:
    return seen.said, seen.raw


def _told(done: Done) -> Meant:
    return done.told


def _raw(done: Done) -> Meant:
    return done.raw
