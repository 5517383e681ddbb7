"""Fidelity of exports of a tiny checkpoint, and of scripted answers whose figures are known."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.corpora_fixtures import TINY
from tests.support.scripted_engine import Asked, ScriptedEngine
from todserve.corpora.registry import TOD_DATA
from todserve.evaluation.watched_rollout import WatchedPipeline
from todserve.fidelity.fidelity_limits import check
from todserve.fidelity.fidelity_measurement import (
    Contender,
    fidelity_dialogues,
    measure_fidelity,
    run_fidelity,
)
from todserve.fidelity.fidelity_report import FidelityReport
from todserve.runtime.checkpoint import T5_FILE, Checkpoint, model_file_of
from todserve.runtime.engines.engine_export import export_checkpoint
from todserve.runtime.engines.engine_spec import Dtype, EngineName
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.networks.export_manifest import ExportManifest
from todserve.runtime.wire.response import ModelIdentity

ROOT = Path(__file__).resolve().parents[3]
LN2 = math.log(2)


def turn(user: str, state: dict[str, dict[str, str]]) -> Turn:
    return Turn(
        user=user,
        belief_state=state,
        system="is there anything else?",
        delexicalised_response="is there anything else?",
    )


ELY = {"train": {"destination": "ely"}}
DIALOGUES = [
    Dialogue(
        dialogue_id="made-up-1",
        corpus="multiwoz21",
        split="dev",
        turns=(
            turn("a train to ely", ELY),
            turn("on friday", {"train": {"destination": "ely", "day": "friday"}}),
        ),
    ),
    Dialogue(
        dialogue_id="made-up-2",
        corpus="multiwoz21",
        split="dev",
        turns=(turn("to ely by train", ELY), turn("thanks", ELY)),
    ),
]
MANIFEST = ExportManifest(
    engine=EngineName.ONNX, dtype=Dtype.INT8, checkpoint="0" * 12, exporter="0.1.0", files={}
)


def right(asked: Asked) -> str:
    """Write the corpus's own labels."""
    said = asked.context.rpartition("<sos_u>")[2]
    if asked.task is TaskName.RESPONSE:
        return "is there anything else?"
    if asked.task is not TaskName.BELIEF_STATE or "thanks" in said:
        return ""
    return "[train] day friday" if "friday" in said else "[train] destination ely"


def forgetful(asked: Asked) -> str:
    """Miss Friday, and say something else where nothing is asked."""
    said = asked.context.rpartition("<sos_u>")[2]
    if asked.task is TaskName.BELIEF_STATE and "friday" in said:
        return ""
    if asked.task is TaskName.RESPONSE and "thanks" in said:
        return "goodbye"
    return right(asked)


class Constant:
    """Logits that are the same after whatever was written."""

    def __init__(self, *distribution: float) -> None:
        self.row = np.log(np.array(distribution, dtype=np.float32))

    def logits(
        self, context: Sequence[int], prefix: Sequence[int], ids: Sequence[int]
    ) -> NDArray[np.float32]:
        return np.stack([self.row] * (len(ids) + 1))


def scripted(folder: Path, script: Callable[[Asked], str], *distribution: float) -> Contender:
    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum)
    pipeline = WatchedPipeline(checkpoint, ScriptedEngine(checkpoint, script), identity)
    return Contender(pipeline=pipeline, logits=Constant(*distribution))


def test_figures_of_known_answers_by_hand(tiny_checkpoint: Path) -> None:
    reference = scripted(tiny_checkpoint, right, 1 / 2, 1 / 4, 1 / 4)
    exported = scripted(tiny_checkpoint, forgetful, 1 / 4, 1 / 2, 1 / 4)
    report = measure_fidelity(reference, exported, DIALOGUES, manifest=MANIFEST)
    assert report.turns == 4
    # 4 turns x 4 tasks: what `right` writes, and an end token each.
    tokenizer = reference.pipeline.checkpoint.tokenizer
    written = ["[train] destination ely"] * 2 + ["[train] day friday"]
    written += ["is there anything else?"] * 4
    assert report.tokens == 4 * 4 + sum(len(tokenizer.encode(text)) for text in written)
    # 1/2 ln(1/2 : 1/4) + 1/4 ln(1/4 : 1/2) + 1/4 ln(1)
    assert report.mean_kl == pytest.approx(LN2 / 4, abs=1e-6)
    assert report.max_logit_difference == pytest.approx(LN2, abs=1e-6)
    assert report.same_choice == 0
    # Friday and the goodbye differ.
    assert report.identical_turns == 0.5
    goals = report.joint_goal_accuracy
    assert goals is not None
    assert (goals.reference, goals.exported, goals.of, goals.points) == (100, 75, 4, -25)
    bleu = report.response_bleu_surrogate
    assert bleu is not None
    assert bleu.of == 4
    assert bleu.reference == pytest.approx(100)
    assert bleu.points < -1
    assert "multiwoz21|dev|first-4-turns|checkpoint:000000000000|" in report.signature


def test_a_turn_after_a_lost_slot_is_counted_as_it_is_served(tiny_checkpoint: Path) -> None:
    def lost_at_once(asked: Asked) -> str:
        missed = asked.task is TaskName.BELIEF_STATE and "a train to ely" in asked.context
        return "" if missed else right(asked)

    reference = scripted(tiny_checkpoint, right, 1 / 2, 1 / 2)
    exported = scripted(tiny_checkpoint, lost_at_once, 1 / 2, 1 / 2)
    report = measure_fidelity(reference, exported, DIALOGUES[:1], manifest=MANIFEST)
    # The second turn writes the same tokens, but the state lacks the destination for good.
    assert report.identical_turns == 0.5
    assert report.joint_goal_accuracy is not None
    assert report.joint_goal_accuracy.exported == 0
    assert (report.mean_kl, report.max_logit_difference, report.same_choice) == (0, 0, 1)


def test_turns_without_labels_have_no_scores(tiny_checkpoint: Path) -> None:
    bare = Dialogue(
        dialogue_id="made-up-3", corpus="made-up", split="dev", turns=(Turn(user="to ely"),)
    )
    reference, exported = (scripted(tiny_checkpoint, right, 1 / 2, 1 / 2) for _ in range(2))
    report = measure_fidelity(reference, exported, [bare], manifest=MANIFEST)
    assert report.joint_goal_accuracy is None
    assert report.response_bleu_surrogate is None
    assert report.identical_turns == 1


def test_logits_that_are_not_finite_are_an_error(tiny_checkpoint: Path) -> None:
    reference = scripted(tiny_checkpoint, right, 1 / 2, 1 / 2)
    with np.errstate(divide="ignore"):
        exported = scripted(tiny_checkpoint, right, 1, 0)
    with pytest.raises(ConfigError, match="not finite"):
        measure_fidelity(reference, exported, DIALOGUES, manifest=MANIFEST)


@pytest.mark.parametrize("engine", [one for one in EngineName if Dtype.INT8 in one.spec.dtypes])
def test_a_float32_export_is_the_same_and_an_int8_export_is_not(
    each_tiny_checkpoint: Path, tmp_path: Path, engine: EngineName
) -> None:
    if engine is EngineName.CTRANSLATE2 and model_file_of(each_tiny_checkpoint) != T5_FILE:
        with pytest.raises(ConfigError, match="CTranslate2 has no T5 decoder over a BERT encoder"):
            export_checkpoint(
                each_tiny_checkpoint, tmp_path / "out", engine=engine, dtype=Dtype.INT8
            )
        assert not (tmp_path / "out").exists()
        return
    reports = {}
    for dtype in (Dtype.FLOAT32, Dtype.INT8):
        folder = tmp_path / dtype
        export_checkpoint(each_tiny_checkpoint, folder, engine=engine, dtype=dtype)
        reports[dtype] = run_fidelity(each_tiny_checkpoint, folder, turns=5, root=TINY, threads=1)
        assert FidelityReport.load(folder) == reports[dtype]
    exact, rounded = reports[Dtype.FLOAT32], reports[Dtype.INT8]
    assert (exact.turns, exact.engine, exact.dtype) == (5, engine, Dtype.FLOAT32)
    assert (exact.identical_turns, exact.same_choice) == (1, 1)
    assert exact.mean_kl < 1e-6
    assert 0 < exact.max_logit_difference < 1e-3
    check(exact)
    assert rounded.tokens == exact.tokens
    assert rounded.mean_kl > 100 * exact.mean_kl
    assert rounded.max_logit_difference > 10 * exact.max_logit_difference


@pytest.mark.parametrize(("turns", "lengths"), [(1, 1), (4, 4), (100, 6)])
def test_dialogues_have_as_many_turns_as_asked_for(
    opened: Checkpoint, turns: int, lengths: int
) -> None:
    found = fidelity_dialogues(opened, turns=turns, root=TINY)
    whole = fidelity_dialogues(opened, turns=100, root=TINY)
    assert sum(len(one.turns) for one in found) == lengths
    assert all(one.turns for one in found)
    flat = [(one.dialogue_id, turn) for one in found for turn in one.turns]
    assert flat == [(one.dialogue_id, turn) for one in whole for turn in one.turns][:lengths]


def test_turns_must_be_positive(opened: Checkpoint) -> None:
    with pytest.raises(ConfigError, match="turns 0; expected at least 1"):
        fidelity_dialogues(opened, turns=0, root=TINY)


def test_an_export_of_another_checkpoint_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    export_checkpoint(tiny_checkpoint, tmp_path, engine=EngineName.CTRANSLATE2, dtype=Dtype.FLOAT32)
    other = (tmp_path / "export.json").read_text()
    checksum = Checkpoint.open(tiny_checkpoint).checksum
    (tmp_path / "export.json").write_text(other.replace(checksum, "0" * 12))
    with pytest.raises(ConfigError, match=rf"of checkpoint 0{{12}}, .* is {checksum}; export"):
        run_fidelity(tiny_checkpoint, tmp_path, turns=1, root=TINY)


def test_a_checkpoint_is_no_export(tiny_checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match="is no export; `tod export` writes one"):
        run_fidelity(tiny_checkpoint, tiny_checkpoint, turns=1, root=TINY)


@pytest.mark.corpora
@pytest.mark.skipif(not os.environ.get(TOD_DATA), reason=f"{TOD_DATA} is not set")
def test_the_shipped_checkpoint_is_served_exactly_by_onnx(tmp_path: Path) -> None:
    checkpoint = ROOT / "checkpoints" / "multiwoz"
    export_checkpoint(checkpoint, tmp_path, engine=EngineName.ONNX, dtype=Dtype.FLOAT32)
    report = run_fidelity(checkpoint, tmp_path, turns=20, threads=1)
    check(report)
    assert report.turns == 20
    assert report.joint_goal_accuracy is not None
    assert report.joint_goal_accuracy.points == 0
