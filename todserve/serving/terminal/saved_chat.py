"""A saved chat: a conversation from the terminal as a folder of dialogues.

It has the kit's own layout, so that ``tod replay`` asks it again and ``tod data`` reads it.
Example: ``save_chat(Path("chat-1"), [("a train to ely", answer, "On what day?")], None)``.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from todserve.corpora.files.dialogue_layouts import SCHEMA
from todserve.corpora.files.jsonlines import SUFFIX, write_lines
from todserve.corpora.services import described, merged
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import GENERAL, Dialogue, DialogueAct, Turn
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.runtime.private_files import FOLDER_FOR_OWNER
from todserve.runtime.wire.model_description import ModelDescription
from todserve.runtime.wire.response import TurnResponse

_CORPUS = "chat"
Spoken = tuple[str, TurnResponse, str]
"""What the user said, the model's answer, and what was said to the user."""


def save_chat(folder: Path, spoken: Sequence[Spoken], description: ModelDescription | None) -> None:
    """Write a conversation into a new folder.

    Args:
        folder: must not be there yet.
        spoken: the turns, oldest first.
        description: the model's labels; without them the schema is what the turns used.

    Raises:
        ConfigError: the folder is there, or cannot be made.
    """
    turns = tuple(_turn(*one) for one in spoken)
    dialogue = Dialogue(dialogue_id=folder.name, corpus=_CORPUS, split=_CORPUS, turns=turns)
    services = [*(described(description) if description else ()), *_used(turns)]
    try:
        folder.mkdir(parents=True, mode=FOLDER_FOR_OWNER)
        Schema(services=merged(services)).save(folder / SCHEMA)
        write_lines([dialogue], folder / f"{_CORPUS}{SUFFIX}")
    except FileExistsError:
        raise ConfigError(f"{folder} is there already; expected a new folder; name one") from None
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written: {error.strerror}; name another folder"
        ) from None


def _turn(user: str, answer: TurnResponse, said: str) -> Turn:
    state, acts = answer.belief_state, answer.dialogue_act
    own = answer.response is not None and answer.response.text == said
    return Turn(
        user=user,
        belief_state=None
        if state is None
        else {
            domain: {slot: value.value for slot, value in slots.items()}
            for domain, slots in state.items()
        },
        intent=None if answer.intent is None else answer.intent.name,
        active_domain=None if answer.domain is None else (answer.domain.active or GENERAL),
        # The acts are those of the model's reply, which a bot may have replaced.
        dialogue_acts=tuple(
            DialogueAct(domain=act.domain, act=act.act, slot=act.slot) for act in acts
        )
        if acts is not None and own
        else None,
        system=said,
        database_matches=None if answer.database is None else answer.database.matches,
    )


def _used(turns: Sequence[Turn]) -> Iterator[Service]:
    for turn in turns:
        for domain, slots in (turn.belief_state or {}).items():
            yield Service(name=domain, slots=tuple(Slot(name=slot) for slot in slots))
