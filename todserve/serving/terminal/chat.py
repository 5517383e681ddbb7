"""The chat: a conversation in the terminal, slots and acts shown as they change.

Stands before the way of a request, on the caller's side.
Commands: ``/state`` shows the belief state, ``/reset`` starts over, ``/quit`` or Ctrl-D leaves.
"""

import sys
from collections.abc import Iterator

from todserve.runtime.console import show_painted
from todserve.runtime.errors import RequestError, ServerError
from todserve.runtime.secret_free import without_secrets
from todserve.serving.client.client import Client
from todserve.serving.client.conversation import Conversation
from todserve.serving.terminal.turn_view import TurnView, wants_colour

HELP = "Commands: /state  /reset  /quit"


def run_chat(*, url: str = "http://127.0.0.1:8080", name: str = "tod") -> None:
    """Talk until the user leaves.

    Raises:
        ServerError: nothing answers at ``url`` to begin with.
    """
    with Client(url, name=name) as client:
        if not client.ready(timeout=30.0):
            raise ServerError(
                f"{without_secrets(url)}: model '{name}' does not answer; is the server up? "
                "Start it with: tod start"
            )
        chat(Conversation(client), TurnView(colour=wants_colour(sys.stdout)))


def chat(conversation: Conversation, view: TurnView) -> None:
    """Read utterances from standard input and print the turns to standard output."""
    print(HELP)
    for line in _typed():
        if not line:
            continue
        if line == "/quit":
            return
        if line == "/reset":
            conversation.reset()
            print("Started over.")
        elif line == "/state":
            _show(view.state_lines(conversation.state, before=conversation.state))
        elif line.startswith("/"):
            print(f"Unknown command {line}. {HELP}")
        else:
            _say(conversation, view, line)


def _say(conversation: Conversation, view: TurnView, utterance: str) -> None:
    before = conversation.state
    try:
        _show(view.lines(conversation.say(utterance), before=before))
    except (RequestError, ServerError) as error:
        # The conversation is as it was: the same utterance may be tried again.
        print(f"Not answered: {error}")


def _show(lines: Iterator[str]) -> None:
    for line in lines:
        show_painted(line)


def _typed() -> Iterator[str]:
    # A prompt would only clutter a pipe's output.
    prompt = "> " if sys.stdin.isatty() else ""
    while True:
        try:
            yield input(prompt).strip()
        except EOFError:
            return
