"""Every command, option, make target and extra that is named anywhere is one that exists."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import options, verbs
from tests.support.source_tree import ROOT, parse, sources

CODE = sources("todserve", "handlers", "model_defs", "benchmarks")
TEXTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("*/README.md")),
    *sorted(ROOT.glob("*/*/README.md")),
    *sorted(ROOT.glob("scripts/*.sh")),
    *(ROOT / name for name in ("Makefile", ".ci/run", "archive/model-config.yaml")),
    *(ROOT / name for name in ("config.properties", "pyproject.toml")),
]
# History may name what is gone.
TEXTS = [path for path in TEXTS if path.name != "CHANGELOG.md" and ".venv" not in path.parts]

# Options that are named and belong to other programs.
OTHERS = {
    *("--nproc-per-node", "--standalone", "--nnodes"),  # torchrun
    *("--start", "--stop", "--foreground", "--ncs", "--model-store", "--models", "--ts-config"),
    *("--log-config", "--workflow-name", "--spec-file", "--handler", "--archive-format"),
    *("--export-path", "--extra-files", "--model-name", "--serialized-file", "--model-file"),
    *("--config-file", "--requirements-file", "--force", "--runtime"),  # torch-model-archiver
    *("--force-reinstall", "--disable-pip-version-check"),  # pip
    *("--porcelain", "--untracked-files", "--short"),  # git
    "--domain",  # rasa
}

# `tod ...` between backticks, one or two; or at the end of "... it with: tod start".
_QUOTED = re.compile(r"(`{1,2})((?:\.venv/bin/)?tod(?: [^`]*)?)\1")
_TOLD = re.compile(
    r"(?:(?:^|with: |&& |exec |@|\$\(BIN\)/|\.venv/bin/)tod|-m todserve) ([a-z][^'`\n;|#]*)"
)
_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
_PLACE = "X"


def texts_of(path: Path) -> Iterator[str]:
    """Yield the texts of a Python file, placeholders of f-strings as X."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else _PLACE
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


ADDED = {"evaluate brevity"}
"""What a page adds by way of example; test_added_benchmark follows that page."""


def commands_in(text: str) -> Iterator[str]:
    """Yield every command of ``tod`` that a text names."""
    for _, found in _QUOTED.findall(text):
        yield " ".join(found.removeprefix(".venv/bin/").split())
    for line in text.splitlines():
        for found in _TOLD.findall(line.strip()):
            yield f"tod {found}".strip()


def faults_of(command: str) -> Iterator[str]:
    """Yield what is wrong with each of the commands that ``&&`` joins."""
    known = verbs()
    for part in re.split(r" && | \| ", command):
        words = part.split()
        if words[:1] != ["tod"] or len(words) < 2:
            continue
        if words[1].startswith("-") or words[1].isupper():
            continue  # an option of tod itself, or any verb
        verb = words[1].strip(",.:;")
        if verb not in known:
            yield f"{part}: no verb {verb!r}"
            continue
        below = f"{verb} {words[2].strip(',.:;')}" if len(words) > 2 else ""
        if below in known:
            verb = below
        elif below in ADDED:
            continue
        every = {verb, *(one for one in known if one.startswith(f"{verb} "))}
        taken = set().union(*(options(one) for one in every))
        for flag in _FLAG.findall(part):
            if flag not in taken:
                yield f"{part}: {verb!r} takes no {flag}"


def test_code_names_commands_that_exist() -> None:
    named = [
        (str(path.relative_to(ROOT)), command)
        for path in CODE
        for text in texts_of(path)
        for command in commands_in(text)
    ]
    assert len(named) > 50
    assert [(place, fault) for place, one in named for fault in faults_of(one)] == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_and_scripts_name_commands_that_exist(path: Path) -> None:
    found = commands_in(path.read_text(encoding="utf-8"))
    assert [fault for command in found for fault in faults_of(command)] == []


def test_code_names_options_that_exist() -> None:
    every = set().union(*(options(verb) for verb in verbs())) | {"--version"}
    named = {
        (str(path.relative_to(ROOT)), flag)
        for path in sources("todserve")
        for text in texts_of(path)
        for flag in _FLAG.findall(text)
    }
    assert {(place, flag) for place, flag in named if flag not in every | OTHERS} == set()


def test_extras_and_targets_that_are_named_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    targets = set(
        re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    every = "\n".join(text for path in CODE for text in texts_of(path))
    every += "\n".join(path.read_text(encoding="utf-8") for path in TEXTS)
    extras = set(re.findall(r"todserve\[([a-z0-9]+)\]", every))
    assert extras
    assert extras - set(project["optional-dependencies"]) == set()
    named = set(re.findall(r"`make ([a-z-]+)", every))
    assert named
    assert named - targets == set()


def test_the_reader_of_commands_sees_what_it_should() -> None:
    text = "first `tod start`, then ``tod data stats NAME``\nstart it with: tod stop\n"
    assert list(commands_in(text)) == ["tod start", "tod data stats NAME", "tod stop"]
    assert list(faults_of("tod stop && tod trian x")) == ["tod trian x: no verb 'trian'"]
    assert list(faults_of("tod start --nome tod")) == [
        "tod start --nome tod: 'start' takes no --nome"
    ]
    assert list(faults_of("tod evaluate multiwoz --csv x")) != []
