"""Commands that write into a folder never write beside it, whatever the names in what they read."""

import contextlib
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from todserve.bot.conversion.rasa_conversion import convert_rasa
from todserve.corpora.files.dialogue_layouts import Layout
from todserve.corpora.layout_conversion import run_convert
from todserve.runtime.errors import TodError
from todserve.runtime.networks.export_manifest import ExportManifest
from todserve.training.training_config import TrainingConfig

_KNOWN = (
    *("..", ".", "/", "../x", "../../x", "/abs/x", "a/../../x", "~", "~root", "C:\\x", "\\\\x\\y"),
    *("", " ", "-rf", "con", "a\x00b", "a\nb", "..\u2024", "\u202e..", "a" * 300, "train", "dev"),
    *("%2e%2e%2fx", "file:///x", "$(touch x)", "`x`", "*.jsonl", "schema", "domain.yml"),
)
NAMES = st.sampled_from(_KNOWN) | st.text("./\\~ab\x00\n%é", min_size=1, max_size=12)


def everything(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def dialogue(names: list[str]) -> dict[str, object]:
    one, two, three, four, five, six = names
    state = {three: {four: one}}
    return {
        "dialogue_id": one,
        "split": two,
        "corpus": three,
        "turns": [
            {
                "user": f"hi {six}",
                "intent": five,
                "belief_state": state,
                "active_domain": three,
                "dialogue_acts": [{"domain": three, "act": six, "slot": four}],
                "system": "ok",
            },
            {"user": "bye", "intent": five, "belief_state": state, "system": "ok"},
        ],
    }


@settings(deadline=None, max_examples=60)
@example(["x", "../x", "a", "b", "c", "d"])
@example(["x", "train", "../../x", "../y", "/z", "d"])
@given(st.lists(NAMES, min_size=6, max_size=6))
def test_converting_a_corpus_writes_into_its_folder_alone(names: list[str]) -> None:
    with TemporaryDirectory() as made:
        root = Path(made)
        corpus, out = root / "corpus", root / "below" / "out"
        corpus.mkdir()
        service = {
            "service_name": names[2],
            "description": "",
            "slots": [{"name": names[3], "description": "", "is_categorical": False}],
            "intents": [{"name": names[4]}],
        }
        (corpus / "schema.json").write_text(json.dumps([service]))
        (corpus / "train.jsonl").write_text(json.dumps(dialogue(names)) + "\n")
        before = everything(root)
        for layout in Layout:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(TodError):
                run_convert(corpus, layout, out / layout)
        assert {
            name: content
            for name, content in everything(root).items()
            if not Path(name).is_relative_to(out)
        } == before
        assert all(path.resolve().is_relative_to(out.resolve()) for path in out.rglob("*"))


@settings(deadline=None, max_examples=40)
@given(names=st.lists(NAMES, min_size=4, max_size=4), service=NAMES)
def test_converting_an_assistant_writes_into_its_folder_alone(
    names: list[str], service: str
) -> None:
    with TemporaryDirectory() as made:
        root = Path(made)
        project, out = root / "project", root / "below" / "out"
        project.mkdir()
        intent, action, slot, story = names
        steps = [{"intent": intent, "user": "hi"}, {"slot_was_set": [{slot: "a"}]}]
        said = {
            "stories": [{"story": story, "steps": [*steps, {"action": action}]}],
            "nlu": [{"intent": intent, "examples": "- hi\n"}],
            "intents": [intent],
            "slots": {slot: {"type": "text", "mappings": []}},
            "responses": {action: [{"text": "ok"}]},
        }
        (project / "all.yml").write_text(json.dumps(said))
        file = f"service.{quote(service, safe='')[:200]}.yml"
        (project / file).write_text(json.dumps({"slots": said["slots"], "intents": [intent]}))
        before = everything(root)
        for number, convert in enumerate((convert_rasa, to_lines)):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(TodError):
                convert(project, out / str(number))
        assert {
            name: content
            for name, content in everything(root).items()
            if not Path(name).is_relative_to(out)
        } == before


def to_lines(project: Path, out: Path) -> None:
    for layout in Layout:
        run_convert(project, layout, out.with_name(f"{out.name}-{layout}"))


@settings(deadline=None, max_examples=60)
@given(name=NAMES)
def test_an_export_names_files_of_its_folder_alone(name: str) -> None:
    with TemporaryDirectory() as made:
        folder = Path(made) / "export"
        folder.mkdir()
        written = {
            "engine": "onnx",
            "dtype": "int8",
            "checkpoint": "0",
            "exporter": "0",
            "files": {name: "0" * 64},
        }
        (folder / "export.json").write_text(json.dumps(written))
        with pytest.raises(TodError):
            ExportManifest.of_folder(folder)


@settings(deadline=None)
@given(name=NAMES)
def test_a_training_run_has_its_folder_directly_under_runs(name: str) -> None:
    with TemporaryDirectory() as made:
        path = Path(made) / "mine.yaml"
        path.write_text(json.dumps({"name": name, "corpora": ["multiwoz21"]}))
        with contextlib.suppress(TodError):
            found = TrainingConfig.load(str(path)).name
            assert (Path("runs") / found).parent == Path("runs")
            assert Path("runs", found).resolve().parent == Path("runs").resolve()
