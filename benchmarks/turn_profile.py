"""Where a turn's time goes: by stage as the pipeline counts it, and by operator of ONNX Runtime.

Example: ``python -m benchmarks.turn_profile --archive archive/store/tod.mar``, or ``--export DIR``
with a folder of `tod export --format onnx`. The same turns of MultiWOZ dev as `benchmarks.bench`,
one by one and warm, in this process: first plain, for the stages; then with ONNX Runtime's
profiler, which slows every operator a little, for their shares.
"""

import argparse
import json
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnxruntime

from benchmarks.turns import load_turns
from todserve.runtime.errors import ConfigError, RequestError
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import TurnRequest, parse_request
from todserve.serving.archive.archive_trial import unpack
from todserve.serving.capacity.this_machine import processor, usable_cores

_WARM = 10  # turns
_CONTROL = frozenset({"Loop", "If", "Scan"})
"""Operators whose time is that of the operators inside them, which are counted themselves."""


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--archive", type=Path, help="a .mar of the onnx engine")
    source.add_argument("--export", type=Path, help="a folder of `tod export --format onnx`")
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tod-profile-") as name:
        workspace = Path(name)
        folder = arguments.export or unpack(arguments.archive, workspace / "unpacked")
        figures = profile(folder, arguments.turns, workspace)
    print("\n".join(lines_of(figures)))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def profile(folder: Path, number: int, workspace: Path) -> dict[str, Any]:
    """Return the figures of an export; ``workspace`` takes ONNX Runtime's traces.

    Raises:
        ConfigError: the folder's engine is not onnx.
    """
    if not (folder / "onnx").is_dir():
        raise ConfigError(f"{folder} is no export for onnx; `tod export --format onnx` makes one")
    plain = Pipeline.load(folder, constrained=True)
    turns = load_turns(folder, number)
    requests = [parse_request(body) for body in turns.bodies]
    stages = _stages(plain, requests)
    with _profiled(workspace) as end:
        pipeline = Pipeline.load(folder, constrained=True)
        for request in requests:
            pipeline.answer([request])
        operators = {model: operators_of(events) for model, events in end().items()}
    return {
        "turns": len(requests),
        "source": turns.source,
        "processor": processor(),
        "cores": usable_cores(),
        "stages_ms": stages,
        "operators": {
            model: [
                {"operator": name, "ms_a_turn": spent / 1e3 / len(requests), "calls": calls}
                for name, spent, calls in found
            ]
            for model, found in operators.items()
        },
    }


def operators_of(events: Iterable[Mapping[str, Any]]) -> list[tuple[str, int, int]]:
    """Return (operator, microseconds, calls) of a trace of ONNX Runtime, the costliest first."""
    spent: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for event in events:
        if event.get("cat") != "Node" or not str(event["name"]).endswith("kernel_time"):
            continue
        operator = event["args"]["op_name"]
        if operator not in _CONTROL:
            spent[operator] += int(event["dur"])
            calls[operator] += 1
    return [(operator, time, calls[operator]) for operator, time in spent.most_common()]


def lines_of(figures: Mapping[str, Any], most: int = 12) -> list[str]:
    """Return the figures as text, at most so many operators a model."""
    lines = [
        f"{figures['turns']} turns ({figures['source']}), one by one, "
        f"{figures['processor']}, {figures['cores']} cores",
        "",
        "stage, median ms a turn",
    ]
    lines += [f"  {stage:<12} {value:8.2f}" for stage, value in figures["stages_ms"].items()]
    for model, operators in figures["operators"].items():
        whole = sum(one["ms_a_turn"] for one in operators)
        lines += ["", f"{model}: {whole:.2f} ms a turn in operators, profiled"]
        lines += [
            f"  {one['operator']:<32} {one['ms_a_turn']:7.2f} ms {one['ms_a_turn'] / whole:6.1%}"
            f" {one['calls'] / figures['turns']:7.0f} calls"
            for one in operators[:most]
        ]
    return lines


def _stages(pipeline: Pipeline, requests: Sequence[TurnRequest]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for place, request in enumerate([*requests[:_WARM], *requests]):
        answer = pipeline.answer([request])[0]
        if isinstance(answer, RequestError):
            raise answer
        if place >= _WARM:
            for stage, value in answer.timing_ms.items():
                found.setdefault(stage, []).append(value)
    return {stage: statistics.median(values) for stage, values in found.items()}


@contextmanager
def _profiled(workspace: Path) -> Iterator[Callable[[], dict[str, list[dict[str, Any]]]]]:
    """Let every session that is opened meanwhile write a trace; what is given reads them all.

    The engine opens its sessions itself and knows no profiler, so ONNX Runtime's two classes are
    replaced for as long as this lasts.
    """
    sessions: dict[str, Any] = {}
    options_class, session_class = onnxruntime.SessionOptions, onnxruntime.InferenceSession

    class Options(options_class):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            self.enable_profiling = True
            self.profile_file_prefix = str(workspace / "trace")

    class Session(session_class):  # type: ignore[misc, valid-type]
        def __init__(self, path: Any, *arguments: Any, **settings: Any) -> None:
            super().__init__(path, *arguments, **settings)
            sessions[Path(path).stem] = self

    def traces() -> dict[str, list[dict[str, Any]]]:
        return {
            model: json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
            for model, session in sessions.items()
        }

    onnxruntime.SessionOptions, onnxruntime.InferenceSession = Options, Session
    try:
        yield traces
    finally:
        onnxruntime.SessionOptions, onnxruntime.InferenceSession = options_class, session_class


if __name__ == "__main__":
    main()
