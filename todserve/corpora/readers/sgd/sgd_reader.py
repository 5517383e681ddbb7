"""Read Schema-Guided Dialogue: states, intents, acts, spans, results.

`corpora.registry` calls it for the corpus, `dialogue_layouts` for any folder in its layout. A
service is a domain, under the publisher's name, and a turn's ``belief_state`` holds every service
talked about so far. Example id: ``1_00000``.

Files of the corpus's first release have no user actions and no service calls; what they lack is
None here, and counted. ``database_matches`` is the length of ``service_results``, which the
publisher cut at 10.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import parsed_list
from todserve.corpora.files.located_files import read_json
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Reader
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.exchanges import exchanges
from todserve.corpora.readers.sgd.sgd_checks import SgdChecks
from todserve.corpora.readers.sgd.sgd_frames import (
    canonical_values,
    delexicalise_frames,
    frame_acts,
    frame_intent,
    frame_state,
    leading_frame,
    result_count,
)
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.schema import Schema, Service

_DIALOGUES = {"train": 16142, "dev": 2482}


def sgd_schema(source: CorpusSource, split: str) -> Schema:
    """Read the schema of a split: its services, slots, values and intents."""
    source.publisher.check(split)
    with source.open(f"{split}/schema.json") as stream, tempfile.TemporaryDirectory() as folder:
        # The schema is read by the runtime's own reader, which takes a file.
        path = Path(folder) / "schema.json"
        path.write_bytes(stream.read())
        return Schema.load(path)


def sgd_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the services of Schema-Guided Dialogue's train and dev splits, each once."""
    services = {
        service.name: service
        for split in ("train", "dev")
        for service in sgd_schema(source, split).services
    }
    return tuple(services.values())


def read_sgd(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream the dialogues of ``{split}/dialogues_*.json``, one file in memory at a time.

    Args:
        source: the corpus.
        split: ``train`` or ``dev``.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split, or a file without the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    schema = sgd_schema(source, split)
    entries = (
        (path, entry)
        for path, content in source.files(split, ".json")
        if not path.endswith("schema.json")
        for entry in _entries(path, content)
    )
    for path, entry in with_progress(
        entries, progress=progress, label=f"sgd {split}", total=_DIALOGUES[split]
    ):
        try:
            turns = tuple(_turns(entry["turns"], entry["dialogue_id"], schema, report))
            dialogue_id = str(entry["dialogue_id"])
        except (KeyError, TypeError) as error:
            raise CorpusError(
                f"{path}: a dialogue lacks {error}; expected the publisher's layout of "
                f"dialogue_id and turns of frames"
            ) from error
        yield from kept(dialogue_id, turns, source, split, report, where=f"{path} {dialogue_id}")


def check_sgd_split(
    source: CorpusSource, split: str, faults: list[Fault], *, progress: bool = False
) -> int:
    """Check the files of a split; what is wrong is added to ``faults``.

    Returns:
        Their dialogues.

    Raises:
        CorpusError: no such split.
    """
    source.publisher.check(split)
    checks = SgdChecks(sgd_schema(source, split), faults)
    files: Iterable[tuple[str, bytes]] = source.files(split, ".json")
    for path, content in with_progress(files, progress=progress, label=f"sgd {split} files"):
        if path.endswith("schema.json"):
            continue
        tree = read_json(content.decode("utf-8"), f"{source.location}/{path}", faults)
        if tree is not None:
            checks.file(tree)
    return checks.dialogues


def _entries(path: str, content: bytes) -> Sequence[Mapping[str, Any]]:
    return parsed_list(content, path)


def _turns(
    log: Sequence[Any], dialogue_id: str, schema: Schema, report: ReadReport
) -> Iterator[Turn]:
    state: dict[str, dict[str, str]] = {}
    intents: dict[str, str] = {}
    canonical: set[tuple[str, str]] = set()
    # MultiWOZ 2.2 has this layout without acts; a dialogue whose system never acts has none marked.
    answers = [frame for one in log if one["speaker"] != "USER" for frame in one["frames"]]
    acting = any(frame.get("actions") for frame in answers)
    marked = acting or any(frame.get("slots") for frame in answers)
    said = ((one["speaker"] == "USER", one) for one in log)
    for index, (user, system) in enumerate(exchanges(said, dialogue_id, report)):
        where = f"{dialogue_id} turn {index}"
        frames = user["frames"]
        answer = system["frames"] if system else []
        canonical.update(canonical_values(frames))
        if any("actions" not in frame for frame in frames):
            report.missing("user actions: not in the corpus's first release", where)
        now: dict[str, dict[str, str]] = {}
        for frame in frames:
            now[frame["service"]], unknown = frame_state(frame, schema, canonical)
            for pair in unknown:
                report.changed("value: not in the schema, kept as said", f"{where} {pair}")
        answering = answer[0]["service"] if answer else None
        frame = leading_frame(frames, now, state, intents, answering)
        intents.update({one["service"]: one["state"]["active_intent"] for one in frames})
        state = {service: slots for service, slots in {**state, **now}.items() if slots}
        delexicalised, placeholders, unusable = (
            delexicalise_frames(system["utterance"], answer) if system and marked else (None, (), 0)
        )
        if unusable:
            report.skipped("span: outside its text or overlapping another", where)
        # What the system offered becomes the user's value a turn later.
        canonical.update(canonical_values(answer))
        yield Turn(
            user=user["utterance"],
            belief_state=state,
            intent=frame_intent(frame),
            active_domain=frame["service"],
            dialogue_acts=frame_acts(answer) if system and acting else None,
            system=system["utterance"] if system else None,
            delexicalised_response=delexicalised,
            placeholders=placeholders,
            database_matches=result_count(answer),
        )


READER = Reader(
    publisher=Publisher(
        name="sgd",
        title="Schema-Guided Dialogue",
        licence="CC BY-SA 4.0",
        url="https://github.com/google-research-datasets/dstc8-schema-guided-dialogue",
        archive="sgd-train-dev.tar.xz",
        markers=("train/schema.json", "dev/schema.json"),
        splits=("train", "dev"),
    ),
    read=read_sgd,
    services=sgd_services,
    check=check_sgd_split,
    manifest=Path(__file__).with_name("manifest.json"),
)
