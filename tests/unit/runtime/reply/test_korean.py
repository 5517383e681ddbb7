import pytest
from hypothesis import given
from hypothesis import strategies as st

from todserve.runtime.knowledge.knowledge_base import DatabaseResult
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.reply.korean_particles import agreeing, joined
from todserve.runtime.reply.lexicalisation import lexicalise

ENGLISH = WordForms.of_language()


@pytest.mark.parametrize(
    ("value", "after", "expected"),
    [
        ("별", "를 틀어요", "을 틀어요"),
        ("나무", "을 틀어요", "를 틀어요"),
        ("나무", "를 틀어요", "를 틀어요"),
        ("별", "가 부른", "이 부른"),
        ("나무", "이 부른", "가 부른"),
        ("별", "'는", "'은"),
        ("별", "와 달", "과 달"),
        ("별", "라는 노래", "이라는 노래"),
        ("나무", "이라는 노래", "라는 노래"),
        # 로 follows a vowel and ㄹ, 으로 every other consonant.
        ("별", "으로", "로"),
        ("산", "로", "으로"),
        ("나무", "으로", "로"),
        # Digits are read: 이, 삼.
        ("트랙 2", "은", "는"),
        ("트랙 3", "는", "은"),
        # What stands in brackets is not read.
        ("별 (feat. me)", "를", "을"),
        # Another script does not tell how it sounds.
        ("pcr", "은 어때요", "은 어때요"),
        # The beginning of a word is no particle.
        ("별", "가수", "가수"),
        ("별", " 이 노래", " 이 노래"),
        ("별", "", ""),
        ("", "을", "을"),
    ],
)
def test_a_particle_agrees_with_the_value_before_it(value: str, after: str, expected: str) -> None:
    assert agreeing(value, after) == expected


@given(st.text(max_size=8), st.text(alphabet="은는이가을를과와으로라란 .'", max_size=6))
def test_agreement_is_found_once_and_stays(value: str, after: str) -> None:
    once = agreeing(value, after)
    assert agreeing(value, once) == once


STATE: BeliefState = {"music": {"singer": "달"}}
SONGS = DatabaseResult(
    domain="music",
    matches=2,
    results=({"song_title": "별", "singer": "달"}, {"song_title": "나무", "singer": "해"}),
)


def test_songs_of_a_reply_come_one_after_the_other_with_their_singers() -> None:
    reply = "[value_singer]가 부른 [value_song_title], [value_singer]이 부른 [value_song_title]를"
    spoken = lexicalise(reply, domain="music", state=STATE, result=SONGS)
    assert spoken.text.startswith("달이 부른 별, 해가 부른 나무를")
    assert spoken.unfilled == ()


def test_a_missing_value_of_a_korean_reply_is_a_korean_word() -> None:
    none = DatabaseResult(domain="music", matches=0)
    spoken = lexicalise("[value_genre]을 몰라요", domain="music", state={}, result=none)
    assert spoken.text.startswith("그 장르를 몰라요")
    assert spoken.unfilled == ("genre",)


def test_names_in_hangul_are_compared_by_their_letters() -> None:
    assert ENGLISH.comparison_key("라파엘 ") == ENGLISH.comparison_key("라파엘")
    assert ENGLISH.comparison_key("라파엘") != ENGLISH.comparison_key("이미자")
    assert ENGLISH.comparison_key("라파엘") != ""


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("' [value_song_title]' 들려드릴게요", "'[value_song_title]' 들려드릴게요"),
        ('[value_singer]의 " [value_song_title]"', '[value_singer]의 "[value_song_title]"'),
        ("[value_song_title] 는 [value_singer] 의 곡", "[value_song_title]는 [value_singer]의 곡"),
        # A word of its own, and the end of one quotation before another.
        ("[value_song_title] 이 노래", "[value_song_title] 이 노래"),
        ("[value_song_title] 은하수", "[value_song_title] 은하수"),
        ("'[value_singer]' [value_song_title]", "'[value_singer]' [value_song_title]"),
    ],
)
def test_quotation_marks_and_particles_stand_at_their_placeholder(
    template: str, expected: str
) -> None:
    assert joined(template) == expected
    assert joined(expected) == expected
