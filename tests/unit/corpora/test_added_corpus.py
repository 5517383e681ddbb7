"""docs/corpora.md, followed to the letter."""

from pathlib import Path

from tests.support.followed_docs import followed


def test_a_corpus_is_added_by_following_the_page(tmp_path: Path) -> None:
    done = followed("corpora.md", tmp_path)
    assert done.stderr == ""
    assert done.returncode == 0
    assert "Library dialogues, licence CC BY 4.0, from https://example.org/library" in done.stdout
    assert "library train: 1 dialogues, 2 user turns" in done.stdout
    assert "library: train, 1 dialogues; 0 faults" in done.stdout
    assert "the dispossessed" in (tmp_path / "library-as-jsonl" / "train.jsonl").read_text()
