import pytest

from todserve.training.network import vocabulary
from todserve.training.network.vocabulary import UNKNOWN, train_tokenizer


def test_of_very_many_lines_every_other_one_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["abc cab bac abba cabba", "xyz zyx yxz zyxx yyzx"] * 10
    known = train_tokenizer(lines, 40, [])
    assert UNKNOWN not in known.decode(known.encode("xyz"))
    monkeypatch.setattr(vocabulary, "MOST_LINES", 10)
    thinned = train_tokenizer(lines, 40, [])
    assert thinned.token_id(UNKNOWN) in thinned.encode("xyz")
    assert thinned.token_id(UNKNOWN) not in thinned.encode("abc")
