"""Texts of a v2 body that stand behind its JSON: read as they were sent, or refused by place."""

import base64
import json
from typing import Any

import pytest

from todserve.runtime.errors import RequestError
from todserve.runtime.wire.binary_tensors import of_texts
from todserve.runtime.wire.kserve import TurnsBody, parse_body, written_answers
from todserve.runtime.wire.limits import DEFAULT_LIMITS
from todserve.runtime.wire.response import ModelIdentity, TurnResponse, decode

TURN = '{"user": "grüße"}'


def body(behind: bytes, **more: Any) -> tuple[bytes, str]:
    """Return a body with a text behind its JSON, and the header that says where."""
    tensor: dict[str, Any] = {"name": "turn", "datatype": "BYTES", "shape": [1]}
    tensor["parameters"] = {"binary_data_size": len(behind)}
    head = json.dumps({"inputs": [tensor], "model_name": "tod", **more}).encode()
    return head + behind, str(len(head))


def parse(content: bytes, length: str) -> TurnsBody:
    return parse_body(content, limits=DEFAULT_LIMITS, json_length=length)


def test_a_text_behind_the_json_is_a_turn() -> None:
    assert [one.user for one in parse(*body(of_texts([TURN]))).requests] == ["grüße"]


def test_a_text_in_base64_is_what_it_was() -> None:
    texts = [base64.b64encode(TURN.encode()).decode()]
    tensor = {"name": "turn", "datatype": "BYTES", "shape": [1], "data": texts}
    asked = parse_body(json.dumps({"inputs": [tensor]}), limits=DEFAULT_LIMITS)
    assert [one.user for one in asked.requests] == ["grüße"]


def test_who_asks_for_a_binary_answer_gets_one_behind_the_json() -> None:
    asked = parse(*body(of_texts([TURN]), parameters={"binary_data_output": True}))
    answer = TurnResponse(model=ModelIdentity(name="é", version="1", checkpoint="c"))
    written = written_answers(asked, [answer])
    assert written.json_length is not None
    (tensor,) = json.loads(written.content[: written.json_length])["outputs"]
    behind = written.content[written.json_length :]
    assert tensor["parameters"] == {"binary_data_size": len(behind)}
    assert "data" not in tensor
    assert int.from_bytes(behind[:4], "little") == len(behind) - 4
    assert decode(behind[4:]) == answer


def test_an_outputs_own_word_counts_before_the_requests() -> None:
    outputs = [{"name": "answer", "parameters": {"binary_data": False}}]
    parameters = {"binary_data_output": True}
    asked = parse(*body(of_texts([TURN]), outputs=outputs, parameters=parameters))
    assert asked.binary is False


@pytest.mark.parametrize(
    ("behind", "length", "message"),
    [
        (b"\x09\0\0\0{}", None, "the text at byte 0 is cut off"),
        (b"\x09\0", None, "the text at byte 0 is cut off"),
        (b"\x01\0\0\0\xff", None, "the text at byte 0 is not UTF-8"),
        (b"", "9999", "Inference-Header-Content-Length: got '9999'; expected the number"),
        (b"", "-1", "Inference-Header-Content-Length: got '-1'"),
        (b"", "²", "Inference-Header-Content-Length"),
    ],
)
def test_what_does_not_fit_is_refused(behind: bytes, length: str | None, message: str) -> None:
    content, right = body(behind)
    with pytest.raises(RequestError, match=message):
        parse(content, length or right)


def test_bytes_that_belong_to_nothing_are_refused() -> None:
    content, length = body(of_texts([TURN]))
    with pytest.raises(RequestError, match="got 3 bytes behind the JSON"):
        parse(content + b"abc", length)
