"""The first turn a peer answers: only then has it started.

Example: ``first_answer(peer)`` raises when the peer is up but cannot answer.
"""

import http.client
import json

from benchmarks.peers.base import Peer, PeerError
from todserve.serving.server.readiness import CANARY

FIRST_TURN = json.dumps(CANARY).encode()


def first_answer(peer: Peer) -> None:
    """Ask one turn; stops the peer if it fails.

    Raises:
        PeerError: with what the peer said.
    """
    try:
        with peer.client() as client:
            client.ask(FIRST_TURN)
    except (PeerError, OSError, http.client.HTTPException) as error:
        peer.stop()
        raise PeerError(f"{peer.name} started but cannot answer: {error}") from None
