from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.venues import SCHEMA, open_venues
from todserve.corpora.enrichment import enrich
from todserve.runtime.knowledge.delexicalisation import Delexicaliser
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import Dialogue, Turn


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    opened = open_venues(Path(tmp_path_factory.mktemp("venues")))
    yield opened
    opened.close()


def dialogue(*turns: Turn) -> Dialogue:
    return Dialogue(dialogue_id="d", corpus="multiwoz21", split="train", turns=turns)


HOTEL = {"hotel": {"area": "north"}}
BOTH = {**HOTEL, "train": {"departure": "ely", "day": "monday"}}


def test_domain_matches_and_placeholders_follow_from_texts_and_states(
    knowledge: KnowledgeBase,
) -> None:
    found = enrich(
        dialogue(
            Turn(user="a hotel in the north", belief_state=HOTEL, system="acorn guest house?"),
            Turn(user="and a train from ely on monday", belief_state=BOTH, system=None),
            Turn(user="thanks", belief_state=BOTH, system="bye."),
        ),
        Delexicaliser(knowledge, SCHEMA),
        knowledge,
        SCHEMA,
    ).turns
    assert [turn.active_domain for turn in found] == ["hotel", "train", "train"]
    assert found[0].database_matches == 1
    assert found[0].delexicalised_response == "[value_name]?"
    assert found[0].placeholders == (("name", "acorn guest house"),)
    assert found[1].delexicalised_response is None
    assert found[2].delexicalised_response == "bye."


def test_annotation_stands_unless_it_is_to_be_replaced(knowledge: KnowledgeBase) -> None:
    annotated = dialogue(
        Turn(
            user="a hotel in the north",
            belief_state=HOTEL,
            active_domain="restaurant",
            system="acorn guest house?",
            delexicalised_response="[value_x]?",
        )
    )
    parts = (Delexicaliser(knowledge, SCHEMA), knowledge, SCHEMA)
    (kept,) = enrich(annotated, *parts).turns
    assert (kept.active_domain, kept.delexicalised_response) == ("restaurant", "[value_x]?")
    (renewed,) = enrich(annotated, *parts, keep_spans=False, keep_domains=False).turns
    assert (renewed.active_domain, renewed.delexicalised_response) == ("hotel", "[value_name]?")


def test_without_a_state_or_a_table_there_are_no_matches(knowledge: KnowledgeBase) -> None:
    found = enrich(
        dialogue(
            Turn(user="hello", belief_state={}),
            Turn(user="a hotel please", belief_state=None, active_domain="hotel"),
            Turn(user="a spa please", belief_state={}, active_domain="spa", database_matches=7),
        ),
        Delexicaliser(knowledge, SCHEMA),
        knowledge,
        SCHEMA,
    ).turns
    assert [turn.database_matches for turn in found] == [None, None, 7]
