"""What a value may be called, and what it may not."""

import random
import re
from string import Formatter

import pytest

from tests.support.spoken_corpus import SCHEMA, SPOKEN_CORPUS
from todserve.corpora.spoken.roughness import Roughness
from todserve.corpora.spoken.spoken_maker import SpokenTurns
from todserve.corpora.spoken.spoken_settings import Spoken
from todserve.corpora.spoken.spoken_turns import SpokenTurn, labelled_turns
from todserve.corpora.spoken.spoken_values import Speech
from todserve.corpora.spoken.spoken_vocabulary import Vocabulary
from todserve.corpora.spoken.wordings import Wordings, language_of
from todserve.runtime.language.dialogue import OUT_OF_SCOPE, Dialogue, Turn
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.runtime.language.text import normalise

ENGLISH = Wordings.load("en")
SPEECH = Speech(Vocabulary(SCHEMA, SPOKEN_CORPUS, ENGLISH))
TIMES = [f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in (0, 7, 15, 20, 30, 45, 50)]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_wordings_leave_no_gap_that_nobody_fills(language: str) -> None:
    known = {
        *("new", "old", "slot", "also", "service", "right", "wrong", "value", "from", "to", "one"),
        *("other", "a", "b", "time", "reason", "name", "any", "slots", "anys", "do", "be", "make"),
        *("word", "services", "what", "open", "rest", "question", "first", "last", "food", "bare"),
    }
    words = Wordings.load(language)
    for name in words._phrases:
        for text in words.phrases(name):
            fields = {field for _, field, _, _ in Formatter().parse(text) if field is not None}
            assert fields <= known, (name, text)


@pytest.mark.parametrize(
    "kind",
    [
        *("correct", "correct service", "wrong service", "way round", "swap services", "inside"),
        *("withdraw", "withdraw service", "withdraw service reason", "restart", "rule out"),
        *("indifferent", "indifferent to", "greet", "thank", "bye", "bare", "open", "between"),
        *("way back", "department", "leave or arrive", "wish food"),
    ],
)
def test_every_kind_has_many_wordings_each_once(kind: str) -> None:
    found = ENGLISH.phrases(kind)
    assert len(found) >= 20
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("value", TIMES)
def test_a_spoken_time_tells_morning_from_evening_and_its_minutes(value: str) -> None:
    hour, minute = int(value[:2]), int(value[3:])
    for number in range(30):
        said = SPEECH.time(value, random.Random(number))
        clock = re.fullmatch(r"(\d\d?)[.:h]?(\d\d)(?: hours| hrs|h)?", said)
        if clock is not None:
            assert (int(clock[1]), int(clock[2])) == (hour, minute)
            continue
        normal = normalise(said)
        told = re.search(
            r"(\d+|quarter|qtr|half)(?: minutes)? (past|after|to|till|before)? ?(\d\d):(\d\d)",
            normal,
        )
        if told is not None:
            # What the runtime makes of "12 am" counts, not what was meant by it.
            minutes = {"quarter": 15, "qtr": 15, "half": 30}.get(told[1]) or int(told[1])
            sign = -1 if told[2] in ("to", "till", "before") else 1
            total = int(told[3]) * 60 + int(told[4]) + sign * minutes
            assert total % (24 * 60) == hour * 60 + minute, (said, normal)
        shown = re.search(r"(\d\d):(\d\d)", normal)
        if shown is not None and not re.search(r"past|to|after|before|half|quarter|till", normal):
            assert normal.count(":") == 1
            if "sharp" in normal or "clock" in normal:
                assert minute == 0
            elif shown[0] != "12:00":
                assert int(shown[1]) % 12 == hour % 12
            continue
        late = re.search(r"afternoon|evening|at night|p\.?m|midday|noon|lunch", said)
        early = re.search(r"morning|a\.?m|midnight", said)
        assert bool(late) == (hour >= 12), said
        assert bool(early) == (hour < 12), said


@pytest.mark.parametrize("count", range(2, 9))
def test_people_counted_by_who_they_are_add_up(count: int) -> None:
    people = ENGLISH.people
    sizes = {
        name: size
        for size, key in enumerate(("one", "two", "three", "four"), start=1)
        for name in people[key]
    }
    for number in range(40):
        who = SPEECH.who(str(count), random.Random(number))
        assert who is not None
        left, total = who, 0
        mixed = [
            int(number)
            for names in (*people["adults"], *people["kids"])
            for number in re.findall(rf"\b(\d) (?:{'|'.join(names)})\b", who)
        ]
        if len(mixed) == 2 and not re.search(r"\bme\b|\bmyself\b", who):
            assert sum(mixed) == count, who
            continue
        for name in sorted(sizes, key=len, reverse=True):
            while name in left:
                left = left.replace(name, "", 1)
                total += sizes[name]
        total += bool(re.search(r"\b(?:me|myself)\b", left))
        assert total == count, who


def test_a_word_for_a_value_means_no_other_value_of_its_slot() -> None:
    for family, values in ENGLISH.values.items():
        owners: dict[str, str] = {}
        for value, ways in values.items():
            for way in {*ways.alone, *ways.before, *ways.after, *ways.noun}:
                assert owners.setdefault(way, value) == value, (family, way)


def test_values_that_have_words_are_the_schema_s() -> None:
    for domain, slot in (("hotel", "area"), ("hotel", "pricerange"), ("hotel", "day")):
        for value in SCHEMA.values(domain, slot):
            assert SPEECH.ways(domain, slot, value).alone


def test_roughness_misspells_several_words_of_one_message() -> None:
    rough = Roughness(ENGLISH)
    text = "please book a cheap restaurant in the centre for thursday evening"
    counts = []
    for number in range(200):
        said = rough(text, random.Random(number)).split()
        counts.append(sum(word not in text for word in said))
    assert max(counts) > 3
    assert 0 in counts


def test_a_time_said_in_words_is_not_said_again() -> None:
    rough = Roughness(ENGLISH)
    said = {
        rough("a table at half 15:00", random.Random(number), time=lambda *_: "CLOCK")
        for number in range(200)
    }
    assert not [text for text in said if "CLOCK" in text]
    said = {
        rough("a table at 15:00", random.Random(number), time=lambda *_: "CLOCK")
        for number in range(200)
    }
    assert [text for text in said if "CLOCK" in text]


def test_roughness_keeps_the_words_it_is_told_to() -> None:
    rough = Roughness(ENGLISH)
    for number in range(300):
        assert "thanh binh" in rough(
            "a table at thanh binh please", random.Random(number), keep={"thanh", "binh"}
        )


def test_slots_are_told_by_their_names_and_by_what_their_values_look_like() -> None:
    schema = Schema(
        services=(
            Service(
                name="RentalCars_1",
                slots=(
                    Slot(name="pickup_date"),
                    Slot(name="dropoff_date"),
                    Slot(name="number_of_seats", categorical=True, values=("2", "4")),
                    Slot(name="startsWhen"),
                    Slot(name="insured", categorical=True, values=("True", "False")),
                    Slot(name="people", categorical=True, values=("tall", "short")),
                ),
            ),
        )
    )
    turn = SpokenTurn(
        kind="",
        dialogue_id="1",
        corpus="own",
        history=(),
        previous_state={},
        user="at 09:30",
        state={"RentalCars_1": {"startsWhen": "09:30"}},
    )
    vocabulary = Vocabulary(schema, [turn, turn], ENGLISH)
    found = {
        slot: vocabulary.family("RentalCars_1", slot).name for slot in schema.slots("RentalCars_1")
    }
    assert found == {
        "pickup_date": "other",  # a day alone would not tell which of the two
        "dropoff_date": "other",
        "number_of_seats": "people",
        "startsWhen": "time",
        "insured": "flag",
        "people": "other",  # by its name alone it would be counted
    }
    assert vocabulary.service("RentalCars_1").name == "car"


BARBER = Schema(
    services=(
        Service(
            name="barber",
            slots=(
                Slot(name="appointment_time"),
                Slot(name="stylist"),
                Slot(name="wash", categorical=True, values=("yes", "no")),
            ),
            intents=("book_cut",),
        ),
    )
)


def _own() -> list[SpokenTurn]:
    turns: list[SpokenTurn] = []
    for number in range(30):
        time, stylist = f"1{number % 9}:30", ("kim", "alex", "sam")[number % 3]
        said = (
            Turn(
                user=f"a cut at {time}",
                belief_state={"barber": {"appointment_time": time}},
                intent="book_cut",
                system="with whom, and a wash?",
            ),
            Turn(
                user=f"with {stylist}, and a wash",
                belief_state={
                    "barber": {"appointment_time": time, "stylist": stylist, "wash": "yes"}
                },
                intent="book_cut",
                system="done.",
            ),
            Turn(
                user="thanks",
                belief_state={
                    "barber": {"appointment_time": time, "stylist": stylist, "wash": "yes"}
                },
                intent="general",
                system="bye",
            ),
        )
        dialogue = Dialogue(dialogue_id=str(number), corpus="own", split="train", turns=said)
        turns += labelled_turns(dialogue)
    return turns


def test_a_company_s_own_corpus_gets_corrections_withdrawals_and_small_talk() -> None:
    make = SpokenTurns(_own(), BARBER, Spoken())
    for kind in ("correct", "withdraw", "greet", "outside", "at_once", "restart"):
        made = [make(random.Random(number), kind) for number in range(30)]
        assert sum(turn is not None for turn in made) > 15, kind
    corrected = make(random.Random(1), "correct")
    assert corrected is not None
    assert corrected.intent in ("book_cut", None)
    assert corrected.acts is None  # no turn of the corpus has any
    assert corrected.response is None


def test_a_corpus_of_intents_alone_gets_no_states() -> None:
    turns = [
        SpokenTurn(
            kind="",
            dialogue_id=str(number),
            corpus="intents",
            history=(),
            previous_state={},
            user=f"where is my card {number}",
            state=None,
            intent="card_arrival",
        )
        for number in range(20)
    ]
    schema = Schema(services=(Service(name="banking", intents=("card_arrival",)),))
    make = SpokenTurns(turns, schema, Spoken())
    made = [turn for number in range(200) if (turn := make(random.Random(number))) is not None]
    assert {turn.kind for turn in made} >= {"greet", "thank", "bye", "outside"}
    assert all(turn.state is None and turn.response is None for turn in made)
    assert {"general", OUT_OF_SCOPE} <= {turn.intent for turn in made}


def test_nothing_counts_as_outside_that_names_one_of_the_services() -> None:
    schema = Schema(
        services=(
            Service(name="weather", slots=(Slot(name="city"),), intents=("get_weather",)),
            Service(name="music", slots=(Slot(name="song_name"),), intents=("play_song",)),
        )
    )
    turns = [
        SpokenTurn(
            kind="",
            dialogue_id=str(number),
            corpus="own",
            history=(),
            previous_state={},
            user="the weather in leeds, and yesterday",
            state={"weather": {"city": "leeds"}, "music": {"song_name": "yesterday"}},
            intent="get_weather",
        )
        for number in range(20)
    ]
    make = SpokenTurns(turns, schema, Spoken(rough=0.0))
    users = [turn.user for n in range(400) if (turn := make(random.Random(n), "outside"))]
    assert len(users) > 300
    assert not [user for user in users if "umbrella" in user or "forecast" in user]
    assert not [user for user in users if user in ("sing me a song", "play some jazz")]
    assert not [user for user in users if user.startswith("what is there to see in")]


def test_hangul_is_answered_in_korean() -> None:
    schema = Schema(
        services=(
            Service(name="music", slots=(Slot(name="singer"), Slot(name="genre")), intents=()),
        )
    )
    turns: list[SpokenTurn] = []
    for number in range(40):
        singer, genre = ("아이유", "백예린")[number % 2], ("발라드", "댄스")[number % 2]
        dialogue = Dialogue(
            dialogue_id=str(number),
            corpus="own",
            split="train",
            turns=(
                Turn(
                    user=f"{genre} 노래 틀어줘",
                    belief_state={"music": {"genre": genre}},
                    system="누구 노래요?",
                ),
                Turn(
                    user=f"{singer} 노래",
                    belief_state={"music": {"genre": genre, "singer": singer}},
                    system="네",
                ),
                Turn(user="고마워", belief_state={"music": {"genre": genre, "singer": singer}}),
            ),
        )
        turns += labelled_turns(dialogue)
    make = SpokenTurns(turns, schema, Spoken(rough=0.0))
    for kind in ("correct", "withdraw", "rule_out", "greet", "restart", "at_once"):
        made = [turn for n in range(60) if (turn := make(random.Random(n), kind)) is not None]
        assert len(made) > 10, kind
        assert all(language_of(turn.user) == "ko" for turn in made), kind
    particles = " ".join(
        turn.user for n in range(300) if (turn := make(random.Random(n), "withdraw"))
    )
    assert "가수는" in particles or "장르는" in particles
    assert "가수은" not in particles
    assert "장르은" not in particles
