"""Verbs that serve and talk: export, archive, start, stop, chat, demo.

Example: ``tod archive checkpoints/multiwoz && tod start && tod chat``.
"""

import argparse
from pathlib import Path

from todserve.cli.verb_parser import DEFAULT_CHECKPOINT, Adder, corpora_option

DEFAULT_URL = "http://127.0.0.1:8080"


def add_serving(add: Adder) -> None:
    """Add the verbs."""
    export = add(
        "export", _export, "write a checkpoint's network for another engine, and measure it"
    )
    export.add_argument("checkpoint", type=Path, nargs="?", default=DEFAULT_CHECKPOINT)
    export.add_argument("--format", required=True, choices=["onnx", "torchscript", "ctranslate2"])
    export.add_argument("--dtype", default="float32", choices=["float32", "int8"])
    export.add_argument("--out", type=Path, metavar="DIR", help="by default below runs/exports")
    export.add_argument("--turns", type=int, metavar="N", help="of MultiWOZ dev to measure on")
    export.add_argument("--no-fidelity", action="store_true", help="do not measure")
    corpora_option(export)
    archive = add("archive", _archive, "pack a checkpoint into a TorchServe archive and try it")
    archive.add_argument("checkpoint", type=Path, nargs="?", default=DEFAULT_CHECKPOINT)
    archive.add_argument("--out", type=Path, default=Path("archive/store"), help="folder")
    archive.add_argument("--name", default="tod", help="name of the model")
    archive.add_argument("--version", default="1.0", help="version of the model")
    archive.add_argument("--model-config", type=Path, metavar="FILE", help="model-config.yaml")
    start = add("start", _start, "start TorchServe and wait until it answers")
    start.add_argument("--store", type=Path, default=Path("archive/store"), help="folder")
    start.add_argument(
        "--name", nargs="+", default=["tod"], metavar="NAME", help="models to serve side by side"
    )
    start.add_argument("--config", type=Path, default=Path("config.properties"))
    start.add_argument("--logs", type=Path, default=Path("logs"), help="folder")
    start.add_argument("--timeout", type=float, default=180.0, metavar="SECONDS")
    stop = add("stop", _stop, "stop what start has started")
    stop.add_argument("--logs", type=Path, default=Path("logs"), help="folder given to start")
    chat = add("chat", _chat, "talk to a running server in the terminal")
    chat.add_argument("--url", default=DEFAULT_URL)
    chat.add_argument("--name", default="tod", help="name of the model")
    demo = add("demo", _demo, "hold a five-turn dialogue with a running server")
    demo.add_argument("--url", default=DEFAULT_URL)
    demo.add_argument("--name", default="tod", help="name of the model")


def _export(arguments: argparse.Namespace) -> None:
    from todserve.export.export_run import run_export
    from todserve.runtime.engines.engine_settings import Dtype, EngineName

    run_export(
        checkpoint=arguments.checkpoint,
        out=arguments.out,
        engine=EngineName(arguments.format),
        dtype=Dtype(arguments.dtype),
        turns=arguments.turns,
        root=arguments.corpora,
        measure=not arguments.no_fidelity,
    )


def _archive(arguments: argparse.Namespace) -> None:
    from todserve.serving.archive.archive_build import run

    run(
        checkpoint=arguments.checkpoint,
        out_dir=arguments.out,
        name=arguments.name,
        version=arguments.version,
        model_config=arguments.model_config,
    )


def _start(arguments: argparse.Namespace) -> None:
    from todserve.serving.server.start_and_stop import run_start

    run_start(
        store=arguments.store,
        name=arguments.name[0],
        beside=tuple(arguments.name[1:]),
        config=arguments.config,
        log_dir=arguments.logs,
        ready_timeout=arguments.timeout,
    )


def _stop(arguments: argparse.Namespace) -> None:
    from todserve.serving.server.start_and_stop import run_stop

    run_stop(log_dir=arguments.logs)


def _chat(arguments: argparse.Namespace) -> None:
    from todserve.serving.terminal.chat import run_chat

    run_chat(url=arguments.url, name=arguments.name)


def _demo(arguments: argparse.Namespace) -> None:
    from todserve.serving.terminal.demo import run_demo

    run_demo(url=arguments.url, name=arguments.name)
