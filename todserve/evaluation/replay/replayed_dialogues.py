"""Replayed dialogues: remembered ones asked again, turn by turn, of another model or version.

``tod replay`` calls it and compares every answer with what is remembered. Users say what they said
then, the history holds the replies they got then, and each turn starts from the belief state
remembered of the turn before, so a turn that differs is a difference of that turn alone. `rollout`
is the other question: it carries the model's own states, whose first mistake shows in every later
turn; ``own_states`` asks that one here. Example: ``replay(pipeline, dialogues)`` gives one
``ReplayedTurn`` a turn.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from todserve.evaluation.replay.replay_differences import Aspect, Difference, compare
from todserve.runtime.errors import RequestError
from todserve.runtime.language.dialogue import GENERAL, BeliefState, Dialogue, Turn
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.turn_answerer import Answerer
from todserve.runtime.wire.limits import DEFAULT_LIMITS
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import ModelIdentity, TurnResponse


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayedTurn:
    """A remembered turn and how it differs now.

    Attributes:
        place: its dialogue's place among those replayed, from 0; identifiers may stand twice.
        dialogue_id: where it is from.
        index: its place in the dialogue, from 0.
        user: what was said.
        differences: of every aspect that is remembered; None where nothing differs.
        model: which model answered; None where it refused.
    """

    place: int
    dialogue_id: str
    index: int
    user: str
    differences: Mapping[Aspect, Difference | None]
    model: ModelIdentity | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Carried:
    state: BeliefState
    domain: str | None


def replay(
    answers: Answerer,
    dialogues: Sequence[Dialogue],
    *,
    own_states: bool = False,
    batch: int = 32,
    on_batch: Callable[[int], object] = lambda turns: None,
) -> Iterator[ReplayedTurn]:
    """Yield every turn, turn index by turn index, so that dialogues share batches.

    Args:
        answers: answers.
        dialogues: what is remembered.
        own_states: carry the model's own belief states instead of the remembered ones. Where a
            turn remembers none, the model's own is carried in either case.
        batch: most turns in one call.
        on_batch: called with the number of turns done, for a progress bar.
    """
    carried = [_Carried(state={}, domain=None) for _ in dialogues]
    for index in range(max((len(one.turns) for one in dialogues), default=0)):
        places = [place for place, one in enumerate(dialogues) if len(one.turns) > index]
        for start in range(0, len(places), batch):
            chunk = places[start : start + batch]
            given = answers.answer(
                [_request(dialogues[place].turns, index, carried[place]) for place in chunk]
            )
            for place, answer in zip(chunk, given, strict=True):
                turn = dialogues[place].turns[index]
                carried[place] = _carry(carried[place], turn, answer, own_states=own_states)
                yield ReplayedTurn(
                    place=place,
                    dialogue_id=dialogues[place].dialogue_id,
                    index=index,
                    user=turn.user,
                    differences=compare(turn, answer),
                    model=answer.model if isinstance(answer, TurnResponse) else None,
                )
            on_batch(len(chunk))


def _request(turns: Sequence[Turn], index: int, carried: _Carried) -> TurnRequest:
    # A server refuses more history than this; the newest says most.
    past = turns[max(0, index - DEFAULT_LIMITS.max_turns) : index]
    return TurnRequest.of_corpus(
        user=turns[index].user,
        history=tuple(Exchange(user=turn.user, system=turn.system or "") for turn in past),
        state=carried.state,
        domain=carried.domain,
    )


def _carry(
    before: _Carried, turn: Turn, answer: TurnResponse | RequestError, *, own_states: bool
) -> _Carried:
    state, domain = before.state, before.domain
    if isinstance(answer, TurnResponse):
        if answer.belief_state is not None:
            state = {
                name: {slot: one.value for slot, one in slots.items()}
                for name, slots in answer.belief_state.items()
            }
        domain = answer.domain.active if answer.domain else domain
    if not own_states and turn.belief_state is not None:
        state = turn.belief_state
    if not own_states and turn.active_domain not in (None, GENERAL):
        domain = turn.active_domain
    return _Carried(state=state, domain=domain)
