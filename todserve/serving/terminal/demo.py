"""The demo: a restaurant and then a train, five turns over REST, everything shown.

``tod demo`` calls it. It asks the server as any client does.
Example: ``run_demo(url="http://127.0.0.1:8080")``; ``make demo`` starts the server first.
"""

import json
import shlex
import time
from pathlib import Path

from todserve.runtime.secret_free import without_secrets
from todserve.serving.client.client import Client
from todserve.serving.client.conversation import Conversation
from todserve.serving.terminal.painted_lines import say, say_text
from todserve.serving.terminal.turn_view import SPEECH, labelled, turn_lines

UTTERANCES = (
    "i am looking for a cheap restaurant in the centre of town.",
    "i would like chinese food please.",
    "great, can i have the phone number and the address?",
    "thanks! i also need a train from cambridge to ely on friday, leaving after 13:15.",
    "how long does it take and how much is a ticket?",
)


def run_demo(
    *,
    url: str = "http://127.0.0.1:8080",
    name: str = "tod",
    token: str | None = None,
    token_file: Path | None = None,
) -> None:
    """Hold the dialogue and print it, then what to try next.

    Raises:
        ServerError: nothing answers at ``url``.
    """
    with Client(url, name=name, token=token, token_file=token_file) as client:
        conversation = Conversation(client)
        for number, utterance in enumerate(UTTERANCES, start=1):
            before = conversation.state
            start = time.perf_counter()
            answer = conversation.say(utterance)
            elapsed = 1e3 * (time.perf_counter() - start)
            say(f"\nTurn {number}")
            say_text(labelled("user", utterance, style=SPEECH))
            for text in turn_lines(answer, before=before):
                say_text(text)
            inside = answer.timing_ms.get("total")
            worker = "" if inside is None else f", {inside:.0f} ms of it in the worker"
            say_text(labelled("time", f"{elapsed:.0f} ms over REST{worker}"))
    say(_next_steps(url, name))


def _next_steps(url: str, name: str) -> str:
    address = f"{without_secrets(url.rstrip('/'))}/predictions/{name}"
    follow_up = {
        "user": "one with free parking, please.",
        "history": [{"user": "i need a hotel in the north.", "system": "any preferences?"}],
        "state": {"hotel": {"area": "north"}},
    }
    lines = (
        _curl(address, "text/plain", "i need a cheap hotel in the north with free wifi."),
        _curl(address, "application/json", json.dumps({"user": "a taxi to ely", "top_k": 1})),
        _curl(address, "application/json", json.dumps(follow_up)),
    )
    return "\n".join(
        ("", "The server is still up. Try next:", "", *lines, "", "`make stop` ends it.")
    )


def _curl(address: str, content_type: str, body: str) -> str:
    return f"curl {address} -H 'Content-Type: {content_type}' -d {shlex.quote(body)}"
