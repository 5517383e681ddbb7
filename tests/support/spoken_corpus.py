"""A small made-up corpus under MultiWOZ's schema, with enough in it for every kind of saying."""

from pathlib import Path

from tests.support.source_tree import ROOT
from todserve.runtime.language.schema import Schema
from todserve.training.preparation.training_turns import State, TrainingTurn

SCHEMA = Schema.load(Path(ROOT) / "checkpoints" / "multiwoz" / "schema.json")

Acts = tuple[tuple[str, str, str], ...]
Said = tuple[str, str, State, str, Acts, str]
"""User, intent, what the turn adds to the state, reply, its acts, the reply with placeholders."""

_BYE: Said = (
    "thanks, bye",
    "general",
    {},
    "you are welcome. goodbye!",
    (("general", "bye", ""),),
    "you are welcome. goodbye!",
)


def _trip(number: int) -> list[Said]:
    area = ("north", "south", "east", "west", "centre")[number % 5]
    food = ("indian", "italian", "chinese")[number % 3]
    price = ("cheap", "moderate", "expensive")[number % 3]
    town = ("ely", "norwich", "cambridge", "london kings cross")[number % 4]
    origin = ("cambridge", "stevenage", "leicester", "ely")[number % 4]
    table = ("golden wok", "curry garden", "kohinoor")[number % 3]
    day = ("monday", "friday", "sunday")[number % 3]
    room = ("acorn guest house", "kirkwood house")[number % 2]
    return [
        (
            f"i need a {price} restaurant",
            "find_restaurant",
            {"restaurant": {"pricerange": price}},
            "which area and what food would you like?",
            (("restaurant", "request", "area"), ("restaurant", "request", "food")),
            "which area and what food would you like?",
        ),
        (
            f"{food} food in the {area}",
            "find_restaurant",
            {"restaurant": {"food": food, "area": area}},
            f"{table} is nice. its phone number is 01223 and its address mill road",
            (("restaurant", "inform", "name"), ("restaurant", "inform", "phone")),
            "[value_name] is nice. its phone number is [value_phone] and its address mill road",
        ),
        (
            f"{table} sounds good, where is it?",
            "find_restaurant",
            {"restaurant": {"name": table}},
            f"{table} is at 12 mill road",
            (("restaurant", "inform", "address"),),
            "[value_name] is at [value_address]",
        ),
        (
            f"a table for {number % 4 + 2} on {day} at 18:{number % 4}5",
            "book_restaurant",
            {
                "restaurant": {
                    "people": str(number % 4 + 2),
                    "day": day,
                    "time": f"18:{number % 4}5",
                }
            },
            "it is booked. anything else?",
            (("restaurant", "book", ""), ("general", "reqmore", "")),
            "it is booked. anything else?",
        ),
        (
            "a guest house to stay at, parking please",
            "find_hotel",
            {"hotel": {"type": "guesthouse", "parking": "yes"}},
            "what price range?",
            (("hotel", "request", "pricerange"),),
            "what price range?",
        ),
        (
            f"it does not matter, 4 stars and in the {area}",
            "find_hotel",
            {"hotel": {"pricerange": "dontcare", "stars": "4", "area": area}},
            f"{room} it is. for which day and how long?",
            (("hotel", "recommend", "name"), ("hotel", "request", "day")),
            "[value_name] it is. for which day and how long?",
        ),
        (
            f"{room} from tuesday for {number % 5 + 1} nights and 6 people",
            "book_hotel",
            {
                "hotel": {
                    "name": room,
                    "day": "tuesday",
                    "stay": str(number % 5 + 1),
                    "people": "6",
                }
            },
            f"{room} is booked.",
            (("hotel", "book", "name"),),
            "[value_name] is booked.",
        ),
        (
            f"a taxi from {room} to {table} by 18:30",
            "book_taxi",
            {"taxi": {"departure": room, "destination": table, "arrive": "18:30"}},
            "your taxi is booked.",
            (("taxi", "inform", "car"),),
            "your taxi is booked.",
        ),
        (
            f"and a train from {origin} to {town}",
            "find_train",
            {"train": {"departure": origin, "destination": town}},
            "on what day, and when do you want to leave?",
            (("train", "request", "day"), ("train", "request", "leave")),
            "on what day, and when do you want to leave?",
        ),
        (
            "leaving after 09:15 on thursday",
            "find_train",
            {"train": {"leave": "09:15", "day": "thursday"}},
            "TR1234 leaves at 09:30",
            (("train", "inform", "id"),),
            "[value_id] leaves at [value_leave]",
        ),
        _BYE,
    ]


def _visit(number: int) -> list[Said]:
    kind = ("museum", "park", "cinema")[number % 3]
    name = ("galleria", "byard art", "vue cinema")[number % 3]
    table = ("golden wok", "curry garden", "kohinoor")[number % 3]
    return [
        (
            f"a {kind} to visit please",
            "find_attraction",
            {"attraction": {"type": kind}},
            "any area?",
            (("attraction", "request", "area"),),
            "any area?",
        ),
        (
            "i do not care",
            "find_attraction",
            {"attraction": {"area": "dontcare"}},
            f"{name} is in the centre",
            (("attraction", "inform", "area"),),
            "[value_name] is in the [value_area]",
        ),
        (
            f"{name} then",
            "find_attraction",
            {"attraction": {"name": name}},
            f"{name}: noted",
            (("general", "reqmore", ""),),
            "[value_name]: noted",
        ),
        (
            f"tell me about {table}",
            "find_restaurant",
            {"restaurant": {"name": table}},
            f"{table} is cheap",
            (("restaurant", "inform", "pricerange"),),
            "[value_name] is [value_pricerange]",
        ),
        _BYE,
    ]


def _turns(dialogue_id: str, said: list[Said]) -> list[TrainingTurn]:
    turns = []
    history: tuple[tuple[str, str, str], ...] = ()
    state: State = {}
    for user, intent, news, system, acts, placeholders in said:
        previous = state
        state = {domain: dict(slots) for domain, slots in previous.items()}
        for domain, slots in news.items():
            state.setdefault(domain, {}).update(slots)
        turns.append(
            TrainingTurn(
                dialogue_id=dialogue_id,
                corpus="made-up",
                history=history,
                previous_state=previous,
                user=user,
                state=state,
                intent=intent,
                acts=acts,
                response=placeholders,
            )
        )
        history = (*history, (user, system, placeholders))
    return turns


SPOKEN_CORPUS = tuple(
    turn
    for number in range(24)
    for turn in (
        *_turns(f"trip-{number}", _trip(number)),
        *_turns(f"visit-{number}", _visit(number)),
    )
)
"""Trips and visits."""

FAR = tuple(
    TrainingTurn(dialogue_id=f"far-{number}", corpus="clinc150", user=user, intent=intent)
    for number, (user, intent) in enumerate(
        (
            ("what is my balance", "balance"),
            ("translate cat into french", "translate"),
            ("how do i change my oil", "oil_change_how"),
            ("good day to you", "greeting"),
            ("book me a hotel in boston", "book_hotel"),
        )
    )
)
"""Utterances of a corpus that lies outside, for the most part."""
