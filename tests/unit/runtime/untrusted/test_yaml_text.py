"""YAML of strangers: what is refused, and that a reader of any file of it says so plainly."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from todserve.bot.bot_file import load_bot
from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.located_files import read_located
from todserve.evaluation.suites.people.people_steps import load_steps
from todserve.runtime.errors import DataError, TodError
from todserve.runtime.untrusted.yaml_text import MOST_LEVELS, parse_yaml
from todserve.serving.archive.model_config import load_model_config
from todserve.training.training_config import TrainingConfig

NINE_LEVELS = "a0: &a0 [x]\n" + "".join(
    f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 10)
)
"""Some 600 bytes that stand for 387 million values."""

_MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{level}: &a{level} {{<<: [{','.join([f'*a{level - 1}'] * 9)}]}}\n" for level in range(1, 10)
)
HOSTILE = {
    "nine levels of aliases": (NINE_LEVELS, r"alias \*a\d"),
    "nine levels of merges": (_MERGED, r"alias \*a\d"),
    "a deep list": ("[" * 100_000, "nested too deeply"),
    "a deep block": ("- " * 5_000 + "a", "nested too deeply"),
    "a deep mapping": ("{a: " * 5_000, "nested too deeply"),
    "an alias inside its anchor": ("a: &a [*a]", "inside its own anchor"),
    "a merge of itself": ("<<: &a {<<: *a}", "inside its own anchor"),
    "a list as a key": ("? [a]\n: 1\n", "key that is a list"),
    "a mapping as a key": ("{{a: b}: 1}", "key that is a list"),
    "a key twice": ("a: 1\na: 2\n", "stands twice|a second time"),
    "no YAML": ("a: [1", "not YAML"),
    "a control character": ("a: \x00", "not YAML"),
    "half a surrogate pair": (r'a: "\ud800"', "not YAML"),
}
"""What every reader of YAML refuses."""

_VALUES = {
    "a number of 100,000 digits": ("a: " + "9" * 100_000, "100000 digits"),
    "a number of base 60": ("a: 1" + ":1" * 100_000, "digits"),
    "the 31st of February": ("a: 2020-02-31", "not of the kind"),
    "no whole number": ("a: !!int ''", "not of the kind"),
    "no truth": ("a: !!bool x", "not of the kind"),
    "no time": ("a: !!timestamp x", "not of the kind"),
    "a set that is a list": ("!!set [a]", "not of the kind"),
    "an object of Python's": ("a: !!python/object/apply:os.getcwd []", "not YAML"),
    "an anchor nobody set": ("a: *b", "not YAML"),
    "a NUL": ('a: "x\\0"', "got a NUL in a text"),
    "two documents": ("--- a\n--- b", "not YAML"),
}


@pytest.mark.parametrize(("text", "said"), [*HOSTILE.values(), *_VALUES.values()])
def test_what_is_beyond_the_limits_is_refused_plainly(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as raised:
        parse_yaml(text)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("read", [load_bot, load_model_config, load_steps, None])
@pytest.mark.parametrize("name", HOSTILE)
def test_every_reader_of_yaml_refuses_it(
    read: Callable[[Path], object] | None, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "hostile.yml"
    path.write_text(HOSTILE[name][0], encoding="utf-8")
    with pytest.raises(TodError) as raised:
        TrainingConfig.load(str(path)) if read is None else read(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_rasas_files_have_a_fault_instead(name: str, tmp_path: Path) -> None:
    path = tmp_path / "nlu.yml"
    path.write_text(HOSTILE[name][0], encoding="utf-8")
    faults: list[Fault] = []
    read_located(path, faults)
    assert [one.file for one in faults] == [str(path)]


@pytest.mark.parametrize("text", ["[1, 2]", "a", "1", "{1: 2}", "name: [..]"])
def test_a_training_configuration_that_is_no_mapping_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(TodError):
        TrainingConfig.load(str(path))


@pytest.mark.parametrize("value", [NINE_LEVELS.replace("\n", "\\n"), "[" * 5_000, "2020-02-31"])
def test_an_override_is_read_under_the_same_limits(value: str) -> None:
    with pytest.raises(TodError):
        TrainingConfig.load("multiwoz", (f"steps={value}",))


def test_aliases_and_merges_of_a_usual_size_are_read() -> None:
    assert parse_yaml("base: &b {a: 1}\nmore:\n  <<: *b\n  c: 2\nagain: *b\n") == {
        "base": {"a": 1},
        "more": {"a": 1, "c": 2},
        "again": {"a": 1},
    }
    assert parse_yaml("[" * MOST_LEVELS + "]" * MOST_LEVELS) is not None
    assert parse_yaml("") is None


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text("ab :#-[]{}'\"\n\té가"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab1 "), inner, max_size=4),
    max_leaves=12,
)


@given(_PLAIN)
def test_what_was_written_reads_back(value: object) -> None:
    assert parse_yaml(yaml.safe_dump(value, allow_unicode=True)) == value


@given(st.text("ab:-[]{}&*!?|>'\"#%@`,\n 1é", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(DataError):
        parse_yaml(text)
