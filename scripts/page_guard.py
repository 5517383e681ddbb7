"""Builds archive/page_guard.jar of archive/guard/*.java; needs a JDK and TorchServe's own jar.

``python scripts/page_guard.py`` after a change of the sources. The jar is in the repository, since
those who serve need no compiler; the same sources and compiler give the same bytes. The checksum
of the sources lies in it, so that a test sees where the two have parted.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "archive" / "guard"
JAR = ROOT / "archive" / "page_guard.jar"
DIGEST = "META-INF/sources.sha256"
OLDEST_JAVA = "11"

_MANIFEST = "Manifest-Version: 1.0\r\nPremain-Class: todserve.PageGuard\r\n\r\n"
_MOMENT = (1980, 1, 1, 0, 0, 0)


def digest() -> str:
    """Return the checksum of all sources together."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in _sources())).hexdigest()


def build(target: Path = JAR, *, compiler: str = "javac") -> None:
    """Compile the sources and write the jar."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                *(compiler, "--release", OLDEST_JAVA, "-Xlint:all", "-Werror", "-g:none"),
                *("-cp", str(torchserve_jar()), "-d", folder),
                *map(str, _sources()),
            ],
            check=True,
        )
        files = {"META-INF/MANIFEST.MF": _MANIFEST.encode(), DIGEST: digest().encode()}
        for path in sorted(Path(folder).rglob("*.class")):
            files[str(path.relative_to(folder))] = path.read_bytes()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as jar:
        for name, content in files.items():
            jar.writestr(zipfile.ZipInfo(name, _MOMENT), content)


def torchserve_jar() -> Path:
    """Return TorchServe's own jar, which the sources are compiled against."""
    spec = find_spec("ts")
    if spec is None or spec.origin is None:
        raise SystemExit("TorchServe is not installed; run scripts/setup.sh")
    return Path(spec.origin).parent / "frontend" / "model-server.jar"


def _sources() -> list[Path]:
    return sorted(SOURCES.glob("*.java"))


if __name__ == "__main__":
    build()
    sys.stdout.write(f"{JAR.relative_to(ROOT)}: {JAR.stat().st_size} bytes\n")
