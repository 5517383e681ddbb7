"""Releases on a real TorchServe: versions side by side, a gate of dialogues, back in one step."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.served_endpoint import MODEL_CONFIG, MakeSettings
from todserve.cli.main import main
from todserve.serving.archive.archive_build import build_archive
from todserve.serving.client.client import Client
from todserve.serving.releases.release_log import ReleaseLog
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import RunningServer, start

pytestmark = pytest.mark.e2e
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
        other_store=copied_store, beside=("tod=tod-2.0",), disable_token_authorization="false"
    )


@pytest.fixture
def running(settings: ServerSettings) -> Iterator[RunningServer]:
    with start(settings) as server:
        yield server


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
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs = ["--logs", str(running.log_dir)]
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
    assert "no promotion of tod 1.0 to take back" in capsys.readouterr().err

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
    told = [(one.action.value, one.before, one.to, one.reason) for one in done]
    assert told == [
        ("refused", "1.0", "2.0", ""),
        ("promote", "1.0", "2.0", "new menu"),
        ("rollback", "2.0", "1.0", "too slow"),
    ]
    assert done[1].replay == str(holds)
