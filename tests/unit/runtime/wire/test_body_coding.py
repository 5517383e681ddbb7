"""Packed bodies and other character sets: read within the limits, or refused by name."""

import gzip
import zlib

import pytest

from todserve.runtime.errors import RequestError
from todserve.runtime.wire.body_coding import check_charset, unpacked
from todserve.runtime.wire.limits import RequestLimits, most_bytes
from todserve.runtime.wire.request import parse_request, parse_text

SMALL = RequestLimits(max_total_characters=100)
BODY = b'{"user": "hi"}'


@pytest.mark.parametrize(
    ("packed", "coding"),
    [
        (BODY, ""),
        (BODY, "identity"),
        (gzip.compress(BODY, mtime=0), "gzip"),
        (gzip.compress(BODY, mtime=0), " X-GZIP"),
        (zlib.compress(BODY), "deflate"),
    ],
)
def test_a_packed_body_is_what_was_packed(packed: bytes, coding: str) -> None:
    assert unpacked(packed, coding, most_bytes(SMALL)) == BODY


@pytest.mark.parametrize(
    ("packed", "coding", "message"),
    [
        (BODY, "br", "got 'br'; expected gzip, deflate or none"),
        (BODY, "gzip, gzip", "got 'gzip, gzip'"),
        (BODY, "gzip", "the body is no gzip"),
        (gzip.compress(BODY, mtime=0)[:-9], "gzip", "the gzip body is cut off"),
        (gzip.compress(b"a" * 10_000_000, mtime=0), "gzip", f"more than {most_bytes(SMALL)} bytes"),
    ],
)
def test_what_cannot_be_unpacked_is_named(packed: bytes, coding: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        unpacked(packed, coding, most_bytes(SMALL))


def test_another_character_set_is_named_where_it_would_matter() -> None:
    check_charset("é".encode(), "application/json; charset=UTF-8")
    check_charset(BODY, "application/json; charset=latin-1")
    for charset, body in (("latin-1", "é".encode("latin-1")), ("utf-16", BODY), ("klingon", BODY)):
        if charset == "utf-16":
            body = body.decode().encode("utf-16-le")
        with pytest.raises(RequestError, match=f"got charset '{charset}'; expected utf-8"):
            check_charset(body, f"application/json; charset={charset}")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (gzip.compress(BODY, mtime=0), "it looks like gzip"),
        (BODY.decode().encode("utf-16"), "it looks like UTF-16"),
        (b'{"user": "a", "user": "b"}', "key 'user' is there twice"),
        (b'{"user": "a", "state": {"train": {}, "train": {}}}', "key 'train' is there twice"),
        (b'{"user": "a\\u0000"}', r"user: character 1 is a NUL"),
    ],
)
def test_a_body_that_means_two_things_or_none_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        parse_request(body)


def test_an_object_sent_as_plain_text_is_told_so() -> None:
    with pytest.raises(RequestError, match="Content-Type: application/json"):
        parse_text(b' {"user": "hi"}')
    assert parse_text(b"{ is a brace").user == "{ is a brace"


def test_a_huge_number_gets_no_advice_to_write_it_out() -> None:
    with pytest.raises(RequestError, match="got a number; expected a text, or an object") as told:
        parse_request({"user": "hi", "state": {"train": {"people": 10**400}}})
    assert "very many digits" not in str(told.value)
