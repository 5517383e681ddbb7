"""Verbs about what is learnt from and looked up: data stats|validate|convert|spoken|get, knowledge.

Example: ``tod data validate my-dialogues/`` exits with 1 when there is any fault.
"""

import argparse
import sys
from pathlib import Path

from todserve.cli.verb_parser import Adder, corpora_option, family

_NAMES = (
    "a corpus: multiwoz21, sgd, camrest676, woz20, star, multidogo, banking77, clinc150, "
    "taskmaster4, 3i4k or nlplab"
)


def add_sources(add: Adder) -> None:
    """Add the verbs."""
    knowledge = family(add, "knowledge", "build the database a checkpoint carries")
    build = knowledge("build", _knowledge_build, "turn MultiWOZ's db files into one SQLite file")
    build.add_argument("db_dir", type=Path, metavar="DB_DIR", help="folder of *_db.json files")
    build.add_argument("out", type=Path, metavar="OUT", help="the SQLite file to write")
    corpus_verb = family(add, "data", "fetch, check, count and convert corpora")
    stats = corpus_verb("stats", _stats, "count what a corpus holds and what was skipped")
    stats.add_argument("name", metavar="NAME", help=_NAMES)
    stats.add_argument("--split", default="train")
    corpora_option(stats)
    validate = corpus_verb(
        "validate", _validate, "name every fault with file and line; 1 if there is any"
    )
    validate.add_argument("source", metavar="PATH_OR_NAME", help=f"a folder, a file, or {_NAMES}")
    validate.add_argument("--split", help="of a published corpus; all of them if not given")
    corpora_option(validate)
    convert = corpus_verb("convert", _convert, "write dialogues in another layout")
    convert.add_argument("source", metavar="PATH_OR_NAME", help=f"a folder, a file, or {_NAMES}")
    convert.add_argument("--to", required=True, metavar="LAYOUT", help="jsonl, sgd or rasa")
    convert.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    convert.add_argument("--split", help="of a published corpus; train if not given")
    corpora_option(convert)
    spoken = corpus_verb(
        "spoken", _spoken, "print samples of what people really say, made from labelled turns"
    )
    spoken.add_argument(
        "source",
        metavar="SOURCE",
        help=f"a run's folder, a folder or file of dialogues, or {_NAMES}",
    )
    spoken.add_argument("--kind", action="append", default=[], help="only this kind; repeatable")
    spoken.add_argument("--number", type=int, default=4, help="turns of each kind (4)")
    spoken.add_argument("--seed", type=int, default=7, help="the same one prints the same (7)")
    spoken.add_argument("--rough", type=float, default=0.33, help="share typed roughly (0.33)")
    corpora_option(spoken)
    get = corpus_verb("get", _get, "fetch a corpus from its publisher and verify it")
    get.add_argument("name", metavar="NAME", help=_NAMES)
    get.add_argument("--out", type=Path, default=Path("corpora"), metavar="DIR")
    get.add_argument("--mirror", metavar="URL", help="instead of the publisher's host")


def _knowledge_build(arguments: argparse.Namespace) -> None:
    from todserve.corpora.entities.knowledge_file import build_multiwoz_knowledge

    rows = build_multiwoz_knowledge(arguments.db_dir, arguments.out)
    for domain, count in rows.items():
        print(f"{domain:12} {count:6} rows")
    print(f"wrote {arguments.out}")


def _stats(arguments: argparse.Namespace) -> None:
    from todserve.corpora.corpus_statistics import run_statistics

    run_statistics(
        arguments.name,
        arguments.split,
        arguments.corpora,
        progress=sys.stderr.isatty(),
    )


def _validate(arguments: argparse.Namespace) -> int:
    from todserve.corpora.validation import run_validate

    faults = run_validate(
        arguments.source,
        split=arguments.split,
        root=arguments.corpora,
        progress=sys.stderr.isatty(),
    )
    return 1 if faults else 0


def _convert(arguments: argparse.Namespace) -> None:
    from todserve.corpora.layout_conversion import run_convert

    run_convert(
        arguments.source,
        arguments.to,
        arguments.out,
        split=arguments.split,
        root=arguments.corpora,
        progress=sys.stderr.isatty(),
    )


def _spoken(arguments: argparse.Namespace) -> None:
    from todserve.training.preparation.spoken_samples import run_samples

    run_samples(
        arguments.source,
        kinds=arguments.kind,
        number=arguments.number,
        seed=arguments.seed,
        rough=arguments.rough,
        root=arguments.corpora,
    )


def _get(arguments: argparse.Namespace) -> None:
    from todserve.corpora.files.published_corpus import run_get

    run_get(
        arguments.name,
        arguments.out,
        url_base=arguments.mirror,
        progress=sys.stderr.isatty(),
    )
