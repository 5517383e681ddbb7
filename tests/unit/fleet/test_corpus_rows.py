"""A corpus is cut at the same rows every time, and what is wrong in it is kept aside."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.fleet.test_row_labels import labeller
from todserve.fleet.bulk import corpus_rows
from todserve.fleet.bulk.corpus_rows import corpus_files, count_rows, fingerprint, pieces
from todserve.fleet.bulk.shard_files import ShardCounts, label_piece, refused_path
from todserve.runtime.errors import CorpusError

LINES = [
    b'{"user": "a", "id": 1}',
    b"{",
    b'{"user": "\xff"}',
    b"",
    b"[1]",
    b'{"usr": "a"}',
    '{"user": "싼 식당", "id": 6}'.encode(),
]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def table(path: Path, rows: int) -> Path:
    users = [f"said {number}" for number in range(rows)]
    columns = {"id": list(range(rows)), "user": users, "when": [None] * rows}
    pq.write_table(pa.table(columns), path, row_group_size=4)
    return path


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_are_cut_into_pieces_that_know_their_place(tmp_path: Path, end: bytes) -> None:
    file = written(tmp_path / "a.jsonl", end.join(LINES))
    assert count_rows([file]) == len(LINES)
    found = list(pieces([file], rows=3))
    assert [(one.number, one.first, len(one)) for one in found] == [(0, 1, 3), (1, 4, 3), (2, 7, 1)]
    assert [line for one in found for line in one.lines] == LINES


def test_a_tables_pieces_do_not_depend_on_its_row_groups(tmp_path: Path) -> None:
    file = table(tmp_path / "a.parquet", 10)
    assert count_rows([file]) == 10
    found = list(pieces([file], rows=3))
    assert [len(one) for one in found] == [3, 3, 3, 1]
    ids = [row["id"] for one in found if one.table is not None for row in one.table.to_pylist()]
    assert ids == list(range(10))


def test_a_folders_files_follow_one_another_by_name(tmp_path: Path) -> None:
    written(tmp_path / "b.jsonl", b'{"user": "b"}\n')
    written(tmp_path / "a.jsonl", b'{"user": "a"}\n{"user": "c"}\n')
    written(tmp_path / "notes.txt", b"no corpus")
    files = corpus_files(tmp_path)
    assert [(one.file, one.number, one.first) for one in pieces(files, rows=9)] == [
        ("a.jsonl", 0, 1),
        ("b.jsonl", 1, 1),
    ]


def test_what_is_no_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"expected a \.jsonl or \.parquet file"):
        corpus_files(tmp_path)
    written(tmp_path / "a.jsonl", b"{}")
    table(tmp_path / "b.parquet", 1)
    with pytest.raises(CorpusError, match="of one of the two"):
        corpus_files(tmp_path)


def test_a_line_beyond_the_limit_is_refused_and_the_next_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_rows, "MOST_LINE_BYTES", 20)
    monkeypatch.setattr("todserve.fleet.bulk.shard_files.MOST_LINE_BYTES", 20)
    file = written(tmp_path / "a.jsonl", b'{"user": "' + b"a" * 90 + b'"}\n{"user": "b"}\n')
    (piece,) = pieces([file], rows=5)
    assert label_piece(piece, labeller()[0], tmp_path).refused == 1
    (told,) = refused_path(tmp_path, 0).read_text().splitlines()
    assert "more than 20 bytes" in json.loads(told)["reason"]
    (kept,) = (tmp_path / "part-00000.jsonl").read_text().splitlines()
    assert json.loads(kept)["user"] == "b"


def test_bad_lines_lie_aside_with_their_reason_and_as_they_were(tmp_path: Path) -> None:
    (piece,) = pieces([written(tmp_path / "a.jsonl", b"\n".join(LINES))], rows=99)
    counts = label_piece(piece, labeller()[0], tmp_path)
    assert counts == ShardCounts(rows=7, refused=5, turns=2)
    kept = [json.loads(one) for one in (tmp_path / "part-00000.jsonl").read_text().splitlines()]
    assert [row["id"] for row in kept] == [1, 6]
    assert all("intent" in row["answer"] for row in kept)
    refused = [json.loads(one) for one in refused_path(tmp_path, 0).read_text().splitlines()]
    assert [one["row"] for one in refused] == [2, 3, 4, 5, 6]
    assert {one["file"] for one in refused} == {"a.jsonl"}
    assert refused[0]["content"] == "{"
    assert refused[1]["base64"] == "eyJ1c2VyIjogIv8ifQ=="
    assert ["JSON" in one["reason"] or "UTF-8" in one["reason"] for one in refused[:4]] == [
        True
    ] * 4
    assert "no key user" in refused[4]["reason"]


def test_a_table_keeps_its_columns_and_gains_the_answer(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    users = ["a", None, "refuse", "b"]
    pq.write_table(pa.table({"id": [1, 2, 3, 4], "user": users, "score": [0.5] * 4}), file)
    (piece,) = pieces([file], rows=99)
    assert label_piece(piece, labeller()[0], tmp_path).refused == 2
    found = pq.read_table(tmp_path / "part-00000.parquet")
    assert found.schema.names == ["id", "user", "score", "answer"]
    assert found["id"].to_pylist() == [1, 4]
    answers = [json.loads(one) for one in found["answer"].to_pylist()]
    assert [one["belief_state"]["hotel"]["name"]["value"] for one in answers] == ["a", "b"]
    refused = [json.loads(one) for one in refused_path(tmp_path, 0).read_text().splitlines()]
    assert [one["content"]["id"] for one in refused] == [2, 3]


def test_a_tables_dialogues_are_answered(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table({"turns": [[{"user": "a"}, {"user": "b"}], [{"user": "c"}]]}), file)
    (piece,) = pieces([file], rows=99)
    assert label_piece(piece, labeller()[0], tmp_path).turns == 3
    found = pq.read_table(tmp_path / "part-00000.parquet")["answers"].to_pylist()
    assert [len(json.loads(one)) for one in found] == [2, 1]


def test_a_file_is_known_again_by_its_ends_and_size(tmp_path: Path) -> None:
    one, other = written(tmp_path / "a", b"a" * 9), written(tmp_path / "b", b"a" * 10)
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint(one) == fingerprint(written(tmp_path / "c", b"a" * 9))
