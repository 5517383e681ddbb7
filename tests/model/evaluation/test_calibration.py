import json
import shutil
from pathlib import Path

import pytest
import torch

from tests.support.corpora_fixtures import TINY
from tests.support.scripted_engine import Asked, ScriptedEngine
from todserve.corpora.silver.silver_annotator import DevHalf, dev_half
from todserve.evaluation.calibration.calibration_dialogues import (
    Half,
    calibration_half,
    dev_dialogues,
)
from todserve.evaluation.calibration.calibration_report import AFTER, BEFORE
from todserve.evaluation.calibration.calibration_run import run_calibration
from todserve.evaluation.calibration.judged_claims import generated_passages
from todserve.evaluation.calibration.temperature import log_probs_at
from todserve.evaluation.calibration.temperature_fit import fit, gather, measure
from todserve.evaluation.dialogue_selection import select
from todserve.evaluation.metrics.forced_passages import Forced, targets
from todserve.evaluation.metrics.information import kl_divergence
from todserve.evaluation.metrics.reference_passages import reference_passages
from todserve.evaluation.watched_rollout import Watched, WatchedPipeline, watch
from todserve.runtime.checkpoint import Checkpoint, load_network
from todserve.runtime.decoding.calibration import CALIBRATION_FILE, Calibration
from todserve.runtime.engines.engine import Row
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.engines.torch.torch_engine import TorchEngine
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.prompts import PromptBuilder
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import ModelIdentity, TurnResponse

TEMPERATURES = {
    TaskName.BELIEF_STATE: 1.7,
    TaskName.INTENT: 0.6,
    TaskName.DIALOGUE_ACT: 3.0,
    TaskName.RESPONSE: 1.2,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve dialogues of the held-out half in MultiWOZ's own layout, half of them to fit on."""
    folder = tmp_path_factory.mktemp("corpora") / "multiwoz21"
    shutil.copytree(TINY / "multiwoz21", folder)
    header, *rows = (folder / "dev.tsv").read_text().splitlines(keepends=True)
    annotated = json.loads((folder / "annotated" / "val.json").read_text())
    names = [f"MUL{number:04d}" for number in range(1000, 1200)]
    held_out = [one for one in names if dev_half(one) is DevHalf.HELD_OUT]
    chosen = [
        name
        for half in Half
        for name in [one for one in held_out if calibration_half(one) is half][:6]
    ]
    first = [row for row in rows if row.startswith("MUL0001")]
    text = "".join(row.replace("MUL0001", name) for name in chosen for row in first)
    (folder / "dev.tsv").write_text(header + text)
    logs = dict.fromkeys(chosen, annotated["MUL0001"])
    (folder / "annotated" / "val.json").write_text(json.dumps(logs))
    return folder.parent


@pytest.mark.parametrize("temperature", [0.25, 1.0, 2.5])
def test_a_temperature_divides_the_logits_and_changes_no_id(
    tiny_checkpoint: Path, temperature: float
) -> None:
    network = load_network(tiny_checkpoint, dtype=torch.float32)
    engine = TorchEngine(network)
    contexts = [[5, 9, 33, 21], [40, 7]]
    plain, mixed = (
        [
            Row(context=at % 2, prefix=(9 + at,), end_id=1, max_new_tokens=6, temperature=one)
            for at, one in enumerate(temperatures)
        ]
        for temperatures in ((1.0,) * 4, (temperature, 1.0, 2 * temperature, temperature))
    )
    encoding = engine.encode(contexts)
    expected, got = engine.generate(encoding, plain), engine.generate(encoding, mixed)
    assert [one.ids for one in got] == [one.ids for one in expected]
    for row, one in zip(mixed, got, strict=True):
        written = [*one.ids, *([row.end_id] if one.finished else [])]
        with torch.inference_mode():
            logits = network(
                input_ids=torch.tensor([contexts[row.context]]),
                decoder_input_ids=torch.tensor([[*row.prefix, *written[:-1]]]),
            ).logits[0]
        log_probs = torch.log_softmax(logits.double() / row.temperature, dim=-1)
        chosen = log_probs[range(len(written)), written].tolist()
        assert [*one.log_probs, *([one.end_log_prob] if one.finished else [])] == pytest.approx(
            chosen, abs=2e-3
        )


def test_calibrated_checkpoint_says_the_same_with_other_confidences(
    each_tiny_checkpoint: Path, tmp_path: Path
) -> None:
    calibrated = shutil.copytree(each_tiny_checkpoint, tmp_path / "calibrated")
    Calibration(temperatures=TEMPERATURES).save(calibrated / CALIBRATION_FILE)
    requests = [parse_request({"user": text}) for text in ("a train to ely", "thanks")]
    works = []
    for folder in (each_tiny_checkpoint, calibrated):
        pipeline = WatchedPipeline.load(folder, settings=EngineSettings(threads=1))
        answers = pipeline.answer(requests)
        assert all(isinstance(one, TurnResponse) for one in answers)
        works.append([one for one in pipeline.worked if not isinstance(one, Exception)])
        pipeline.close()
    for before, after in zip(*works, strict=True):
        for task in TaskName:
            one, other = before.readings[task], after.readings[task]
            assert one.generation.ids == other.generation.ids
            assert one.generation.log_probs != other.generation.log_probs


def test_forced_log_probabilities_are_those_that_are_served(each_tiny_checkpoint: Path) -> None:
    pipeline = WatchedPipeline.load(each_tiny_checkpoint, settings=EngineSettings(threads=1))
    builder = PromptBuilder(
        pipeline.checkpoint.tokenizer, pipeline.checkpoint.format, pipeline.checkpoint.schema
    )
    pipeline.answer([parse_request({"user": text}) for text in ("a train to ely", "i want food")])
    readings, passages = [], []
    for work in pipeline.worked:
        assert not isinstance(work, Exception)
        for task, passage in generated_passages(work, builder).items():
            readings.append(work.readings[task])
            passages.append(passage)
    model = Forced(load_network(each_tiny_checkpoint, dtype=torch.float32))
    found = log_probs_at(model, passages, dict.fromkeys(TaskName, (1.0,)), batch=3)
    for reading, log_probs in zip(readings, found, strict=True):
        served = list(reading.generation.log_probs)
        if reading.generation.end_log_prob is not None:
            served.append(reading.generation.end_log_prob)
        assert log_probs[:, 0].tolist() == pytest.approx(served, abs=2e-3)
    assert len(targets(passages)) == sum(map(len, found))
    pipeline.close()


def test_a_fit_never_makes_what_it_was_fitted_on_less_likely(
    tiny_checkpoint: Path, corpus: Path
) -> None:
    checkpoint = Checkpoint.open(tiny_checkpoint)
    dialogues = select(dev_dialogues(checkpoint, corpus), limit=2)
    scripted = _talkative(checkpoint, dialogues)
    model = Forced(load_network(tiny_checkpoint, dtype=torch.float32))
    evidence = gather(scripted, dialogues, checkpoint)
    fitted = fit(model, evidence, batch=8)
    report = measure(model, evidence, fitted, batch=8)
    assert set(report) == set(TaskName)
    for task, kinds in (
        (TaskName.BELIEF_STATE, {"slot"}),
        (TaskName.INTENT, {"intent"}),
        (TaskName.DIALOGUE_ACT, {"act", "act_set"}),
        (TaskName.RESPONSE, set()),
    ):
        assert set(report[task].claims) == kinds
        assert report[task].temperature == fitted[task].temperature
        assert report[task].fitted_on > 0
    # The log-loss of the very claims that were fitted on can only fall.
    for task, kind in (
        (TaskName.BELIEF_STATE, "slot"),
        (TaskName.INTENT, "intent"),
        (TaskName.DIALOGUE_ACT, "act"),
    ):
        before, after = (report[task].claims[kind][one].log_loss for one in (BEFORE, AFTER))
        assert before is not None
        assert after is not None
        assert after <= before + 1e-3
    nats = report[TaskName.RESPONSE].cross_entropy
    assert nats[AFTER].mean <= nats[BEFORE].mean + 1e-3
    entropy = report[TaskName.RESPONSE].entropy
    assert entropy is not None
    assert 0 < entropy.mean < 7


def _talkative(checkpoint: Checkpoint, dialogues: list[Dialogue]) -> list[Watched]:
    """Roll out a model that claims something of every kind; a random one claims nothing."""
    said = {
        TaskName.BELIEF_STATE: "[train] day friday destination ely",
        TaskName.INTENT: "[find_train]",
        TaskName.DIALOGUE_ACT: "[train] [inform] id [request] day",
        TaskName.RESPONSE: "there are 3 trains",
    }

    def script(asked: Asked) -> str:
        return said[asked.task]

    identity = ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum)
    pipeline = WatchedPipeline(checkpoint, ScriptedEngine(checkpoint, script), identity)
    return watch(pipeline, dialogues)


def test_calibration_is_written_reported_and_served(
    tiny_checkpoint: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    settings = EngineSettings(threads=1)
    out = tmp_path / "reports" / "calibration.json"
    run_calibration(
        folder, write=True, out=out, root=corpus, limit=8, settings=settings, progress=False
    )
    checkpoint = Checkpoint.open(folder)
    assert set(checkpoint.calibration.temperatures) == set(TaskName)
    assert checkpoint.calibration.checkpoint == checkpoint.checksum
    assert checkpoint.calibration.fit is not None
    signature = checkpoint.calibration.fit.signature
    start = "multiwoz21|dev|all/dev-held-out-first-8"
    assert signature.startswith(f"{start}/fit|checkpoint:{checkpoint.checksum}|todserve:")
    saved = json.loads(out.read_text())
    assert saved["fit_signature"] == signature
    assert saved["signature"].startswith(f"{start}/report|")
    assert saved["dialogues"]["fit"] + saved["dialogues"]["report"] == 8
    assert saved["turns"] == {key: 3 * count for key, count in saved["dialogues"].items()}
    assert {"ece", "brier", "cross_entropy", "entropy"} <= set(saved["definitions"])
    response = saved["tasks"]["response"]
    assert response["fitted_by"] == "reference tokens"
    assert response["cross_entropy"]["before"]["tokens"] > 0
    assert "invented_value" in saved["robustness"]["figures"]
    printed = capsys.readouterr().out
    assert "dialogues to fit" in printed
    assert start in printed
    pipeline = Pipeline.load(folder, settings=settings)
    (answer,) = pipeline.answer([parse_request({"user": "hello"})])
    assert isinstance(answer, TurnResponse)
    pipeline.close()


def test_without_write_the_checkpoint_stays_as_it_is(
    tiny_checkpoint: Path, corpus: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    before = sorted(path.name for path in folder.iterdir())
    run_calibration(folder, root=corpus, limit=6, progress=False)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_too_few_dialogues_for_two_halves_are_refused(tiny_checkpoint: Path, corpus: Path) -> None:
    with pytest.raises(ConfigError, match=r"1 dialogues.*at least one of each"):
        run_calibration(tiny_checkpoint, root=corpus, limit=1, progress=False)


def test_halves_are_about_equal_and_fixed() -> None:
    halves = [calibration_half(f"MUL{number:04d}") for number in range(400)]
    assert 160 < halves.count(Half.FIT) < 240
    assert halves[:4] == [calibration_half(f"MUL{number:04d}") for number in range(4)]
    held_out = [
        calibration_half(name)
        for name in (f"MUL{number:04d}" for number in range(400))
        if dev_half(name) is DevHalf.HELD_OUT
    ]
    # The hash that halves dev must not halve this the same way.
    assert 0.35 < held_out.count(Half.FIT) / len(held_out) < 0.65


def test_a_network_does_not_diverge_from_itself_but_from_its_rounding(
    tiny_checkpoint: Path, corpus: Path
) -> None:
    checkpoint = Checkpoint.open(tiny_checkpoint)
    builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)
    dialogues = select(dev_dialogues(checkpoint, corpus), limit=2)
    passages = list(reference_passages(dialogues, builder, checkpoint.knowledge))
    whole, rounded = (
        Forced(load_network(tiny_checkpoint, dtype=one)) for one in (torch.float32, torch.bfloat16)
    )
    assert kl_divergence(whole(passages), whole(passages)).tolist() == [0.0] * sum(
        len(one.target) for one in passages
    )
    assert 0 < float(kl_divergence(whole(passages), rounded(passages)).mean()) < 1
    assert kl_divergence(whole(passages[:1]), rounded(passages[:1])).shape == (
        len(passages[0].target),
    )


def test_logits_that_are_not_finite_are_an_error(tiny_checkpoint: Path, corpus: Path) -> None:
    checkpoint = Checkpoint.open(tiny_checkpoint)
    builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)
    dialogues = select(dev_dialogues(checkpoint, corpus), limit=1)
    passages = list(reference_passages(dialogues, builder, checkpoint.knowledge))
    network = load_network(tiny_checkpoint, dtype=torch.float32)
    with torch.no_grad():
        network.get_parameter("decoder.final_layer_norm.weight")[0] = float("nan")
    with pytest.raises(ConfigError, match="not finite"):
        Forced(network)(passages)
