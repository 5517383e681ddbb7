"""The loop: what people corrected is a corpus, and a test that a release must pass."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.remembered import RIGHT_STATE, remembered
from tests.support.scripted_engine import Asked, ScriptedEngine
from tests.unit.evaluation.multiwoz.test_end_to_end import Scripted, script
from todserve.corpora.files.dialogue_layouts import SCHEMA, open_dialogues
from todserve.evaluation.replay.replay_differences import Aspect
from todserve.evaluation.replay.replay_run import DIFFERS, HOLDS, run_replay
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline


@pytest.fixture
def exported(tiny_checkpoint: Path, tmp_path: Path) -> dict[str, Any]:
    return remembered(Scripted(tiny_checkpoint).pipeline, tmp_path)


def read(path: Path) -> dict[str, Dialogue]:
    return {one.dialogue_id: one for one in open_dialogues(path)[1]}


def test_export_holds_what_people_stand_for_and_nothing_else(exported: dict[str, Any]) -> None:
    found = read(exported["folder"])
    assert set(found) == {exported[name] for name in ("later", "again", "right", "example")}
    first, second = found[exported["later"]].turns
    # What was found in the centre is not told of the north.
    assert first.system == "This place is in the north."
    assert first.belief_state == RIGHT_STATE
    assert first.delexicalised_response == "[value_name] is in the [value_area]."
    assert second.belief_state == {"restaurant": RIGHT_STATE["restaurant"] | {"people": "2"}}
    assert (first.intent, second.intent) == ("find_restaurant", "find_restaurant")
    again, train = found[exported["again"]].turns
    assert again.belief_state == RIGHT_STATE
    assert train.belief_state is not None
    assert train.belief_state["restaurant"] == RIGHT_STATE["restaurant"]
    assert train.belief_state["train"]["destination"] == "ely"
    (right,) = found[exported["right"]].turns
    assert right.belief_state == {"restaurant": {"area": "centre", "pricerange": "cheap"}}
    (example,) = found[exported["example"]].turns
    assert (example.intent, example.belief_state, example.system) == ("find_restaurant", None, None)


def test_schema_of_the_export_is_the_models(
    exported: dict[str, Any], tiny_checkpoint: Path
) -> None:
    def told(path: Path) -> dict[str, tuple[set[str], set[str]]]:
        return {
            service.name: ({slot.name for slot in service.slots}, set(service.intents))
            for service in open_dialogues(path)[0]
        }

    lines = exported["folder"] / "checkpoint"
    lines.mkdir()
    (lines / "train.jsonl").write_text("")
    (lines / SCHEMA).write_bytes((tiny_checkpoint / SCHEMA).read_bytes())
    assert told(exported["folder"]) == told(lines)


def test_layout_of_sgd_tells_the_same_to_its_reader(
    exported: dict[str, Any], tmp_path: Path
) -> None:
    """The two layouts differ only in what SGD's cannot say: what is not labelled."""
    folder = tmp_path / "sgd" / "train"
    folder.mkdir(parents=True)
    entries = [json.loads(line) for line in exported["sgd"].splitlines()]
    (folder / "dialogues_001.json").write_text(json.dumps(entries))
    (folder / SCHEMA).write_bytes((exported["folder"] / SCHEMA).read_bytes())
    wanted, found = read(exported["folder"]), read(folder.parent)
    assert set(found) == set(wanted)
    del wanted[exported["example"]]
    for dialogue_id, dialogue in wanted.items():
        for turn, other in zip(dialogue.turns, found[dialogue_id].turns, strict=True):
            assert other.user == turn.user
            assert letters(other.system) == letters(turn.system)
            assert other.belief_state == turn.belief_state
            assert other.intent == turn.intent
            # A dialogue without any act is, to the reader, one whose acts nobody labelled.
            assert (other.dialogue_acts or ()) == (turn.dialogue_acts or ())
            assert letters(other.delexicalised_response) == letters(turn.delexicalised_response)


def letters(text: str | None) -> str:
    """The text without what is polished when values are filled in."""
    return "".join((text or "").casefold().split())


def replayed(
    exported: dict[str, Any], pipeline: Pipeline, only: tuple[Aspect, ...] = tuple(Aspect)
) -> tuple[int, str]:
    out = io.StringIO()
    status = run_replay(exported["folder"], pipeline, only=only, out=out)
    return status, out.getvalue()


def test_model_that_still_errs_does_not_pass_its_corrections(
    exported: dict[str, Any], tiny_checkpoint: Path
) -> None:
    status, shown = replayed(exported, Scripted(tiny_checkpoint).pipeline)
    assert status == DIFFERS
    block = shown.partition(f"{exported['later']} turn 1: still wrong\n")[2].partition("\n\n")[0]
    assert "- restaurant area north" in block
    assert "+ restaurant area centre" in block
    assert "- restaurant-inform(name)" in block
    assert "- [value_name] is in the [value_area]." in block
    assert f"{exported['right']} turn" not in shown


def test_model_that_learnt_its_corrections_passes(
    exported: dict[str, Any], tiny_checkpoint: Path
) -> None:
    scripted = Scripted(tiny_checkpoint)

    def learnt(asked: Asked) -> str:
        last = asked.context.rpartition("<sos_u>")[2]
        if "somewhere" in last and asked.task is TaskName.DIALOGUE_ACT:
            return "[restaurant] [inform] name"
        if "somewhere" in last and asked.task is TaskName.RESPONSE:
            return "[value_name] is in the [value_area]."
        some = "somewhere" in last or "something" in last
        if some and asked.task is TaskName.BELIEF_STATE:
            return "[restaurant] area north pricerange cheap"
        return script(asked)

    checkpoint = scripted.pipeline.checkpoint
    engine = ScriptedEngine(checkpoint, learnt)
    pipeline = Pipeline(checkpoint, engine, scripted.pipeline.identity)
    # A reply to a turn that nobody looked at may change with the reply before it.
    status, shown = replayed(exported, pipeline, (Aspect.STATE, Aspect.ACTS))
    assert status == HOLDS, shown
    assert "in 4 dialogues" in shown


def test_export_without_corrections_is_what_the_model_said(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    from tests.support.gateway_server import GatewayServer
    from tests.support.pipeline_server import PipelineServer
    from tests.support.remembered import corrected, export, spoken
    from todserve.gateway.gateway_settings import GatewaySettings

    with PipelineServer(Scripted(tiny_checkpoint).pipeline) as server:
        database = f"sqlite:///{tmp_path}/dialogues.sqlite"
        with GatewayServer(GatewaySettings(database=database, model_url=server.url)) as gateway:
            dialogue_id = spoken(gateway, "cheap")
            corrected(gateway, dialogue_id, 0, belief_state=RIGHT_STATE, verdict="wrong")
            folder = export(gateway, tmp_path / "plain", "corrected=false")
    (turn,) = read(folder)[dialogue_id].turns
    assert turn.belief_state == {"restaurant": {"area": "centre", "pricerange": "cheap"}}
