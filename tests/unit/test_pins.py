"""What is imported is declared, what is declared is pinned, and all lists agree."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT, imports, module_name, parse, sources

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PIN = re.compile(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*")

# Import name -> name of the distribution, where they differ.
DISTRIBUTIONS = {"sklearn": "scikit-learn", "ts": "torchserve", "yaml": "pyyaml"}
LEARNING = ("corpora", "training", "evaluation", "fidelity")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines: list[str]) -> dict[str, str]:
    """Return name -> version of the lines that are pins."""
    return {
        normal(line.split("==")[0]): line.split("==")[1] for line in lines if PIN.fullmatch(line)
    }


def locked(name: str) -> list[str]:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith(("#", "-r"))]


@pytest.mark.parametrize("path", sources("todserve", "handlers", "model_defs"), ids=module_name)
def test_every_package_that_is_imported_is_declared(path: Path) -> None:
    optional = [*EXTRAS["java"], *EXTRAS["ctranslate2"], *EXTRAS["postgres"]]
    declared = {**pins(PROJECT["dependencies"]), **pins(optional)}
    if path.relative_to(ROOT).parts[1] in LEARNING:
        declared |= pins(EXTRAS["train"])
    roots = {name.partition(".")[0] for name in imports(parse(path))}
    others = roots - set(sys.stdlib_module_names) - {"todserve"}
    assert {DISTRIBUTIONS.get(name, normal(name)) for name in others} <= set(declared)


@pytest.mark.parametrize("name", ["runtime.txt", "train.txt", "dev.txt", "bench.txt", "java.txt"])
def test_every_locked_line_is_an_exact_pin(name: str) -> None:
    assert [line for line in locked(name) if not PIN.fullmatch(line)] == []
    assert locked(name)


@pytest.mark.parametrize(
    ("direct", "lists"),
    [
        (PROJECT["dependencies"], ["runtime.txt"]),
        (EXTRAS["train"], ["runtime.txt", "train.txt"]),
        (EXTRAS["dev"][1:], ["runtime.txt", "train.txt", "dev.txt"]),
        (EXTRAS["java"], ["java.txt"]),
        (EXTRAS["ctranslate2"], ["train.txt"]),
        (EXTRAS["postgres"], ["dev.txt"]),
        (EXTRAS["bench"], ["runtime.txt", "train.txt", "dev.txt", "bench.txt"]),
    ],
)
def test_direct_dependencies_are_pinned_as_the_lists_say(
    direct: list[str], lists: list[str]
) -> None:
    everything = pins([line for name in lists for line in locked(name)])
    assert len(pins(direct)) == len(direct)
    assert pins(direct).items() <= everything.items()
