import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todserve.corpora.corpus_faults import Fault, refuse
from todserve.corpora.files.located_files import read_json, read_yaml
from todserve.corpora.files.located_values import Located
from todserve.runtime.errors import CorpusError


def plain(node: Located) -> object:
    if isinstance(node.value, dict):
        return {name: plain(inner) for name, inner in node.value.items()}
    if isinstance(node.value, list):
        return [plain(inner) for inner in node.value]
    return node.value


def test_nodes_of_yaml_know_their_lines_and_keep_their_spelling() -> None:
    faults: list[Fault] = []
    root = read_yaml("a: yes\nb:\n- 01\n- |\n  one\n  two\nc: null\nd: ~\n", "x.yml", faults)
    assert root is not None
    assert plain(root) == {"a": "yes", "b": ["01", "one\ntwo\n"], "c": None, "d": None}
    first, second = root.value["b"].value
    assert (first.line, second.line, second.block) == (3, 4, True)
    assert faults == []


def test_merge_keys_and_anchors_are_followed_and_never_for_ever() -> None:
    faults: list[Fault] = []
    root = read_yaml("base: &b {a: 1}\nmore:\n  <<: *b\n  c: 2\n", "x.yml", faults)
    assert root is not None
    assert plain(root.value["more"]) == {"a": "1", "c": "2"}
    assert faults == []
    assert read_yaml("&a [*a]", "x.yml", faults) is None
    assert "inside its own anchor" in faults[0].got


@pytest.mark.parametrize(
    ("read", "text", "line"),
    [
        (read_yaml, "a: 1\nb: [1\nc: 2\n", 3),
        (read_yaml, "a: 1\na: 2\n", 2),
        (read_json, '{"a": 1,\n "b" 2}', 2),
        (read_json, '{"a": 1,\n "a": 2}', 2),
        (read_json, "[1,\n2\n3]", 3),
        (read_json, "[1]\n\n[2]", 3),
        (read_json, "", 1),
    ],
)
def test_faults_of_syntax_stand_on_their_line(read: object, text: str, line: int) -> None:
    faults: list[Fault] = []
    assert callable(read)
    read(text, "x", faults)
    assert [(one.file, one.line) for one in faults] == [("x", line)]


_INTEGERS = st.integers(-(2**64), 2**64)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES, st.sampled_from([None, 1]), st.booleans())
def test_json_reads_as_the_standard_library_reads_it(
    value: object, indent: int | None, ascii_only: bool
) -> None:
    faults: list[Fault] = []
    root = read_json(json.dumps(value, indent=indent, ensure_ascii=ascii_only), "x.json", faults)
    assert root is not None
    assert plain(root) == value
    assert faults == []


def test_faults_print_like_a_compilers_and_refuse_names_how_many_follow() -> None:
    fault = Fault(file="a.yml", line=3, what="slot", got="x", expected="y", fix="do z")
    assert str(fault) == "a.yml:3: slot: got x; expected y; do z"
    refuse([], "a")
    with pytest.raises(CorpusError, match=r"a\.yml:3: .* \(and 1 more: run `tod data validate a`"):
        refuse([fault, fault], "a")
