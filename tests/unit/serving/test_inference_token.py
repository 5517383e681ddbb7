"""A client's token: from a text, TorchServe's key file or a file of its own; read anew."""

import json
from pathlib import Path

import pytest

from todserve.runtime.errors import ConfigError
from todserve.serving.client.inference_token import InferenceToken


def keys(inference: object) -> str:
    return json.dumps({"management": {"key": "m"}, "inference": {"key": inference}})


@pytest.mark.parametrize("text", [keys("abc"), "abc", "\ufeffabc\n", "abc\nsecond\n"])
def test_a_key_file_and_a_plain_one_are_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text, encoding="utf-8")
    token = InferenceToken(file=path)
    assert token.headers() == {"Authorization": "Bearer abc"}
    assert "abc" not in repr(token)


@pytest.mark.parametrize("text", ["", " \n", "{}", keys(7), "{", "é"])
def test_a_file_without_a_token_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"expected TorchServe's key_file\.json"):
        InferenceToken(file=path)


def test_a_renewed_file_is_read_again_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    token = InferenceToken(file=path)
    shown = token.headers()["Authorization"]
    assert token.renewed(shown) is False
    path.write_text("")
    assert token.renewed(shown) is False
    assert token.headers()["Authorization"] == shown
    path.write_text("new")
    assert token.renewed(shown) is True
    assert token.headers() == {"Authorization": "Bearer new"}


def test_no_token_shows_nothing_and_two_are_too_many(tmp_path: Path) -> None:
    assert InferenceToken().headers() == {}
    assert InferenceToken("abc").renewed("Bearer abc") is False
    with pytest.raises(ConfigError, match="got a text and a file"):
        InferenceToken("abc", file=tmp_path)
