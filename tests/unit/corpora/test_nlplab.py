import unicodedata
from pathlib import Path

import pytest

from tests.support.corpora_fixtures import tiny
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.nlplab.nlplab_reader import _placed, nlplab_services, read_nlplab
from todserve.corpora.registry import find
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Turn


@pytest.fixture
def turns() -> tuple[Turn, ...]:
    (dialogue,) = read_nlplab(tiny("nlplab"), "dev")
    assert dialogue.dialogue_id == "abc1"
    return dialogue.turns


def test_the_state_is_what_the_user_asks_for_anew_at_every_turn(turns: tuple[Turn, ...]) -> None:
    assert [turn.belief_state for turn in turns] == [
        {"music": {"singer": "가상밴드"}},
        # "//" in a name that the user says as it is parts nothing.
        {"music": {"playlist_type": "custom_playlist", "playlist_title": "밤//낮"}},
        {"music": {"song_title": "blue"}},
        None,  # slots not submitted
    ]


def test_a_reply_of_null_is_none(turns: tuple[Turn, ...]) -> None:
    assert [turn.system for turn in turns] == [
        "가상밴드의 가짜 노래가 있어요.",
        "틀게요.",
        None,
        None,
    ]


def test_text_is_composed(turns: tuple[Turn, ...]) -> None:
    for turn in turns:
        assert turn.user == unicodedata.normalize("NFC", turn.user)
    assert turns[0].user == "가상밴드 노래 찾아줘"


def test_values_that_a_reply_tells_become_placeholders(turns: tuple[Turn, ...]) -> None:
    assert [(turn.delexicalised_response, turn.placeholders) for turn in turns] == [
        (
            "[value_singer]의 [value_song_title]가 있어요.",
            (("singer", "가상밴드"), ("song_title", "가짜 노래")),
        ),
        ("틀게요.", ()),
        (None, ()),
        (None, ()),
    ]


@pytest.mark.parametrize(
    ("reply", "told", "expected"),
    [
        ("틀게요.", {"singer": ""}, ("틀게요.", 0)),
        ("pcr, PCR!", {"song title": "PCR"}, ("[value_song_title], [value_song_title]!", 2)),
        (
            "푸른 밤과 밤",
            {"song title": "밤//푸른 밤"},
            ("[value_song_title]과 [value_song_title]", 2),
        ),
        ("a+b의 노래", {"singer": "a+b"}, ("[value_singer]의 노래", 1)),
        ("다른 노래", {"singer": "없는 이"}, ("다른 노래", 0)),
    ],
)
def test_placeholders_stand_where_the_words_are(
    reply: str, told: dict[str, str], expected: tuple[str, int]
) -> None:
    placed, found = _placed(reply, told)
    assert (placed, len(found)) == expected


def test_nothing_else_is_annotated(turns: tuple[Turn, ...]) -> None:
    for turn in turns:
        assert turn.active_domain == "music"
        assert turn.intent is None
        assert turn.dialogue_acts is None


def test_everything_left_out_or_changed_is_counted() -> None:
    report = ReadReport()
    list(read_nlplab(tiny("nlplab"), "dev", report=report))
    assert {reason: note.count for reason, note in report.notes.items()} == {
        "text: brought to Unicode's composed form": 1,
        "reply: none written": 2,
        "value: first of several kept": 1,
        "turn: empty utterance": 2,
        "state: slots not submitted": 1,
        "dialogue: no turns": 1,
    }


def test_the_service_closes_the_slots_whose_values_are_the_publishers_names() -> None:
    (service,) = nlplab_services(tiny("nlplab"))
    assert service.name == "music"
    assert len(service.slots) == 10
    closed = {slot.name: slot.values for slot in service.slots if slot.categorical}
    assert closed == {"playlist_type": ("custom_playlist",), "recommendation": (), "topic": ()}


def test_train_is_not_offered_and_other_json_rejected(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="'train' of nlplab; expected one of dev, test"):
        list(read_nlplab(tiny("nlplab"), "train"))
    (tmp_path / "dev_dialog.json").write_text('[{"dial_id": "abc"}]', "utf-8")
    with pytest.raises(CorpusError, match=r"dev_dialog\.json: KeyError 'turns'"):
        list(read_nlplab(find("nlplab", tmp_path), "dev"))
