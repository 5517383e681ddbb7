"""What the fuzz run feeds: every door through which strangers' bytes come in.

A target takes bytes and a folder of its own. It may read them or raise an error of ours; whatever
else it raises, and whatever it writes beside that folder, is a fault.
"""

import contextlib
import io
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from todserve.bot.bot_file import load_bot
from todserve.bot.rasa.intent_payload import IntentPayload
from todserve.corpora.files.dialogue_layouts import Layout
from todserve.corpora.layout_conversion import run_convert
from todserve.corpora.validation import run_validate
from todserve.evaluation.suites.people.people_steps import load_steps
from todserve.runtime.decoding.calibration import CALIBRATION_FILE, Calibration
from todserve.runtime.errors import TodError
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.learnt_labels import LABELS_FILE, LearntLabels
from todserve.runtime.language.prompts import PromptBuilder, PromptFormat, PromptInput
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.runtime.networks.export_manifest import MANIFEST_FILE, ExportManifest
from todserve.runtime.networks.stored_weights import read_config
from todserve.runtime.tracking.ways_of_saying import WAYS_FILE, WaysOfSaying
from todserve.runtime.wire.kserve import parse_body
from todserve.runtime.wire.limits import DEFAULT_LIMITS
from todserve.runtime.wire.request import parse_request
from todserve.serving.archive.model_config import load_model_config
from todserve.serving.client.served_answerer import open_answerer
from todserve.training.training_config import TrainingConfig

Target = Callable[[bytes, Path], object]

CHECKPOINT = Path(__file__).resolve().parents[2] / "checkpoints" / "multiwoz"


def body(content: bytes, folder: Path) -> None:
    """Read a request, and make a prompt of it."""
    request = parse_request(content)
    given = PromptInput(user=request.user, history=request.history, previous_state=request.state)
    prompts().context(given, TaskName.BELIEF_STATE)


def state(content: bytes, folder: Path) -> None:
    """Read a belief state's value, and look for control tokens in the prompt made of it."""
    with contextlib.suppress(UnicodeDecodeError):
        value = content.decode("utf-8")
        request = parse_request({"user": "hi", "state": {"restaurant": {"name": value}}})
        builder = prompts()
        given = PromptInput(user=request.user, previous_state=request.state)
        plain = PromptInput(user="hi", previous_state={"restaurant": {"name": "x"}})
        controls = control_ids()
        counted, expected = (
            [one for one in builder.context(source, TaskName.BELIEF_STATE) if one in controls]
            for source in (given, plain)
        )
        assert counted == expected, "a value brought a control token"


def kserve(content: bytes, folder: Path) -> None:
    """Read a body of KServe's, as JSON alone and as JSON with binary tensors behind it."""
    for length in ("", "0", str(len(content) // 2), str(len(content)), "9" * 5_000):
        with contextlib.suppress(TodError):
            parse_body(content, limits=DEFAULT_LIMITS, json_length=length)


def payload(content: bytes, folder: Path) -> None:
    """Read a message that says its intent outright."""
    with contextlib.suppress(UnicodeDecodeError):
        found = IntentPayload.of(content.decode("utf-8"))
        if found is not None:
            assert found.intent, "a payload without an intent"
            found.words.encode("utf-8")


@cache
def prompts() -> PromptBuilder:
    """Return what makes the shipped checkpoint's prompts."""
    return PromptBuilder(
        Tokenizer.load(CHECKPOINT / "tokenizer.json"),
        PromptFormat.load(CHECKPOINT / "format.json"),
        Schema.load(CHECKPOINT / "schema.json"),
    )


@cache
def control_ids() -> frozenset[int]:
    """Return the ids of the marks that tell the parts of a prompt."""
    tokenizer = Tokenizer.load(CHECKPOINT / "tokenizer.json")
    names = ("context", "u", "r", "b", "a", "d", "db")
    found: set[int] = set()
    for name in names:
        for side in ("sos", "eos"):
            with contextlib.suppress(TodError):
                found.add(tokenizer.token_id(f"<{side}_{name}>"))
    return frozenset(found)


def _file(name: str, read: Callable[[Path], object]) -> Target:
    def target(content: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(content)
        read(path)

    return target


def _folder(name: str, read: Callable[[Path], object]) -> Target:
    def target(content: bytes, folder: Path) -> None:
        (folder / name).write_bytes(content)
        read(folder)

    return target


def _corpus(name: str) -> Target:
    """Return a target that validates a corpus of one file and converts it to every layout."""

    def target(content: bytes, folder: Path) -> None:
        corpus = folder / "corpus"
        corpus.mkdir()
        (corpus / name).write_bytes(content)
        if not name.startswith("schema"):
            Schema.load(CHECKPOINT / "schema.json").save(corpus / "schema.json")
        else:
            (corpus / "train.jsonl").write_text('{"dialogue_id": "1", "turns": []}\n')
        with contextlib.redirect_stdout(io.StringIO()):
            with contextlib.suppress(TodError):
                run_validate(corpus)
            for layout in Layout:
                with contextlib.suppress(TodError):
                    run_convert(corpus, layout, folder / f"to-{layout}")

    return target


def markup(content: bytes, folder: Path) -> None:
    """Send an utterance to Rasa and back; it must come back as it was, with no state."""
    from todserve.corpora.files.dialogue_layouts import open_dialogues
    from todserve.corpora.read_report import ReadReport
    from todserve.corpora.readers.rasa.rasa_project import write_project
    from todserve.corpora.readers.rasa.rasa_writer import dialogues_project

    text = " ".join(content.decode("utf-8", errors="ignore").split())
    if not text or not text.isprintable():
        return
    turns = (Turn(user=text, intent="inform", system="ok"), Turn(user="bye", intent="bye"))
    dialogue = Dialogue(dialogue_id="d", corpus="c", split="train", turns=turns)
    report = ReadReport()
    write_project(dialogues_project((), [dialogue], report), folder, report)
    (back,) = open_dialogues(folder, fit=False)[1]
    assert back.turns[0].user == text, "an utterance changed on its way to Rasa and back"
    assert not back.turns[0].belief_state, "an utterance became a state"


def archive(content: bytes, folder: Path) -> None:
    """Open an archive as ``tod replay --against`` does."""
    path = folder / "a.mar"
    path.write_bytes(content)
    with open_answerer(str(path)):
        pass


def packed(content: bytes, folder: Path) -> None:
    """Open an archive whose checkpoint's files are all there but for one."""
    path = folder / "a.mar"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("MAR-INF/MANIFEST.json", content)
        made.writestr("model-config.yaml", content)
    with open_answerer(str(path)):
        pass


TARGETS: Mapping[str, Target] = {
    "bodies": body,
    "states": state,
    "kserve": kserve,
    "payloads": payload,
    "tokenizers": _file("tokenizer.json", Tokenizer.load),
    "bots": _file("bot.yml", load_bot),
    "model-configs": _file("model-config.yaml", load_model_config),
    "training": _file("mine.yaml", lambda path: TrainingConfig.load(str(path))),
    "steps": _file("steps.yaml", load_steps),
    "jsonlines": _corpus("train.jsonl"),
    "sgd": _corpus("dialogues_001.json"),
    "schemas": _corpus("schema.json"),
    "rasa-yaml": _corpus("nlu.yml"),
    "rasa-json": _corpus("nlu.json"),
    "rasa-markdown": _corpus("stories.md"),
    "markup": markup,
    "archives": archive,
    "manifests": packed,
    "exports": _folder(MANIFEST_FILE, ExportManifest.of_folder),
    "configs": _folder("config.json", read_config),
    "ways": _folder(WAYS_FILE, WaysOfSaying.of),
    "labels": _folder(LABELS_FILE, LearntLabels.of_folder),
    "calibrations": _file(
        CALIBRATION_FILE, lambda path: Calibration.load(path, checkpoint="e51f71ec12ba")
    ),
    "knowledge": _file("knowledge.sqlite", KnowledgeBase.open),
}
"""Name -> target; the seeds of each lie in ``seeds/NAME``."""
