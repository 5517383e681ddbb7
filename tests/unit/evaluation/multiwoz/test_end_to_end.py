"""Whole dialogues rolled out on the model's own replies, scored, interrupted and resumed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pipeline_server import PipelineServer
from tests.support.scripted_engine import Asked, ScriptedEngine
from tests.support.tiny_goals import tiny_multiwoz
from todserve.corpora.corpus_source import CorpusSource
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.outcome_log import OutcomeLog, outcome_key, roll_out_logged
from todserve.evaluation.rollout import Outcome, Protocol, roll_out
from todserve.evaluation.suites.multiwoz.multiwoz_checkpoint import (
    GoalDialogues,
    RolledOut,
    roll_out_goals,
)
from todserve.evaluation.suites.multiwoz.multiwoz_end_to_end import predictions_of
from todserve.evaluation.suites.multiwoz.multiwoz_predictions import read_predictions
from todserve.evaluation.suites.multiwoz.multiwoz_run import run_evaluation
from todserve.evaluation.suites.multiwoz.predictions_run import run_predictions
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.response import (
    DatabaseMatches,
    ModelIdentity,
    ResponsePrediction,
    TurnResponse,
)

UNKEPT = OutcomeLog(path=None, key="")
ANSWERS = {
    ("cheap", TaskName.BELIEF_STATE): "[restaurant] area centre pricerange cheap",
    ("cheap", TaskName.INTENT): "[find_restaurant]",
    ("cheap", TaskName.RESPONSE): "[value_name] is nice. its phone is [value_phone].",
    ("book", TaskName.BELIEF_STATE): "[restaurant] people 2",
    ("book", TaskName.INTENT): "[book_restaurant]",
    ("book", TaskName.RESPONSE): "booked, [value_reference].",
    ("train", TaskName.BELIEF_STATE): ("[train] departure cambridge destination ely leave 11:00"),
    ("train", TaskName.INTENT): "[find_train]",
    ("train", TaskName.RESPONSE): "[value_id] leaves at [value_leave].",
}


def script(asked: Asked) -> str:
    last = asked.context.rpartition("<sos_u>")[2]
    word = next(word for word in ("cheap", "book", "train", "") if word in last)
    return ANSWERS.get((word, asked.task), "")


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusSource:
    return tiny_multiwoz(tmp_path / "corpus")


class Scripted:
    """A pipeline that says what `ANSWERS` says."""

    def __init__(self, folder: Path) -> None:
        checkpoint = Checkpoint.open(folder)
        self.engine = ScriptedEngine(checkpoint, script)
        identity = ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum)
        self.pipeline = Pipeline(checkpoint, self.engine, identity)

    def contexts(self) -> Iterator[str]:
        for rows in self.engine.generated:
            yield from (row.context for row in rows)


def rolled_out(
    folder: Path, corpus: CorpusSource, protocol: Protocol = Protocol.END_TO_END
) -> RolledOut:
    goals = GoalDialogues.read(corpus, "test")
    return roll_out_goals(Scripted(folder).pipeline, goals, UNKEPT, protocol=protocol)


def test_model_s_own_replies_stand_in_the_history(
    tiny_checkpoint: Path, corpus: CorpusSource
) -> None:
    scripted = Scripted(tiny_checkpoint)
    roll_out_goals(scripted.pipeline, GoalDialogues.read(corpus, "test"), UNKEPT)
    second = [context for context in scripted.contexts() if "book it" in context]
    assert second
    for context in second:
        # as served: lexicalised from the checkpoint's own database, not "pizza palace is nice ."
        assert "<sos_r> pizza palace is nice. its phone is 01223111111. <eos_r>" in context


def test_predictions_are_what_was_served(tiny_checkpoint: Path, corpus: CorpusSource) -> None:
    turns = rolled_out(tiny_checkpoint, corpus).predictions["mul0001"]
    assert turns[0].response == "[value_name] is nice. its phone is [value_phone]."
    assert turns[1].state == {
        "restaurant": {"area": "centre", "pricerange": "cheap", "people": "2"}
    }
    assert [list(turn.active_domains or ()) for turn in turns] == [["restaurant"]] * 2


def test_scores_of_a_rollout_by_hand(tiny_checkpoint: Path, corpus: CorpusSource) -> None:
    rolled = rolled_out(tiny_checkpoint, corpus)
    # mul0001 says name, phone and reference. pmul0002 offers the right train, but no taxi's phone.
    assert (rolled.scores.inform, rolled.scores.success) == (100.0, 50.0)
    assert rolled.flips == 0
    headline = rolled.headline()
    assert headline["mode"] == "end-to-end"
    assert headline["combined"] == pytest.approx(75 + headline["bleu"], abs=0.01)
    assert "own-replies-in-history" in rolled.signed_protocol
    assert "states:predicted,domains:predicted" in rolled.signed_protocol


def test_oracle_context_lends_replies_and_domains_and_says_so(
    tiny_checkpoint: Path, corpus: CorpusSource
) -> None:
    scripted = Scripted(tiny_checkpoint)
    goals = GoalDialogues.read(corpus, "test")
    rolled = roll_out_goals(scripted.pipeline, goals, UNKEPT, protocol=Protocol.ORACLE_CONTEXT)
    second = [context for context in scripted.contexts() if "book it" in context]
    assert second
    assert all("<sos_r> pizza palace is nice. <eos_r>" in context for context in second)
    assert rolled.headline()["mode"] == "oracle-context"
    assert "LEAKED:reference-replies" in rolled.signed_protocol
    assert "LEAKED:gold-turn-domains" in rolled.signed_protocol
    assert "domains:estimated" in rolled.signed_protocol


def test_oracle_context_hands_over_the_gold_domain(tiny_checkpoint: Path) -> None:
    pipeline = Scripted(tiny_checkpoint).pipeline
    turn = Turn(user="hello there", active_domain="taxi")
    dialogue = Dialogue(dialogue_id="x", corpus="x", split="dev", turns=(turn,))

    def active(protocol: Protocol) -> str | None:
        (outcome,) = roll_out(pipeline, [dialogue], protocol=protocol)
        assert outcome.answer is not None
        assert outcome.answer.domain is not None
        return outcome.answer.domain.active

    assert active(Protocol.ORACLE_CONTEXT) == "taxi"
    assert active(Protocol.END_TO_END) is None


def test_refused_turn_says_nothing_and_the_dialogue_goes_on(tiny_checkpoint: Path) -> None:
    turns = (Turn(user="ely " * 990), Turn(user="a cheap place"))
    dialogue = Dialogue(dialogue_id="MUL0009.json", corpus="x", split="dev", turns=turns)
    outcomes = roll_out(
        Scripted(tiny_checkpoint).pipeline, [dialogue], protocol=Protocol.END_TO_END
    )
    predicted = predictions_of(outcomes, own_domains=True)["mul0009"]
    assert [turn.response for turn in predicted] == [
        "",
        "[value_name] is nice. its phone is [value_phone].",
    ]
    assert predicted[0].active_domains == ()


def test_placeholders_are_written_as_the_standard_spells_them() -> None:
    outcome = Outcome(
        dialogue_id="MUL0001",
        index=0,
        turn=Turn(user=""),
        answer=TurnResponse(
            model=ModelIdentity(name="tod", version="1", checkpoint="0"),
            response=ResponsePrediction(text="", delexicalised="[value_fee], [value_address]"),
            database=DatabaseMatches(domain=None, matches=None),
        ),
        state={},
    )
    (turn,) = predictions_of([outcome], own_domains=False)["mul0001"]
    assert turn.response == "[entrancefee], [value_address]"
    assert turn.active_domains is None


def test_dialogues_the_tsv_lacks_or_splits_differently_come_as_annotated(
    corpus: CorpusSource,
) -> None:
    tsv = corpus.location / "test.tsv"
    lines = tsv.read_text().splitlines(keepends=True)
    tsv.write_text(
        "".join(line for line in lines if "PMUL0002" not in line and "\t1\t" not in line)
    )
    found = GoalDialogues.read(corpus, "test").dialogues
    assert {one.dialogue_id: len(one.turns) for one in found} == {"MUL0001": 2, "PMUL0002": 1}


def evaluate(
    folder: Path,
    corpus: CorpusSource,
    out: Path,
    *,
    end_to_end: bool = True,
    oracle_context: bool = False,
) -> dict[str, object]:
    run_evaluation(
        AnswererSource(checkpoint=folder),
        split="test",
        out=out,
        root=corpus.location.parent,
        end_to_end=end_to_end,
        oracle_context=oracle_context,
        progress=False,
    )
    figures: dict[str, object] = json.loads(out.read_text())
    return figures


def test_file_of_figures_begins_with_the_headline(
    tiny_checkpoint: Path,
    corpus: CorpusSource,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures = evaluate(tiny_checkpoint, corpus, tmp_path / "scores.json")
    assert list(figures)[:8] == [
        *("joint_goal_accuracy", "slot_f1", "inform", "success", "bleu", "combined", "flips"),
        "signature",
    ]
    assert "state-tracking:reference-replies" in str(figures["signature"])
    assert "end-to-end:own-replies-in-history" in str(figures["signature"])
    assert figures["mode"] == "end-to-end"
    detail = figures["figures"]
    assert isinstance(detail, dict)
    assert detail["joint_goal_accuracy"]["value"] == figures["joint_goal_accuracy"]
    assert detail["inform"]["value"] == pytest.approx(figures["inform"])
    assert "own-replies-in-history" in detail["inform"]["signature"]
    assert "reference-replies-in-history" in detail["slot_f1"]["signature"]
    printed = capsys.readouterr()
    assert "scoring the TEST split" in printed.err
    assert "combined" in printed.out
    assert not list(tmp_path.glob("*.jsonl"))


def test_report_shows_both_rollouts(
    tiny_checkpoint: Path, corpus: CorpusSource, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    run_evaluation(
        AnswererSource(checkpoint=tiny_checkpoint),
        split="test",
        html=page,
        root=corpus.location.parent,
        progress=False,
    )
    text = page.read_text()
    assert "multiwoz21 test, checkpoint" in text
    assert "joint_goal_accuracy" in text
    assert "own-replies-in-history" in text


def test_running_server_is_scored_as_the_pipeline_behind_it(
    tiny_checkpoint: Path, corpus: CorpusSource
) -> None:
    root = corpus.location.parent
    with PipelineServer(Scripted(tiny_checkpoint).pipeline) as server:
        card = run_evaluation(
            AnswererSource(checkpoint=tiny_checkpoint, url=server.url),
            split="test",
            root=root,
            progress=False,
        )
    assert (card.value("inform"), card.value("success")) == (100.0, 50.0)
    assert all("-over-rest|" in str(one.signature) for one in card.figures)


def test_without_the_second_rollout_its_scores_are_null(
    tiny_checkpoint: Path, corpus: CorpusSource, tmp_path: Path
) -> None:
    figures = evaluate(tiny_checkpoint, corpus, tmp_path / "scores.json", end_to_end=False)
    assert figures["inform"] is None
    assert figures["slot_f1"] is not None
    with pytest.raises(ConfigError, match="need the rollout of whole dialogues"):
        evaluate(
            tiny_checkpoint, corpus, tmp_path / "x.json", end_to_end=False, oracle_context=True
        )


def test_written_predictions_score_the_same(
    tiny_checkpoint: Path, corpus: CorpusSource, tmp_path: Path
) -> None:
    file = tmp_path / "predictions.json"
    root = corpus.location.parent
    card = run_evaluation(
        AnswererSource(checkpoint=tiny_checkpoint),
        split="test",
        predictions_out=file,
        root=root,
        progress=False,
    )
    assert set(read_predictions(file)) == {"mul0001", "pmul0002"}
    figures = run_predictions(file, None, root)
    for name in ("inform", "success", "bleu", "combined"):
        assert card.value(name) == pytest.approx(figures[name], abs=0.005)


def test_finished_dialogues_are_not_rolled_out_again(
    tiny_checkpoint: Path, corpus: CorpusSource, tmp_path: Path
) -> None:
    dialogues = GoalDialogues.read(corpus, "test").dialogues
    out = tmp_path / "scores.json"
    first = Scripted(tiny_checkpoint)
    done = roll_out_logged(
        first.pipeline,
        dialogues[:1],
        OutcomeLog.open(out, "key"),
        protocol=Protocol.END_TO_END,
    )
    log = tmp_path / "scores.json.outcomes.jsonl"
    with log.open("a") as file:
        file.write('{"key": "key", "dialogue_id": "PMU')  # cut off in the middle
    again = Scripted(tiny_checkpoint)
    counted: list[int] = []
    outcomes = roll_out_logged(
        again.pipeline,
        dialogues,
        OutcomeLog.open(out, "key"),
        protocol=Protocol.END_TO_END,
        on_batch=counted.append,
    )
    assert outcomes[: len(done)] == done
    assert {one.dialogue_id for one in outcomes} == {"MUL0001", "PMUL0002"}
    assert sum(counted) == 3
    asked = " ".join(again.contexts())
    assert ("cheap place" in asked) is (dialogues[0].dialogue_id != "MUL0001")


def test_outcomes_of_other_weights_or_settings_are_passed_over(
    tiny_checkpoint: Path, corpus: CorpusSource, tmp_path: Path
) -> None:
    dialogues = GoalDialogues.read(corpus, "test").dialogues
    out = tmp_path / "scores.json"
    pipeline = Scripted(tiny_checkpoint).pipeline
    roll_out_logged(pipeline, dialogues, OutcomeLog.open(out, "key"), protocol=Protocol.END_TO_END)
    assert all(OutcomeLog.open(out, "key").outcomes(one) for one in dialogues)
    assert not any(OutcomeLog.open(out, "other").outcomes(one) for one in dialogues)
    key = outcome_key(tiny_checkpoint, out, "dev")
    assert key == outcome_key(tiny_checkpoint, out, "dev")
    assert key != outcome_key(tiny_checkpoint, out, "test")
    changed = tmp_path / "changed"
    changed.mkdir()
    for file in tiny_checkpoint.iterdir():
        (changed / file.name).write_bytes(file.read_bytes())
    assert outcome_key(changed, out, "dev") == key
    (changed / "schema.json").write_text("[]")
    assert outcome_key(changed, out, "dev") != key


def test_interrupted_evaluation_gives_the_same_figures(
    tiny_checkpoint: Path,
    corpus: CorpusSource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    straight = evaluate(tiny_checkpoint, corpus, tmp_path / "straight.json")
    out = tmp_path / "resumed.json"
    with monkeypatch.context() as interrupted:

        def stop(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        interrupted.setattr(
            "todserve.evaluation.suites.multiwoz.multiwoz_rollouts.roll_out_goals", stop
        )
        with pytest.raises(KeyboardInterrupt):
            evaluate(tiny_checkpoint, corpus, out)
    assert not out.exists()
    assert (tmp_path / "resumed.json.outcomes.jsonl").is_file()
    resumed = evaluate(tiny_checkpoint, corpus, out)
    assert {**resumed, "seconds": 0} == {**straight, "seconds": 0}
