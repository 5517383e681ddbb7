"""The chat: a conversation in the terminal, slots and acts shown as they change.

In a terminal there are arrow keys, a history of what was typed (kept until the chat ends, never on
disk) and completion of the commands; from a pipe each line is an utterance or a command.
Example: ``run_chat(url="http://127.0.0.1:8080")``.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from todserve.runtime.errors import RequestError, ServerError, TodError, UnknownModelError
from todserve.runtime.secret_free import without_secrets
from todserve.runtime.turn_answerer import Answerer
from todserve.runtime.wire.model_description import ModelDescription
from todserve.runtime.wire.response import SlotPrediction, TurnResponse
from todserve.serving.client.client import Client
from todserve.serving.client.conversation import Conversation
from todserve.serving.terminal.painted_lines import say, say_text
from todserve.serving.terminal.saved_chat import save_chat
from todserve.serving.terminal.turn_view import SPEECH, labelled, state_lines, turn_lines

State = Mapping[str, Mapping[str, SlotPrediction]]

COMMANDS: Mapping[str, str] = {
    "/help": "show this",
    "/state": "show what is understood so far",
    "/undo": "take the last turn back (what an action of a bot has done stays done)",
    "/new": "begin a new conversation",
    "/save": "write the conversation into a new folder: /save [FOLDER]",
    "/quit": "leave, as Ctrl-D does",
}
_ALSO = {"/reset": "/new", "/exit": "/quit"}
_MOST_NAMED = 12


class BotDialogue(Protocol):
    """What a bot.yml makes of the model's answers, turn by turn."""

    about: str
    """What the bot does, in one line."""

    reader: Answerer | None
    """Reads the messages in place of a server's model; None leaves them to the server."""

    def hear(self, user: str, answer: TurnResponse, before: State) -> tuple[str, ...]:
        """Return what the bot says to a message; its actions have run then."""

    def words(self, line: str) -> str | None:
        """Return the words of a payload such as ``/greet``; None for what is no payload."""

    def shown(self) -> tuple[str, ...]:
        """Return what the bot shows beside its last messages, a line each: buttons, images."""

    def handed_off(self) -> bool:
        """Say whether a person has taken over."""

    def restarted(self) -> bool:
        """Say whether the last message made the bot forget everything."""

    def undo(self) -> None:
        """Forget the last message."""

    def begin(self) -> None:
        """Forget every message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatTurn:
    """A message of the user with the answer to it.

    Attributes:
        user: what was typed.
        answer: the model's answer.
        said: what was said to the user.
    """

    user: str
    answer: TurnResponse
    said: tuple[str, ...]


@dataclass(kw_only=True, slots=True)
class Chat:
    """A conversation with the commands that steer it.

    Attributes:
        conversation: with the model.
        bot: what is said instead of the model's reply; None says what the model says.
        description: the model's labels; None where its archive cannot tell.
        address: of the server, for what is said of a saved conversation.
        turns: what was said, oldest first.
    """

    conversation: Conversation
    bot: BotDialogue | None = None
    description: ModelDescription | None = None
    address: str = "URL"
    turns: list[ChatTurn] = field(default_factory=list)

    def greet(self) -> None:
        """Say what there is to talk about, and how to get help."""
        if self.description is not None:
            known = self.description
            named = f"{known.name} {known.version} (checkpoint {known.checkpoint})"
            about = _listed(known.subjects) or "nothing in particular"
            say(f"{named} can talk about {about}; it tells {len(known.intents)} intents apart.")
        if self.bot is not None:
            say(self.bot.about)
        say("Type what you would like, or /help.")

    def take(self, line: str) -> bool:
        """Obey a command or answer an utterance; False where the user leaves."""
        if not line.startswith("/"):
            if line:
                self._say(line)
            return True
        word, _, rest = line.partition(" ")
        command = _ALSO.get(word, word)
        if command not in COMMANDS and self.bot is not None and self.bot.words(line) is not None:
            self._say(line)
        elif command == "/quit":
            return False
        if command == "/help":
            for name, what in COMMANDS.items():
                say(f"  {name:<8} {what}")
        elif command == "/state":
            state = self.conversation.state
            for text in state_lines(state, before=state):
                say_text(text)
        elif command == "/undo":
            self._undo()
        elif command == "/new":
            self.conversation.reset()
            self.turns.clear()
            if self.bot is not None:
                self.bot.begin()
            say("Started over.")
        elif command == "/save":
            self._save(rest.strip())
        else:
            say(f"Unknown command {word}. Commands: {'  '.join(COMMANDS)}")
        return True

    def _say(self, utterance: str) -> None:
        talk = self.conversation
        state = talk.state
        try:
            answer = talk.say((self.bot and self.bot.words(utterance)) or utterance)
        except (RequestError, ServerError) as error:
            # The conversation is as it was: the same utterance may be tried again.
            say(f"Not answered: {error}", style="red")
            return
        for text in turn_lines(answer, before=state, speech=self.bot is None):
            say_text(text)
        said: tuple[str, ...] = (answer.response.text,) if answer.response else ()
        if self.bot is not None:
            said = self.bot.hear(utterance, answer, state)
            for message in said:
                say_text(labelled("bot", message, style=SPEECH))
            for line in self.bot.shown():
                say_text(labelled("shown", line))
            if self.bot.handed_off() and not said and not self.bot.shown():
                say_text(labelled("note", "a person has taken over; /new begins anew"))
            if self.bot.restarted():
                # The model is asked with nothing of what was before, either.
                talk.reset()
                self.turns.clear()
                say_text(labelled("note", "everything is forgotten; what follows is a beginning"))
                return
            talk.replace_reply("\n".join(said))
        self.turns.append(ChatTurn(user=utterance, answer=answer, said=said))

    def _undo(self) -> None:
        if not self.turns:
            say("There is no turn to take back.")
            return
        last = self.turns.pop()
        self.conversation.undo()
        if self.bot is not None:
            self.bot.undo()
        say(f"Taken back: {last.user}")

    def _save(self, name: str) -> None:
        if not self.turns:
            say("There is nothing to save yet.")
            return
        folder = Path(name or f"chat-{datetime.now():%Y%m%d-%H%M%S}")
        spoken = [(turn.user, turn.answer, "\n".join(turn.said)) for turn in self.turns]
        try:
            save_chat(folder, spoken, self.description)
        except TodError as error:
            say(f"Not saved: {error}", style="red")
            return
        say(f"Saved in {folder}; ask it again with: tod replay {folder} --against {self.address}")


def run_chat(
    *,
    url: str = "http://127.0.0.1:8080",
    name: str = "tod",
    bot: BotDialogue | None = None,
    token: str | None = None,
    token_file: Path | None = None,
) -> None:
    """Talk until the user leaves.

    Args:
        url: the server.
        name: its model.
        bot: says and does what its bot.yml says; None leaves the model's own replies. One with a
            reader of its own needs no server.
        token: the server's inference token, where it asks for one.
        token_file: holds it instead.

    Raises:
        TokenRefusedError: the server does not know the token.
        ServerError: nothing answers at ``url`` to begin with.
    """
    if bot is not None and bot.reader is not None:
        talk(bot.reader, bot=bot)
        return
    with Client(url, name=name, token=token, token_file=token_file) as client:
        if not client.ready(timeout=30.0):
            raise _unready(url, name, token, token_file)
        try:
            description = client.describe()
        except (RequestError, ServerError):
            description = None  # an archive from before models could tell
        talk(client, bot=bot, description=description, address=without_secrets(url))


def _unready(url: str, name: str, token: str | None, token_file: Path | None) -> ServerError:
    """Return why nobody can talk: a server may be there and have no such model."""
    with Client(url, name=name, token=token, token_file=token_file, retries=0) as client:
        try:
            client.describe()
        except UnknownModelError as error:
            return error
        except (RequestError, ServerError):
            pass
    return ServerError(
        f"{without_secrets(url)}: model '{name}' does not answer; is the server up? "
        "Start it with: tod start"
    )


def talk(
    answerer: Answerer,
    *,
    bot: BotDialogue | None = None,
    description: ModelDescription | None = None,
    address: str = "URL",
) -> None:
    """Talk until the user leaves, with whatever answers turns.

    Args:
        answerer: answers them.
        bot: as ``run_chat``.
        description: the model's labels; None where nobody tells them.
        address: of the server; ``URL`` where none is asked.
    """
    chat = Chat(
        conversation=Conversation(answerer), bot=bot, description=description, address=address
    )
    chat.greet()
    for line in typed_lines():
        if not chat.take(line):
            return


def typed_lines() -> Iterator[str]:
    """Yield what is typed, line by line, until the input ends."""
    if not sys.stdin.isatty():
        for line in sys.stdin:
            yield line.strip()
        return
    # Loaded for people alone: a pipe needs none of it.
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import InMemoryHistory
    from prompt_toolkit.output import create_output

    session: PromptSession[str] = PromptSession(
        [("bold", "> ")],
        history=InMemoryHistory(),
        completer=WordCompleter([*COMMANDS], sentence=True),
        complete_while_typing=False,
        # The prompt moves the cursor, which the console's door would only show.
        output=create_output(getattr(sys.stdout, "beneath", sys.stdout)),
    )
    while True:
        try:
            yield session.prompt().strip()
        except EOFError:
            return


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
