"""Read CLINC150: utterances with 150 intents in ten domains, and some out of scope.

Intent training and the intent benchmarks read the corpus with it. Reads ``data_full.json``; an
intent's domain is the one ``domains.json`` puts it in. Example:
``["how would you say fly in italian", "translate"]`` is intent ``translate`` in domain ``travel``.

Out-of-scope utterances have intent ``oos`` and no domain; they stand in splits of their own, as
published, so that a score can be taken with and without them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import json_object
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport
from todserve.corpora.reader import Reader
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.single_utterances import Utterance, one_turn_dialogues
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Service

OUT_OF_SCOPE = "oos"
"""Intent of utterances that none of the 150 intents fits."""

_FILE = "data_full.json"
_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "train": "train",
        "dev": "val",
        "test": "test",
        "oos_train": "oos_train",
        "oos_dev": "oos_val",
        "oos_test": "oos_test",
    }
)


def read_clinc150(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream a split as dialogues of one turn.

    Args:
        source: the corpus.
        split: ``train``, ``dev``, ``test`` (150 intents), or ``oos_train``, ``oos_dev``,
            ``oos_test`` (out of scope).
        report: counts everything skipped.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split, or a file without the publisher's layout.
    """
    source.publisher.check(split)
    report = report if report is not None else ReadReport()
    utterances = _utterances(source, split)
    yield from one_turn_dialogues(utterances, source, split, report=report, progress=progress)


def clinc150_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the ten domains with their intents, and ``oos`` as a service of its own."""
    services = [
        Service(name=label(domain), intents=tuple(map(label, intents)))
        for domain, intents in _domains(source).items()
    ]
    return (*services, Service(name=OUT_OF_SCOPE, intents=(OUT_OF_SCOPE,)))


def _utterances(source: CorpusSource, split: str) -> Iterator[Utterance]:
    domain_of = {
        label(intent): label(domain)
        for domain, intents in _domains(source).items()
        for intent in intents
    }
    key = _KEYS[split]
    entries = json_object(source, _FILE).get(key)
    if not isinstance(entries, list):
        raise CorpusError(f"{_FILE} has no list {key!r}; expected oos-eval's layout")
    for number, entry in enumerate(entries):
        match entry:
            case [str(text), str(intent)] if intent in domain_of or intent == OUT_OF_SCOPE:
                yield Utterance(text=text, intent=intent, domain=domain_of.get(intent))
            case _:
                raise CorpusError(
                    f"{_FILE}, {key}[{number}] is no pair of an utterance and an intent of "
                    "domains.json; fetch both files again"
                )


def _domains(source: CorpusSource) -> Mapping[str, Sequence[str]]:
    return json_object(source, "domains.json")


READER = Reader(
    publisher=Publisher(
        name="clinc150",
        title="CLINC150",
        licence="CC BY 3.0",
        url="https://github.com/clinc/oos-eval (data/)",
        archive="clinc150.tar.xz",
        markers=("data_full.json",),
        splits=("train", "dev", "test", "oos_train", "oos_dev", "oos_test"),
        caution="out-of-scope utterances stand in the oos_ splits, not in train, dev and test",
    ),
    read=read_clinc150,
    services=clinc150_services,
    manifest=Path(__file__).with_name("manifest.json"),
)
