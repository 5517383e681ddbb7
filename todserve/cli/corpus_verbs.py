"""Verbs about what is learnt from and looked up: data stats|validate|convert|spoken|get, knowledge.

Example: ``tod data validate my-dialogues/`` exits with 1 when there is any fault.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from todserve.cli.options import CORPUS_NAME, Corpora, CorpusName, CorpusOrPath, Json
from todserve.cli.verb_command import VerbCommand

PANEL = "Data"

_PublishedSplit = Annotated[
    str | None,
    typer.Option("--split", metavar="NAME", help="of a published corpus; its own name for it"),
]


def add_corpus_verbs(app: typer.Typer) -> None:
    """Add ``data`` and ``knowledge``, about what is learnt from and looked up."""
    corpus = typer.Typer(help="Fetch, check, count and convert corpora.")
    corpus.command("stats", cls=VerbCommand)(_stats)
    corpus.command("validate", cls=VerbCommand)(_validate)
    corpus.command("convert", cls=VerbCommand)(_convert)
    corpus.command("spoken", cls=VerbCommand)(_spoken)
    corpus.command("get", cls=VerbCommand)(_get)
    app.add_typer(corpus, name="data", rich_help_panel=PANEL)
    knowledge = typer.Typer(help="Build the database a checkpoint carries.")
    knowledge.callback()(_knowledge)
    knowledge.command("build", cls=VerbCommand)(_knowledge_build)
    app.add_typer(knowledge, name="knowledge", rich_help_panel=PANEL)


def _knowledge() -> None:
    """Build the database a checkpoint carries."""


def _knowledge_build(
    db_dir: Annotated[Path, typer.Argument(metavar="DB_DIR", help="folder of *_db.json files")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="the SQLite file to write")],
) -> None:
    """Turn MultiWOZ's db files into one SQLite file."""
    from todserve.corpora.readers.multiwoz.multiwoz_entities import build_multiwoz_knowledge
    from todserve.serving.terminal.painted_lines import say

    rows = build_multiwoz_knowledge(db_dir, out)
    for domain, count in rows.items():
        say(f"{domain:12} {count:6} rows")
    say(f"wrote {out}")


def _stats(
    name: CorpusOrPath,
    split: Annotated[str, typer.Option("--split", metavar="NAME", help="its split")] = "train",
    corpora: Corpora = None,
    json: Json = None,
) -> None:
    """Count what a corpus holds and what was skipped."""
    from todserve.corpora.corpus_statistics import statistics_of
    from todserve.serving.terminal.painted_lines import say, write_json

    found = statistics_of(name, split, corpora, progress=sys.stderr.isatty())
    if json is not None:
        write_json(found.figures(), json)
    if json is None or str(json) != "-":
        for line in found.lines():
            say(line)


def _validate(source: CorpusOrPath, split: _PublishedSplit = None, corpora: Corpora = None) -> int:
    """Name every fault with file and line; exit status 1 if there is any."""
    from todserve.corpora.validation import run_validate

    faults = run_validate(source, split=split, root=corpora, progress=sys.stderr.isatty())
    return 1 if faults else 0


def _convert(
    source: CorpusOrPath,
    to: Annotated[str, typer.Option("--to", metavar="LAYOUT", help="jsonl, sgd or rasa")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="a new folder")],
    sheet: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", help="YAML that names a sheet's columns"),
    ] = None,
    split: _PublishedSplit = None,
    corpora: Corpora = None,
) -> None:
    """Write dialogues in another layout."""
    from todserve.corpora.layout_conversion import run_convert

    run_convert(
        source, to, out, split=split, sheet=sheet, root=corpora, progress=sys.stderr.isatty()
    )


def _spoken(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help=f"a run's folder, a folder or file of dialogues, or {CORPUS_NAME}",
        ),
    ],
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="NAME", help="only this kind; may be given several times"),
    ] = None,
    number: Annotated[
        int, typer.Option("--number", metavar="N", help="how many turns of each kind")
    ] = 4,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="the same one prints the same")
    ] = 7,
    rough: Annotated[
        float, typer.Option("--rough", metavar="SHARE", help="share that is typed roughly")
    ] = 0.33,
    corpora: Corpora = None,
) -> None:
    """Print samples of what people really say, made from labelled turns."""
    from todserve.training.preparation.spoken_samples import run_samples

    run_samples(source, kinds=kind or [], number=number, seed=seed, rough=rough, root=corpora)


def _get(
    name: CorpusName,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="folder that holds all corpora")
    ] = Path("corpora"),
    mirror: Annotated[
        str | None, typer.Option("--mirror", metavar="URL", help="instead of the publisher's host")
    ] = None,
) -> None:
    """Fetch a corpus from its publisher and verify it."""
    from todserve.corpora.files.published_corpus import run_get

    run_get(name, out, url_base=mirror, progress=sys.stderr.isatty())
