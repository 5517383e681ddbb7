"""The words of the house: names that no source may define."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source_tree import module_name, parse, sources

# Wrong wherever they appear in a name: the corpus codes and spellings the house does not use,
# and the names of modules about nothing.
NEVER = {"bspn", "aspn", "dialog", "dialogs", "utils", "util", "helpers", "helper"}
# Wrong as a whole name, since they say nothing; fine as a part (``data_folder``).
NEVER_ALONE = {"data", "item", "res"}

SOURCES = sources("todserve", "handlers", "model_defs", "tests")


def words(name: str) -> set[str]:
    """Return the lower-case words of ``snake_case`` and ``CamelCase``."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def is_wrong(name: str) -> bool:
    return bool(words(name) & NEVER) or name.strip("_").lower() in NEVER_ALONE


def defined(tree: ast.AST) -> Iterator[str]:
    """Yield every name that a source itself chooses; names it only uses are others' choice."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.alias) and node.asname is not None:
            yield node.asname


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_sources_define_no_forbidden_name(path: Path) -> None:
    names = [*module_name(path).split("."), *defined(parse(path))]
    assert sorted({name for name in names if is_wrong(name)}) == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("bspn_reader", True),
        ("DialogReader", True),
        ("parse_dialog", True),
        ("string_utils", True),
        ("data", True),
        ("_res", True),
        ("item", True),
        ("dialogue", False),
        ("DialogueAct", False),
        ("data_folder", False),
        ("result", False),
        ("items", False),
    ],
)
def test_forbidden_words_are_told_from_harmless_ones(name: str, wrong: bool) -> None:
    assert is_wrong(name) is wrong


def test_defined_names_are_told_from_used_ones() -> None:
    source = "import a as b\nclass C:\n    d = 1\ndef f(g, *h, i=0, **j):\n    k.m = n.o(p=q)\n"
    assert set(defined(ast.parse(source))) == {"b", "C", "d", "f", "g", "h", "i", "j", "m"}
