import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from torch.utils.tensorboard import SummaryWriter

from tests.support.report_page import read_page
from todserve.corpora.silver.silver_annotator import DevHalf, dev_half
from todserve.evaluation.report.html_report import write_report
from todserve.evaluation.report.plots import Line, line_plot, reliability_plot
from todserve.evaluation.report.report_confusion import NO_INTENT, OTHER, confusion, scored_intents
from todserve.evaluation.report.report_curves import read_curves, thinned
from todserve.evaluation.report.report_dialogues import Mark, word_pieces
from todserve.evaluation.report.report_figures import FigureRow, figure_table
from todserve.evaluation.rollout import Outcome
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import Turn

SVG_PARTS = {"svg", "g", "defs", "style", "path", "rect", "text", "use", "clipPath"}


def test_figures_of_parts_carry_the_nearest_signature() -> None:
    table = figure_table(
        {
            "joint_goal_accuracy": 0.25,
            "bleu": 17.456,
            "seen": {"frames": 3, "average": None},
            "robustness": {"signature": "other", "figures": {"refused": {"value": 0.0, "of": 4}}},
            "confusions": [{"count": 1}, {"count": 2}],
            "seen_by": "the checkpoint",
            "signature": "sgd|dev",
        }
    )
    assert table.signatures == ("sgd|dev", "other")
    assert table.rows == (
        FigureRow(name="joint_goal_accuracy", value="0.2500", signature=1),
        FigureRow(name="bleu", value="17.46", signature=1),
        FigureRow(name="seen.frames", value="3", signature=1),
        FigureRow(name="seen.average", value="–", signature=1),
        FigureRow(name="robustness.refused", value="0.0000", counted="4", signature=2),
    )
    assert table.facts == (("confusions", "2 entries"), ("seen_by", "the checkpoint"))


def test_a_headline_does_not_repeat_figures_and_its_units_become_notes() -> None:
    figure = {"value": 0.25, "of": 4, "unit": "turns", "note": ""}
    table = figure_table(
        {
            "slot_f1": 0.25,
            "flips": 3,
            "units": {"slot_f1": "share, 0 to 1", "flips": "A-B-A flips"},
            "figures": {"slot_f1": figure},
        }
    )
    assert table.rows == (
        FigureRow(name="flips", value="3", note="A-B-A flips"),
        FigureRow(name="slot_f1", value="0.2500", counted="4 turns", note="share, 0 to 1"),
    )
    assert table.facts == ()


def test_rare_labels_share_a_row_and_unknown_ones_a_column() -> None:
    pairs = [
        *[("a", "a")] * 3,
        ("a", "c"),
        *[("b", "a")] * 2,
        ("b", None),
        ("c", "c"),
        ("d", "a"),
    ]
    found = confusion(pairs, most=2)
    assert found is not None
    assert found.columns == ("a", "b", OTHER, NO_INTENT)
    counts = {row.label: [cell.count for cell in row.cells] for row in found.rows}
    assert counts == {"a": [3, 0, 1, 0], "b": [2, 0, 0, 1], OTHER: [1, 0, 1, 0]}
    assert [cell.share for cell in found.rows[0].cells] == [0.75, 0.0, 0.25, 0.0]
    assert found.mistakes == (("b", "a", 2), ("a", "c", 1), ("b", NO_INTENT, 1), ("d", "a", 1))


def test_nothing_predicted_has_no_confusion() -> None:
    assert confusion([]) is None


def test_intents_that_taught_the_annotator_do_not_count_on_dev() -> None:
    names = [f"dialogue-{number}" for number in range(20)]
    held_out = [name for name in names if dev_half(name) is DevHalf.HELD_OUT]
    found = [
        Outcome(dialogue_id=name, index=0, turn=Turn(user="x", intent=name), answer=None, state={})
        for name in names
    ]
    assert 0 < len(held_out) < 20
    assert scored_intents(found, "dev") == [(name, None) for name in held_out]
    assert len(scored_intents(found, "test")) == 20


def test_words_that_differ_are_told_from_those_that_do_not() -> None:
    ours, theirs = word_pieces("it leaves at nine today", "it goes at nine")
    assert [(one.text, one.mark) for one in ours] == [
        ("it", Mark.SAME),
        ("leaves", Mark.MISSING),
        ("at nine", Mark.SAME),
        ("today", Mark.MISSING),
    ]
    assert [(one.text, one.mark) for one in theirs] == [
        ("it", Mark.SAME),
        ("goes", Mark.EXTRA),
        ("at nine", Mark.SAME),
    ]


def write_run(folder: Path, steps: int) -> None:
    with SummaryWriter(folder / "tensorboard") as board:
        for step in range(steps):
            board.add_scalar("train/intent/nats", 4.0 - step, step)
            board.add_scalar("train/intent/perplexity", 9.0, step)
            board.add_scalar("tokens_per_second", 500.0, step)
        board.add_scalar("dev/intent/nats", 1.5, steps)


def test_curves_are_read_from_a_run_s_folder(tmp_path: Path) -> None:
    write_run(tmp_path, 3)
    curves = read_curves(tmp_path)
    assert {one.tag: one.points for one in curves} == {
        "dev/intent/nats": ((3, 1.5),),
        "tokens_per_second": ((0, 500.0), (1, 500.0), (2, 500.0)),
        "train/intent/nats": ((0, 4.0), (1, 3.0), (2, 2.0)),
    }
    assert [(one.split, one.task) for one in curves] == [
        ("dev", "intent"),
        ("tokens_per_second", ""),
        ("train", "intent"),
    ]
    assert read_curves(tmp_path / "tensorboard") == curves


def test_curves_stand_in_the_report(tmp_path: Path) -> None:
    write_run(tmp_path, 2)
    path = tmp_path / "report.html"
    write_report(path, title="a run", card={}, run=tmp_path)
    page = read_page(path.read_text(encoding="utf-8"))
    assert page.tags["svg"] == 3
    assert "train: cross-entropy, nats per target token" in page.texts["learning"]
    assert "dev: cross-entropy, nats per target token" in page.texts["learning"]
    assert "useful tokens per second of the whole run so far" in page.texts["learning"]


def test_a_folder_without_curves_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no learning curves in"):
        read_curves(tmp_path)


def test_long_curves_are_averaged_and_the_last_value_of_a_step_counts() -> None:
    points = [(0.0, 9.0), *((float(step), float(step)) for step in range(6))]
    assert thinned(points, most=6) == tuple((step, step) for step in range(6))
    assert thinned(points, most=2) == ((1.0, 1.0), (4.0, 4.0))
    assert thinned(points, most=4) == ((0.0, 0.0), (1.5, 1.5), (3.0, 3.0), (4.5, 4.5))


@pytest.mark.parametrize(
    "name", ['"><script>alert(1)</script>', "a\\g<0>b", "$\\nosuch{$", "<!-- --> ]]> &", '\'" x="']
)
def test_whatever_a_plot_is_called_is_text_in_it(name: str) -> None:
    line = Line(label=name, points=((0, 1), (1, 2)))
    for text in (
        line_plot(name, [line, line], title=name, x=name, y=name),
        reliability_plot(name, [(0.5, 0.5, 3)], [(0.4, 0.5, 3)], title=name),
    ):
        root = ElementTree.fromstring(text.replace("<svg", '<svg xmlns:xlink="x"', 1))
        assert {one.tag for one in root.iter()} <= SVG_PARTS
        assert root.attrib["aria-label"] == name
        assert set(root.attrib) <= {"role", "aria-label", "width", "height", "viewBox", "version"}
        assert name in {one.text for one in root.iter("text")}


def test_a_plot_is_well_formed_and_says_what_it_shows() -> None:
    lines = [
        Line(label="one", points=((0, 1), (1, 2))),
        Line(label="a < b", points=((0, 2),), colour=1, dashed=True),
    ]
    text = line_plot("key", lines, title="up & down", x="step", y="nats")
    # As in a page, where the prefix is known.
    root = ElementTree.fromstring(text.replace("<svg", '<svg xmlns:xlink="x"', 1))
    assert root.attrib["aria-label"] == "up & down"
    shown = {one.text for one in root.iter("text")}
    assert {"up & down", "step", "nats", "one", "a < b"} <= shown
    assert all(one.attrib["id"].startswith("key-") for one in root.iter() if "id" in one.attrib)
    assert text == line_plot("key", lines, title="up & down", x="step", y="nats")
