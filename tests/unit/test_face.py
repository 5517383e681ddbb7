"""``import todserve``: every name, none of it before it is used."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import todserve
from tests.support.source_tree import ROOT, parse

FACE = ROOT / "todserve" / "__init__.py"
# What a process may not have loaded only because todserve was imported.
HEAVY = ("torch", "transformers", "pydantic", "numpy", "onnxruntime", "httpx2", "tenacity", "yaml")


def run(code: str, path: Path = ROOT) -> str:
    """Return what ``code`` prints in a Python of its own that finds todserve at ``path``."""
    environment = {**os.environ, "PYTHONPATH": str(path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def typed_places() -> dict[str, tuple[str, str]]:
    """Return name -> (module, name there) of what stands under ``if TYPE_CHECKING``."""
    block = next(node for node in parse(FACE).body if isinstance(node, ast.If))
    return {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_importing_the_package_loads_nothing_heavy() -> None:
    shown = run("import sys, todserve; print(*[n for n in sys.modules if 'todserve.' in n]);")
    assert shown == ""
    loaded = run(f"import sys, todserve; print(*[n for n in {HEAVY!r} if n in sys.modules])")
    assert loaded == ""


def test_client_and_conversation_load_no_network() -> None:
    code = (
        "import sys; from todserve import Client, Conversation, TurnRequest, connect;"
        "print(*[n for n in ('torch', 'transformers', 'numpy', 'onnxruntime', 'tokenizers')"
        " if n in sys.modules])"
    )
    assert run(code) == ""


def test_what_editors_see_is_what_is_loaded() -> None:
    assert typed_places() == todserve._PLACES
    assert sorted([*todserve._PLACES, "__version__"]) == todserve.__all__


@pytest.mark.parametrize("name", todserve.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(todserve, name)
    assert name in dir(todserve)


def test_a_name_is_loaded_once_and_kept() -> None:
    assert run("import todserve; todserve.TodError; print('TodError' in vars(todserve))") == "True"


def test_a_name_that_is_not_there_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="'todserve' has no attribute 'Pipelines'"):
        todserve.Pipelines  # type: ignore[attr-defined]  # noqa: B018


def test_a_missing_package_is_named_with_the_extra_that_brings_it() -> None:
    code = (
        "import sys; sys.modules['httpx2'] = None\n"
        "try:\n    from todserve import Client\n"
        "except ImportError as error:\n    print(error)"
    )
    shown = run(code)
    assert "todserve.Client needs the package 'httpx2'" in shown
    assert "install 'todserve[serve]'" in shown


def test_the_copy_in_an_archive_offers_what_it_has_and_no_more(tmp_path: Path) -> None:
    copy = tmp_path / "todserve"
    shutil.copytree(ROOT / "todserve" / "runtime", copy / "runtime")
    shutil.copy(FACE, copy)
    # An editable installation would lend the copy what it lacks.
    code = (
        "import sys; sys.meta_path = [f for f in sys.meta_path if 'Editable' not in repr(f)]\n"
        "import json, todserve; assert todserve.__file__.startswith(" + repr(str(tmp_path)) + ");"
        "print(json.dumps({n: hasattr(todserve, n) for n in todserve.__all__}))"
    )
    offered = json.loads(run(code, tmp_path))
    outside = {name for name, (module, _) in todserve._PLACES.items() if ".runtime." not in module}
    assert {name for name, there in offered.items() if not there} == outside
