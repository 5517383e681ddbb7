"""KServe's v1 and v2 bodies: what is read, what is refused and how, and how answers are written."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from todserve.runtime.errors import RequestError
from todserve.runtime.wire.kserve import (
    MOST_INSTANCES,
    BodyForm,
    TurnsBody,
    parse_body,
    place_of,
    written_answers,
)
from todserve.runtime.wire.limits import DEFAULT_LIMITS, RequestLimits
from todserve.runtime.wire.request import TurnRequest, parse_request
from todserve.runtime.wire.response import ModelIdentity, TurnResponse, decode, encode

SECRET = "my card is 4929"  # noqa: S105
TURN: dict[str, Any] = {
    "user": "to ely please",
    "history": [{"user": "a train", "system": "where to?"}],
    "state": {"train": {"day": {"value": "friday", "confidence": 0.9}}},
    "domain": "train",
    "tasks": ["intent"],
    "top_k": 3,
}


def v1(*instances: object) -> dict[str, Any]:
    return {"instances": list(instances)}


def v2(*texts: object, **changes: object) -> dict[str, Any]:
    tensor = {"name": "turn", "datatype": "BYTES", "shape": [len(texts)], "data": list(texts)}
    return {"inputs": [tensor | changes]}


def parse(body: object, limits: RequestLimits = DEFAULT_LIMITS) -> TurnsBody:
    return parse_body(json.dumps(body).encode(), limits=limits)


def written(
    body: TurnsBody, answers: Sequence[TurnResponse], *, request_id: str | None = None
) -> dict[str, Any]:
    """Return the JSON object of an answer in which nothing stands behind it."""
    found = written_answers(body, answers, request_id=request_id)
    assert found.json_length is None
    decoded: dict[str, Any] = json.loads(found.content)
    return decoded


def response(name: str) -> TurnResponse:
    return TurnResponse(model=ModelIdentity(name=name, version="1.0", checkpoint="c"))


def test_body_of_one_turn_is_what_it_always_was() -> None:
    body = parse(TURN)
    assert (body.form, body.requests) == (BodyForm.TURN, (parse_request(TURN),))
    assert written(body, [response("tod")]) == encode(response("tod"))


def test_v1_instances_are_turn_requests_in_order() -> None:
    body = parse(v1(TURN, {"user": "hello"}))
    assert body.form is BodyForm.V1
    assert body.requests == (parse_request(TURN), TurnRequest(user="hello"))


def test_v2_elements_are_the_json_of_turn_requests_in_order() -> None:
    body = parse({"id": "7", **v2(json.dumps(TURN), '{"user": "grüß gott"}')})
    assert (body.form, body.request_id) == (BodyForm.V2, "7")
    assert body.requests == (parse_request(TURN), TurnRequest(user="grüß gott"))


def test_v2_parameters_and_the_named_output_change_nothing() -> None:
    plain = v2('{"user": "hi"}')
    more = v2('{"user": "hi"}', parameters={"content_type": "json"})
    more |= {"parameters": {"x": 1}, "outputs": [{"name": "answer"}], "id": None}
    assert parse(more) == parse(plain)


def test_v1_answers_are_predictions_in_order() -> None:
    answers = [response("a"), response("b")]
    found = written(parse(v1({"user": "1"}, {"user": "2"})), answers)
    assert found == {"predictions": [encode(one) for one in answers]}


@pytest.mark.parametrize(("given", "answered"), [({"id": "mine"}, "mine"), ({}, "servers")])
def test_v2_answers_are_one_tensor_of_json_texts(given: dict[str, Any], answered: str) -> None:
    body = parse({**given, **v2('{"user": "1"}', '{"user": "2"}')})
    found = written(body, [response("tod"), response("é")], request_id="servers")
    (tensor,) = found.pop("outputs")
    assert found == {"model_name": "tod", "model_version": "1.0", "id": answered}
    texts = tensor.pop("data")
    assert tensor == {"name": "answer", "datatype": "BYTES", "shape": [2]}
    assert [decode(text).model.name for text in texts] == ["tod", "é"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (v1(), "instances: got 0; expected at least 1; send {"),
        ({"instances": {"user": "hi"}}, "instances: expected an array"),
        ({"instances": [TURN], "signature_name": "x"}, "request: unknown key 'signature_name'"),
        ({"instances": [TURN], "inputs": []}, "request: unknown key 'inputs'"),
        (v1(*[TURN] * (MOST_INSTANCES + 1)), "instances: got more than 64; expected at most"),
        (v1(TURN, "hello"), "instances[1]: instance: got a text; expected an object"),
        (v1(TURN, {"user": 5}), "instances[1]: user: got a number; expected a text"),
        (v1(TURN, TURN, {"usr": "x"}), "instances[2]: request: unknown key 'usr'"),
        ({"inputs": []}, "inputs: got 0; expected at least 1"),
        ({"inputs": [v2("x")["inputs"][0]] * 2}, "inputs: got more than 1; expected"),
        (v2('{"user": "hi"}', name="text"), "inputs[0].name: expected 'turn'"),
        (v2('{"user": "hi"}', datatype="FP32"), "inputs[0].datatype: expected 'BYTES'"),
        (v2('{"user": "hi"}', shape=[2]), "inputs[0].shape: got [2]; expected [1]"),
        (v2('{"user": "hi"}', shape=[1, 1]), "inputs[0].shape: got more than 1"),
        (v2('{"user": "hi"}', shape=[True]), "inputs[0].shape[0]: expected a whole number"),
        (v2({"user": "hi"}), "inputs[0].data[0]: expected a text"),
        (v2('{"user": "hi"}', "{"), "inputs[0].data[1]: request: malformed JSON at line 1"),
        (v2("[]"), "inputs[0].data[0]: request: got an array; expected an object"),
        (v2('{"user": "hi"}') | {"id": 7}, "id: expected a text"),
        (v2('{"user": "hi"}') | {"ids": "7"}, "request: unknown key 'ids'"),
        (v2('{"user": "hi"}', extra=1), "inputs[0]: unknown key 'extra'"),
        (v2('{"user": "hi"}') | {"outputs": [{"name": "x"}]}, "outputs[0].name: expected 'answer'"),
        (v2('{"user": "hi"}', parameters=5), "inputs[0].parameters: expected an object"),
    ],
)
def test_wrong_body_is_refused_with_the_place_and_the_reason(
    body: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError) as refused:
        parse(body)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": SECRET},
        v1(SECRET),
        v1({"user": [SECRET]}),
        v2(SECRET),
        v2(json.dumps({"user": [SECRET]})),
        v2("{}", datatype=SECRET),
        {"inputs": SECRET},
    ],
)
def test_no_refusal_repeats_an_utterance(body: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as refused:
        parse(body)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [TURN], "\ud800": 1},
        v1({"user": "\ud800"}),
        v2('{"user": "hi"}', name="\ud800"),
        {"id": "\ud800", **v2('{"user": "hi"}')},
        v2('{"user": "\ud800"}'),
    ],
)
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(body: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as refused:
        parse(body)
    str(refused.value).encode()


def test_a_parameter_that_is_no_text_is_refused_without_its_name() -> None:
    body = v2('{"user": "hi"}') | {"parameters": {5: 1}}
    with pytest.raises(RequestError, match=r"^parameters: expected a text; send"):
        parse_body(body, limits=DEFAULT_LIMITS)


def test_an_instance_may_be_as_deep_as_a_body_of_its_own_and_no_deeper() -> None:
    # user -> state -> domain -> slot: four levels.
    limits = RequestLimits(max_depth=4)
    assert parse(v1(TURN), limits).requests == parse(TURN, limits).requests
    for body in (TURN, v1(TURN), v2(json.dumps(TURN))):
        with pytest.raises(RequestError, match="nested too deeply"):
            parse(body, RequestLimits(max_depth=3))


def test_limits_hold_for_each_instance() -> None:
    limits = RequestLimits(max_characters=5)
    assert len(parse(v1({"user": "12345"}, {"user": "67890"}), limits).requests) == 2
    with pytest.raises(RequestError, match=r"instances\[1\]: user: got 6 characters"):
        parse(v1({"user": "1"}, {"user": "123456"}), limits)


def test_places_are_named_as_the_body_writes_them() -> None:
    assert {form: place_of(form, 2) for form in BodyForm} == {
        BodyForm.TURN: "",
        BodyForm.DESCRIPTION: "",
        BodyForm.V1: "instances[2]: ",
        BodyForm.V2: "inputs[0].data[2]: ",
    }
