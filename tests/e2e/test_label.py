"""``tod label`` as a user runs it: processes, shards, a kill in the middle, and going on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.served_endpoint import ROOT
from todserve.fleet.opened_archive import open_archive
from todserve.runtime.worker.turn_worker import AskedBody

pytestmark = pytest.mark.e2e
AREAS = ("centre", "north", "south", "east", "west")
ROWS = 200
BAD = 77


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "said.jsonl"
    rows = [
        json.dumps({"id": number, "user": f"a cheap place in the {AREAS[number % 5]}"})
        for number in range(ROWS)
    ]
    rows[BAD] = '{"id": '
    rows[BAD + 1] = json.dumps({"turns": [{"user": "a hotel"}, {"user": "in the north"}]})
    path.write_text("\n".join(rows) + "\n")
    return path


def command(corpus: Path, out: Path, store: Path, *words: str) -> list[str]:
    named = ("--archive", str(store / "tod.mar"), "--tasks", "belief_state")
    return [sys.executable, "-m", "todserve", "label", str(corpus), str(out), *named, *words]


def run(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def rows_of(out: Path, name: str) -> list[dict[str, Any]]:
    files = sorted(out.glob(f"{name}-*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_a_killed_run_goes_on_and_labels_every_row_once(
    corpus: Path, store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = subprocess.Popen(
        command(corpus, out, store, "--workers", "2"), cwd=ROOT, stdout=subprocess.DEVNULL
    )
    while not list(out.glob("part-*")):
        assert first.poll() is None
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    done = run(command(corpus, out, store, "--workers", "2"))
    assert done.returncode == 0, done.stderr
    assert "were there before" in done.stdout
    kept, refused = rows_of(out, "part"), rows_of(out, "refused")
    assert [row["id"] for row in kept if "id" in row] == [
        number for number in range(ROWS) if number not in (BAD, BAD + 1)
    ]
    assert [len(row["answers"]) for row in kept if "turns" in row] == [2]
    assert [(one["row"], one["content"]) for one in refused] == [(BAD + 1, '{"id": ')]
    assert not list(out.glob(".model*"))
    assert not list(out.glob("*.part"))
    again = run(command(corpus, out, store, "--workers", "2"))
    assert again.returncode == 0
    assert "0 rows (200 were there before)" in again.stdout
    opened = open_archive(store / "tod.mar")
    asked = {"user": kept[0]["user"], "tasks": ["belief_state"]}
    (reply,) = opened.worker.answer([AskedBody(content=asked)])
    expected = json.loads(reply.content)
    assert kept[0]["answer"]["belief_state"] == expected["belief_state"]
    assert kept[0]["answer"]["model"] == expected["model"]


def test_parts_of_several_machines_make_the_whole_and_no_other_corpus_goes_on_there(
    corpus: Path, store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    both = [
        subprocess.Popen(
            command(corpus, out, store, "--workers", "1", "--part", part),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        for part in ("1/2", "2/2")
    ]
    assert [one.wait(300) for one in both] == [0, 0]
    assert len(rows_of(out, "part")) == ROWS - 1
    small = tmp_path / "small.jsonl"
    small.write_text('{"user": "a hotel"}\n')
    refused = run(command(small, out, store))
    assert refused.returncode == 1
    assert "was begun with another files, rows" in refused.stderr
