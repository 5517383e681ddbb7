"""Verbs that score and compare: ``tod evaluate BENCHMARK``, ``tod replay``.

Example: ``tod evaluate multiwoz --checkpoint checkpoints/multiwoz --split dev --json OUT``.
"""

from pathlib import Path
from typing import Annotated

import typer

from todserve.cli.options import (
    DEFAULT_CHECKPOINT,
    DEFAULT_MODEL,
    Checkpoint,
    Constrained,
    Corpora,
    Json,
    Limit,
    Name,
    ScoredUrl,
    Unchecked,
)
from todserve.cli.verb_command import VerbCommand

PANEL = "Score"

_Split = Annotated[
    str, typer.Option("--split", metavar="NAME", help="dev; test only for a final report")
]
_Csv = Annotated[Path, typer.Option("--csv", metavar="FILE", help="test.csv")]


def add_evaluating(app: typer.Typer) -> None:
    """Add the verbs."""
    evaluate = typer.Typer(help="Score a checkpoint, a server or a predictions file.")
    for name, verb in (
        ("multiwoz", _multiwoz),
        ("sgd", _sgd),
        ("banking77", _banking77),
        ("clinc150", _clinc150),
        ("people", _people),
        ("corpus", _corpus),
        ("truth", _truth),
        ("domains", _domains),
    ):
        evaluate.command(name, cls=VerbCommand)(verb)
    app.add_typer(evaluate, name="evaluate", rich_help_panel=PANEL)
    app.command("replay", cls=VerbCommand, rich_help_panel=PANEL)(_replay)


def _replay(
    dialogues: Annotated[
        Path, typer.Argument(metavar="DIALOGUES", help="a folder or file of dialogues")
    ],
    against: Annotated[
        str,
        typer.Option("--against", metavar="MODEL", help="a server's URL, an archive, a checkpoint"),
    ],
    only: Annotated[
        str, typer.Option("--only", metavar="ASPECTS", help="some of state,acts,reply")
    ] = "state",
    own_states: Annotated[
        bool, typer.Option("--own-states", help="carry the model's own states")
    ] = False,
    limit: Limit = None,
    name: Name = DEFAULT_MODEL,
) -> int:
    """Ask remembered dialogues again and show what differs; exit status 1 if any turn does."""
    from todserve.evaluation.replay.replay_differences import Aspect
    from todserve.evaluation.replay.replay_run import run_replay
    from todserve.serving.client.served_answerer import open_answering

    try:
        aspects = tuple(Aspect(one) for one in only.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"got {only!r}; expected some of state,acts,reply", param_hint="--only"
        ) from None
    with open_answering(against, name=name) as model:
        return run_replay(dialogues, model, only=aspects, own_states=own_states, limit=limit)


def _multiwoz(
    checkpoint: Checkpoint = DEFAULT_CHECKPOINT,
    json: Json = None,
    limit: Limit = None,
    split: _Split = "dev",
    quick: Annotated[bool, typer.Option("--quick", help="a fixed sample of 100 dialogues")] = False,
    url: ScoredUrl = None,
    name: Name = DEFAULT_MODEL,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="a report to read")
    ] = None,
    curves: Annotated[
        Path | None, typer.Option("--curves", metavar="RUN", help="run folder for its curves")
    ] = None,
    oracle_context: Annotated[
        bool, typer.Option("--oracle-context", help="PPTOD's own protocol, which leaks")
    ] = False,
    states_only: Annotated[
        bool, typer.Option("--states-only", help="leave the end-to-end rollout out")
    ] = False,
    constrained: Constrained = False,
    as_typed: Annotated[
        bool, typer.Option("--as-typed", help="read misspelt words as they stand")
    ] = False,
    unchecked: Unchecked = False,
    predictions_out: Annotated[
        Path | None,
        typer.Option("--predictions-out", metavar="FILE", help="write them, in public format"),
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option("--predictions", metavar="FILE", help="score this file instead")
    ] = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="score that file though it lacks turns")
    ] = False,
    corpora: Corpora = None,
) -> None:
    """Score on MultiWOZ: states, Inform, Success, BLEU."""
    from todserve.serving.terminal.painted_lines import json_file

    with json_file(json) as out:
        if predictions is not None:
            from todserve.evaluation.suites.multiwoz.predictions_benchmark import run_predictions

            run_predictions(predictions, out, corpora, allow_partial=allow_partial)
            return
        from todserve.evaluation.suites.multiwoz.multiwoz_benchmark import run_evaluation

        run_evaluation(
            checkpoint,
            split=split,
            quick=quick,
            limit=limit,
            out=out,
            root=corpora,
            end_to_end=not states_only,
            oracle_context=oracle_context,
            predictions_out=predictions_out,
            url=url,
            name=name,
            html=html,
            curves=curves,
            constrained=constrained,
            spelling=not as_typed,
            checked=not unchecked,
        )


def _truth(
    checkpoint: Checkpoint = DEFAULT_CHECKPOINT,
    json: Json = None,
    dialogues: Annotated[
        int, typer.Option("--dialogues", metavar="N", help="how many whole dialogues")
    ] = 200,
    split: _Split = "dev",
    constrained: Constrained = False,
    unchecked: Unchecked = False,
    url: ScoredUrl = None,
    name: Name = DEFAULT_MODEL,
    corpora: Corpora = None,
) -> None:
    """Count untrue statements in whole MultiWOZ dialogues."""
    from todserve.evaluation.suites.truth.truth_benchmark import run_truth
    from todserve.serving.terminal.painted_lines import json_file

    with json_file(json) as out:
        run_truth(
            checkpoint,
            dialogues=dialogues,
            split=split,
            out=out,
            root=corpora,
            url=url,
            name=name,
            constrained=constrained,
            checked=not unchecked,
        )


def _sgd(
    split_dir: Annotated[
        Path, typer.Option("--split-dir", metavar="DIR", help="a split in SGD's layout")
    ],
    checkpoint: Checkpoint = DEFAULT_CHECKPOINT,
    json: Json = None,
    limit: Limit = None,
    url: ScoredUrl = None,
    name: Name = DEFAULT_MODEL,
    train_schema: Annotated[
        Path | None, typer.Option("--train-schema", metavar="FILE", help="services that are seen")
    ] = None,
) -> None:
    """Score a checkpoint on SGD by the official rules."""
    from todserve.evaluation.suites.sgd.sgd_benchmark import run_sgd
    from todserve.serving.terminal.painted_lines import json_file

    with json_file(json) as out:
        run_sgd(
            checkpoint,
            split_dir,
            out,
            limit=limit,
            train_schema=train_schema,
            url=url,
            name=name,
        )


def _corpus(
    corpus: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="a published corpus, or a folder or file of dialogues"
        ),
    ],
    checkpoint: Checkpoint = DEFAULT_CHECKPOINT,
    json: Json = None,
    limit: Limit = None,
    split: Annotated[
        str, typer.Option("--split", metavar="NAME", help="as the corpus calls it")
    ] = "dev",
    url: ScoredUrl = None,
    name: Name = DEFAULT_MODEL,
    corpora: Corpora = None,
) -> None:
    """Score a checkpoint on a split of any corpus."""
    from todserve.evaluation.suites.corpus_benchmark import run_corpus
    from todserve.serving.terminal.painted_lines import json_file

    with json_file(json) as out:
        run_corpus(
            checkpoint, corpus, split, limit=limit, out=out, root=corpora, url=url, name=name
        )


def _people(
    checkpoint: Checkpoint = DEFAULT_CHECKPOINT,
    json: Json = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="your own steps (YAML)")
    ] = None,
    constrained: Constrained = False,
    show: Annotated[bool, typer.Option("--show", help="print each step that went wrong")] = False,
    url: ScoredUrl = None,
    name: Name = DEFAULT_MODEL,
) -> None:
    """Score on what people type, step by step."""
    from todserve.evaluation.suites.people.people_benchmark import run_people
    from todserve.serving.terminal.painted_lines import json_file

    with json_file(json) as out:
        run_people(checkpoint, file, out, url=url, name=name, constrained=constrained, show=show)


def _banking77(
    csv: _Csv,
    checkpoint: Checkpoint = DEFAULT_CHECKPOINT,
    json: Json = None,
    limit: Limit = None,
    url: ScoredUrl = None,
    name: Name = DEFAULT_MODEL,
) -> None:
    """Score a checkpoint's intents on Banking77."""
    from todserve.evaluation.suites.intents.intent_benchmarks import run_banking77
    from todserve.serving.terminal.painted_lines import json_file

    with json_file(json) as out:
        run_banking77(checkpoint, csv, out, limit=limit, url=url, name=name)


def _clinc150(
    file: Annotated[Path, typer.Option("--file", metavar="FILE", help="data_full.json")],
    checkpoint: Checkpoint = DEFAULT_CHECKPOINT,
    json: Json = None,
    limit: Limit = None,
    split: _Split = "test",
    url: ScoredUrl = None,
    name: Name = DEFAULT_MODEL,
) -> None:
    """Score a checkpoint's intents on CLINC150."""
    from todserve.evaluation.suites.intents.intent_benchmarks import run_clinc150
    from todserve.serving.terminal.painted_lines import json_file

    with json_file(json) as out:
        run_clinc150(checkpoint, file, out, split=split, limit=limit, url=url, name=name)


def _domains(
    checkpoint: Checkpoint = DEFAULT_CHECKPOINT,
    json: Json = None,
    limit: Limit = None,
    ablation: Annotated[bool, typer.Option("--ablation", help="of the classifier, on SGD")] = False,
    predictions: Annotated[
        Path | None, typer.Option("--predictions", metavar="FILE", help="flips of this file")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="FILE", help="another domain.json")
    ] = None,
    corpora: Corpora = None,
) -> None:
    """Score the decision which domain a turn is about."""
    from todserve.evaluation.suites.domains.domain_benchmark import (
        run_domain_ablation,
        run_domain_comparison,
    )
    from todserve.serving.terminal.painted_lines import json_file

    with json_file(json) as out:
        if ablation:
            run_domain_ablation(out, root=corpora)
        elif predictions is not None:
            from todserve.evaluation.suites.domains.flips_benchmark import run_domain_flips
            from todserve.runtime.checkpoint import Checkpoint as Opened

            opened = Opened.open(checkpoint)
            run_domain_flips(
                predictions, opened.schema, out, model=opened.domain_model, root=corpora
            )
        else:
            run_domain_comparison(checkpoint, out, limit=limit, model=model, root=corpora)
