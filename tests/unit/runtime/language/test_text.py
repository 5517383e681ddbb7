import pytest
from hypothesis import given
from hypothesis import strategies as st

from todserve.runtime.language.text import normalise


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("I need TWO tickets", "i need 2 tickets"),
        ("that one sounds good", "that 1 sounds good"),
        ("twenty-five", "twenty-5"),
        ("leave after 5pm", "leave after 17:00"),
        ("leave after 5 p.m. please", "leave after 17:00 please"),
        ("at 5:30 am, thanks", "at 05:30, thanks"),
        ("at 12 am", "at 00:00"),
        ("at 12:15 pm", "at 12:15"),
        ("at 9:15", "at 09:15"),
        ("17:45", "17:45"),
        ("at noon", "at 12:00"),
        ("what’s  the\tphone", "what's the phone"),
        ("I'm sure they don't, we won't", "i am sure they do not, we will not"),
        ("the center has Wi-Fi", "the centre has wifi"),
        ("I am in the mood", "i am in the mood"),
        ("25:99 is no time", "25:99 is no time"),
    ],
)
def test_normalise_writes_what_the_corpus_writes(typed: str, expected: str) -> None:
    assert normalise(typed) == expected


@given(st.text(max_size=60))
def test_normalise_is_idempotent(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
