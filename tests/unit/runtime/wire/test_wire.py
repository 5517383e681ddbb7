"""The wire format: what is accepted, what is refused and how, and the response's round trip."""

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from todserve.runtime.errors import RequestError
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.wire.limits import RequestLimits
from todserve.runtime.wire.request import (
    ALL_TASKS,
    TurnRequest,
    parse_request,
    parse_text,
    request_body,
    within,
)
from todserve.runtime.wire.response import (
    ActiveDomain,
    ActPrediction,
    DatabaseMatches,
    IntentPrediction,
    ModelIdentity,
    ResponsePrediction,
    SlotPrediction,
    TurnResponse,
    decode,
    encode,
    encode_error,
)

FULL: dict[str, Any] = {
    "user": " to ely please ",
    "history": [{"user": "a train", "system": "where to?"}],
    "state": {"train": {"day": {"value": "friday", "confidence": 0.9}, "people": "2"}},
    "corrected": {"train": ["day", "leave", "day"], "hotel": []},
    "domain": "train",
    "tasks": ["intent", "belief_state", "intent"],
    "top_k": 3,
}

PARSED = TurnRequest(
    user="to ely please",
    history=(Exchange(user="a train", system="where to?"),),
    state={"train": {"day": "friday", "people": "2"}},
    state_confidence={"train": {"day": 0.9}},
    corrected={"train": ("day", "leave")},
    domain="train",
    tasks=(ALL_TASKS[3], ALL_TASKS[0]),
    top_k=3,
)

RESPONSE = TurnResponse(
    intent=IntentPrediction(name="find_train", confidence=0.99),
    belief_state={"train": {"day": SlotPrediction(value="friday", confidence=None)}},
    domain=ActiveDomain(active="train", switched=True, reason="new slots"),
    database=DatabaseMatches(domain="train", matches=1, results=({"id": "TR1234"},)),
    dialogue_act=(ActPrediction(domain="train", act="inform", slot="id"),),
    response=ResponsePrediction(text="TR1234.", delexicalised="[value_id] .", unfilled=()),
    consistent=True,
    unparsed={"belief_state": ("[x",)},
    model=ModelIdentity(name="tod", version="1.0", checkpoint="abc"),
    timing_ms={"total": 12.5},
)


@pytest.mark.parametrize(
    "body",
    [
        FULL,
        json.dumps(FULL),
        json.dumps(FULL).encode(),
        bytearray(json.dumps(FULL).encode()),
        "\ufeff" + json.dumps(FULL),
        b"\xef\xbb\xbf" + json.dumps(FULL).encode(),
    ],
    ids=["mapping", "text", "bytes", "bytearray", "text with BOM", "bytes with BOM"],
)
def test_parse_request_accepts_every_form_a_handler_sees(body: object) -> None:
    assert parse_request(body) == PARSED


def test_parse_request_fills_in_defaults() -> None:
    assert parse_request({"user": "hi"}) == TurnRequest(user="hi", tasks=ALL_TASKS, top_k=5)


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert parse_request('{"user": "hi", "top_k": 7.0}').top_k == 7


def test_parse_request_takes_null_as_absent() -> None:
    body = dict.fromkeys(("history", "state", "domain", "tasks", "top_k"))
    assert parse_request({"user": "hi", **body}) == TurnRequest(user="hi")


def test_parse_request_keeps_non_ascii_text() -> None:
    body = json.dumps({"user": "café 안녕 🚆"}, ensure_ascii=False).encode()
    assert parse_request(body).user == "café 안녕 🚆"


def test_parse_request_takes_our_own_response_back_unchanged() -> None:
    answer = json.loads(json.dumps(encode(RESPONSE)))
    request = parse_request(
        {"user": "ok", "state": answer["belief_state"], "domain": answer["domain"]["active"]}
    )
    assert request.state == {"train": {"day": "friday"}}
    assert request.state_confidence == {}
    assert request.domain == "train"


def test_parse_request_accepts_a_system_that_said_nothing() -> None:
    request = parse_request({"user": "hi", "history": [{"user": "a", "system": ""}]})
    assert request.history == (Exchange(user="a", system=""),)


def test_parse_request_drops_domains_without_slots() -> None:
    assert parse_request({"user": "hi", "state": {"train": {}}}).state == {}


REFUSED: list[tuple[str, object, str]] = [
    ("empty bytes", b"", 'request: the body is empty; send {"user": "..."}'),
    ("white space", b" \n", "request: the body is empty"),
    ("none", None, "request: the body is empty"),
    ("array", [FULL], "request: got an array; expected an object"),
    ("json text", b'"hi"', "request: got a text; expected an object"),
    ("number body", 5, "request: got a number; expected an object"),
    ("not utf-8", b'{"user": "caf\xe9"}', "request: byte 13 (0xe9) is not UTF-8"),
    ("utf-16", '{"user": "hi"}'.encode("utf-16-le"), "request: malformed JSON"),
    ("malformed", b'{"user": "hi",}', "request: malformed JSON at line 1 column 15"),
    (
        "form",
        b"user=hi&top_k=1",
        "it looks like a form: send the JSON alone; expected one JSON object",
    ),
    ("file", b"@turn.json", "it looks like the name of a file: curl reads it with -d @NAME"),
    ("single quotes", b"{'user': 'hi'}", "it looks like names in single quotes"),
    ("lines", b'{"user": "a"}\n{"user": "b"}', "it looks like several objects"),
    ("parts", b"--x\r\nContent-Disposition: form-data", "it looks like the parts of a form"),
    ("malformed later", b'{"user":\n "hi"', "malformed JSON at line 2 column 6 (character 14)"),
    ("huge number", b'{"user": ' + b"9" * 5000 + b"}", "request: malformed JSON"),
    ("deep json", b"[" * 100_000, "request: nested too deeply; expected at most 6 levels"),
    ("deep mapping", {"user": [[[[[[[]]]]]]]}, "request: nested too deeply"),
    ("no user", {"tasks": ["intent"]}, 'request: key "user" is missing'),
    (
        "unknown key",
        {"user": "hi", "histroy": []},
        "unknown key 'histroy' (did you mean 'history'?)",
    ),
    ("key not text", {"user": "hi", 5: 1}, "request: unknown key 5; expected one of user, "),
    ("long key", {"user": "hi", "k" * 999: 1}, f"unknown key '{'k' * 40}...'"),
    ("user empty", {"user": " \t"}, "user: the text is empty; send at least one character"),
    ("user number", {"user": 5}, "user: got a number; expected a text"),
    ("user null", {"user": None}, "user: got null; expected a text"),
    ("user long", {"user": "x" * 4001}, "user: got 4001 characters; expected at most 4000"),
    (
        "ligatures",
        {"user": "\ufdfa" * 3_990},
        "user: got 3990 characters that stand for 71820",
    ),
    (
        "ligatures of history",
        {"user": "hi", "history": [{"user": "\ufdfa" * 222, "system": "\ufdfa" * 222}] * 25},
        "the request exceeds 100000 characters in all",
    ),
    ("surrogate", b'{"user": "ab\\ud800"}', "user: character 2 is half of a surrogate pair"),
    ("history text", {"user": "hi", "history": "x"}, "history: got a text; expected an array"),
    ("turns", {"user": "hi", "history": [{}] * 101}, "history: got 101 turns; expected at most"),
    ("turn", {"user": "hi", "history": ["x"]}, "history[0]: got a text; expected an object"),
    (
        "turn half",
        {"user": "hi", "history": [{"user": "x"}]},
        'history[0]: key "system" is missing',
    ),
    (
        "turn key",
        {"user": "hi", "history": [{"user": "x", "system": "y", "sytem": "z"}]},
        "history[0]: unknown key 'sytem' (did you mean 'system'?)",
    ),
    (
        "turn user empty",
        {"user": "hi", "history": [{"user": "", "system": "y"}]},
        "history[0].user: the text is empty",
    ),
    (
        "total",
        {"user": "hi", "history": [{"user": "x" * 4000, "system": "y"}] * 26},
        "history[24].user: the request exceeds 100000 characters in all",
    ),
    ("state array", {"user": "hi", "state": []}, "state: got an array; expected an object"),
    ("domain text", {"user": "hi", "state": {"train": "x"}}, "state.train: got a text"),
    ("domain empty", {"user": "hi", "state": {"": {}}}, "state: got an empty name"),
    (
        "slot number",
        {"user": "hi", "state": {"train": {"people": 2}}},
        "state.train.people: got a number; expected a text, or an object of value and confidence; "
        'write "2"',
    ),
    (
        "slot boolean",
        {"user": "hi", "state": {"hotel": {"parking": True}}},
        "state.hotel.parking: got a boolean; expected a text, or an object of value and "
        'confidence; write "yes" or "no"',
    ),
    ("slot huge", {"user": "hi", "state": {"a": {"b": 10**5000}}}, "state.a.b: got a number"),
    (
        "corrected array",
        {"user": "hi", "corrected": ["day"]},
        'corrected: got an array; expected an object; send {"domain": ["slot"]}',
    ),
    (
        "corrected text",
        {"user": "hi", "corrected": {"train": "day"}},
        "corrected.train: got a text; expected an array of slots",
    ),
    (
        "corrected many",
        {"user": "hi", "corrected": {"a": [str(number) for number in range(201)]}},
        "corrected: got 201 slots; expected at most 200",
    ),
    ("slot none", {"user": "hi", "state": {"a": {"b": "None"}}}, "leave the slot out"),
    ("slot empty", {"user": "hi", "state": {"a": {"b": ""}}}, "leave the slot out"),
    ("slot long", {"user": "hi", "state": {"a": {"b": "x" * 201}}}, "state.a.b: got 201"),
    ("slot key", {"user": "hi", "state": {"a": {"b": {"valeu": "x"}}}}, "did you mean 'value'"),
    ("slot no value", {"user": "hi", "state": {"a": {"b": {}}}}, 'state.a.b: key "value" is'),
    (
        "confidence text",
        {"user": "hi", "state": {"a": {"b": {"value": "x", "confidence": "1"}}}},
        "state.a.b.confidence: got a text; expected a number from 0 to 1, or null",
    ),
    (
        "confidence range",
        {"user": "hi", "state": {"a": {"b": {"value": "x", "confidence": 1.5}}}},
        "state.a.b.confidence: got 1.5; expected a number from 0 to 1",
    ),
    (
        "confidence nan",
        b'{"user": "hi", "state": {"a": {"b": {"value": "x", "confidence": NaN}}}}',
        "state.a.b.confidence: got nan",
    ),
    (
        "slots",
        {"user": "hi", "state": {"a": {f"s{i}": "x" for i in range(201)}}},
        "state: got 201 slots; expected at most 200",
    ),
    ("domain name", {"user": "hi", "domain": 5}, "domain: got a number; expected a name"),
    ("domain long", {"user": "hi", "domain": "x" * 65}, "domain: name: got 65 characters"),
    (
        "task",
        {"user": "hi", "tasks": ["belief"]},
        "tasks: unknown task 'belief' (did you mean 'belief_state'?); expected one of belief",
    ),
    ("tasks empty", {"user": "hi", "tasks": []}, "tasks: got an empty array; leave the key out"),
    ("tasks text", {"user": "hi", "tasks": "intent"}, "tasks: got a text; expected an array"),
    ("task number", {"user": "hi", "tasks": [1]}, "tasks: got a number; expected an array of"),
    ("top_k boolean", {"user": "hi", "top_k": True}, "top_k: got a boolean; expected a whole"),
    ("top_k float", {"user": "hi", "top_k": 1.5}, "top_k: got a number; expected a whole number"),
    ("top_k none", {"user": "hi", "top_k": 0}, "top_k: got 0; expected a whole number from 1"),
    ("top_k huge", {"user": "hi", "top_k": 10**5000}, "top_k: got a number of very many digits"),
]


@pytest.mark.parametrize(
    ("body", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_parse_request_refuses_and_says_why(body: object, message: str) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_request(body)
    assert message in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_parse_request_refuses_a_body_beyond_its_size_before_reading_it() -> None:
    with pytest.raises(RequestError, match="got 500000 bytes; expected at most 410000"):
        parse_request(b" " * 500_000)


def test_parse_request_never_repeats_an_utterance() -> None:
    with pytest.raises(RequestError) as refusal:
        parse_request({"user": ["my secret"]})
    assert "secret" not in str(refusal.value)


def test_parse_request_obeys_other_limits() -> None:
    limits = RequestLimits(max_characters=3)
    assert parse_request({"user": "abc"}, limits=limits).user == "abc"
    with pytest.raises(RequestError, match="user: got 4 characters; expected at most 3"):
        parse_request({"user": "abcd"}, limits=limits)


def test_limits_reject_unknown_keys_and_nonsense() -> None:
    with pytest.raises(ValidationError):
        RequestLimits.model_validate({"max_charaters": 3})
    with pytest.raises(ValidationError):
        RequestLimits(max_turns=0)


_NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=8)
_VALUES = st.text(min_size=1, max_size=20).filter(
    lambda text: text.strip().lower() not in {"", "none"} and "\0" not in text
)


@given(st.dictionaries(_NAMES, st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=4)))
def test_parse_request_keeps_every_slot(state: dict[str, dict[str, str]]) -> None:
    request = parse_request(json.dumps({"user": "hi", "state": state}).encode())
    stripped = {d: {s: value.strip() for s, value in slots.items()} for d, slots in state.items()}
    assert request.state == stripped


def accepted_or_refused(body: object) -> str:
    """Return what the outcome shows; any other exception is a bug."""
    try:
        return parse_request(body).user
    except RequestError as refusal:
        return str(refusal)


@given(st.binary(max_size=60))
def test_parse_request_answers_any_bytes_with_a_request_or_a_request_error(body: bytes) -> None:
    assert accepted_or_refused(body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)


@given(st.sampled_from(sorted(FULL)), _JSON)
def test_parse_request_answers_any_json_under_a_known_key(key: str, value: object) -> None:
    assert accepted_or_refused({**FULL, key: value})


@pytest.mark.parametrize("body", ["a train to ely", b"a train to ely\n", "\ufeffa train to ely"])
def test_parse_text_takes_a_bare_utterance(body: object) -> None:
    assert parse_text(body) == TurnRequest(user="a train to ely")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "user: the text is empty"),
        (b"\xff", "byte 0 (0xff) is not UTF-8"),
        ({}, "user: got an object; expected a text"),
        (None, "user: got null"),
        ("x" * 4001, "user: got 4001 characters"),
    ],
)
def test_parse_text_refuses_and_says_why(body: object, message: str) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_text(body)
    assert message in str(refusal.value)


def test_encode_gives_plain_json_that_decodes_to_the_same_response() -> None:
    text = json.dumps(encode(RESPONSE), allow_nan=False)
    assert decode(text) == RESPONSE
    assert decode(text.encode()) == RESPONSE
    assert decode(json.loads(text)) == RESPONSE


def test_encode_shows_every_key_and_null_for_what_was_not_asked() -> None:
    model = ModelIdentity(name="tod", version="1.0", checkpoint="abc")
    assert encode(TurnResponse(model=model)) == {
        "intent": None,
        "belief_state": None,
        "domain": None,
        "database": None,
        "dialogue_act": None,
        "response": None,
        "consistent": None,
        "unparsed": {},
        "read_as": None,
        "refused": [],
        "model": {"name": "tod", "version": "1.0", "checkpoint": "abc"},
        "timing_ms": {},
    }


def test_what_stands_corrected_is_sent_back_where_something_does() -> None:
    model = ModelIdentity(name="tod", version="1.0", checkpoint="abc")
    plain = encode(TurnResponse(model=model, corrected={"train": ("day",)}))
    assert plain["corrected"] == {"train": ["day"]}
    request = parse_request({"user": "hi", "corrected": plain["corrected"]})
    assert request.corrected == {"train": ("day",)}


def test_decode_ignores_what_a_newer_server_adds() -> None:
    assert decode({**encode(RESPONSE), "mood": "good"}) == RESPONSE


def test_decode_refuses_what_is_no_response() -> None:
    with pytest.raises(ValidationError):
        decode(b'{"code": 404}')


def test_encode_error_carries_the_code_in_the_body() -> None:
    assert encode_error("user: got null") == {
        "code": 400,
        "type": "RequestError",
        "message": "user: got null",
    }


OF_KNOWN_KEYS = [
    (name, body)
    for name, body, _ in REFUSED
    if isinstance(body, dict) and "user" in body and body.keys() <= FULL.keys()
]


@pytest.mark.parametrize(
    "body",
    [body for name, body in OF_KNOWN_KEYS if name != "deep mapping"],
    ids=[name for name, _ in OF_KNOWN_KEYS if name != "deep mapping"],
)
def test_a_request_of_a_program_is_refused_as_one_over_http(body: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as over_http:
        parse_request(body)
    with pytest.raises(RequestError) as in_process:
        TurnRequest(**body)
    assert str(in_process.value) == str(over_http.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"state_confidence": None}, "state_confidence: got null; expected a mapping"),
        ({"state_confidence": {"train": 0.9}}, "state_confidence.'train': got a number"),
        (
            {"state_confidence": {"train": {"day": 2}}},
            "state_confidence.'train'.'day'.confidence: got 2; expected a number from 0 to 1",
        ),
        ({"request_id": "two words"}, "request_id: got a text of other characters; expected 1 to"),
        ({"request_id": 7}, "request_id: got int; expected 1 to 128 letters"),
    ],
)
def test_what_only_a_program_can_give_is_checked_too(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError) as raised:
        TurnRequest(user="hi", **arguments)
    assert str(raised.value).startswith(message)


def test_a_program_may_give_what_json_holds_and_what_an_answer_held() -> None:
    given: Any = {**FULL, "state": {"train": {"day": SlotPrediction(value="friday")}}}
    request = TurnRequest(**given)
    assert request.user == "to ely please"
    assert request.history == PARSED.history
    assert request.state == {"train": {"day": "friday"}}
    assert TurnRequest(**FULL) == PARSED


def test_limits_of_a_request_hold_for_it_and_go_no_further() -> None:
    wide = RequestLimits(max_characters=5000)
    request = TurnRequest(user="x" * 5000, limits=wide)
    assert within(request, ALL_TASKS[:2]).user == request.user
    with pytest.raises(RequestError, match="expected at most 4000"):
        TurnRequest(user="x" * 5000)
    assert parse_request({"user": "hi"}, limits=RequestLimits(max_results=3)).top_k == 3


def test_a_labelled_turn_is_taken_as_its_corpus_has_it() -> None:
    history = (Exchange(user="", system="hello, how can i help?"),)
    request = TurnRequest.of_corpus(user="x" * 5000, history=history, state={}, domain=None)
    assert len(request.user) == 5000
    assert request.history == history


def test_body_leaves_out_what_a_server_adds_itself() -> None:
    assert request_body(TurnRequest(user="hi", request_id="trace-1")) == {
        "user": "hi",
        "history": [],
        "state": {},
    }
    assert parse_request(request_body(PARSED)) == PARSED
