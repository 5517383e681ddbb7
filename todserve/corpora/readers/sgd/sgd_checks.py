"""What is wrong with a file in the layout of Schema-Guided Dialogue, with its lines.

``tod data validate`` calls it for every file in that layout. Example: a span that ends after its
utterance, an ``active_intent`` that the service does not offer.
"""

from collections.abc import Sequence

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.located_values import Located
from todserve.corpora.readers.sgd.sgd_frames import own_slot
from todserve.corpora.unservable_text import unservable
from todserve.runtime.language.dialogue import DONTCARE
from todserve.runtime.language.schema import Schema

_SPEAKERS = ("USER", "SYSTEM")
# Slots of actions that are no slots of the service: how many there are, and which intent.
_ACTION_SLOTS = frozenset({"", "count", "intent"})


class SgdChecks:
    """Checks the files of one split."""

    def __init__(self, schema: Schema, faults: list[Fault]) -> None:
        self._schema = schema
        self._intents = {one.name: one.intents for one in schema.services}
        self._closed = {
            (service.name, slot.name)
            for service in schema.services
            for slot in service.slots
            if slot.categorical and slot.values
        }
        self._faults = faults
        self._ids: set[str] = set()
        self.dialogues = 0

    def file(self, root: Located) -> None:
        """Check one file's tree."""
        for entry in root.sequence("file", self._faults):
            self.dialogues += 1
            keys = entry.mapping("dialogue", self._faults)
            name = self._need(entry, keys, "dialogue_id")
            if name is not None:
                known = name.text("dialogue_id", self._faults)
                if known in self._ids:
                    self._note(name, "dialogue_id", f"{known!r} a second time", "an id of its own")
                self._ids.add(known)
            turns = self._need(entry, keys, "turns")
            found = turns.sequence("turns", self._faults) if turns is not None else []
            if turns is not None and turns.value == []:
                self._note(turns, "turns", "none", "at least one")
            for turn in found:
                self._turn(turn)

    def _turn(self, node: Located) -> None:
        keys = node.mapping("turn", self._faults)
        speaker = self._need(node, keys, "speaker")
        if speaker is not None and speaker.value not in _SPEAKERS:
            self._note(speaker, "speaker", repr(speaker.value), "USER or SYSTEM")
        utterance = self._need(node, keys, "utterance")
        text = utterance.text("utterance", self._faults) if utterance is not None else ""
        whole = utterance.value if utterance is not None and text else ""
        for got, expected, fix in unservable(text):
            assert utterance is not None
            self._faults.append(utterance.fault("utterance", got=got, expected=expected, fix=fix))
        frames = self._need(node, keys, "frames")
        for frame in frames.sequence("frames", self._faults) if frames is not None else []:
            self._frame(frame, whole, user=speaker is not None and speaker.value == "USER")

    def _frame(self, node: Located, utterance: str, *, user: bool) -> None:
        keys = node.mapping("frame", self._faults)
        named = self._need(node, keys, "service")
        if named is None:
            return  # whose slots its frame has, nobody can tell
        service = named.text("service", self._faults)
        if service not in self._intents:
            self._note(named, "service", repr(service), _some(self._schema.domains))
            return
        for slot in self._entries(keys, "slots"):
            self._span(slot, service, utterance)
        for action in self._entries(keys, "actions"):
            inner = action.mapping("action", self._faults)
            self._need(action, inner, "act")
            if "slot" in inner and inner["slot"].value not in _ACTION_SLOTS:
                self._slot(inner["slot"], service, "slot of an action")
        if user:
            state = self._need(node, keys, "state")
            if state is not None:
                self._state(state, service)

    def _span(self, node: Located, service: str, utterance: str) -> None:
        keys = node.mapping("slot", self._faults)
        name = self._need(node, keys, "slot")
        if name is not None:
            self._slot(name, service, "slot of a span")
        if "copy_from" in keys:
            return  # MultiWOZ 2.2: the value of another slot, which stands nowhere here
        start = keys["start"].value if "start" in keys else None
        end = keys["exclusive_end"].value if "exclusive_end" in keys else None
        numbers = isinstance(start, int) and isinstance(end, int)
        if not (numbers and 0 <= int(start or 0) < int(end or 0) <= len(utterance)):
            self._note(
                node,
                "span",
                f"{start} to {end} in an utterance of {len(utterance)} characters",
                "0 <= start < exclusive_end <= length",
            )

    def _state(self, node: Located, service: str) -> None:
        keys = node.mapping("state", self._faults)
        intent = self._need(node, keys, "active_intent")
        if intent is not None and intent.value not in ("NONE", *self._intents[service]):
            got = repr(intent.value)
            self._note(intent, "active_intent", got, _some(("NONE", *self._intents[service])))
        for slot in self._entries(keys, "requested_slots"):
            self._slot(slot, service, "requested slot")
        values = self._need(node, keys, "slot_values")
        found = values.mapping("slot_values", self._faults) if values is not None else {}
        for written, variants in found.items():
            name = own_slot(service, written)
            if not self._schema.has(service, name):
                self._unknown(variants, service, name, "slot of slot_values")
                continue
            for one in variants.sequence(f"values of {name!r}", self._faults):
                value = one.text(f"value of {name!r}", self._faults)
                known = self._schema.values(service, name)
                if (service, name) in self._closed and value not in (*known, DONTCARE):
                    self._note(one, f"value of {service} {name}", repr(value), _some(known))

    def _slot(self, node: Located, service: str, what: str) -> None:
        slot = own_slot(service, node.text(what, self._faults))
        if slot and not self._schema.has(service, slot):
            self._unknown(node, service, slot, what)

    def _unknown(self, node: Located, service: str, slot: str, what: str) -> None:
        expected = _some(self._schema.slots(service))
        self._note(node, f"{what} of service {service}", repr(slot), expected)

    def _entries(self, keys: dict[str, Located], name: str) -> list[Located]:
        # The corpus's first release lacks actions; a frame may lack spans.
        return keys[name].sequence(name, self._faults) if name in keys else []

    def _need(self, node: Located, keys: dict[str, Located], name: str) -> Located | None:
        if name not in keys and isinstance(node.value, dict):
            self._note(node, name, "nothing", f"a key {name!r}")
        return keys.get(name)

    def _note(self, node: Located, what: str, got: str, expected: str) -> None:
        fix = "correct it here, or in schema.json"
        self._faults.append(node.fault(what, got=got, expected=expected, fix=fix))


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"one of {shown}" + (f" and {len(names) - 8} more" if len(names) > 8 else "")
