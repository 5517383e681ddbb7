import multiprocessing
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.corpora_at_hand import multiwoz_folder
from tests.support.venues import open_venues
from todserve.corpora.readers.multiwoz.multiwoz_entities import build_multiwoz_knowledge
from todserve.runtime.errors import ConfigError, RequestError
from todserve.runtime.knowledge.knowledge_base import DatabaseResult, KnowledgeBase
from todserve.runtime.language.entity_keys import meant_keys
from todserve.runtime.language.word_forms import WordForms

ENGLISH = WordForms.of_language()


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    opened = open_venues(tmp_path_factory.mktemp("venues"))
    yield opened
    opened.close()


def ids(result: DatabaseResult) -> list[str]:
    return [row["id"] for row in result.results]


ELY = {"departure": "ely", "destination": "cambridge", "day": "monday"}


def test_leave_keeps_what_leaves_at_or_after(knowledge: KnowledgeBase) -> None:
    found = knowledge.query("train", {**ELY, "leave": "07:35"})
    assert ids(found) == ["tr0755", "tr0319", "tr0724"]
    assert found.matches == 3


def test_arrive_keeps_what_arrives_at_or_before_latest_first(knowledge: KnowledgeBase) -> None:
    assert ids(knowledge.query("train", {**ELY, "arrive": "9:52"})) == [
        "tr0319",
        "tr0755",
        "tr0994",
    ]


def test_leave_and_arrive_together_bound_both_sides(knowledge: KnowledgeBase) -> None:
    found = knowledge.query("train", {**ELY, "leave": "06:00", "arrive": "09:52"})
    assert ids(found) == ["tr0755", "tr0319"]


def test_arrival_after_midnight_is_not_early(knowledge: KnowledgeBase) -> None:
    late = {"departure": "london kings cross", "arrive": "09:00"}
    assert ids(knowledge.query("train", late)) == ["tr0787"]


def test_a_time_that_cannot_be_read_imposes_nothing(knowledge: KnowledgeBase) -> None:
    assert knowledge.query("train", {**ELY, "leave": "after lunch"}).matches == 4


def test_indifferent_absent_and_booking_slots_impose_nothing(knowledge: KnowledgeBase) -> None:
    constraints = {"area": "dontcare", "food": "none", "name": "", "people": "4", "day": "monday"}
    assert knowledge.query("restaurant", constraints).matches == 5


def test_results_are_limited_ordered_and_counted_in_full(knowledge: KnowledgeBase) -> None:
    found = knowledge.query("restaurant", {"food": "italian"}, limit=2)
    assert [row["name"] for row in found.results] == ["ask restaurant", "pizza hut cherry hinton"]
    assert found.matches == 3


@pytest.mark.parametrize("limit", [0, 1, 40])
def test_every_limit_counts_the_same(knowledge: KnowledgeBase, limit: int) -> None:
    found = knowledge.query("restaurant", {"area": "north"}, limit=limit)
    assert (found.matches, len(found.results)) == (2, min(limit, 2))


def test_no_match_is_zero(knowledge: KnowledgeBase) -> None:
    found = knowledge.query("hotel", {"area": "south"})
    assert found == DatabaseResult(domain="hotel", matches=0, results=())


def test_negative_limit_is_refused(knowledge: KnowledgeBase) -> None:
    with pytest.raises(RequestError, match="-1"):
        knowledge.query("hotel", {}, limit=-1)


def test_unknown_domain_has_no_matches(knowledge: KnowledgeBase) -> None:
    assert knowledge.query("bus", {"day": "monday"}).matches == 0
    assert knowledge.values("bus", "day") == ()
    assert knowledge.columns("bus") == ()
    assert knowledge.entity("bus", "7") is None


@pytest.mark.parametrize(
    ("domain", "asked", "name"),
    [
        ("hotel", "cambridge belfry", "the cambridge belfry"),
        ("hotel", "The Cambridge Belfry", "the cambridge belfry"),
        ("hotel", "acorn guesthouse", "acorn guest house"),
        ("hotel", "the nice acorn guest house", "acorn guest house"),
        ("hotel", "el shaddia guest house", "el shaddai"),
        ("attraction", "saint johns college", "saint john's college"),
        ("attraction", "St. John's College", "saint john's college"),
        ("attraction", "jesus green", "jesus green outdoor pool"),
        ("restaurant", "restaurant 2 two", "restaurant two two"),
        ("restaurant", "nirala", "the nirala"),
        ("restaurant", "ask", "ask restaurant"),
        ("restaurant", "pizza hut", None),
        ("restaurant", "cheese", None),
        ("restaurant", "", None),
        ("train", "tr0755", None),
    ],
)
def test_entity_is_found_in_every_usual_spelling(
    knowledge: KnowledgeBase, domain: str, asked: str, name: str | None
) -> None:
    found = knowledge.entity(domain, asked)
    assert (found and found["name"]) == name


def test_half_a_name_means_every_venue_that_has_it(knowledge: KnowledgeBase) -> None:
    assert knowledge.query("restaurant", {"name": "pizza hut"}).matches == 2
    assert knowledge.query("restaurant", {"name": "pizza hut", "area": "centre"}).matches == 1


def test_types_are_found_however_they_are_written(knowledge: KnowledgeBase) -> None:
    assert knowledge.query("attraction", {"type": "swimming pool"}).matches == 1
    assert knowledge.query("attraction", {"type": "multiple sports"}).matches == 1


def test_values_are_sorted_and_without_unknown_ones(knowledge: KnowledgeBase) -> None:
    assert knowledge.values("attraction", "fee") == ("2.50 pounds", "free")
    assert knowledge.values("hotel", "area") == ("centre", "north", "west")
    assert knowledge.values("hotel", "food") == ()


def test_unknown_values_are_left_out_of_results(knowledge: KnowledgeBase) -> None:
    college = knowledge.entity("attraction", "saint john's college")
    assert college is not None
    assert "pricerange" not in college
    assert college["fee"] == "2.50 pounds"


def test_a_taxi_is_arranged_the_same_for_the_same_ride(knowledge: KnowledgeBase) -> None:
    ride = {"departure": "ely", "leave": "09:15"}
    found = knowledge.query("taxi", ride)
    assert found.matches == 1
    assert found == knowledge.query("taxi", dict(reversed(ride.items())))
    cars = {
        knowledge.query("taxi", {"leave": f"{hour:02d}:00"}).results[0]["car"] for hour in range(24)
    }
    assert len(cars) > 1


@pytest.mark.parametrize(
    ("domain", "matches", "token"),
    [
        ("hotel", 0, "[db_0]"),
        ("hotel", 1, "[db_1]"),
        ("hotel", 3, "[db_2]"),
        ("hotel", 4, "[db_3]"),
        ("train", 0, "[db_0]"),
        ("train", 5, "[db_1]"),
        ("train", 6, "[db_2]"),
        ("train", 10, "[db_2]"),
        ("train", 11, "[db_3]"),
        ("train", None, "[db_nores]"),
        ("taxi", 1, "[db_nores]"),
        ("police", 1, "[db_nores]"),
        ("general", 3, "[db_nores]"),
        (None, None, "[db_nores]"),
    ],
)
def test_database_token(
    knowledge: KnowledgeBase, domain: str | None, matches: int | None, token: str
) -> None:
    assert knowledge.database_token(domain, matches) == token


def test_hostile_values_are_only_values(knowledge: KnowledgeBase) -> None:
    for value in ("'; DROP TABLE meta; --", "%", "x" * 50_000, "\x00", "ünï"):
        assert knowledge.query("hotel", {"area": value}).matches == 0
        assert knowledge.query("hotel", {"name": value}).matches == 0
    assert knowledge.query("hotel", {"area'--": "north"}).matches == 3


def test_the_file_cannot_be_written_through_a_look_up(tmp_path: Path) -> None:
    opened = open_venues(tmp_path)
    before = opened.path.read_bytes()
    opened.path.chmod(0o444)
    opened.query("hotel", {"area": "north"})
    opened.close()
    assert opened.path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["db", "knowledge.sqlite"]


def test_a_closed_knowledge_base_opens_again(tmp_path: Path) -> None:
    opened = open_venues(tmp_path)
    opened.close()
    assert opened.query("hotel", {"area": "west"}).matches == 1
    opened.close()


def test_paths_with_special_characters_open(tmp_path: Path) -> None:
    opened = open_venues(tmp_path / "what? 100% #1")
    assert opened.query("hotel", {}).matches == 3
    opened.close()


def test_open_names_a_missing_or_foreign_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tod knowledge build"):
        KnowledgeBase.open(tmp_path / "absent.sqlite")
    (tmp_path / "foreign.sqlite").write_text("no database at all, only text")
    with pytest.raises(ConfigError, match="no knowledge base"):
        KnowledgeBase.open(tmp_path / "foreign.sqlite")


def test_threads_share_one_knowledge_base(knowledge: KnowledgeBase) -> None:
    asked = [{"area": area} for area in ("north", "centre", "west", "south")] * 25
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda one: knowledge.query("hotel", one).matches, asked))
    assert counts == [1, 1, 1, 0] * 25


def count_hotels(knowledge: KnowledgeBase, answers: "multiprocessing.Queue[int]") -> None:
    answers.put(knowledge.query("hotel", {"pricerange": "cheap"}).matches)


def test_a_spawned_process_opens_the_file_for_itself(knowledge: KnowledgeBase) -> None:
    knowledge.query("hotel", {})
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[int] = context.Queue()
    child = context.Process(target=count_hotels, args=(knowledge, answers))
    child.start()
    assert answers.get(timeout=60) == 2
    child.join(60)


def test_a_pickled_knowledge_base_is_its_path(knowledge: KnowledgeBase) -> None:
    copy = pickle.loads(pickle.dumps(knowledge))
    assert copy.query("hotel", {}).matches == 3
    copy.close()


def test_comparison_key_ignores_what_spellings_differ_in() -> None:
    key = ENGLISH.comparison_key
    assert key("Saint John's College") == key("saint johns college")
    assert key("finches b & b") == key("Finches Bed and Breakfast")
    assert key("pizza hut fenditton") == key("Pizza Hut Fen Ditton")
    assert key("caffe uno") != key("cocum")
    assert key("?!") == ""


def test_a_short_name_is_not_found_inside_others() -> None:
    assert meant_keys("ask", ("alaskadiner", "flask"), ENGLISH) == ("ask",)


@pytest.mark.corpora
def test_the_real_trains_are_filtered_as_by_hand(tmp_path: Path) -> None:
    build_multiwoz_knowledge(multiwoz_folder(tmp_path) / "db", tmp_path / "knowledge.sqlite")
    opened = KnowledgeBase.open(tmp_path / "knowledge.sqlite")
    route = {"departure": "cambridge", "destination": "ely", "day": "friday"}
    whole = opened.query("train", route, limit=500)
    assert whole.matches == len(whole.results) == 10
    for time in ("05:00", "09:50", "13:07", "21:50", "23:59"):
        later = [row["id"] for row in whole.results if row["leave"] >= time]
        assert ids(opened.query("train", {**route, "leave": time}, limit=500)) == later
        earlier = {row["id"] for row in whole.results if row["leave"] < row["arrive"] <= time}
        assert set(ids(opened.query("train", {**route, "arrive": time}, limit=500))) == earlier
    opened.close()
