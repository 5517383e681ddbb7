"""Counts of the publishers' own files, when they are at hand, and a dialogue of each by hand."""

import os
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import pytest

from todserve.corpora.read_report import ReadReport
from todserve.corpora.registry import TOD_DATA, load
from todserve.runtime.language.dialogue import Dialogue, DialogueAct

pytestmark = [
    pytest.mark.corpora,
    pytest.mark.skipif(not os.environ.get(TOD_DATA), reason=f"{TOD_DATA} is not set"),
]

BY_HAND = {
    *("541", "1", "1934", "1582", "009ab879-ab52-4507-979e-8bc92badecef"),
    *("dlg-881444f3-24fc-4e54-ac61-2196f60e88fa", "6059a5882a1d9827516a570b"),
    *("banking77-test-00001", "clinc150-test-00001", "clinc150-oos_test-00001", "3i4k-test-00001"),
}


@dataclass(kw_only=True)
class Reading:
    """One split, read once for all tests."""

    report: ReadReport = field(default_factory=ReadReport)
    intents: Counter[str | None] = field(default_factory=Counter)
    by_hand: dict[str, Dialogue] = field(default_factory=dict)


@cache
def reading(name: str, split: str) -> Reading:
    read = Reading()
    for dialogue in load(name, split, report=read.report):
        read.intents.update(turn.intent for turn in dialogue.turns)
        if dialogue.dialogue_id in BY_HAND:
            read.by_hand[dialogue.dialogue_id] = dialogue
    return read


def acts(domain: str, *pairs: tuple[str, str]) -> tuple[DialogueAct, ...]:
    return tuple(DialogueAct(domain=domain, act=act, slot=slot) for act, slot in pairs)


@pytest.mark.parametrize(
    ("name", "split", "dialogues", "turns", "skipped"),
    [
        ("multiwoz21", "dev", 1000, 7371, {"turn: in the annotated file only": 3}),
        ("sgd", "dev", 2482, 24363, {}),
        # The publishers count utterances: 3,342 + 1,076 + 1,070, two a turn.
        ("camrest676", "train", 406, 1671, {"user's request": 799, "slot": 2}),
        ("camrest676", "dev", 135, 538, {"user's request": 243}),
        ("camrest676", "test", 135, 535, {"user's request": 264}),
        # 4,472 + 1,460 + 2,892 utterances: two a turn, but for the last reply.
        ("woz20", "train", 600, 2536, {"user's request": 1256}),
        ("woz20", "dev", 200, 830, {"user's request": 398}),
        ("woz20", "test", 400, 1646, {"user's request": 811}),
        # 6,652 files, of which 447 hold no utterance.
        ("star", "train", 6205, 54214, {"dialogue: no turns": 447}),
        # Rows: 81,676 + 11,585 + 23,336, of which 77 are empty.
        ("multidogo", "train", 9900, 81616, {"turn: empty": 60, "value: says that there is": 19}),
        ("multidogo", "dev", 1413, 11578, {"turn: empty": 7}),
        ("multidogo", "test", 2834, 23326, {"turn: empty": 10, "value: says that there is": 7}),
        ("banking77", "train", 10003, 10003, {}),
        ("banking77", "test", 3080, 3080, {}),
        ("clinc150", "train", 15000, 15000, {}),
        ("clinc150", "dev", 3000, 3000, {}),
        ("clinc150", "test", 4500, 4500, {}),
        ("clinc150", "oos_train", 100, 100, {}),
        ("clinc150", "oos_dev", 100, 100, {}),
        ("clinc150", "oos_test", 1000, 1000, {}),
        (
            *("taskmaster4", "train", 3710, 6995),
            {"add-on": 725, "add_order_item": 300, "request of": 28, "response of": 18},
        ),
        # 61,255 in all, as published.
        ("3i4k", "train", 55134, 55134, {}),
        ("3i4k", "test", 6121, 6121, {}),
        # 3,776 + 3,732 utterances, two a turn; one user's is empty.
        ("nlplab", "dev", 298, 1888, {}),
        ("nlplab", "test", 297, 1865, {"turn: empty": 1}),
    ],
)
def test_every_published_dialogue_is_read(
    name: str, split: str, dialogues: int, turns: int, skipped: dict[str, int]
) -> None:
    report = reading(name, split).report
    assert (report.dialogues, report.turns) == (dialogues, turns)
    lost = {
        reason: note.count
        for reason, note in report.notes.items()
        if note.kind == "skipped" and not reason.startswith("span")
    }
    assert len(lost) == len(skipped)
    for beginning, count in skipped.items():
        assert [lost[reason] for reason in lost if reason.startswith(beginning)] == [count]


@pytest.mark.parametrize("split", ["train", "test"])
def test_banking77_has_77_intents(split: str) -> None:
    intents = reading("banking77", split).intents
    assert len(intents) == 77
    if split == "test":
        assert set(intents.values()) == {40}


@pytest.mark.parametrize(("split", "each"), [("train", 100), ("dev", 20), ("test", 30)])
def test_clinc150_has_150_intents_of_one_size(split: str, each: int) -> None:
    intents = reading("clinc150", split).intents
    assert len(intents) == 150
    assert set(intents.values()) == {each}


def test_3i4k_has_as_many_of_each_kind_as_published() -> None:
    assert reading("3i4k", "train").intents + reading("3i4k", "test").intents == {
        "fragment": 6009,
        "statement": 18300,
        "question": 17869,
        "command": 12968,
        "rhetorical_question": 1745,
        "rhetorical_command": 1087,
        "intonation_dependent": 3277,
    }


@pytest.mark.parametrize("name", ["camrest676", "star", "taskmaster4", "woz20"])
def test_corpora_without_intents_have_none(name: str) -> None:
    assert set(reading(name, "train").intents) == {None}


@pytest.mark.parametrize(
    ("name", "split", "text", "intent", "domain"),
    [
        ("banking77", "test", "How do I locate my card?", "card_arrival", "banking"),
        ("clinc150", "test", "how would you say fly in italian", "translate", "travel"),
        ("clinc150", "oos_test", "how much has the dow changed today", "oos", None),
        ("3i4k", "test", "연두색", "fragment", None),
    ],
)
def test_an_utterance_by_hand(
    name: str, split: str, text: str, intent: str, domain: str | None
) -> None:
    (turn,) = reading(name, split).by_hand[f"{name}-{split}-00001"].turns
    assert (turn.user, turn.intent, turn.active_domain) == (text, intent, domain)
    assert turn.belief_state is None
    assert turn.dialogue_acts is None
    assert turn.system is None


def test_a_camrest_dialogue_by_hand() -> None:
    turns = reading("camrest676", "test").by_hand["541"].turns
    assert [turn.belief_state for turn in turns] == [
        {"restaurant": {"food": "russian"}},
        {"restaurant": {"food": "european"}},
        {"restaurant": {"food": "european"}},
        {"restaurant": {"food": "european"}},
    ]
    assert [turn.dialogue_acts for turn in turns] == [
        acts("restaurant", ("request", "food")),
        acts("restaurant", ("inform", "food")),
        acts(
            "restaurant",
            *(("inform", "address"), ("inform", "name"), ("inform", "phone"), ("inform", "food")),
        ),
        None,
    ]
    assert turns[3].system == "thank you good bye"


def test_a_woz20_dialogue_by_hand() -> None:
    turns = reading("woz20", "train").by_hand["1"].turns
    european = {"food": "european"}
    anywhere = {**european, "area": "dontcare"}
    assert [turn.belief_state for turn in turns] == [
        {"restaurant": {"food": "german"}},
        {"restaurant": european},
        {"restaurant": anywhere},
        {"restaurant": {**anywhere, "pricerange": "expensive"}},
        {"restaurant": {**anywhere, "pricerange": "expensive"}},
    ]
    assert [turn.dialogue_acts for turn in turns] == [
        acts("restaurant", ("request", "food")),
        acts("restaurant", ("request", "area")),
        acts("restaurant", ("request", "pricerange")),
        None,
        None,
    ]
    assert turns[1].system is not None
    assert turns[1].system.strip() == "Which area of town?"
    assert turns[4].system is None


def test_a_star_dialogue_with_one_domain_by_hand() -> None:
    turns = reading("star", "train").by_hand["1934"].turns
    booking = {
        "Name": "shadyside inn",
        "StartDate": "5th",
        "EndDate": "26th",
        "CustomerName": "angela",
    }
    assert [turn.belief_state for turn in turns] == [
        {"hotel": {**booking, "RequestType": "check"}},
        {"hotel": {**booking, "RequestType": "book"}},
        None,
        None,
    ]
    assert [turn.dialogue_acts for turn in turns] == [
        acts("hotel", ("hotel_ask_confirm_booking", "")),
        acts("hotel", ("hotel_reservation_succeeded", "")),
        acts("general", ("anything_else", "")),
        acts("general", ("goodbye_1", "")),
    ]


def test_a_star_dialogue_with_several_domains_by_hand() -> None:
    turns = reading("star", "train").by_hand["1582"].turns
    assert [turn.active_domain for turn in turns] == [*["ride"] * 3, *["party"] * 7]
    ride = {"ride": {"id": "365", "CustomerName": "mark"}}
    party = {
        "Name": "west bay venue",
        "HostName": "josh",
        "GuestName": "mark",
        "ArrivalTime": "13:00",
        "NumberGuests": "4",
        "NeedParking": "no",
    }
    stated = {at: turn.belief_state for at, turn in enumerate(turns) if turn.belief_state}
    assert stated == {1: ride, 8: {**ride, "party": party}}
    assert [at for at, turn in enumerate(turns) if turn.dialogue_acts is None] == [1, 2]


def test_a_multidogo_dialogue_by_hand() -> None:
    turns = reading("multidogo", "train").by_hand["009ab879-ab52-4507-979e-8bc92badecef"].turns
    name = {"name": "kavisri"}
    cities = {**name, "departure_city": "thailand", "arrival_city": "singapore"}
    whole = {**cities, "email_address": "kavigmailcom", "number_of_passengers": "five"}
    assert [(turn.intent, (turn.belief_state or {}).get("airline")) for turn in turns] == [
        ("openinggreeting", None),
        ("bookflight", None),
        ("contentonly", name),
        ("contentonly", cities),
        ("bookflight", cities),
        ("confirmation", cities),
        ("contentonly", whole),
        ("bookflight", whole),
        ("thankyou", whole),
        ("closinggreeting", whole),
    ]


def test_a_taskmaster4_dialogue_by_hand() -> None:
    dialogues = reading("taskmaster4", "train").by_hand
    turns = dialogues["dlg-881444f3-24fc-4e54-ac61-2196f60e88fa"].turns
    assert [turn.user for turn in turns] == ["one Chai Latte please", "yes"]
    for turn in turns:
        assert turn.belief_state == {"Coffee": {"query": "chai latte", "quantity": "1"}}
    assert [turn.database_matches for turn in turns] == [1, None]


def test_an_nlplab_dialogue_by_hand() -> None:
    turns = reading("nlplab", "test").by_hand["6059a5882a1d9827516a570b"].turns
    assert [(turn.belief_state or {}).get("music") for turn in turns] == [
        {"composer": "박경식"},
        {
            "playlist_type": "custom_playlist",
            "playlist_title": "시원한 커피와 부드러운 재즈 한 모금★",
        },
        {"song_title": "바람이 불어 그 곳을 본다"},
        {"playlist_type": "favorite_songs"},
        {"concept": "대한민국"},
        {"playlist_type": "recent_play_list", "recommendation": "song title"},
        None,
    ]
    assert turns[6].belief_state is None
    assert turns[6].system is None
