"""An evaluation of a running server sees what one of the checkpoint itself sees."""

from pathlib import Path

import pytest

from todserve.evaluation.answerer import AnswererSource
from todserve.runtime.errors import RequestError
from todserve.runtime.wire.request import TurnRequest
from todserve.serving.server.torchserve_server import RunningServer

pytestmark = pytest.mark.e2e

REQUESTS = [
    TurnRequest(user="a train to ely on friday"),
    TurnRequest(user="x" * 2000),
    TurnRequest(user="a cheap restaurant", state={"train": {"day": "friday"}}, domain="train"),
]


def test_a_server_answers_as_its_checkpoint_does(
    server: RunningServer, tiny_checkpoint: Path
) -> None:
    answers = []
    for url in (None, server.inference_url):
        answering = AnswererSource(
            checkpoint=tiny_checkpoint, url=url, name=server.probe.name
        ).open()
        try:
            answers.append(answering.answer(REQUESTS))
        finally:
            answering.close()
    here, over_rest = answers
    for local, remote in zip(here, over_rest, strict=True):
        if isinstance(local, RequestError):
            assert str(remote) == str(local)
            continue
        assert not isinstance(remote, RequestError)
        assert remote.belief_state is not None
        assert remote.domain == local.domain
        assert remote.dialogue_act == local.dialogue_act
        assert remote.response == local.response
    assert [isinstance(one, RequestError) for one in here] == [False, True, False]
