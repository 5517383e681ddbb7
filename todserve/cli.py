"""The ``tod`` command: verbs only; each calls one room, imported when it is called.

Stands beside the way of a request: it trains what answers, packs it, starts it and talks to it.
Nothing heavy is imported before a verb is chosen, so ``tod --help`` answers at once.
Example: ``tod archive checkpoints/multiwoz && tod start && tod chat``.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from todserve.runtime.errors import TodError

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_CHECKPOINT = Path("checkpoints/multiwoz")

Verb = Callable[[argparse.Namespace], None]
Adder = Callable[[str, Verb, str], argparse.ArgumentParser]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status: 0 done, 2 a reported error, 130 interrupted."""
    arguments = build_parser().parse_args(argv)
    verb: Verb = arguments.verb
    try:
        verb(arguments)
    except TodError as error:
        print(f"tod: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        # The learning verbs need the `train` extra, which a serving machine does without.
        if error.name is None or error.name.partition(".")[0] == "todserve":
            raise
        print(f"tod: package {error.name!r} is not installed; run `make setup`", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tod: interrupted", file=sys.stderr)
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs; each sets ``verb`` to the function it calls."""
    parser = argparse.ArgumentParser(
        prog="tod", description="From labelled dialogues to a served dialogue turn."
    )
    add = _adder(parser)
    _learning(add)
    _serving(add)
    _talking(add)
    _sources(add)
    add("version", _version, "print the version")
    return parser


def _adder(parser: argparse.ArgumentParser) -> Adder:
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def add(name: str, verb: Verb, purpose: str) -> argparse.ArgumentParser:
        child = verbs.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.")
        child.set_defaults(verb=verb)
        return child

    return add


def _learning(add: Adder) -> None:
    train = add("train", _train, "train a checkpoint from a configuration file")
    train.add_argument("config", metavar="CONFIG", help="YAML file, or a shipped one's name")
    train.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="replaced keys")
    train.add_argument("--out", type=Path, help="checkpoint folder (runs/NAME/checkpoint)")
    train.add_argument("--corpora", type=Path, help="where the corpora are (TOD_DATA)")
    train.add_argument("--threads", type=int, help="CPU threads")
    evaluate = add("evaluate", _evaluate, "score a checkpoint on a corpus split")
    evaluate.add_argument("checkpoint", type=Path, nargs="?", default=DEFAULT_CHECKPOINT)
    evaluate.add_argument("--quick", action="store_true", help="a fixed sample of 100 dialogues")
    evaluate.add_argument("--corpus", default="multiwoz21", metavar="NAME")
    evaluate.add_argument("--split", default="dev")
    evaluate.add_argument("--allow-test", action="store_true", help="score the test split")
    evaluate.add_argument("--limit", type=int, metavar="N", help="at most N dialogues")
    evaluate.add_argument("--out", type=Path, metavar="FILE", help="the figures as JSON")
    evaluate.add_argument("--corpora", type=Path, help="where the corpora are (TOD_DATA)")


def _serving(add: Adder) -> None:
    archive = add("archive", _archive, "pack a checkpoint into a TorchServe archive and try it")
    archive.add_argument("checkpoint", type=Path, nargs="?", default=DEFAULT_CHECKPOINT)
    archive.add_argument("--out", type=Path, default=Path("archive/store"), help="folder")
    archive.add_argument("--name", default="tod", help="name of the model")
    archive.add_argument("--version", default="1.0", help="version of the model")
    start = add("start", _start, "start TorchServe and wait until it answers")
    start.add_argument("--store", type=Path, default=Path("archive/store"), help="folder")
    start.add_argument("--name", default="tod", help="name of the model")
    start.add_argument("--config", type=Path, default=Path("config.properties"))
    start.add_argument("--logs", type=Path, default=Path("logs"), help="folder")
    start.add_argument("--timeout", type=float, default=180.0, metavar="SECONDS")
    stop = add("stop", _stop, "stop what start has started")
    stop.add_argument("--logs", type=Path, default=Path("logs"), help="folder given to start")


def _talking(add: Adder) -> None:
    chat = add("chat", _chat, "talk to a running server in the terminal")
    chat.add_argument("--url", default=DEFAULT_URL)
    chat.add_argument("--name", default="tod", help="name of the model")
    demo = add("demo", _demo, "hold a five-turn dialogue with a running server")
    demo.add_argument("--url", default=DEFAULT_URL)
    demo.add_argument("--name", default="tod", help="name of the model")


def _sources(add: Adder) -> None:
    knowledge = _adder(add("knowledge", _version, "build the database a checkpoint carries"))
    build = knowledge("build", _knowledge_build, "turn MultiWOZ's db files into one SQLite file")
    build.add_argument("db_dir", type=Path, metavar="DB_DIR", help="folder of *_db.json files")
    build.add_argument("out", type=Path, metavar="OUT", help="the SQLite file to write")
    corpora = _adder(add("data", _version, "look at the corpora"))
    stats = corpora("stats", _data_stats, "count what a corpus holds and what was skipped")
    stats.add_argument("name", metavar="NAME", help="for example multiwoz21 or sgd")
    stats.add_argument("--split", default="train")
    stats.add_argument("--corpora", type=Path, help="where the corpora are (TOD_DATA)")


def _train(arguments: argparse.Namespace) -> None:
    from todserve.training.run import run_training

    run_training(
        arguments.config,
        overrides=tuple(arguments.overrides),
        out=arguments.out,
        root=arguments.corpora,
        threads=arguments.threads,
    )


def _evaluate(arguments: argparse.Namespace) -> None:
    from todserve.evaluation.run import run_evaluation

    run_evaluation(
        arguments.checkpoint,
        corpus=arguments.corpus,
        split=arguments.split,
        quick=arguments.quick,
        limit=arguments.limit,
        out=arguments.out,
        root=arguments.corpora,
        allow_test=arguments.allow_test,
    )


def _archive(arguments: argparse.Namespace) -> None:
    from todserve.serving.archive import run

    run(
        checkpoint=arguments.checkpoint,
        out_dir=arguments.out,
        name=arguments.name,
        version=arguments.version,
    )


def _start(arguments: argparse.Namespace) -> None:
    from todserve.serving.launch import run_start

    run_start(
        store=arguments.store,
        name=arguments.name,
        config=arguments.config,
        log_dir=arguments.logs,
        ready_timeout=arguments.timeout,
    )


def _stop(arguments: argparse.Namespace) -> None:
    from todserve.serving.launch import run_stop

    run_stop(log_dir=arguments.logs)


def _chat(arguments: argparse.Namespace) -> None:
    from todserve.serving.chat import run_chat

    run_chat(url=arguments.url, name=arguments.name)


def _demo(arguments: argparse.Namespace) -> None:
    from todserve.serving.demo import run_demo

    run_demo(url=arguments.url, name=arguments.name)


def _knowledge_build(arguments: argparse.Namespace) -> None:
    from todserve.corpora.knowledge_build import build_multiwoz_knowledge

    rows = build_multiwoz_knowledge(arguments.db_dir, arguments.out)
    for domain, count in rows.items():
        print(f"{domain:12} {count:6} rows")
    print(f"wrote {arguments.out}")


def _data_stats(arguments: argparse.Namespace) -> None:
    from todserve.corpora.statistics import run_statistics

    run_statistics(
        arguments.name,
        arguments.split,
        arguments.corpora,
        progress=sys.stderr.isatty(),
    )


def _version(arguments: argparse.Namespace) -> None:
    from importlib.metadata import version

    print(f"todserve {version('todserve')}")


if __name__ == "__main__":
    sys.exit(main())
