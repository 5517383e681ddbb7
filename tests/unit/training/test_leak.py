import os

import pytest

from todserve.corpora.corpus_source import TOD_DATA
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.training.preparation.corpus_parts import Part
from todserve.training.preparation.leak_check import LeakCheck, Match

WOZ = Part(corpus="multiwoz21", split="test")
BANK = Part(corpus="banking77", split="test")

SAID = (
    "I am looking for a place to stay in the north.",
    "It should have free parking, please.",
    "Yes please.",
    "Book it for two nights from Monday.",
    "And a taxi to the station at 5 pm.",
    "Thank you, goodbye!",
)


def dialogue(
    *said: str, dialogue_id: str = "x1", corpus: str = "camrest676", split: str = "train"
) -> Dialogue:
    turns = tuple(Turn(user=text) for text in said)
    return Dialogue(dialogue_id=dialogue_id, corpus=corpus, split=split, turns=turns)


def check() -> LeakCheck:
    return LeakCheck(
        [
            (WOZ, dialogue(*SAID, dialogue_id="PMUL1", corpus="multiwoz21", split="test")),
            (
                WOZ,
                dialogue(
                    "hello there", "bye", dialogue_id="PMUL2", corpus="multiwoz21", split="test"
                ),
            ),
            (BANK, dialogue("Why was my card declined abroad?", dialogue_id="banking77-test-1")),
            (BANK, dialogue("Lost my card", dialogue_id="banking77-test-2")),
            (BANK, dialogue("Can I change my pin?", dialogue_id="banking77-test-3")),
        ]
    )


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        (dialogue("quite", "other", dialogue_id="PMUL1", corpus="multiwoz21"), Match.IDENTIFIER),
        # An id means nothing in another corpus, nor in numbered records.
        (dialogue("quite", "other words here", dialogue_id="PMUL1"), None),
        (dialogue("quite other words", dialogue_id="PMUL1", corpus="multiwoz21"), None),
        (dialogue(*SAID), Match.UTTERANCES),
        # Case, marks, numbers as words and times as spoken are no difference.
        (
            dialogue(
                "i am looking for a place to stay in the north",
                "it should have free parking please",
                "yes, please",
                "BOOK it for 2 nights, from monday!",
                "and a taxi to the station at 17:00",
                "thank you; goodbye",
            ),
            Match.UTTERANCES,
        ),
        # Cut short, and with something else put before it.
        (dialogue("Good day.", SAID[1], SAID[3], SAID[4]), Match.MANY_UTTERANCES),
        # Three of eight long utterances are fewer than half.
        (
            dialogue(
                SAID[1], SAID[3], SAID[4], *(f"this is something else {n * 100}" for n in range(5))
            ),
            None,
        ),
        (dialogue(SAID[1], SAID[3]), None),
        # Short utterances are everybody's.
        (dialogue("Yes please.", "Thank you, goodbye!"), None),
        (dialogue("hello there", "bye"), None),
        (dialogue("why was my card declined, abroad"), Match.UTTERANCE),
        (dialogue("hi", "Why was my card declined abroad?", "ok"), Match.UTTERANCE),
        (dialogue("lost my card!"), Match.SHORT_UTTERANCE),
        # Five words are enough for a record, not amid a dialogue.
        (dialogue("can i change my pin"), Match.UTTERANCE),
        (dialogue("good morning", "can i change my pin"), Match.SHORT_UTTERANCE),
    ],
)
def test_what_stands_in_a_protected_split_is_recognised(
    training: Dialogue, expected: Match | None
) -> None:
    found = check().match(training)
    assert (found[0] if found else None) == expected


def test_dropped_dialogues_are_counted_and_the_others_pass() -> None:
    leaks = check()
    clean = dialogue("something nobody else has said", dialogue_id="a")
    short = dialogue("lost my card", dialogue_id="b")
    passed = leaks.screen([clean, dialogue(*SAID, dialogue_id="c"), short])
    assert list(passed) == [clean, short]
    assert leaks.report.leaks == 1
    assert leaks.report.counts == {
        ("camrest676", "multiwoz21/test", Match.UTTERANCES): 1,
        ("camrest676", "banking77/test", Match.SHORT_UTTERANCE): 1,
    }


def test_a_refusal_names_counts_ids_and_the_fix_and_repeats_no_utterance() -> None:
    leaks = check()
    copies = [dialogue(*SAID, dialogue_id=f"copy{number}") for number in range(5)]
    assert list(leaks.screen(copies)) == []
    with pytest.raises(CorpusError) as refused:
        leaks.refuse()
    message = str(refused.value)
    assert "5 of 5 training dialogues leak" in message
    assert "camrest676 in multiwoz21/test: same utterances" in message
    assert "copy0 = PMUL1, copy1 = PMUL1, copy2 = PMUL1" in message
    assert "leak_action: drop" in message
    assert "parking" not in message


def test_nothing_is_refused_where_nothing_leaks() -> None:
    leaks = check()
    assert len(list(leaks.screen([dialogue("lost my card")]))) == 1
    leaks.refuse()


@pytest.mark.corpora
@pytest.mark.skipif(not os.environ.get(TOD_DATA), reason=f"{TOD_DATA} is not set")
def test_the_published_banking77_has_test_utterances_in_its_train_split() -> None:
    leaks = LeakCheck.of([BANK], None)
    passed = sum(1 for _ in leaks.screen(Part(corpus="banking77", split="train").dialogues(None)))
    assert leaks.report.checked == 10003
    assert passed == 10003 - leaks.report.leaks
    assert leaks.report.leaks == 42


@pytest.mark.corpora
@pytest.mark.skipif(not os.environ.get(TOD_DATA), reason=f"{TOD_DATA} is not set")
def test_the_published_multiwoz_has_the_beginnings_of_test_dialogues_in_its_train_split() -> None:
    leaks = LeakCheck.of([WOZ], None)
    train = Part(corpus="multiwoz21", split="train").dialogues(None)
    assert sum(1 for _ in leaks.screen(train)) == 7904 - 22
    assert leaks.report.counts == {
        ("multiwoz21", "multiwoz21/test", Match.UTTERANCES): 3,
        ("multiwoz21", "multiwoz21/test", Match.MANY_UTTERANCES): 19,
    }
