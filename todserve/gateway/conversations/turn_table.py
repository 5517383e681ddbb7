"""Turn table: remembered turns as one Parquet file, a row each, for notebooks and data lakes.

The export routes call it. Example: the column ``intent`` of ``turn_table(remembered, ...)`` has
what the model said, and the column ``correction`` what people said of it.

What a cell cannot hold as it is, such as a belief state, is JSON in it: other models have other
domains and slots, and their turns stand in one table.
"""

import json
import tempfile
from collections.abc import Iterable
from importlib.util import find_spec
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from todserve.gateway.conversations.dialogue_export import Remembered
from todserve.gateway.gateway_errors import NotInstalledError
from todserve.gateway.store.records import LABELLED, DialogueRecord, TurnRecord
from todserve.gateway.store.turn_traits import reasons_of

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 1000
"""Rows in memory together."""


def turn_table(
    remembered: Iterable[Remembered], *, corrected: bool, low_confidence: float
) -> IO[bytes]:
    """Return an open Parquet file of the turns.

    Args:
        remembered: dialogues with their turns.
        corrected: only turns that people judged or corrected.
        low_confidence: what is less is a reason to look.

    Raises:
        NotInstalledError: pyarrow is not there.
    """
    if find_spec("pyarrow") is None:
        raise NotInstalledError("format=parquet needs pyarrow; install todserve[parquet]")
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = _schema()
    table = tempfile.TemporaryFile()  # noqa: SIM115 - whoever streams it closes it
    rows = (
        _row(record, turn, low_confidence)
        for record, turns in remembered
        for turn in turns
        if turn.correction or not corrected
    )
    with ParquetWriter(table, schema) as writer:
        while some := [*islice(rows, _AT_ONCE)]:
            writer.write_table(pa.Table.from_pylist(some, schema))
    table.seek(0)
    return table


def _schema() -> "pa.Schema":
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        {
            "dialogue_id": text,
            "turn": pa.int32(),
            "created_at": pa.timestamp("us", "UTC"),
            "user": text,
            "reply": text,
            "model": text,
            "checkpoint": text,
            "intent": text,
            "intent_confidence": pa.float64(),
            "domain": text,
            "belief_state": text,
            "dialogue_act": text,
            "delexicalised": text,
            "matches": pa.int32(),
            "reasons": pa.list_(text),
            "verdict": text,
            "disputed": pa.bool_(),
            "author": text,
            "correction": text,
        }
    )


def _row(record: DialogueRecord, turn: TurnRecord, low_confidence: float) -> dict[str, Any]:
    answer = turn.standing
    intent, model = answer.get("intent") or {}, answer["model"]
    said = {key: turn.correction[key] for key in LABELLED if turn.correction.get(key) is not None}
    return {
        "dialogue_id": record.dialogue_id,
        "turn": turn.index,
        "created_at": turn.created_at,
        "user": turn.user,
        "reply": turn.reply,
        "model": f"{model['name']}/{model['version']}",
        "checkpoint": model["checkpoint"],
        "intent": intent.get("name"),
        "intent_confidence": intent.get("confidence"),
        "domain": turn.domain,
        "belief_state": _json(answer.get("belief_state")),
        "dialogue_act": _json(answer.get("dialogue_act")),
        "delexicalised": (answer.get("response") or {}).get("delexicalised"),
        "matches": (answer.get("database") or {}).get("matches"),
        "reasons": [*reasons_of(answer, low_confidence)],
        "verdict": turn.correction.get("verdict"),
        "disputed": turn.is_disputed,
        "author": turn.author,
        "correction": _json(said or None),
    }


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
