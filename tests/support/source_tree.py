"""Our Python sources as the walls and the words see them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def sources(*folders: str) -> list[Path]:
    """Return the Python files under folders of the repository, sorted."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    """Return a file's dotted name; for ``__init__.py`` the package's own."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, *, whole: bool = True) -> Iterator[str]:
    """Yield the modules that a source imports when it runs.

    ``from a import b`` yields both ``a`` and ``a.b``, since b may be a module. What stands under
    ``if TYPE_CHECKING`` never runs. With ``whole`` false, functions' own imports are left out.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A relative import would hide from every wall.
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield from imports(ast.Module(body=[other], type_ignores=[]), whole=whole)
        elif whole or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(node, whole=whole)


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a source file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
