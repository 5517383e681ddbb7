"""docs/evaluation.md, followed to the letter."""

import json
import re
from pathlib import Path

from tests.support.corpora_fixtures import TINY
from tests.support.followed_docs import followed


def test_a_benchmark_is_added_by_following_the_page(tmp_path: Path, tiny_checkpoint: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "multiwoz").symlink_to(tiny_checkpoint)
    done = followed("evaluation.md", tmp_path, TOD_DATA=str(TINY), OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    assert "brevity" in done.stdout
    assert "how many words the replies to MultiWOZ's users have" in done.stdout
    assert re.search(r"--long +N ", done.stdout)
    figures = json.loads((tmp_path / "brevity.json").read_text())
    assert figures["replies"] > 0
    assert figures["signature"].startswith("multiwoz21|dev|first-2|checkpoint:")


def test_a_benchmark_whose_corpus_is_missing_says_so_before_it_loads_anything(
    tmp_path: Path,
) -> None:
    done = followed("evaluation.md", tmp_path, TOD_DATA=str(tmp_path))
    assert done.returncode == 1
    assert "multiwoz21 is missing" in done.stdout
    assert "corpus 'multiwoz21' (MultiWOZ 2.1): not found in" in done.stderr
