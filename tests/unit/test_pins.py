"""What is imported is declared, every range holds its pin, and the pins are what is installed."""

import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts import hashed
from tests.support.source_tree import ROOT, imports, module_name, parse, sources

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
PIN = re.compile(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*")
LISTS = (
    *("runtime.txt", "train.txt", "ray.txt", "dev.txt", "bench.txt", "java.txt"),
    *("pretrained.txt", "values.txt"),
)
APART = ("rasa-sdk.txt", "kserve.txt")  # environments of their own
EXTRAS_APART = {"kserve": ("kserve.txt",)}

# Import name -> name of the distribution, where they differ.
DISTRIBUTIONS = {
    "grpc": "grpcio",
    "opentelemetry": "opentelemetry-api",
    "re2": "google-re2",
    "sklearn": "scikit-learn",
    "socketio": "python-socketio",
    "ts": "torchserve",
    "yaml": "pyyaml",
}
# Room -> the extras that whoever uses it has installed; `cli` and the face import rooms lazily.
INSTALLED = {
    "runtime": ("serve", "ctranslate2", "otel", "values"),
    "serving": ("serve", "java"),
    "handlers": ("serve",),
    "model_defs": ("serve",),
    "bot": ("bot",),
    "gateway": ("bot", "postgres", "parquet"),
    "studio": ("bot",),
    "fleet": ("ray", "kserve", "parquet"),
    "corpora": ("train",),
    "training": ("train", "pretrained"),
    "evaluation": ("train",),
    "fidelity": ("train",),
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> dict[str, Requirement]:
    """Return what a client has, and what extras add, those that they name themselves included."""
    found: dict[str, Requirement] = {}
    for line in [*PROJECT["dependencies"], *(line for name in extras for line in EXTRAS[name])]:
        one = Requirement(line)
        if one.name == PROJECT["name"]:
            found |= declared(*one.extras)
        else:
            found[normal(one.name)] = one
    return found


def pins(name: str) -> dict[str, str]:
    """Return name -> version of a list of exact pins."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "-r"))]
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    return {normal(line.split("==")[0]): line.split("==")[1] for line in lines}


@pytest.mark.parametrize("path", sources("todserve", "handlers", "model_defs"), ids=module_name)
def test_every_package_that_is_imported_is_declared(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    room = parts[1] if parts[0] == "todserve" else parts[0]
    roots = {name.partition(".")[0] for name in imports(parse(path))}
    others = roots - set(sys.stdlib_module_names) - {"todserve"}
    names = {DISTRIBUTIONS.get(name, normal(name)) for name in others}
    assert names <= declared(*INSTALLED.get(room, ())).keys()


@pytest.mark.parametrize("name", LISTS)
def test_every_locked_line_is_an_exact_pin(name: str) -> None:
    assert pins(name)


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_every_range_holds_the_version_that_is_pinned_and_tested(extra: str) -> None:
    lists = EXTRAS_APART.get(extra, LISTS)
    pinned = {package: one for name in lists for package, one in pins(name).items()}
    for package, one in declared(*([extra] if extra else [])).items():
        assert one.specifier.contains(pinned[package]), f"{one}: pinned is {pinned[package]}"
        assert str(one.specifier), f"{one} has no bounds"


@pytest.mark.parametrize("package", sorted(declared("serve", "bot", "train")))
def test_what_is_installed_here_is_what_is_pinned(package: str) -> None:
    pinned = {name: one for listed in LISTS for name, one in pins(listed).items()}
    assert version(package).partition("+")[0] == pinned[package]


def test_a_client_has_neither_torch_nor_a_server() -> None:
    assert not {"torch", "torchserve", "transformers", "fastapi"} & declared().keys()


@pytest.mark.parametrize("name", [*LISTS, *APART])
def test_every_pin_but_torchs_has_checksums(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert hashed.main([str(ROOT / "requirements" / name)]) == 0
    told = capsys.readouterr().out
    assert "--hash=sha256:" in told
    assert "torch==" not in told


def test_no_list_is_installed_without_checksums() -> None:
    lists = {path.name for path in (ROOT / "requirements").glob("*.txt")} - {"hashes.txt"}
    assert lists == {*LISTS, *APART}
    places = [ROOT / "Makefile", *sorted((ROOT / "scripts").glob("*.sh"))]
    lines = [line for path in places for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if re.search(r"install .*-r requirements/", line)] == []


def test_a_pin_without_a_checksum_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.txt").write_text("# a\ntorch==1.0\nno-such-package==1.0\n")
    assert hashed.main([str(tmp_path / "own.txt")]) == 1
    assert "no-such-package==1.0 in hashes.txt" in capsys.readouterr().err
