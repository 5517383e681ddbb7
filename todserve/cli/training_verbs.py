"""Verbs that learn: train, few-shot, calibrate, fit-names, fit-domains.

Example: ``tod train multiwoz steps=200``.
"""

import argparse
import os
from pathlib import Path

from todserve.cli.verb_parser import Adder, corpora_option


def add_training(add: Adder) -> None:
    """Add the verbs."""
    train = add("train", _train, "train a checkpoint from a configuration or a folder of dialogues")
    train.add_argument(
        "config", metavar="CONFIG", help="YAML file, a shipped one's name, or a folder"
    )
    train.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="replaced keys")
    train.add_argument("--out", type=Path, help="checkpoint folder (runs/NAME/checkpoint)")
    train.add_argument("--threads", type=int, help="CPU threads")
    corpora_option(train)
    few = add("few-shot", _few_shot, "train on shares of a corpus, several seeds each, and score")
    few.add_argument("config", metavar="CONFIG", help="YAML file, or a shipped one's name")
    few.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="replaced keys")
    few.add_argument("--evaluation", default="multiwoz-dev", metavar="NAME", help="what scores")
    amount = few.add_mutually_exclusive_group()
    amount.add_argument("--shares", type=float, nargs="+", default=[0.01, 0.05, 0.1, 0.2])
    amount.add_argument("--per-intent", type=int, nargs="+", metavar="K", help="K per intent")
    few.add_argument("--seeds", type=int, default=5)
    few.add_argument("--prepared", type=Path, metavar="DIR", help="a prepared corpus")
    few.add_argument("--threads", type=int, help="CPU threads")
    few.add_argument("--keep", action="store_true", help="keep each cell's checkpoint")
    corpora_option(few)
    calibrate = add("calibrate", _calibrate, "fit the temperatures of a checkpoint's confidences")
    calibrate.add_argument("checkpoint", type=Path)
    calibrate.add_argument("--write", action="store_true", help="write calibration.json into it")
    calibrate.add_argument("--limit", type=int, metavar="N", help="at most N dialogues")
    calibrate.add_argument(
        "--floor", action="store_true", help="fit the least confidence worth acting on instead"
    )
    calibrate.add_argument("--json", type=Path, metavar="OUT", help="the report as JSON")
    corpora_option(calibrate)
    names = add("fit-names", _fit_names, "fit how near a misspelt name must come to a known one")
    names.add_argument("checkpoint", type=Path)
    names.add_argument("--write", action="store_true", help="write names.json into it")
    names.add_argument("--json", type=Path, metavar="OUT", help="the figures as JSON")
    corpora_option(names)
    domains = add("fit-domains", _fit_domains, "fit the domain classifier a checkpoint carries")
    domains.add_argument("prepared", type=Path, metavar="PREPARED", help="a prepared corpus")
    domains.add_argument("checkpoint", type=Path)
    intents = add("fit-intents", _fit_intents, "fit the intent model a checkpoint carries")
    intents.add_argument("prepared", type=Path, metavar="PREPARED", help="a prepared corpus")
    intents.add_argument("checkpoint", type=Path)


def _train(arguments: argparse.Namespace) -> None:
    # Read when torch is first imported. Threads that wait for each other by turning round and
    # round are many times slower than one alone as soon as anything else wants their cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from todserve.training.training_run import run_training

    run_training(
        arguments.config,
        overrides=tuple(arguments.overrides),
        out=arguments.out,
        root=arguments.corpora,
        threads=arguments.threads,
    )


def _few_shot(arguments: argparse.Namespace) -> None:
    from todserve.training.few_shot.few_shot_runs import run_few_shot
    from todserve.training.few_shot.few_shot_samples import PerIntent, Share
    from todserve.training.few_shot.few_shot_scores import evaluation_named

    samples: list[PerIntent | Share] = (
        [PerIntent(count=count) for count in arguments.per_intent]
        if arguments.per_intent
        else [Share(amount=amount) for amount in arguments.shares]
    )
    run_few_shot(
        arguments.config,
        evaluation_named(arguments.evaluation, arguments.corpora),
        arguments.evaluation,
        samples=samples,
        seeds=arguments.seeds,
        overrides=tuple(arguments.overrides),
        prepared=arguments.prepared,
        root=arguments.corpora,
        threads=arguments.threads,
        keep=arguments.keep,
    )


def _fit_names(arguments: argparse.Namespace) -> None:
    from todserve.evaluation.calibration.name_closeness_fit import run_name_fitting

    run_name_fitting(
        arguments.checkpoint,
        write=arguments.write,
        out=arguments.json,
        root=arguments.corpora,
    )


def _calibrate(arguments: argparse.Namespace) -> None:
    if arguments.floor:
        from todserve.evaluation.calibration.confidence_floor import run_confidence_floor

        run_confidence_floor(
            arguments.checkpoint,
            write=arguments.write,
            limit=arguments.limit,
            root=arguments.corpora,
        )
        return
    from todserve.evaluation.calibration.calibration_run import run_calibration

    run_calibration(
        arguments.checkpoint,
        write=arguments.write,
        limit=arguments.limit,
        out=arguments.json,
        root=arguments.corpora,
    )


def _fit_domains(arguments: argparse.Namespace) -> None:
    from todserve.training.classifiers.domain_classifier import fit_domain_classifier

    fit_domain_classifier(arguments.prepared, arguments.checkpoint)
    print(f"written to {arguments.checkpoint}")


def _fit_intents(arguments: argparse.Namespace) -> None:
    from todserve.training.classifiers.intent_classifier import fit_intents

    fitted = fit_intents(arguments.prepared, arguments.checkpoint)
    if fitted is None:
        print("nothing written: train needs two intents, dev a labelled turn")
        return
    print(
        f"dev intents right: {fitted.accuracy:.4f} (network alone {fitted.network:.4f}, linear "
        f"model alone {fitted.linear:.4f}); written to {arguments.checkpoint}"
    )
