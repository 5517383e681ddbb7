"""Releases on a real TorchServe: versions side by side, loaded while it runs, back in one step."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
import requests

from tests.support.foreign_code import PATIENCE, ForeignCode, Site
from tests.support.served_endpoint import MODEL_CONFIG, MakeSettings
from tests.support.torchserve_operations import call, field
from todserve.cli.main import main
from todserve.serving.archive.archive_build import build_archive
from todserve.serving.client.client import Client
from todserve.serving.releases.release_log import ReleaseLog
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import RunningServer, start

pytestmark = pytest.mark.e2e
MANAGEMENT = "org.pytorch.serve.grpc.management.ManagementAPIsService"
REGISTER, LIST = f"{MANAGEMENT}/RegisterModel", f"{MANAGEMENT}/ListModels"
SAID = "i am looking for a cheap restaurant in the centre"


@pytest.fixture
def settings(
    tiny_checkpoint: Path, copied_store: Path, tmp_path: Path, make_settings: MakeSettings
) -> ServerSettings:
    config = tmp_path / "model-config.yaml"
    config.write_text(MODEL_CONFIG)
    build_archive(tiny_checkpoint, copied_store, name="tod-2.0", version="2.0", model_config=config)
    # With tokens on: the verbs find them.
    return make_settings(
        other_store=copied_store,
        beside=("tod=tod-2.0",),
        disable_token_authorization="false",
        enable_model_api="true",
    )


@pytest.fixture
def running(settings: ServerSettings) -> Iterator[RunningServer]:
    """Yield a server of version 1.0 alone, whose store has 2.0 too."""
    with start(replace(settings, beside=())) as server:
        yield server


@pytest.fixture
def foreign(tmp_path: Path) -> ForeignCode:
    return ForeignCode(tmp_path)


def refused_without_a_key(server: RunningServer) -> None:
    """Nobody without the key has even an archive of the store loaded, over HTTP or gRPC."""
    for archive in ("tod-2.0.mar", "tod.mar"):
        url = f"{server.management_url}/models?url={archive}&model_name=other"
        assert requests.post(url, timeout=PATIENCE).status_code == 400
        status = call(server, REGISTER, "management", field(9, archive) + field(5, "other"))
        assert status is not grpc.StatusCode.OK


def only_the_store_with_it(server: RunningServer, foreign: ForeignCode) -> None:
    """Whoever has the key gets archives of the store loaded, and no other file of the machine."""
    assert server.probe.key_file is not None
    key = json.loads(server.probe.key_file.read_text())["management"]["key"]
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {key}"
    with Site(foreign.folder) as site:
        for spelling in foreign.spellings(foreign.model, site.url):
            url = f"{server.management_url}/models?url={spelling}&model_name=other"
            named = session.post(f"{url}&initial_workers=1", timeout=PATIENCE)
            assert named.status_code == 404, (spelling, named.text)
        assert site.asked == []
    # A folder is what TorchServe itself would have taken.
    unpacked = field(9, str(foreign.folder / "unpacked")) + field(5, "other")
    assert call(server, REGISTER, "management", unpacked, key=key) is not grpc.StatusCode.OK
    assert call(server, LIST, "management", b"", key=key) is grpc.StatusCode.OK
    assert call(server, LIST, "management", b"") is not grpc.StatusCode.OK
    listed = session.get(f"{server.management_url}/models", timeout=PATIENCE).json()["models"]
    assert [model["modelName"] for model in listed] == ["tod"]
    assert not foreign.mark.exists()


def answering(server: RunningServer) -> str:
    with Client(server.inference_url, token_file=server.probe.key_file) as client:
        return client.turn(SAID).model.version


def remembered(server: RunningServer, folder: Path, checkpoint: Path) -> tuple[Path, Path]:
    """Return dialogues that version 2.0 answers as remembered, and ones that it does not."""
    with Client(server.inference_url, name="tod/2.0", token_file=server.probe.key_file) as client:
        answer = client.turn(SAID)
    assert answer.model.version == "2.0"
    state = {
        domain: {slot: one.value for slot, one in slots.items()}
        for domain, slots in (answer.belief_state or {}).items()
    }
    found = []
    for name, expected in (("holds", state), ("differs", {"train": {"destination": "ely"}})):
        dialogues = folder / name
        dialogues.mkdir()
        (dialogues / "schema.json").write_bytes((checkpoint / "schema.json").read_bytes())
        line = {"dialogue_id": "1", "turns": [{"user": SAID, "belief_state": expected}]}
        (dialogues / "dev.jsonl").write_text(json.dumps(line) + "\n")
        found.append(dialogues)
    return found[0], found[1]


def test_a_version_is_promoted_where_dialogues_hold_taken_back_and_stands_after_a_start(
    running: RunningServer,
    settings: ServerSettings,
    tiny_checkpoint: Path,
    tmp_path: Path,
    foreign: ForeignCode,
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs = ["--logs", str(running.log_dir)]
    refused_without_a_key(running)
    only_the_store_with_it(running, foreign)
    assert main(["release", "add", "nothing", *logs]) == 1
    assert "does not exist; build it with `tod archive CHECKPOINT`" in capsys.readouterr().err
    assert main(["release", "add", "tod-2.0", *logs]) == 0
    assert "2.0 is there; 1.0 answers as before" in capsys.readouterr().out
    assert main(["release", "add", "tod-2.0", *logs]) == 1
    assert "the server has a version of this number" in capsys.readouterr().err
    holds, differs = remembered(running, tmp_path, tiny_checkpoint)

    def listed() -> dict[str, bool]:
        capsys.readouterr()
        assert main(["release", "list", *logs, "--json"]) == 0
        return {one["version"]: one["answers"] for one in json.loads(capsys.readouterr().out)}

    assert listed() == {"1.0": True, "2.0": False}
    assert main(["release", "promote", "2.0", *logs]) == 2  # neither dialogues nor --untried
    assert main(["release", "promote", "3.0", "--untried", *logs]) == 1
    assert "not loaded; expected one of 1.0, 2.0" in capsys.readouterr().err
    assert main(["release", "rollback", *logs]) == 1
    assert "no canary and no promotion of tod 1.0 to take back" in capsys.readouterr().err

    assert main(["release", "promote", "2.0", "--replay", str(differs), *logs]) == 1
    assert "1.0 answers as before; 2.0 was not promoted" in capsys.readouterr().out
    assert answering(running) == "1.0"

    words = ["--replay", str(holds), "--reason", "new menu"]
    assert main(["release", "promote", "2.0", *words, *logs]) == 0
    assert "2.0 answers now, 1.0 did before" in capsys.readouterr().out
    assert answering(running) == "2.0"
    assert listed() == {"1.0": False, "2.0": True}
    assert main(["release", "promote", "2.0", "--untried", *logs]) == 1
    assert "answers already" in capsys.readouterr().err

    running.stop()
    with start(settings) as again:
        assert answering(again) == "2.0"  # TorchServe itself would have forgotten
        assert main(["release", "rollback", "--reason", "too slow", *logs]) == 0
        assert answering(again) == "1.0"
        capsys.readouterr()
        assert main(["release", "log", *logs]) == 0
        shown = capsys.readouterr().out
        assert "new menu" in shown
        assert "too slow" in shown
        done = ReleaseLog(running.log_dir).read("tod")
    assert (done[0].action, done[0].to) == ("added", "2.0")
    told = [(one.action.value, one.before, one.to, one.reason) for one in done[1:]]
    assert told == [
        ("refused", "1.0", "2.0", ""),
        ("promote", "1.0", "2.0", "new menu"),
        ("rollback", "2.0", "1.0", "too slow"),
    ]
    assert done[2].replay == str(holds)
