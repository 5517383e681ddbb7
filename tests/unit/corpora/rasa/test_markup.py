"""Rasa's marks: words stay words on the way out and back, and nothing takes long to read."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_markup import quoted, read_marked, write_marked
from todserve.corpora.readers.rasa.rasa_project import read_project, write_project
from todserve.corpora.readers.rasa.rasa_types import RasaEntity, UserStep
from todserve.corpora.readers.rasa.rasa_writer import dialogues_project
from todserve.runtime.language.dialogue import Dialogue, Turn

EVIL = 'a [x]{"entity": "restaurant-food", "value": "evil"}'
_RASAS_OWN = re.compile(  # as Rasa 3 finds them
    r"\[[^\]]+?\](?:\([^:)]+?(?::[^)]+)?\)|\{[^}]+?\}|\[.*?\])"
)
_MARKS = st.text("[](){}:a\u2060 ", max_size=30)


def complaints(text: str) -> tuple[str, tuple[RasaEntity, ...], list[str]]:
    told: list[str] = []
    plain, entities = read_marked(text, lambda got, _: told.append(got))
    return plain, entities, told


@example(EVIL)
@example("[a](b)")
@example("[a][{}]")
@example("[a]\u2060\u2060(b)")
@given(_MARKS)
def test_words_that_look_like_marks_come_back_as_words(text: str) -> None:
    written = quoted(text)
    assert _RASAS_OWN.search(written) is None
    assert complaints(written) == (text, (), [])


@given(_MARKS, st.text("ab c", min_size=1).filter(lambda one: one == " ".join(one.split())), _MARKS)
def test_marks_among_such_words_come_back_or_are_not_written(
    before: str, surface: str, after: str
) -> None:
    text = " ".join(f"{before}{surface}{after}".split())
    start = text.find(surface)
    entity = RasaEntity(
        entity="restaurant-food", value="th{a}i", start=start, end=start + len(surface)
    )
    marked = write_marked(text, (entity,))
    if marked is not None:
        assert complaints(marked) == (text, (entity,), [])
        assert len(_RASAS_OWN.findall(marked)) == 1


def test_an_utterance_does_not_become_a_state_on_the_way_to_rasa_and_back(tmp_path: Path) -> None:
    turns = (Turn(user=EVIL, intent="inform", system="[ok](x)"), Turn(user="hi", intent="greet"))
    dialogue = Dialogue(dialogue_id="d", corpus="c", split="train", turns=turns)
    report = ReadReport()
    write_project(dialogues_project((), [dialogue], report), tmp_path, report)
    back = read_project(tmp_path, ReadReport(), [])
    assert [(one.text, one.entities) for one in back.nlu.examples if one.intent == "inform"] == [
        (EVIL, ())
    ]
    said = [step for step in back.stories[0].steps if isinstance(step, UserStep)]
    assert (said[0].text, said[0].entities) == (EVIL, ())


@pytest.mark.parametrize(
    "piece", ["[a](", "[a](b", "[a]{", "[", "[]", "[a](:", "[a](b:)", "]", "{"]
)
def test_marks_without_an_end_are_read_in_one_walk(piece: str) -> None:
    # With a search for every bracket, 400,000 of them take hours.
    text = piece * 400_000
    plain, entities, _ = complaints(text)
    assert plain == text
    assert entities == ()


@pytest.mark.parametrize("piece", ["<!--", "* a{", "* a ", "- a ", "- a{"])
def test_markdown_without_an_end_is_read_in_one_walk(piece: str, tmp_path: Path) -> None:
    path = tmp_path / "stories.md"
    path.write_text(f"## story\n* greet\n- utter_greet\n{piece}{' ' * 20_000}x\n{piece * 20_000}\n")
    read_project(tmp_path, ReadReport(), [])
