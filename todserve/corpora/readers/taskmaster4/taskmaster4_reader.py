"""Read Taskmaster-4: coffee orders with the API calls that each user turn causes.

Called by `corpora.registry` when training or an evaluation asks for the corpus. The arguments of
the calls that search the menu and fill the order are the belief state; every call is annotated, so
a turn without one leaves the state as it was. Example: ``add_order_item`` with quantity "1" and
attribute ``milk-options`` "Oat Milk" is ``Coffee: quantity 1, milk_options oat milk``.

A state describes the first drink of an order. Intents and acts are not annotated.

``Order`` is a coffee order as a belief state, filled by those calls: ``get_menu_items`` with query
"Mocha" sets slot ``query`` to ``mocha``.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import layout, listed_entries
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Reader
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.exchanges import exchanges
from todserve.corpora.readers.label_names import counted_label, label
from todserve.corpora.readers.slot_values import open_value
from todserve.corpora.services import open_services
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.schema import Service
from todserve.runtime.untrusted.json_text import parse_json

_SEARCH, _ADD, _CHANGE = "get_menu_items", "add_order_item", ("update_order", "update_order_item")
_OPTIONS, _ADDED = "attributes", "addons"
_OWN = ("quantity", "notes")


class Order:
    """What a customer has ordered up to a turn, as slots.

    Attributes:
        slots: slot -> value.
    """

    def __init__(self) -> None:
        """Begin with nothing ordered."""
        self.slots: dict[str, str] = {}
        self._has_drink = False

    def call(self, api: str, arguments: Mapping[str, Any], where: str, report: ReadReport) -> None:
        """Fill the slots that a call's arguments give.

        A slot holds one value, so a further drink of the same order is counted as skipped, as are
        add-ons, whose only names are numbered ids.

        Args:
            api: name of the call, e.g. ``add_order_item``.
            arguments: of its request.
            where: for the report.
            report: of the reading.
        """
        if api in (_SEARCH, _ADD) and self._has_drink:
            report.skipped(f"{api}: of a further drink, no place in the state", where)
            return
        if api == _SEARCH:
            self._fill("query", arguments.get("query"))
        elif api == _ADD or api in _CHANGE:
            self._has_drink |= api == _ADD
            for name in _OWN:
                self._fill(name, arguments.get(name))
            options: Sequence[Mapping[str, Any]] = arguments.get(_OPTIONS, ())
            for option in options:
                # Two annotators wrote "Caffeine " for what all others call "caffeine".
                name = option["attribute_id"].strip().lower()
                self._fill(counted_label(name, where, report), option["option"])
            for _ in arguments.get(_ADDED, ()):
                report.skipped("add-on: has an id only", where)

    def _fill(self, slot: str, raw: object) -> None:
        value = open_value(str(raw)) if raw is not None else None
        if value is not None:
            self.slots[slot] = value


_FOLDER = "data"
_PUBLISHER = "Taskmaster-4"


def read_taskmaster4(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream the dialogues of ``data/data_*.json``, one file in memory at a time.

    Args:
        source: the corpus.
        split: ``train``; the publisher has no splits, so everything is in it.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: another split, or a file without the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    entries = listed_entries(source, _FOLDER)
    for path, entry in with_progress(entries, progress=progress, label="taskmaster4"):
        with layout(path, _PUBLISHER):
            dialogue_id = str(entry["conversation_id"])
            turns = tuple(_turns(entry, dialogue_id, report))
        yield from kept(dialogue_id, turns, source, split, report)


def taskmaster4_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return one service a vertical (``Coffee`` is the only one) with the slots of its orders."""
    return open_services(read_taskmaster4(source, "train"))


def _turns(entry: Mapping[str, Any], dialogue_id: str, report: ReadReport) -> Iterator[Turn]:
    domain = label(entry["vertical"])
    order = Order()
    said = ((one["speaker"] == "user", one) for one in entry["utterances"])
    for index, (user, system) in enumerate(exchanges(said, dialogue_id, report)):
        where = f"{dialogue_id} turn {index}"
        matches: int | None = None
        for call, request, response in _calls(user["annotations"]):
            arguments = _arguments(request, "request", where, report)
            if arguments is not None:
                order.call(call, arguments, where, report)
            if call == "get_menu_items":
                found = _arguments(response, "response", where, report)
                matches = None if found is None else len(found.get("menu_items", ()))
        yield Turn(
            user=user["text"],
            belief_state={domain: dict(order.slots)} if order.slots else {},
            active_domain=domain,
            system=system["text"] if system else None,
            database_matches=matches,
        )


def _calls(
    annotations: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield (API, request, response) of each call; a part that is not there is None."""
    call: str | None = None
    parts: dict[str, str] = {}
    for one in annotations:
        if one["name"] == "api_call":
            if call is not None:
                yield call, parts.get("request"), parts.get("response")
            call, parts = one["value"], {}
        elif one["value"] is not None:
            parts[one["name"]] = one["value"]
    if call is not None:
        yield call, parts.get("request"), parts.get("response")


def _arguments(
    text: str | None, part: str, where: str, report: ReadReport
) -> Mapping[str, Any] | None:
    if text is None:
        return {} if part == "request" else None
    try:
        arguments = parse_json(text)
    except ValueError:
        report.skipped(f"{part} of a call: not JSON", where)
        return None
    return arguments if isinstance(arguments, dict) else None


READER = Reader(
    publisher=Publisher(
        name="taskmaster4",
        title="Taskmaster-4",
        licence="CC BY 4.0",
        url="https://github.com/google-research-datasets/Taskmaster (TM-4-2024/)",
        archive="taskmaster4.tar.xz",
        markers=("data/data_00.json",),
        splits=("train",),
        caution="no official splits: everything is train; a state describes an order's first drink",
        folder="tm4/TM-4-2024",
    ),
    read=read_taskmaster4,
    services=taskmaster4_services,
    manifest=Path(__file__).with_name("manifest.json"),
)
