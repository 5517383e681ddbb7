"""Verbs that score and compare: ``tod evaluate BENCHMARK``, ``tod replay``.

Example: ``tod evaluate multiwoz --checkpoint checkpoints/multiwoz --split dev --json OUT``.
"""

import argparse
from pathlib import Path

from todserve.cli.verb_parser import DEFAULT_CHECKPOINT, Adder, corpora_option, family


def add_evaluating(add: Adder) -> None:
    """Add the verbs."""
    benchmark = family(add, "evaluate", "score a checkpoint, a server or a predictions file")
    _multiwoz_parser(benchmark)
    sgd = benchmark("sgd", _sgd, "score a checkpoint on SGD by the official rules")
    _common(sgd)
    _server(sgd)
    sgd.add_argument("--split-dir", type=Path, required=True, metavar="DIR", help="SGD's layout")
    sgd.add_argument("--train-schema", type=Path, metavar="FILE", help="services that are seen")
    banking = benchmark("banking77", _banking77, "score a checkpoint's intents on Banking77")
    _common(banking)
    _server(banking)
    banking.add_argument("--csv", type=Path, required=True, metavar="FILE", help="test.csv")
    clinc = benchmark("clinc150", _clinc150, "score a checkpoint's intents on CLINC150")
    _common(clinc)
    _server(clinc)
    clinc.add_argument("--file", type=Path, required=True, metavar="FILE", help="data_full.json")
    clinc.add_argument("--split", default="test")
    people = benchmark("people", _people, "score on what people type, step by step")
    _common(people, limit=False)
    _server(people)
    people.add_argument("--file", type=Path, metavar="FILE", help="your own steps (YAML)")
    people.add_argument("--constrained", action="store_true", help="hold answers to the schema")
    people.add_argument("--show", action="store_true", help="print each step that went wrong")
    anything = benchmark("corpus", _corpus, "score a checkpoint on a split of any corpus")
    _common(anything)
    _server(anything)
    anything.add_argument("corpus", help="a published corpus, or a folder or file of dialogues")
    anything.add_argument("--split", default="dev", help="as the corpus calls it")
    corpora_option(anything)
    truth = benchmark("truth", _truth, "count untrue statements in whole MultiWOZ dialogues")
    truth.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, metavar="DIR")
    truth.add_argument("--json", type=Path, metavar="OUT", help="the figures as JSON")
    truth.add_argument("--dialogues", type=int, default=200, metavar="N")
    truth.add_argument("--split", default="dev", help="dev, or test for a final report")
    truth.add_argument("--constrained", action="store_true", help="hold answers to the schema")
    truth.add_argument("--unchecked", action="store_true", help="read every first reply")
    _server(truth)
    corpora_option(truth)
    _replay_parser(add)
    domains = benchmark("domains", _domains, "score the decision which domain a turn is about")
    _common(domains)
    domains.add_argument("--ablation", action="store_true", help="of the classifier, on SGD")
    domains.add_argument("--predictions", type=Path, metavar="FILE", help="flips of this file")
    domains.add_argument("--model", type=Path, metavar="FILE", help="another domain.json")
    corpora_option(domains)


def _replay_parser(add: Adder) -> None:
    replay = add("replay", _replay, "ask remembered dialogues again and show what differs")
    replay.add_argument("dialogues", type=Path)
    replay.add_argument("--against", required=True, metavar="URL_OR_ARCHIVE")
    replay.add_argument("--only", default="state", metavar="ASPECTS", help="state,acts,reply")
    replay.add_argument("--own-states", action="store_true", help="carry the model's own states")
    replay.add_argument("--limit", type=int, metavar="N", help="dialogues")
    replay.add_argument("--name", default="tod", help="name of the model on a server")


def _multiwoz_parser(benchmark: Adder) -> None:
    multiwoz = benchmark("multiwoz", _multiwoz, "score on MultiWOZ: states, Inform, Success, BLEU")
    _common(multiwoz)
    multiwoz.add_argument("--split", default="dev", help="dev, or test for a final report")
    multiwoz.add_argument("--quick", action="store_true", help="a fixed sample of 100 dialogues")
    _server(multiwoz)
    multiwoz.add_argument("--html", type=Path, metavar="OUT", help="a report to read")
    multiwoz.add_argument("--curves", type=Path, metavar="RUN", help="run folder for its curves")
    multiwoz.add_argument(
        "--oracle-context", action="store_true", help="PPTOD's own protocol, which leaks"
    )
    multiwoz.add_argument(
        "--states-only", action="store_true", help="leave the end-to-end rollout out"
    )
    multiwoz.add_argument(
        "--constrained", action="store_true", help="hold every answer to the schema"
    )
    multiwoz.add_argument(
        "--as-typed", action="store_true", help="read misspelt words as they stand"
    )
    multiwoz.add_argument(
        "--unchecked", action="store_true", help="send every first reply, true or not"
    )
    multiwoz.add_argument("--predictions-out", type=Path, metavar="OUT", help="in public format")
    multiwoz.add_argument("--predictions", type=Path, metavar="FILE", help="score this file")
    multiwoz.add_argument("--allow-partial", action="store_true", help="though it lacks turns")
    corpora_option(multiwoz)


def _server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help="score the server there; --checkpoint is its local copy")
    parser.add_argument("--name", default="tod", help="name of the model on that server")


def _common(parser: argparse.ArgumentParser, *, limit: bool = True) -> None:
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, metavar="DIR")
    parser.add_argument("--json", type=Path, metavar="OUT", help="the figures as JSON")
    if limit:
        parser.add_argument("--limit", type=int, metavar="N", help="at most N dialogues or rows")


def _replay(arguments: argparse.Namespace) -> int:
    from todserve.evaluation.replay.replay_differences import Aspect
    from todserve.evaluation.replay.replay_run import run_replay
    from todserve.runtime.errors import ConfigError
    from todserve.serving.client.served_answerer import open_answerer

    try:
        only = tuple(Aspect(name) for name in arguments.only.split(","))
    except ValueError:
        raise ConfigError(
            f"--only: got {arguments.only!r}; expected some of state,acts,reply"
        ) from None
    with open_answerer(arguments.against, name=arguments.name) as model:
        return run_replay(
            arguments.dialogues,
            model,
            only=only,
            own_states=arguments.own_states,
            limit=arguments.limit,
        )


def _multiwoz(arguments: argparse.Namespace) -> None:
    if arguments.predictions is not None:
        from todserve.evaluation.suites.multiwoz.predictions_benchmark import run_predictions

        run_predictions(
            arguments.predictions,
            arguments.json,
            arguments.corpora,
            allow_partial=arguments.allow_partial,
        )
        return
    from todserve.evaluation.suites.multiwoz.multiwoz_benchmark import run_evaluation

    run_evaluation(
        arguments.checkpoint,
        split=arguments.split,
        quick=arguments.quick,
        limit=arguments.limit,
        out=arguments.json,
        root=arguments.corpora,
        end_to_end=not arguments.states_only,
        oracle_context=arguments.oracle_context,
        predictions_out=arguments.predictions_out,
        url=arguments.url,
        name=arguments.name,
        html=arguments.html,
        curves=arguments.curves,
        constrained=arguments.constrained,
        spelling=not arguments.as_typed,
        checked=not arguments.unchecked,
    )


def _truth(arguments: argparse.Namespace) -> None:
    from todserve.evaluation.suites.truth.truth_benchmark import run_truth

    run_truth(
        arguments.checkpoint,
        dialogues=arguments.dialogues,
        split=arguments.split,
        out=arguments.json,
        root=arguments.corpora,
        url=arguments.url,
        name=arguments.name,
        constrained=arguments.constrained,
        checked=not arguments.unchecked,
    )


def _sgd(arguments: argparse.Namespace) -> None:
    from todserve.evaluation.suites.sgd.sgd_benchmark import run_sgd

    run_sgd(
        arguments.checkpoint,
        arguments.split_dir,
        arguments.json,
        limit=arguments.limit,
        train_schema=arguments.train_schema,
        url=arguments.url,
        name=arguments.name,
    )


def _corpus(arguments: argparse.Namespace) -> None:
    from todserve.evaluation.suites.corpus_benchmark import run_corpus

    run_corpus(
        arguments.checkpoint,
        arguments.corpus,
        arguments.split,
        limit=arguments.limit,
        out=arguments.json,
        root=arguments.corpora,
        url=arguments.url,
        name=arguments.name,
    )


def _people(arguments: argparse.Namespace) -> None:
    from todserve.evaluation.suites.people.people_benchmark import run_people

    run_people(
        arguments.checkpoint,
        arguments.file,
        arguments.json,
        url=arguments.url,
        name=arguments.name,
        constrained=arguments.constrained,
        show=arguments.show,
    )


def _banking77(arguments: argparse.Namespace) -> None:
    from todserve.evaluation.suites.intents.intent_benchmarks import run_banking77

    run_banking77(
        arguments.checkpoint,
        arguments.csv,
        arguments.json,
        limit=arguments.limit,
        url=arguments.url,
        name=arguments.name,
    )


def _clinc150(arguments: argparse.Namespace) -> None:
    from todserve.evaluation.suites.intents.intent_benchmarks import run_clinc150

    run_clinc150(
        arguments.checkpoint,
        arguments.file,
        arguments.json,
        split=arguments.split,
        limit=arguments.limit,
        url=arguments.url,
        name=arguments.name,
    )


def _domains(arguments: argparse.Namespace) -> None:
    from todserve.evaluation.suites.domains.domain_benchmark import (
        run_domain_ablation,
        run_domain_comparison,
    )

    if arguments.ablation:
        run_domain_ablation(arguments.json, root=arguments.corpora)
    elif arguments.predictions is not None:
        from todserve.evaluation.suites.domains.flips_benchmark import run_domain_flips
        from todserve.runtime.checkpoint import Checkpoint

        opened = Checkpoint.open(arguments.checkpoint)
        run_domain_flips(
            arguments.predictions,
            opened.schema,
            arguments.json,
            model=opened.domain_model,
            root=arguments.corpora,
        )
    else:
        run_domain_comparison(
            arguments.checkpoint,
            arguments.json,
            limit=arguments.limit,
            model=arguments.model,
            root=arguments.corpora,
        )
