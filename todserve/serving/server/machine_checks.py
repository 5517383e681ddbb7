"""MachineCheck: whether this machine has what serving needs, and the command that mends what lacks.

``tod doctor`` makes them all. Example: ``[one.fix for one in check_machine() if one.missing]`` is
``["pip install 'uvicorn==0.54.0'"]`` where that package is of another version.
"""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from todserve.runtime.errors import TodError
from todserve.serving.archive import checksums
from todserve.serving.server.config_properties import Frontend
from todserve.serving.server.java_runtime import find_java

if TYPE_CHECKING:
    from todserve.serving.server.server_record import Record

OLDEST_PYTHON = (3, 11)
LEAST_DISK = 1_000_000_000
"""Bytes that archives, unpacked models and logs should find free."""

_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
_SERVING = "serve"
"""The extra that holds what a server needs, in a todserve that keeps it apart."""

_DEVELOPERS = ("dev",)


class Verdict(StrEnum):
    """Whether what a check looks for is there, is absent but not needed, or is missing."""

    GOOD = "ok"
    OPTIONAL = "absent"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineCheck:
    """A check of this machine and its outcome.

    Attributes:
        name: what it is, e.g. ``java``.
        verdict: whether it is there; ``absent`` is what not everybody needs.
        found: what was found, in words.
        fix: the command that mends it; empty where nothing must be mended.
    """

    name: str
    verdict: Verdict
    found: str
    fix: str = ""

    @property
    def missing(self) -> bool:
        """Whether something does not work without it."""
        return self.verdict is Verdict.MISSING

    def figures(self) -> dict[str, str]:
        """Return the check as ``tod doctor --json`` prints it."""
        return {
            "name": self.name,
            "verdict": self.verdict.value,
            "found": self.found,
            "fix": self.fix,
        }


def check_machine(
    *,
    store: Path = Path("archive/store"),
    config: Path = Path("config.properties"),
    log_dir: Path = Path("logs"),
) -> tuple[MachineCheck, ...]:
    """Look at everything that serving needs; nothing is changed."""
    return (
        _python(),
        *_packages(),
        _java(),
        *_ports(config, log_dir),
        *_folders((store, log_dir, Path("runs"), Path(tempfile.gettempdir()))),
        _disk(store),
        _archives(store),
    )


def _python() -> MachineCheck:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info[:2] >= OLDEST_PYTHON
    needed = ".".join(map(str, OLDEST_PYTHON))
    return MachineCheck(
        name="python",
        verdict=Verdict.GOOD if good else Verdict.MISSING,
        found=f"{version} at {sys.executable}" + ("" if good else f"; expected {needed} or later"),
        fix="" if good else f"TOD_PYTHON=python{needed} make setup",
    )


def _packages() -> Iterator[MachineCheck]:
    """Check what the installed todserve says that it needs, one line for each that differs."""
    try:
        named = metadata.requires("todserve") or []
    except metadata.PackageNotFoundError:
        yield MachineCheck(
            name="packages",
            verdict=Verdict.MISSING,
            found="todserve itself is not installed, it only lies in the path",
            fix="make setup",
        )
        return
    groups: dict[str, list[Requirement]] = {"": []}
    for line in named:
        marked = _EXTRA.search(line)
        groups.setdefault(marked.group(1) if marked else "", []).append(
            Requirement(line.partition(";")[0])
        )
    needed = [*groups.pop(""), *groups.pop(_SERVING, ())]
    wrong = list(filter(None, map(_difference, needed)))
    if not wrong:
        yield MachineCheck(
            name="packages",
            verdict=Verdict.GOOD,
            found=f"all {len(needed)} of the versions wanted",
        )
    for requirement, got in wrong:
        yield MachineCheck(
            name="packages",
            verdict=Verdict.MISSING,
            found=f"{requirement.name}: got {got}; expected {requirement.specifier or 'any'}",
            fix=f"pip install '{requirement}'",
        )
    for extra, wanted in groups.items():
        if extra in _DEVELOPERS:
            continue
        lacking = [one[0].name for one in map(_difference, wanted) if one is not None]
        yield MachineCheck(
            name=f"extra {extra}",
            verdict=Verdict.OPTIONAL if lacking else Verdict.GOOD,
            found=f"lacks {', '.join(lacking)}" if lacking else "installed",
            fix=f"pip install 'todserve[{extra}]'" if lacking else "",
        )


def _difference(requirement: Requirement) -> tuple[Requirement, str] | None:
    """Return the requirement and what is there instead, None where it is met."""
    try:
        got = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return requirement, "nothing"
    # A build of torch for one kind of machine has +cpu or the like behind its version.
    plain = got.partition("+")[0]
    return None if requirement.specifier.contains(plain, prereleases=True) else (requirement, got)


def _java() -> MachineCheck:
    try:
        java = find_java(os.environ)
    except TodError as error:
        fix = "pip install 'todserve[java]'"
        if "JAVA_HOME" in os.environ:
            fix = "unset JAVA_HOME"
        return MachineCheck(name="java", verdict=Verdict.MISSING, found=str(error), fix=fix)
    return MachineCheck(
        name="java",
        verdict=Verdict.GOOD,
        found=f"{java.version} at {java.executable} ({java.source})",
    )


def _ports(config: Path, log_dir: Path) -> Iterator[MachineCheck]:
    try:
        # A client's environment lacks what these import, and is told so by the packages' check.
        from todserve.serving.server.ports import holder, is_free
        from todserve.serving.server.server_record import Record
    except ModuleNotFoundError:
        return
    try:
        frontend = Frontend.read(config)
        frontend.check()
    except TodError as error:
        yield MachineCheck(
            name="config",
            verdict=Verdict.MISSING,
            found=str(error),
            fix="tod start --config FILE" if not config.is_file() else "",
        )
        return
    yield MachineCheck(name="config", verdict=Verdict.GOOD, found=f"{config} is safe")
    record = Record.load(log_dir)
    ours = record is not None and record.running
    for address in frontend.addresses:
        name = f"port {address.port}"
        if is_free(address):
            yield MachineCheck(name=name, verdict=Verdict.GOOD, found=f"free ({address.setting})")
        elif ours and record is not None and f":{address.port}" in _urls(record):
            yield MachineCheck(
                name=name,
                verdict=Verdict.GOOD,
                found=f"held by our server ({address.setting}), which runs",
            )
        elif ours and address in frontend.grpc:
            yield MachineCheck(
                name=name, verdict=Verdict.GOOD, found=f"held ({address.setting}); our server runs"
            )
        else:
            yield MachineCheck(
                name=name,
                verdict=Verdict.MISSING,
                found=f"already in use{holder(address.port)} ({address.setting} in {config})",
                fix=f"torchserve --stop, or another port for {address.setting}",
            )


def _urls(record: "Record") -> set[str]:
    urls = (record.inference_url, record.management_url, record.metrics_url)
    return {f":{url.rpartition(':')[2]}" for url in urls}


def _folders(folders: tuple[Path, ...]) -> Iterator[MachineCheck]:
    for folder in folders:
        existing = next(
            one for one in (folder.absolute(), *folder.absolute().parents) if one.exists()
        )
        writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
        found = "can be written" if folder.exists() else f"can be made in {existing}"
        yield MachineCheck(
            name=f"folder {folder}",
            verdict=Verdict.GOOD if writable else Verdict.MISSING,
            found=found if writable else f"{existing} cannot be written",
            fix="" if writable else f"chmod u+rwx {existing}",
        )


def _disk(store: Path) -> MachineCheck:
    place = next(one for one in (store.absolute(), *store.absolute().parents) if one.exists())
    free = shutil.disk_usage(place).free
    good = free >= LEAST_DISK
    return MachineCheck(
        name="disk",
        verdict=Verdict.GOOD if good else Verdict.MISSING,
        found=f"{free / 1e9:.1f} GB free at {place}"
        + ("" if good else f"; expected {LEAST_DISK / 1e9:.0f} GB"),
        fix="" if good else f"du -sh runs {store}",
    )


def _archives(store: Path) -> MachineCheck:
    archives = tuple(sorted(path.name for path in store.glob("*.mar")))
    if not archives:
        return MachineCheck(
            name="archives",
            verdict=Verdict.MISSING,
            found=f"none in {store}",
            fix="tod archive checkpoints/multiwoz",
        )
    try:
        checksums.verify(store, archives)
    except TodError as error:
        return MachineCheck(
            name="archives",
            verdict=Verdict.MISSING,
            found=str(error),
            fix="tod archive checkpoints/multiwoz",
        )
    return MachineCheck(
        name="archives", verdict=Verdict.GOOD, found=f"{', '.join(archives)}: as they were built"
    )
