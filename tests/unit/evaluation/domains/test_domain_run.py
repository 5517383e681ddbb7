"""The ablation from files to figures, on a corpus of a few invented dialogues."""

import json
from pathlib import Path

import pytest

from todserve.evaluation.suites.domains.domain_run import run_domain_ablation

SERVICES = ("Music_1", "Music_2", "Weather_1", "Banks_1")


def frame(service: str) -> dict[str, object]:
    state = {"active_intent": "NONE", "requested_slots": [], "slot_values": {}}
    return {"service": service, "slots": [], "state": state}


def spoken(dialogue_id: str, *turns: tuple[str, str]) -> dict[str, object]:
    """Each turn: (utterance, service); every reply asks for the city."""
    log: list[dict[str, object]] = []
    for user, service in turns:
        action = {"act": "REQUEST", "slot": "city", "values": []}
        reply = {"service": service, "actions": [action], "slots": []}
        log += [
            {"speaker": "USER", "utterance": user, "frames": [frame(service)]},
            {"speaker": "SYSTEM", "utterance": "Where?", "frames": [reply]},
        ]
    return {"dialogue_id": dialogue_id, "services": [], "turns": log}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    music = spoken("1_0", *[("Play a song", "Music_1"), ("Yes", "Music_1")] * 12)
    rain = spoken("1_1", *[("Will it rain", "Weather_1"), ("Yes", "Weather_1")] * 12)
    money = spoken("1_2", *[("Send money", "Banks_1"), ("Yes", "Banks_1")] * 12)
    mixed = spoken(
        "2_0", ("Play a song", "Music_2"), ("Yes", "Music_2"), ("Will it rain", "Weather_1")
    )
    schema = [
        {"service_name": name, "description": "", "slots": [], "intents": []} for name in SERVICES
    ]
    for split, dialogues in (("train", [music, rain, money]), ("dev", [mixed, money])):
        folder = tmp_path / "sgd" / split
        folder.mkdir(parents=True)
        (folder / "schema.json").write_text(json.dumps(schema))
        (folder / "dialogues_001.json").write_text(json.dumps(dialogues))
    return tmp_path


def test_the_ablation_writes_every_row_beside_the_baseline(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "domains.json"
    content = run_domain_ablation(out, root=corpus, progress=False)
    assert json.loads(out.read_text()) == content
    assert content["four_domains"]["dialogues"] == {"train": 2, "dev": 1}
    assert content["all_domains"]["dialogues"] == {"train": 3, "dev": 2}
    for part in content.values():
        assert part["signature"].startswith("sgd|dev|")
        assert [(row["sources"], row["previous"]) for row in part["rows"]] == [
            (sources, previous)
            for sources in ("always stay", "words", "words + act", "words + act + previous")
            for previous in ("gold", "own")
        ]
    rows = {(row["sources"], row["previous"]): row for row in content["four_domains"]["rows"]}
    # "Play a song", "Yes", "Will it rain": one turn holds and one switches.
    assert rows["always stay", "gold"]["accuracy"] == 0.5
    assert rows["always stay", "gold"]["missed_switch_rate"] == 1
    assert rows["words + act + previous", "own"]["accuracy"] == 1
    assert rows["words + act + previous", "own"]["switch_f1"] == 1
    printed = capsys.readouterr().out
    assert "words + act + previous (own)" in printed
    assert content["all_domains"]["signature"] in printed
