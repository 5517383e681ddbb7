"""compose.yaml and haproxy.cfg: they name what there is, and open nothing unasked."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.replicas import edge
from tests.support.source_tree import ROOT

FOLDER = ROOT / "deploy" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def made_secrets(folder: Path) -> Path:
    shutil.copyfile(FOLDER / "secrets.sh", folder / "secrets.sh")
    subprocess.run(["bash", str(folder / "secrets.sh")], check=True, capture_output=True)
    return folder / "secrets"


def test_every_file_that_a_service_mounts_is_there_or_made_by_the_script(tmp_path: Path) -> None:
    made = made_secrets(tmp_path)
    mounted = [
        Path(volume.split(":")[0])
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    ]
    assert len(mounted) > 10
    for path in mounted:
        if path.parts[0] == "secrets":
            assert (made / path.name).stat().st_size > 0
        else:
            assert (FOLDER / path).exists(), path


def test_secrets_are_made_once_and_nobody_else_can_enter_their_folder(tmp_path: Path) -> None:
    folder = made_secrets(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    made_secrets(tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert folder.stat().st_mode & 0o077 == 0
    roles = [line.split() for line in before["tokens"].decode().splitlines()]
    assert [role for role, _ in roles] == ["admin", "talk", "watch"]
    assert before["gateway-token"].decode() == roles[2][1]
    assert before["postgres-password"] in before["database"]


def test_ports_are_published_on_loopback_alone() -> None:
    published = [port for one in SERVICES.values() for port in one.get("ports", [])]
    assert len(published) == 3
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    inside = {name for name, one in SERVICES.items() if one["networks"] == ["inside"]}
    assert inside == {"gateway-1", "gateway-2", "endpoint-1", "endpoint-2", "postgres"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"postgres"}))
def test_a_container_may_write_nowhere_but_where_it_is_told_to(name: str) -> None:
    assert SERVICES[name]["read_only"]
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


def test_the_edge_is_told_of_services_that_there_are_in_words_that_it_knows() -> None:
    given = SERVICES["edge"]["environment"]
    known = set(re.findall(r"\$\{(TOD_\w+)", edge.CONFIG.read_text(encoding="utf-8")))
    assert given.keys() == known - {"TOD_EDGE_USER"}  # its image has a user of its own
    hosts = {place.split(":")[0] for key, place in given.items() if re.search(r"_\d$", key)}
    assert hosts == {"gateway-1", "gateway-2", "endpoint-1", "endpoint-2"}
    assert hosts <= SERVICES.keys()
    assert SERVICES["gateway-1"]["environment"]["TOD_MODEL_URL"] == "http://edge:8070"


@pytest.mark.skipif(edge.PROGRAM is None, reason="HAProxy is not installed")
@pytest.mark.parametrize("where", ["this machine", "containers"])
def test_a_real_haproxy_takes_the_configuration(where: str, tmp_path: Path) -> None:
    edge.make_certificate(tmp_path)
    given = {} if where == "this machine" else SERVICES["edge"]["environment"]
    given = {**given, "TOD_CERTIFICATE": str(tmp_path / "edge.pem")}
    done = subprocess.run(
        [str(edge.PROGRAM), "-c", "-f", str(edge.CONFIG)],
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    faults = [line for line in done.stderr.splitlines() if "[ALERT]" in line or "[WARNING]" in line]
    # A name that means nothing here is looked up again later.
    assert [line for line in faults if "could not resolve address" not in line] == []
