"""A fuzz run: mutations of the seeds are fed to every target for some minutes.

``make fuzz MINUTES=5``, or ``python -m tests.fuzz.run --minutes 5 --target bots``. Every case runs
under a limit of seconds and of memory; a case that fails is kept under ``runs/fuzz`` and named, and
the run ends with 1. ``python -m tests.fuzz.run --again runs/fuzz/bots-0123`` runs one once more.
"""

import argparse
import contextlib
import faulthandler
import hashlib
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.fuzz.mutation import mutated
from tests.fuzz.targets import TARGETS, Target
from todserve.runtime.errors import TodError

SEEDS = Path(__file__).parent / "seeds"
KEPT = Path("runs/fuzz")
_SECONDS = 20  # of one case; the machine may be busy
_SHOWN = 300  # characters of a line
_BYTES = 6 << 30


class TooSlowError(BaseException):
    """A case took longer than its seconds; no reader may catch it."""


def seeds(name: str) -> list[bytes]:
    """Return the seeds of a target, by their file names."""
    return [path.read_bytes() for path in sorted((SEEDS / name).iterdir())]


def fault_of(target: Target, content: bytes) -> str | None:
    """Feed a case; return what went wrong, None where it was read or refused as it should be."""
    with tempfile.TemporaryDirectory(prefix="tod-fuzz-") as made:
        folder = Path(made) / "inside"
        folder.mkdir()
        before = sorted(Path().iterdir())
        try:
            with _seconds(_SECONDS):
                target(content, folder)
        except TodError as error:
            with contextlib.suppress(UnicodeEncodeError):
                str(error).encode("utf-8")
                return _escaped(Path(made), folder, before)
            return "a message that no terminal can print"
        except (Exception, TooSlowError):
            return "\n".join(line[:_SHOWN] for line in traceback.format_exc(limit=-6).splitlines())
        return _escaped(Path(made), folder, before)


def _escaped(made: Path, folder: Path, before: Sequence[Path]) -> str | None:
    beside = [path.name for path in made.iterdir() if path != folder]
    beside += [path.name for path in sorted(Path().iterdir()) if path not in before]
    return f"wrote beside its folder: {beside}" if beside else None


@contextlib.contextmanager
def _seconds(most: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooSlowError(f"more than {most} s")

    former = signal.signal(signal.SIGALRM, stop)
    signal.alarm(most)
    # What never comes back to Python ends the process, with its traceback and the case kept.
    faulthandler.dump_traceback_later(3 * most, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


def fuzz(names: Sequence[str], *, minutes: float, seed: int) -> int:
    """Feed the targets in turn until the time is over; return how many faults of a kind there were.

    Args:
        names: of the targets.
        minutes: in all.
        seed: of the mutations.
    """
    chance = random.Random(seed)
    everything = [content for name in names for content in seeds(name)]
    end = time.monotonic() + minutes * 60
    cases: Counter[str] = Counter()
    faults: dict[str, Path] = {}
    KEPT.mkdir(parents=True, exist_ok=True)
    while time.monotonic() < end:
        for name in names:
            content = mutated(chance.choice(seeds(name)), chance, everything)
            path = KEPT / f"{name}-{hashlib.sha256(content).hexdigest()[:8]}"
            path.write_bytes(content)
            fault = fault_of(TARGETS[name], content)
            cases[name] += 1
            if fault is None:
                path.unlink()
            elif faults.setdefault(f"{name}: {_kind(fault)}", path) == path:
                print(f"{path}:\n{fault}", flush=True)
            else:
                path.unlink()  # one case of a kind is enough
    print(f"seed {seed}: {sum(cases.values())} cases, {len(faults)} kinds of faults")
    for name, count in sorted(cases.items()):
        print(f"  {name:14} {count:7}")
    return len(faults)


def _kind(fault: str) -> str:
    """Return where a fault arose, so that one mistake is told once."""
    places = [line for line in fault.splitlines() if line.lstrip().startswith("File ")]
    return places[-1].strip() if places else fault.splitlines()[0]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--target", action="append", choices=sorted(TARGETS))
    parser.add_argument("--seed", type=int, default=None, help="another one every time without")
    parser.add_argument("--again", type=Path, help="a case that was kept")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    if arguments.again is not None:
        name = arguments.again.name.rpartition("-")[0]
        fault = fault_of(TARGETS[name], arguments.again.read_bytes())
        print(fault or "read or refused as it should be")
        return 1 if fault else 0
    seed = time.time_ns() % 1_000_000 if arguments.seed is None else arguments.seed
    names = arguments.target or sorted(TARGETS)
    return 1 if fuzz(names, minutes=arguments.minutes, seed=seed) else 0


if __name__ == "__main__":
    sys.exit(main())
