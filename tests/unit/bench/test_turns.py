import json
from pathlib import Path

import pytest

from benchmarks.turns import body_of, load_turns
from tests.support.corpora_at_hand import multiwoz_folder
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.serving.terminal.demo import UTTERANCES

DIALOGUE = Dialogue(
    dialogue_id="one",
    corpus="made up",
    split="dev",
    turns=(
        Turn(
            user="a train to ely please",
            system="on which day?",
            belief_state={"train": {"destination": "ely"}},
            active_domain="train",
        ),
        Turn(user="on friday", system="there are three.", belief_state=None, active_domain=None),
    ),
)


def test_the_first_turn_comes_with_nothing_before_it() -> None:
    assert json.loads(body_of(DIALOGUE, 0)) == {
        "user": "a train to ely please",
        "history": [],
        "state": {},
        "domain": None,
    }


def test_a_later_turn_comes_with_the_corpus_own_past() -> None:
    assert json.loads(body_of(DIALOGUE, 1)) == {
        "user": "on friday",
        "history": [{"user": "a train to ely please", "system": "on which day?"}],
        "state": {"train": {"destination": "ely"}},
        "domain": "train",
    }


def test_without_a_corpus_the_demo_stands_in_and_says_so(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    turns = load_turns(tiny_checkpoint, 60, tmp_path)
    assert [json.loads(body)["user"] for body in turns.bodies] == list(UTTERANCES)
    assert "no corpus" in turns.source
    assert turns.dialogues == ()


@pytest.mark.corpora
def test_the_corpus_gives_as_many_turns_as_asked_the_same_every_time(tmp_path: Path) -> None:
    multiwoz_folder(tmp_path)  # skips where there is no corpus
    checkpoint = Path("checkpoints/multiwoz")
    turns = load_turns(checkpoint, 40)
    assert len(turns.bodies) == 40
    assert turns.checksum == load_turns(checkpoint, 40).checksum
    assert "multiwoz21 dev" in turns.source
    # Turns of whole dialogues, long histories among them.
    assert max(len(json.loads(one)["history"]) for group in turns.dialogues for one in group) >= 8
    for body in turns.bodies:
        request = json.loads(body)
        # No turn would have its state rebuilt: that is work the peers do not do.
        assert not request["history"] or request["state"] or request["domain"]
