"""The walls between the rooms, read from the sources themselves."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT, imports, module_name, parse, sources
from todserve.runtime.engines.engine_spec import EngineName

ROOMS = (
    *("runtime", "corpora", "training", "evaluation", "fidelity"),
    *("serving", "fleet", "bot", "gateway", "studio"),
)

CLIENT = "serving.client.client"

# Room -> the other rooms it may import, or one of their modules. Training may score what it
# trains; nothing imports training, and serving needs neither.
MAY_IMPORT = {
    "runtime": (),
    "corpora": ("runtime",),
    # A served model is scored through the same client that everybody has.
    "evaluation": ("runtime", "corpora", CLIENT),
    "training": ("runtime", "corpora", "evaluation"),
    # An export is held against its checkpoint's scores, and an archive holds an export.
    "fidelity": ("runtime", "corpora", "evaluation"),
    "serving": ("runtime", "corpora", "fidelity"),
    "fleet": ("runtime", "corpora", "serving"),
    "bot": ("runtime", "corpora", "serving"),
    "gateway": ("runtime", "corpora", "serving", "bot"),
    "studio": ("runtime", "corpora", "serving", "gateway"),
    # The command's verbs know every room, but only once they are called.
    "cli": (
        "runtime",
        "corpora",
        "training",
        "evaluation",
        "fidelity",
        "serving",
        "fleet",
        "bot",
        "gateway",
        "studio",
    ),
}

# These need the standard library and pydantic alone, so that a client and most tests need no
# torch; so does everything they import.
PLAIN = tuple(
    f"todserve.runtime.{name}"
    for name in (
        *("errors", "language.dialogue", "language.schema", "language.formats", "language.tasks"),
        *("language.prompts", "wire.request", "wire.response", "wire.kserve"),
        "engines.engine_spec",
    )
)


# Whatever else reads JSON or YAML does so through the first two, which have limits.
READ_BY_THEMSELVES = {
    "todserve.runtime.untrusted.json_text",
    "todserve.runtime.untrusted.yaml_text",
    "todserve.runtime.wire.body",  # has the limits of a request
    "todserve.corpora.files.located_files",  # keeps lines, within the same limits
    # What the project itself has just written.
    "todserve.gateway.conversations.dialogue_export",
    "todserve.serving.server.readiness",
    "todserve.serving.server.server_record",
}
_READERS = {("json", "load"), ("json", "loads")} | {
    ("yaml", f"{which}{name}")
    for which in ("", "full_", "unsafe_", "safe_")
    for name in ("load_all", "load")
}


def unlimited(tree: ast.AST) -> Iterator[str]:
    """Yield the calls of the libraries' own readers."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id, node.attr) in _READERS
        ):
            yield f"{node.value.id}.{node.attr}"


# What people say is data of a language (docs/languages.md): code of these rooms looks for no word.
CONVERSATION = ("language", "knowledge", "tracking", "reply", "spelling", "intents", "decoding")
PLACEHOLDER = "value"  # of [value_name]


def looked_for(tree: ast.AST) -> Iterator[str]:
    """Yield the words of three letters or more in a source's regular expressions."""
    for node in ast.walk(tree):
        if (
            not isinstance(node, ast.Call)
            or not isinstance(node.func, ast.Attribute)
            or not isinstance(node.func.value, ast.Name)
            or node.func.value.id != "re"
        ):
            continue
        given = node.args[0]
        for part in given.values if isinstance(given, ast.JoinedStr) else [given]:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                # Neither groups' names nor classes such as [a-z] and \w are words.
                bare = re.sub(r"\(\?P[<=]\w+|\[\^?\]?[^\]]*\]|\\\w", " ", part.value)
                yield from re.findall(r"[^\W\d_]{3,}", bare)


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def forbidden_rooms(module: str, imported: Iterable[str]) -> list[str]:
    """Return what a module of a room imports of rooms it must not know, cli included."""
    room = module.split(".")[1]
    allowed = [f"todserve.{name}" for name in (room, *MAY_IMPORT[room])]
    return [
        name
        for name in imported
        if inside(name, "todserve")
        and name != "todserve"
        and not any(inside(name, one) for one in allowed)
    ]


def reached(start: str) -> tuple[set[str], set[str]]:
    """Return our modules and the other packages that importing ``start`` leads to."""
    ours: set[str] = set()
    others: set[str] = set()
    waiting = [start]
    while waiting:
        module = waiting.pop()
        path = file_of(module)
        if path is None or module in ours:
            continue
        ours.add(module)
        for name in imports(parse(path)):
            if inside(name, "todserve"):
                waiting.append(name)
            else:
                others.add(name.partition(".")[0])
    return ours, others - set(sys.stdlib_module_names)


def file_of(module: str) -> Path | None:
    """Return the file of one of our modules; None for a name that is no module."""
    base = ROOT / module.replace(".", "/")
    return next((f for f in (base.with_suffix(".py"), base / "__init__.py") if f.is_file()), None)


@pytest.mark.parametrize("path", sources(*(f"todserve/{room}" for room in ROOMS)), ids=module_name)
def test_rooms_import_only_the_rooms_they_may(path: Path) -> None:
    assert forbidden_rooms(module_name(path), imports(parse(path))) == []


@pytest.mark.parametrize("path", sources("todserve", "model_defs"), ids=module_name)
def test_only_handlers_import_torchserve(path: Path) -> None:
    assert [name for name in imports(parse(path)) if inside(name, "ts")] == []


@pytest.mark.parametrize("path", sources("todserve", "handlers", "model_defs"), ids=module_name)
def test_text_of_strangers_is_read_in_one_way(path: Path) -> None:
    assert module_name(path) in READ_BY_THEMSELVES or not list(unlimited(parse(path)))


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in sources(*(f"todserve/runtime/{room}" for room in CONVERSATION))
        if path.stem != "korean_particles"  # a rule of grammar, which reply.json chooses by name
    ],
    ids=module_name,
)
def test_no_expression_in_code_looks_for_words_of_a_language(path: Path) -> None:
    assert sorted({*looked_for(parse(path))} - {PLACEHOLDER}) == []


def test_words_of_an_expression_are_told_from_its_signs() -> None:
    source = r"re.compile(r'(?P<hour>\d+)\s?clock[a-z]{2}\bnoon\b'); re.sub(f'x{y}past', '', z)"
    assert sorted(looked_for(ast.parse(source))) == ["clock", "noon", "past"]


# They are the console itself.
PRINTERS = {"todserve.runtime.console", "todserve.serving.terminal.painted_lines"}


@pytest.mark.parametrize("path", sources("todserve", "handlers", "model_defs"), ids=module_name)
def test_only_the_console_prints_to_the_terminal(path: Path) -> None:
    printing = [
        node
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
        # Into a file that the caller gave.
        and "file" not in {given.arg for given in node.keywords}
    ]
    assert printing == [] or module_name(path) in PRINTERS


@pytest.mark.parametrize("path", sources("handlers"), ids=module_name)
def test_handlers_never_import_each_other(path: Path) -> None:
    handlers = {other.stem for other in sources("handlers")} | {"handlers"}
    assert [name for name in imports(parse(path)) if name.partition(".")[0] in handlers] == []


@pytest.mark.parametrize("path", sources("handlers"), ids=module_name)
def test_handlers_define_one_class_each(path: Path) -> None:
    # TorchServe: "Expected only one class in custom service code".
    assert sum(isinstance(node, ast.ClassDef) for node in parse(path).body) == 1


@pytest.mark.parametrize("path", sources("todserve", "handlers", "model_defs"), ids=module_name)
def test_no_source_imports_relatively(path: Path) -> None:
    assert [name for name in imports(parse(path)) if name.startswith(".")] == []


@pytest.mark.parametrize("module", PLAIN)
def test_plain_modules_need_the_standard_library_and_pydantic_alone(module: str) -> None:
    ours, others = reached(module)
    assert module in ours
    assert others <= {"pydantic", "pydantic_core"}


@pytest.mark.parametrize("module", [f"todserve.{CLIENT}", "todserve.serving.client.conversation"])
def test_the_client_needs_two_packages_beside_pydantic_and_no_other_room(module: str) -> None:
    ours, others = reached(module)
    # What a program that traces has loaded already; see ``trace_spans``.
    assert others - {"opentelemetry"} == {"pydantic", "httpx2", "tenacity"}
    rooms = {name.split(".")[1] for name in ours if name.count(".") > 0}
    assert rooms == {"runtime", "serving"}


@pytest.mark.parametrize("path", sources("todserve/cli"), ids=str)
def test_the_command_imports_no_room_before_a_verb_is_called(path: Path) -> None:
    first = {name for name in imports(parse(path), whole=False) if inside(name, "todserve")}
    # The engines' names are choices of an option; engine_spec needs the standard library alone.
    known = ("todserve.cli", "todserve.runtime.errors", "todserve.runtime.engines.engine_spec")
    assert [name for name in first if not any(inside(name, one) for one in known)] == []


@pytest.mark.parametrize("path", sources("todserve", "handlers", "benchmarks"), ids=module_name)
def test_nothing_is_decided_by_an_engines_name(path: Path) -> None:
    # EngineSpec is asked instead; an engine's own folder, and what is the reference, name one.
    if not inside(module_name(path), "todserve.runtime.engines"):
        assert list(engines_named(parse(path))) == []


def engines_named(tree: ast.AST) -> Iterator[str]:
    """Yield ``EngineName.ONNX`` and comparisons with ``"onnx"``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "EngineName":
            yield ast.unparse(node)
        elif isinstance(node, ast.Compare):
            compared = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}
            if compared & set(EngineName):
                yield ast.unparse(node)


@pytest.mark.parametrize(
    "source", ["EngineName.ONNX", 'engine == "onnx"', 'engine in ("torch", "onnx")']
)
def test_a_decision_by_an_engines_name_is_seen(source: str) -> None:
    assert list(engines_named(ast.parse(source))) == [ast.unparse(ast.parse(source))]


def test_every_room_has_its_rule() -> None:
    rooms = {path.parent.name for path in (ROOT / "todserve").glob("*/__init__.py")}
    assert rooms <= set(MAY_IMPORT)


@pytest.mark.parametrize(
    ("module", "source", "breaches"),
    [
        ("todserve.runtime.pipeline", "from todserve.serving import client", 2),
        ("todserve.runtime.pipeline", "def f():\n    import todserve.cli.main", 1),
        ("todserve.runtime.pipeline", "if True:\n    import todserve.training.training_run", 1),
        (
            "todserve.runtime.pipeline",
            "if TYPE_CHECKING:\n    import todserve.training.training_run",
            0,
        ),
        (
            "todserve.evaluation.suites.multiwoz.multiwoz_run",
            "import todserve.training.training_run",
            1,
        ),
        (
            "todserve.training.training_run",
            "import todserve.evaluation.rollout, todserve.runtime.wire.request",
            0,
        ),
        ("todserve.training.training_run", "import todserve", 0),
        ("todserve.evaluation.rollout", "from todserve.serving.client.client import Client", 0),
        ("todserve.evaluation.rollout", "import todserve.serving.server.ports", 1),
        ("todserve.serving.server.torchserve_server", "from todserve import corpora, training", 1),
    ],
)
def test_the_walls_see_every_kind_of_import(module: str, source: str, breaches: int) -> None:
    assert len(forbidden_rooms(module, imports(ast.parse(source)))) == breaches
