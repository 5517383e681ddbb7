from todserve.runtime.language.tasks import TaskName
from todserve.training.preparation.deduplication import Deduplicator
from todserve.training.preparation.training_turns import TrainingTurn

HI = TrainingTurn(dialogue_id="1", corpus="a", user="hi", intent="general", response="hello!")


def test_the_same_example_is_kept_once_across_corpora_and_dialogues() -> None:
    once = Deduplicator()
    again = HI.model_copy(update={"dialogue_id": "2", "corpus": "b"})
    assert list(once([HI, again, again])) == [HI]
    assert once.examples == 6
    assert once.turns == 2
    assert once.dropped == {("b", TaskName.INTENT): 2, ("b", TaskName.RESPONSE): 2}


def test_a_turn_keeps_the_targets_that_are_new() -> None:
    once = Deduplicator()
    other = HI.model_copy(update={"response": "good morning!"})
    assert list(once([HI, other])) == [HI, other.model_copy(update={"intent": None})]
    assert once.dropped == {("a", TaskName.INTENT): 1}
    assert once.turns == 0


def test_whatever_the_model_is_shown_makes_another_example() -> None:
    differing: list[dict[str, object]] = [
        {"user": "hi there"},
        {"history": (("a", "b", "c"),)},
        {"history": (("a", "d", "c"),)},
        {"previous_state": {"train": {"day": "monday"}}},
    ]
    turns = [HI, *(HI.model_copy(update=change) for change in differing)]
    assert list(Deduplicator()(turns)) == turns


def test_the_number_of_matches_tells_replies_apart_but_not_intents() -> None:
    found = HI.model_copy(update={"database_token": "[db_2]"})
    assert list(Deduplicator()([HI, found])) == [HI, found.model_copy(update={"intent": None})]


def test_turns_without_any_target_are_left_out_without_being_called_duplicates() -> None:
    once = Deduplicator()
    assert list(once([TrainingTurn(dialogue_id="1", user="hm")])) == []
    assert (once.examples, once.turns) == (0, 0)


def test_counts_are_reported_by_corpus_and_task() -> None:
    once = Deduplicator()
    list(once([HI, HI]))
    assert list(once.lines()) == [
        "deduplication: 2 of 4 examples seen before and left out, 1 turns with them",
        "       1  a intent",
        "       1  a response",
    ]
