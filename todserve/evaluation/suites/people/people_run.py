"""``tod evaluate people``: how many typed steps a checkpoint understands.

Each dialogue is held as a person would hold it: the model's own states, replies and mistakes go on
into the next step. A step is right where the whole state is, and the intent where it matters.
Example: ``run_people(AnswererSource(checkpoint=folder))["right"]``.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from todserve.evaluation.answerer import AnswererSource, ScoredAnswerer
from todserve.evaluation.figures import save_figures
from todserve.evaluation.scorecard import code_version
from todserve.evaluation.suites.intents.intent_files import file_checksum
from todserve.evaluation.suites.people.people_steps import SHIPPED, Step, TypedDialogue, load_steps
from todserve.runtime.console import tell
from todserve.runtime.errors import ConfigError, RequestError
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.wire.request import parse_request


@dataclass(frozen=True, kw_only=True, slots=True)
class Understood:
    """A step, and the state and intent that the model understood."""

    kind: str
    step: Step
    state: BeliefState
    intent: str | None
    reply: str
    right: bool


def run_people(
    source: AnswererSource,
    file: Path | None = None,
    json_out: Path | None = None,
    *,
    limit: int | None = None,
    show: bool = False,
) -> dict[str, Any]:
    """Hold the dialogues of a file, print how many steps were right and return the figures.

    Args:
        source: who answers.
        file: YAML of `load_steps`; the shipped one when None.
        json_out: write the figures to this file.
        limit: hold at most so many dialogues, the first ones.
        show: print each step that went wrong.

    Raises:
        ConfigError: a wrong checkpoint.
        CorpusError: a wrong file.
    """
    path = file or SHIPPED
    if limit is not None and limit < 1:
        raise ConfigError(f"limit {limit}; expected at least 1 dialogue")
    dialogues = load_steps(path)[:limit]
    pipeline = source.open()
    try:
        steps = [one for dialogue in dialogues for one in held(dialogue, pipeline)]
        model = source.signed_name(pipeline)
    finally:
        pipeline.close()
    asked = Counter(one.kind for one in steps)
    right = Counter(one.kind for one in steps if one.right)
    if show:
        for one in steps:
            if not one.right:
                tell(f"{one.kind}: {one.step.user}")
                tell(f"  got {one.intent} {_plain(one.state)}")
                tell(f"  right {one.step.intent or ''} {_plain(one.step.state)}")
                tell(f"  reply {one.reply}")
    for kind in asked:
        tell(f"  {kind:18} {right[kind]:3} of {asked[kind]}")
    total = sum(right.values())
    subset = "" if limit is None else f"first-{limit}|"
    signature = (
        f"people|{path.stem}-{file_checksum(path)}|{subset}checkpoint:{model}"
        f"|todserve:{code_version()}|own-states-and-replies-carried"
    )
    tell(f"{total} of {len(steps)} steps right\n{signature}")
    figures: dict[str, Any] = {
        "right": total,
        "steps": len(steps),
        "kinds": {kind: {"right": right[kind], "steps": asked[kind]} for kind in asked},
        "signature": signature,
    }
    if json_out is not None:
        save_figures(figures, json_out)
    return figures


def held(dialogue: TypedDialogue, pipeline: ScoredAnswerer) -> list[Understood]:
    """Hold one dialogue; every step is answered in the light of the answers before it."""
    schema = pipeline.checkpoint.schema
    request: dict[str, Any] = {"history": []}
    found = []
    for step in dialogue.turns:
        (answer,) = pipeline.answer([parse_request({**request, "user": step.user})])
        if isinstance(answer, RequestError):
            raise answer
        state = {
            domain: {slot: one.value for slot, one in slots.items()}
            for domain, slots in (answer.belief_state or {}).items()
        }
        intent = answer.intent.name if answer.intent else None
        reply = answer.response.text if answer.response else ""
        found.append(
            Understood(
                kind=dialogue.kind,
                step=step,
                state=state,
                intent=intent,
                reply=reply,
                right=step.is_right(state, intent, reply, schema),
            )
        )
        heard = step.reply or reply
        history = [*request["history"], {"user": step.user, "system": heard}]
        request = {"history": history, "state": state}
        if answer.domain is not None and answer.domain.active is not None:
            request["domain"] = answer.domain.active
    return found


def _plain(state: Any) -> dict[str, dict[str, Any]]:
    return {domain: dict(slots) for domain, slots in state.items() if slots}
