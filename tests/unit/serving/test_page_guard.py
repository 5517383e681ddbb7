"""The page guard's jar is what its sources say."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from scripts import page_guard


def test_the_jar_was_built_of_these_sources() -> None:
    with zipfile.ZipFile(page_guard.JAR) as jar:
        assert jar.read(page_guard.DIGEST).decode() == page_guard.digest()
        assert b"Premain-Class: todserve.PageGuard\r\n" in jar.read("META-INF/MANIFEST.MF")


@pytest.mark.skipif(shutil.which("javac") is None, reason="no Java compiler on this machine")
def test_building_it_again_gives_the_same_code(tmp_path: Path) -> None:
    page_guard.build(tmp_path / "again.jar")
    with zipfile.ZipFile(tmp_path / "again.jar") as again, zipfile.ZipFile(page_guard.JAR) as jar:
        assert again.namelist() == jar.namelist()
        classes = [name for name in jar.namelist() if name.endswith(".class")]
        assert {written_for(jar.read(name)) for name in classes} == {55}  # Java 11
    told = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=True)
    if told.stdout.startswith("javac 17."):  # another compiler may choose other bytes
        assert (tmp_path / "again.jar").read_bytes() == page_guard.JAR.read_bytes()


def written_for(code: bytes) -> int:
    return int.from_bytes(code[6:8], "big")
