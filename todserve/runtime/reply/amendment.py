"""Amendment: small repairs that make a generated reply true without another generation.

Stands before completion. What is not true of all is left out or called by a wider word, and a
claim that there is none says of what. Example: of rows with hotels among them, "i have
[value_choice] guesthouses" becomes "i have [value_choice] places to stay".
"""

from collections.abc import Iterable
from dataclasses import dataclass

from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.reply.clauses import Clause, Subject, clauses_of
from todserve.runtime.reply.facts import Facts
from todserve.runtime.reply.literals import Literals

_NO_VALUE = frozenset({"", DONTCARE, DELETED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Amendment:
    """A reply after the repairs, and the names of the rules that asked for them."""

    text: str
    rules: tuple[str, ...] = ()


def amended(delexicalised: str, facts: Facts, literals: Literals) -> Amendment:
    """Repair what can be repaired in a delexicalised reply."""
    text, rules = delexicalised, list[str]()
    for clause in clauses_of(delexicalised, facts.style):
        if clause.asks:
            continue
        better, rule = clause.text, ""
        if clause.subject is Subject.ALL and facts.matches > 1:
            better, rule = _of_all(clause, facts, literals)
        elif clause.subject is Subject.NOTHING and facts.matches == 0:
            better, rule = _of_nothing(clause, facts, literals)
        if rule:
            text = text.replace(clause.text, better, 1)
            rules.append(rule)
    return Amendment(text=text, rules=tuple(rules))


def claimed(clause: Clause, facts: Facts, literals: Literals) -> dict[str, str]:
    """Return the values that a clause claims of many, or of none: slot -> value."""
    claims = {one.slot: one.value for one in literals.values(facts.domain, clause.text)}
    for slot in clause.slots:
        value = facts.slots.get(slot, "")
        if slot in facts.compared and value not in _NO_VALUE:
            claims[slot] = value
    return {slot: value for slot, value in claims.items() if slot in facts.compared}


def _of_all(clause: Clause, facts: Facts, literals: Literals) -> tuple[str, str]:
    unshared = [slot for slot in clause.slots if slot in facts.columns and slot not in facts.shared]
    text = _without(clause.text, unshared, facts)
    rule = "shared" if text != clause.text else ""
    kind = facts.style.kind(facts.domain)
    for one in reversed(literals.values(facts.domain, text)):
        # "hotels" of the domain hotel, or "guesthouses", said of a mixture of both.
        if one.slot == "type" and not facts.shares("type", one.value):
            text = text[: one.start] + kind.many + text[one.end :]
            rule = rule or "kind"
    return text, rule


def _of_nothing(clause: Clause, facts: Facts, literals: Literals) -> tuple[str, str]:
    """Say that it is all wishes together which nothing meets, where fewer would be met."""
    style = facts.style
    patterns = style.patterns
    if not style.all_wishes or not patterns["none"].search(clause.text):
        return clause.text, ""
    if patterns["fits_all"].search(clause.text) or patterns["refused"].search(clause.text):
        return clause.text, ""
    unasked = [slot for slot in clause.slots if facts.slots.get(slot, "") in _NO_VALUE]
    whole = _without(clause.text, unasked, facts)
    if not facts.exist(claimed(clause, facts, literals)):
        return whole, "shared" if whole != clause.text else ""
    text = whole.rstrip(" .,!;")
    return text + style.all_wishes + whole[len(text) :], "none"


def _without(text: str, slots: Iterable[str], facts: Facts) -> str:
    """Return a clause without the phrases that hold the placeholders of some slots."""
    for slot in slots:
        for pattern in facts.style.removable_patterns.get(slot, ()):
            shorter = pattern.sub("", text, count=1)
            if shorter != text:
                text = shorter
                break
    return text
