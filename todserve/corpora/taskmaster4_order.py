"""A coffee order as a belief state, filled by API calls.

Stands between `taskmaster4` and the dialogue types. Example: ``get_menu_items`` with query
"Mocha" sets slot ``query`` to ``mocha``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from todserve.corpora.labels import counted_label
from todserve.corpora.report import ReadReport
from todserve.corpora.values import open_value

_SEARCH, _ADD, _CHANGE = "get_menu_items", "add_order_item", ("update_order", "update_order_item")
_OPTIONS, _ADDED = "attributes", "addons"
_OWN = ("quantity", "notes")


class Order:
    """The slots of one order so far.

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
