"""Clients are told what was understood before the reply, in one call."""

import asyncio
import threading

import pytest

from tests.support.gateway_server import ModelServer
from todserve.runtime.errors import RequestError, ServerError
from todserve.runtime.wire.turn_events import Piece, TurnEvent, Understood, Whole, pieces
from todserve.serving.client.client import AsyncClient, Client


def checked(parts: list[TurnEvent]) -> None:
    first, *middle, last = parts
    assert isinstance(first, Understood)
    assert isinstance(last, Whole)
    assert first.turn.response is None
    assert first.turn.dialogue_act is None
    assert (first.turn.intent, first.turn.database) == (last.turn.intent, last.turn.database)
    assert last.turn.response is not None
    said = [one.text for one in middle if isinstance(one, Piece)]
    assert "".join(said) == last.turn.response.text == "0 before: a train"


def test_a_client_is_told_what_was_understood_before_the_reply_is_written() -> None:
    written = threading.Event()
    with ModelServer() as model, Client(model.url) as client:
        model.between = lambda: written.wait(60)
        parts = client.stream("a train")
        first = next(parts)
        written.set()
        checked([first, *parts])
        model.between = None  # a server that answers in one piece
        checked([*client.stream("a train")])
        assert len(model.requests) == 2


def test_an_asynchronous_client_is_told_the_same() -> None:
    async def listened(url: str) -> list[TurnEvent]:
        async with AsyncClient(url) as client:
            return [part async for part in client.stream("a train")]

    with ModelServer() as model:
        for between in (lambda: None, None):
            model.between = between
            checked(asyncio.run(listened(model.url)))


def test_what_fails_after_it_was_understood_is_an_error() -> None:
    with ModelServer() as model, Client(model.url, retries=0) as client:
        model.between = lambda: None
        model.second_line = b'{"code": 500, "message": "the turn failed: KeyError; see the log"}'
        parts = client.stream("a train")
        assert isinstance(next(parts), Understood)
        with pytest.raises(ServerError, match="KeyError"):
            next(parts)


def test_what_is_wrong_is_refused_as_a_plain_turn_is() -> None:
    with ModelServer() as model, Client(model.url, retries=0) as client:
        with pytest.raises(RequestError):
            client.stream(" ")
        model.away = True
        with pytest.raises(ServerError, match="503"):
            next(client.stream("a train"))


@pytest.mark.parametrize("text", ["", "To Ely.", " two  spaces ", "\n", "한국어 문장입니다."])
def test_pieces_put_together_are_the_text(text: str) -> None:
    assert "".join(one.text for one in pieces(text)) == text
