"""Thirty-two training turns of a tiny train-and-restaurant world; made up, not from a corpus."""

from itertools import product

from todserve.training.preparation.training_turns import TrainingTurn

_PLACES = ("ely", "cambridge", "norwich", "stevenage")
_DAYS = ("monday", "friday")


def _turn(number: int, place: str, day: str, *, booked: bool) -> TrainingTurn:
    state = {"train": {"day": day, "destination": place}}
    if not booked:
        return TrainingTurn(
            dialogue_id=f"made-up-{number}",
            user=f"i need a train to {place} on {day} please",
            state=state,
            intent="find_train",
            acts=(("train", "inform", "id"), ("train", "request", "leave")),
            response="[value_id] goes to [value_destination] . when would you like to leave ?",
            database_token="[db_1]",
        )
    return TrainingTurn(
        dialogue_id=f"made-up-{number}",
        history=(
            (
                f"a train to {place} please",
                f"tr1234 goes to {place} . when would you like to leave ?",
                "[value_id] goes to [value_destination] . when would you like to leave ?",
            ),
        ),
        previous_state={"train": {"destination": place}},
        user=f"on {day} after 17:45",
        state={"train": {"day": day, "destination": place, "leave": "17:45"}},
        intent="book_train",
        acts=(("general", "bye", ""),),
        response="goodbye",
    )


TURNS = tuple(
    _turn(number, place, day, booked=booked)
    for number, (place, day, booked, _) in enumerate(
        product(_PLACES, _DAYS, (False, True), range(2))
    )
)
