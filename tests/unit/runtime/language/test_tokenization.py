import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tiny_vocabulary import tiny_tokenizer
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tokenizer import Tokenizer

_words = st.sampled_from(
    ["[train]", "day", "friday", "leave", "17:45", "<eos_b>", "ely,", "0123.", "[value_name]"]
)


@given(st.lists(_words, max_size=8).map(" ".join))
def test_decode_gives_back_what_was_encoded(text: str) -> None:
    tokenizer = tiny_tokenizer()
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_every_digit_is_a_token_of_its_own() -> None:
    tokenizer = tiny_tokenizer()
    surfaces = [tokenizer.decode([token_id]) for token_id in tokenizer.encode("17:45")]
    assert "".join(surfaces) == "17:45"
    assert all(sum(letter.isdigit() for letter in surface) <= 1 for surface in surfaces)


def test_offsets_cover_the_characters_of_each_token() -> None:
    tokenizer = tiny_tokenizer()
    ids = tokenizer.encode("[train] leave 17:45 <eos_b>")
    text, offsets = tokenizer.decode_with_offsets(ids)
    assert len(offsets) == len(ids)
    assert "".join(text[start:end] for start, end in offsets) == text.replace(" ", "")
    value = text.index("17:45")
    touched = [i for i, (start, end) in enumerate(offsets) if start < value + 5 and end > value]
    assert "".join(tokenizer.decode([ids[i]]) for i in touched) == "17:45"


def test_control_tokens_stand_as_words_and_punctuation_stays_attached() -> None:
    tokenizer = tiny_tokenizer()
    assert tokenizer.decode(tokenizer.encode("[value_name], ok?")).startswith("[value_name],")


def test_ids_beyond_the_vocabulary_decode_to_nothing() -> None:
    tokenizer = tiny_tokenizer()
    assert tokenizer.decode_with_offsets([tokenizer.size + 5, -1]) == ("", [(0, 0), (0, 0)])


def test_saved_tokenizer_loads_the_same(tmp_path: Path) -> None:
    tiny_tokenizer().save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    text = "<sos_u> to ely at 17:45 <eos_u>"
    assert loaded.encode(text) == tiny_tokenizer().encode(text)
    assert loaded.size == tiny_tokenizer().size


def test_missing_control_token_is_named() -> None:
    with pytest.raises(ConfigError, match=r"\[db_9\]"):
        tiny_tokenizer().token_id("[db_9]")


def test_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"tokenizer\.json"):
        Tokenizer.load(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", r"(\w+\s?)*!", "a" * 5_000, "("])
def test_a_tokenizer_whose_expressions_may_take_for_ever_is_refused(
    tmp_path: Path, pattern: str
) -> None:
    path = tmp_path / "tokenizer.json"
    tiny_tokenizer().save(path)
    described = json.loads(path.read_text())
    replacing = {"type": "Replace", "pattern": {"Regex": pattern}, "content": " "}
    described["normalizer"] = {"type": "Sequence", "normalizers": [replacing]}
    path.write_text(json.dumps(described))
    with pytest.raises(ConfigError, match="pattern"):
        Tokenizer.load(path)
    replacing["pattern"] = {"Regex": " {2,}"}  # as T5's own has it
    path.write_text(json.dumps(described))
    assert Tokenizer.load(path).size == tiny_tokenizer().size
