import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.inner_paths import inner_path

LETTERS = st.sampled_from(["..", ".", "/", "\\", "a", "b", "link", "\0", " ", "é", "\udc80", "\n"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a link out of it, a link inside it, and a link to itself."""
    made = tmp_path / "folder"
    (made / "a").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (made / "link").symlink_to(tmp_path / "outside")
    (made / "file").symlink_to(tmp_path / "outside" / "file")
    (made / "same").symlink_to("a")
    (made / "loop").symlink_to("loop")
    (made / "itself").symlink_to(".")
    return made


@pytest.mark.parametrize("name", ["x", "a/x", "a/b.c/x y", "..x", "...", "same/x", "노래.json"])
def test_a_plain_name_is_joined(folder: Path, name: str) -> None:
    assert inner_path(folder, name, said_by="here") == folder / name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("//x", "absolute"),
        ("../x", "part"),
        ("a/../../x", "part"),
        ("a/..", "part"),
        (".", "part"),
        ("./x", "part"),
        ("a//x", "part"),
        ("a/", "part"),
        ("..\\x", "backslash"),
        ("C:\\x", "backslash"),
        ("x\0.json", "control"),
        ("x\n", "control"),
        ("\x1b[2Jx", "control"),
        ("\udc80", "control"),
        ("x" * 256, "too long"),
        ("link", "link"),
        ("link/x", "link"),
        ("file", "link"),
        ("itself", "link"),
    ],
)
def test_a_name_that_may_leave_the_folder_is_refused(folder: Path, name: str, why: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"^here: got .*\((a )?{why}.*; expected a plain path inside"
    ):
        inner_path(folder, name, said_by="here")


def test_the_message_is_one_line_that_a_terminal_can_be_given(folder: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        inner_path(folder, "\x1b[2J\n\udc80" + "x" * 9999, said_by="here")
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 1000


def test_one_part_alone_can_be_asked_for_and_the_error_chosen(folder: Path) -> None:
    with pytest.raises(CorpusError, match="expected one plain name"):
        inner_path(folder, "a/x", said_by="here", one=True, error=CorpusError)


def test_links_of_a_cache_may_be_followed_where_that_is_said(folder: Path) -> None:
    assert inner_path(folder, "link/x", said_by="here", links=True) == folder / "link" / "x"
    with pytest.raises(ConfigError):
        inner_path(folder, "link/../../x", said_by="here", links=True)


@given(name=st.lists(LETTERS, max_size=8).map("".join) | st.text(max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_name_nothing_outside_is_reached(folder: Path, name: str) -> None:
    try:
        path = inner_path(folder, name, said_by="here")
    except ConfigError:
        return
    base = os.path.realpath(folder)
    assert os.path.realpath(path).startswith(f"{base}/")
    assert path != folder
