"""Amendment: small repairs that make a generated reply true without another generation.

The reply stage calls it on each generated reply, before ``completion`` adds to it. What is not true
of all is left out or called by a wider word, a claim that there is none says of what, some of many
are said to be examples, and nothing is asked for that is known. Example: of rows with hotels among
them, "i have [value_choice] guesthouses" becomes "i have [value_choice] places to stay".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.language.formats import placeholders
from todserve.runtime.reply.clauses import Clause, Subject
from todserve.runtime.reply.facts import Facts
from todserve.runtime.reply.literals import Literals

_COUNT = "[value_choice]"
_END = re.compile(r"[.!?;]")
_NO_VALUE = frozenset({"", DONTCARE, DELETED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Amendment:
    """A reply after the repairs, and the names of the rules that asked for them."""

    text: str
    rules: tuple[str, ...] = ()


def amended(delexicalised: str, facts: Facts, literals: Literals) -> Amendment:
    """Repair what can be repaired in a delexicalised reply."""
    text, rules = delexicalised, list[str]()
    for clause in facts.clauses(delexicalised):
        if clause.asks:
            if (asks_again := _asked_again(clause, facts, literals)) is not None:
                text = text.replace(clause.text, asks_again, 1)
                rules.append("asked")
            continue
        better, rule = clause.text, ""
        if clause.subject is Subject.ALL and facts.matches > 1:
            better, rule = _of_all(clause, facts, literals)
        elif clause.subject is Subject.NOTHING and facts.matches == 0:
            better, rule = _of_nothing(clause, facts, literals)
        if rule:
            text = text.replace(clause.text, better, 1)
            rules.append(rule)
    exemplary = _with_examples(text, facts)
    if exemplary != text:
        text = exemplary
        rules.append("examples")
    return Amendment(text=" ".join(text.split()), rules=tuple(dict.fromkeys(rules)))


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


def _asked_again(clause: Clause, facts: Facts, literals: Literals) -> str | None:
    """Return what to ask instead of what is known or does not matter; None where that is new."""
    style = facts.style
    concerned = facts.schema.intent_domains(facts.intent)
    if facts.matches == 0 or style.patterns["other"].search(clause.text):
        return None  # "would you like another area?" is a way out
    if concerned and facts.domain not in concerned:
        return None  # it may well ask for another service
    asked = [
        slot for slot, pattern in style.asks_for_patterns.items() if pattern.search(clause.text)
    ]
    said = [one.slot for one in literals.values(facts.domain, clause.text)]
    # "cheap or moderate?" asks for the price as well.
    asked += [slot for slot in dict.fromkeys(said) if said.count(slot) > 1]
    asked = [slot for slot in asked if facts.schema.has(facts.domain, slot)]
    new = [slot for slot in asked if not facts.slots.get(slot)]
    if len(new) == len(asked):
        return None
    if not new:
        return facts.narrowing
    return style.question(facts.domain, new[0])


def _with_examples(text: str, facts: Facts) -> str:
    """Say of a bare list behind a count that it is one of examples, where it names fewer."""
    style = facts.style
    if "examples" not in style.told or _COUNT not in text:
        return text
    if style.patterns["examples"].search(text):
        return text
    for found in style.patterns["listed"].finditer(text, text.index(_COUNT)):
        listed = _END.split(text[found.end() :], maxsplit=1)[0]
        if style.patterns["of_list"].sub("", listed).strip():
            continue  # more is said of it than that it is there
        if len(placeholders(listed)) >= facts.matches:
            return text
        return f"{text[: found.start()]} {style.told['examples']} {text[found.end() :]}"
    return text


def _without(text: str, slots: Iterable[str], facts: Facts) -> str:
    """Return a clause without the phrases that hold the placeholders of some slots."""
    for slot in slots:
        for pattern in facts.style.removable_patterns.get(slot, ()):
            shorter = pattern.sub("", text, count=1)
            if shorter != text:
                text = shorter
                break
    return text
