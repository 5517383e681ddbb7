"""PlanChoice: tries worker plans one after the other, shows what each gave, and picks one.

Called by ``tod tune``. Example: of plans that answer 80 and 85 turns a second, where the second
takes twice the memory, the first is chosen: 85 is not a tenth more.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from todserve.runtime.errors import ConfigError, ServerError
from todserve.runtime.torchserve_files import FOLDER, torchserve_file
from todserve.runtime.untrusted.json_text import parse_json
from todserve.serving.archive.archive_build import build_archive
from todserve.serving.capacity.plan_trial import Measured, TrialSettings, try_plan
from todserve.serving.capacity.this_machine import processor, usable_cores
from todserve.serving.capacity.worker_plan import WorkerPlan, plans_for, write_plan
from todserve.serving.terminal.demo import UTTERANCES
from todserve.serving.terminal.painted_lines import say, say_table

WORTH_IT = 0.9
"""A plan is as good as the best if it reaches this share of its turns a second."""


def choose(tried: Sequence[Measured], *, memory: int | None = None) -> Measured:
    """Return the plan to serve with.

    Of those that reach ``WORTH_IT`` of the most turns a second, the one whose turn is quickest at
    one client; of equals, to a tenth, the one with the least memory.

    Args:
        tried: at least one.
        memory: most bytes that all workers may take; None sets no limit.

    Raises:
        ConfigError: no plan fits into ``memory``.
    """
    fitting = [one for one in tried if memory is None or one.memory <= memory]
    if not fitting:
        least = min(one.memory for one in tried)
        raise ConfigError(
            f"memory: got {memory / 1e6:.0f} MB; the smallest plan takes {least / 1e6:.0f} MB"
            if memory is not None
            else "no plan was tried"
        )
    most = max(one.rate for one in fitting)
    good = [one for one in fitting if one.rate >= WORTH_IT * most]
    quickest = min(one.alone for one in good)
    quick = [one for one in good if one.alone <= quickest / WORTH_IT]
    return min(quick, key=lambda one: (one.memory, one.plan))


def run(
    checkpoint: Path,
    *,
    model_config: Path,
    config: Path,
    turns: Sequence[Mapping[str, Any]],
    clients: int,
    seconds: float,
    out: Path,
    memory: int | None = None,
    plans: Sequence[WorkerPlan] = (),
) -> dict[str, Any]:
    """Try every plan on this machine, print what it gave, and write the chosen one to ``out``.

    Args:
        checkpoint: the folder to serve, as ``tod archive`` takes it.
        model_config: the model-config.yaml that is read.
        config: TorchServe's config.properties.
        turns: bodies of turns to ask.
        clients: how many ask at once.
        seconds: of each measurement.
        out: the model-config.yaml to write; may be the one that was read.
        memory: most bytes of all workers.
        plans: to try; empty takes those worth it on the cores of this process.

    Returns:
        The figures, for JSON.

    Raises:
        ArchiveError: the checkpoint cannot be packed.
        ConfigError: model-config.yaml does not fit, or nothing fits into ``memory``.
        ServerError: no plan could be tried.
    """
    cores = usable_cores()
    wanted = tuple(plans) or plans_for(cores)
    tried: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="tod-tune-") as name:
        workspace = Path(name).resolve()
        settings = TrialSettings(
            archive=build_archive(checkpoint, workspace / "store", model_config=model_config),
            model_config=model_config,
            config=config,
            turns=turns,
            clients=clients,
            seconds=seconds,
        )
        # Told once it is sure that there is something to try.
        say(f"{len(wanted)} plans on {processor()}, {cores} cores; {seconds:g} s each way")
        failures: list[ServerError] = []
        for place, plan in enumerate(wanted):
            folder = workspace / str(place)
            folder.mkdir()
            try:
                measured = try_plan(plan, settings, folder)
            except ServerError as error:
                failures.append(error)
                say(f"{plan}: {str(error).splitlines()[0]}")
                continue
            tried.append(measured)
            say(f"{plan}: {measured.alone:.1f} ms alone, {measured.rate:.0f} turns/s")
    if not tried:
        raise failures[0]
    chosen = choose(tried, memory=memory)
    say_table(
        ("plan", "ms alone", f"turns/s, {clients} clients", "p95 ms", "MB", "start s"),
        [_row(one, chosen) for one in tried],
    )
    write_plan(chosen.plan, model_config, out)
    say(f"{out}: minWorkers {chosen.plan.workers}, threads {chosen.plan.threads}")
    say(f"`tod archive --model-config {out}` packs it for the next start")
    return {
        "processor": processor(),
        "cores": cores,
        "clients": clients,
        "seconds": seconds,
        "chosen": _figures(chosen),
        "tried": [_figures(one) for one in tried],
    }


def model_config_of(given: Path | None) -> tuple[Path, Path]:
    """Return the model-config.yaml to read and the one to write, for the one a user named, if any.

    A checkout's own is written in place; a wheel's own stays, and the plan goes into a file of the
    working directory.
    """
    if given is not None:
        return given, given
    shipped = torchserve_file("archive", "model-config.yaml")
    return shipped, Path(shipped.name) if FOLDER in shipped.parts else shipped


def read_turns(path: Path | None) -> tuple[dict[str, Any], ...]:
    """Return the turns to ask: a JSON-lines file's bodies, or the demo's five.

    Raises:
        ConfigError: the file holds no bodies.
    """
    if path is None:
        return tuple({"user": utterance} for utterance in UTTERANCES)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        found = tuple(parse_json(line) for line in lines if line.strip())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: cannot be read: {error}; expected a JSON object a line"
        ) from None
    if not found or not all(isinstance(body, dict) for body in found):
        raise ConfigError(f'{path}: expected bodies of turns, one a line, such as {{"user": "hi"}}')
    return found


def _row(one: Measured, chosen: Measured) -> tuple[str, ...]:
    mark = "  <-" if one is chosen else ""
    return (
        str(one.plan),
        f"{one.alone:.1f}",
        f"{one.rate:.0f}",
        f"{one.slow:.0f}",
        f"{one.memory / 1e6:.0f}",
        f"{one.ready:.1f}{mark}",
    )


def _figures(one: Measured) -> dict[str, Any]:
    return {
        "workers": one.plan.workers,
        "threads": one.plan.threads,
        "milliseconds_alone": round(one.alone, 2),
        "turns_a_second": round(one.rate, 1),
        "milliseconds_p95": round(one.slow, 1),
        "memory_bytes": one.memory,
        "ready_seconds": round(one.ready, 2),
    }
