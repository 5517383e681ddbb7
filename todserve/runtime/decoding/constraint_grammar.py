"""The grammar of each task: every text that it may write, from the names of a checkpoint.

``constraint`` calls it with the names of ``constraint_labels``; it writes what they allow as
``constraint_paths``, one function a task, in the order of its text. Example of a belief state:
``[train]``, a slot of train, a value of it, again and again.
"""

from collections.abc import Iterable

import numpy as np

from todserve.runtime.decoding.constraint_labels import OutputLabels
from todserve.runtime.decoding.constraint_paths import Paths
from todserve.runtime.decoding.constraint_words import BEGINNING, ConstraintWords, FreeValues
from todserve.runtime.language import formats
from todserve.runtime.language.dialogue import DELETED, DONTCARE, GENERAL, OUT_OF_SCOPE, DialogueAct
from todserve.runtime.language.prompts import BeliefTarget
from todserve.runtime.language.schema import Schema


class Grammar:
    """Draws the tasks' sequences as paths; each method returns the place where they start."""

    def __init__(self, labels: OutputLabels, words: ConstraintWords, paths: Paths) -> None:
        """Draw on ``paths`` what ``labels`` allow, as ``words`` spell it."""
        self._labels, self._words, self._paths = labels, words, paths

    def intent(self, end_id: int) -> int:
        """One intent of the schema."""
        start, named = self._paths.place(), self._paths.place()
        schema = self._labels.schema
        for intent in schema.intents:
            text = formats.serialize_intent(intent)
            if intent == OUT_OF_SCOPE and len(self._words.spelling(text) or ()) != 1:
                continue  # a vocabulary without the label has never learnt what it means
            if formats.parse_intent(text, schema).intent == intent:
                self._spell(start, text, named)
        self._paths.spell(named, (end_id,), self._paths.over)
        return start

    def response(
        self,
        end_id: int,
        *,
        without_words: frozenset[str] = frozenset(),
        without_slots: frozenset[str] = frozenset(),
    ) -> int:
        """Free text with known placeholders, but no other bracket.

        Args:
            end_id: ends the response.
            without_words: words that may not be written where a token is one of them.
            without_slots: slots whose placeholders may not be written.
        """
        start = self._paths.place()
        allowed = self._words.plain.copy()
        for token_id, text in enumerate(self._words.surface):
            if text in without_words and self._words.fresh[token_id]:
                allowed[token_id] = False
        to = np.array([-1, start], dtype=np.int32)
        self._paths.all_tokens(start, allowed.astype(np.intp), to)
        for slot in self._labels.placeholders:
            if slot in without_slots:
                continue
            text = f"[value_{slot}]"
            if formats.placeholders(text) == (slot,):
                self._spell(start, text, start)
        self._paths.spell(start, (end_id,), self._paths.over)
        return start

    def dialogue_acts(self, end_id: int) -> int:
        """Domains, in each of them acts, behind each of these the slots it speaks of."""
        start = self._paths.place()
        self._paths.spell(start, (end_id,), self._paths.over)
        schema = self._labels.schema
        for domain, slots in self._labels.act_slots.items():
            begun, acted = self._paths.place(), self._paths.place()
            self._spell(start, f"[{domain}]", begun)
            for act in self._labels.acts:
                if act == OUT_OF_SCOPE and domain != GENERAL:
                    continue
                one = DialogueAct(domain=domain, act=act)
                text = formats.serialize_dialogue_acts([one])
                if formats.parse_dialogue_acts(text, schema).acts == (one,):
                    for place in (begun, acted):
                        self._spell(place, f"[{act}]", acted)
                    self._slots_of(one, slots, acted)
            self._paths.also(acted, start)
        return start

    def belief_state(self, end_id: int) -> int:
        """Domains, in each of them slots of its own with their values."""
        start = self._paths.place()
        self._paths.spell(start, (end_id,), self._paths.over)
        for domain in self._labels.schema.domains:
            self._domain(domain, start)
        return start

    def _spell(self, source: int, text: str, target: int) -> None:
        """Let ``text`` lead on; what the vocabulary cannot write is left out."""
        ids = self._words.spelling(text)
        if ids is not None:
            self._paths.spell(source, ids, target)

    def _slots_of(self, act: DialogueAct, slots: Iterable[str], acted: int) -> None:
        for slot in slots:
            one = DialogueAct(domain=act.domain, act=act.act, slot=slot)
            text = formats.serialize_dialogue_acts([one])
            if formats.parse_dialogue_acts(text, self._labels.schema).acts == (one,):
                self._spell(acted, slot, acted)

    def _domain(self, domain: str, start: int) -> None:
        schema, paths = self._labels.schema, self._paths
        begun, valued = paths.place(), paths.place()
        paths.also(valued, begun)
        paths.also(valued, start)
        self._spell(start, f"[{domain}]", begun)
        awaiting = {}
        for slot in schema.slots(domain):
            if _value_text(domain, slot, DONTCARE, schema) is not None:
                awaiting[slot] = paths.place()
                self._spell(begun, slot, awaiting[slot])
        free = []
        for slot, place in awaiting.items():
            known = _closed_values(domain, slot, schema)
            if not known:
                free.append(place)
            # "none" is a word like others where a state is written whole, and then no value.
            withdrawn = (DELETED,) if self._labels.target is BeliefTarget.UPDATE else ()
            for value in (*known, *((DONTCARE,) if known else ()), *withdrawn):
                text = _value_text(domain, slot, value, schema)
                if text is not None and (
                    value in withdrawn or schema.normalise_value(domain, slot, value) is not None
                ):
                    self._spell(place, text, valued)
        if free:
            first = self._free_values(awaiting, start)
            for place in free:
                paths.also(place, first)

    def _free_values(self, awaiting: dict[str, int], start: int) -> int:
        """Draw the values of a domain's free-text slots; return where each begins."""
        paths = self._paths
        values = FreeValues(self._words, awaiting)
        places = [paths.place() for _ in values.positions]
        for place, position, row in zip(places, values.positions, values.rows, strict=True):
            to = np.where(row < 0, np.int32(-1), row + np.int32(places[0]))
            paths.all_tokens(place, values.groups, to)
            slot = values.slot(position)
            if slot is not None:
                paths.also(place, awaiting[slot])
            if values.is_whole(position):
                paths.also(place, start)
        first = paths.place()
        beginning = values.rows[values.positions.index(BEGINNING)]
        # What does not begin a word would become a part of the slot's name.
        begins = values.fresh & (beginning >= 0)
        to = np.where(begins, beginning + np.int32(places[0]), np.int32(-1))
        paths.all_tokens(first, values.groups, to)
        return first


def _value_text(domain: str, slot: str, value: str, schema: Schema) -> str | None:
    """Return a value as the format writes it; None where it would not be read back."""
    whole = formats.serialize_belief_state({domain: {slot: value}}, schema)
    parsed = formats.parse_belief_state(whole, schema)
    expected = {domain: {slot: " ".join(value.split())}}
    if parsed.unparsed or parsed.state != expected:
        return None
    return whole[parsed.spans[0].start :]


def _closed_values(domain: str, slot: str, schema: Schema) -> tuple[str, ...]:
    """Return the values of a categorical slot; nothing for free text, or where none are listed."""
    slots = {(service.name, one.name): one for service in schema.services for one in service.slots}
    found = slots[domain, slot]
    return found.values if found.categorical else ()
