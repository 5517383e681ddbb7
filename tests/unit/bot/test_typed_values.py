"""What values mean, in forms and actions: a form that takes no day in the past."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.support.local_server import Answer, LocalServer
from todserve.bot.bot import Bot
from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_outcome import Outcome
from todserve.bot.forms.value_check import Check
from todserve.bot.user_message import Heard
from todserve.runtime.errors import ConfigError

TODAY = date(2026, 11, 28)
AT = datetime(2026, 11, 28, 23, 30, tzinfo=UTC).timestamp()
VISIT: dict[str, Any] = {
    "responses": {
        "utter_day": ["Which day?"],
        "utter_price": ["How much?"],
        "utter_past": ["{value} is over."],
        "utter_done": ["Done."],
    },
    "slots": {
        "day": {"check": {"earliest": 0, "latest": 60, "refused": "utter_past"}},
        "price": {"check": {"least": 10, "most": 50}},
    },
    "forms": {
        "book_visit": {
            "domain": "visit",
            "required": {"day": "utter_day", "price": "utter_price"},
            "action": "utter_done",
        }
    },
}


def said(config: dict[str, Any], at: float = AT, **slots: tuple[str, dict[str, str]]) -> Outcome:
    """Return what the first message of a dialogue comes to that brings these values."""
    state = {
        slot: {"value": value, "confidence": 0.9, "normalised": meant}
        for slot, (value, meant) in slots.items()
    }
    heard = Heard.of(
        {
            "intent": {"name": "book_visit", "confidence": 0.9},
            "belief_state": {"visit": state},
            "domain": {"active": "visit"},
        },
        before={},
        dialogue_id="d1",
        message_id="m0",
        index=0,
        user="hello",
        at=at,
    )
    return Bot(BotConfig.model_validate(config)).turn(heard, Outcome())


def day(value: str) -> dict[str, str]:
    return {"type": "date", "value": value}


def test_a_day_in_the_past_is_refused_and_asked_for_again() -> None:
    assert said(VISIT, day=("yesterday", day("2026-11-27"))).messages == (
        "yesterday is over.",
        "Which day?",
    )
    assert said(VISIT, day=("tomorrow", day("2026-11-29"))).messages == ("How much?",)


def test_today_is_that_of_the_bots_time_zone() -> None:
    # Half past eleven in the evening in UTC is the next morning in Seoul.
    today: dict[str, Any] = {"day": ("today", day("2026-11-28"))}
    assert said(VISIT, **today).messages == ("How much?",)
    assert said({**VISIT, "time_zone": "Asia/Seoul"}, **today).messages[-1] == "Which day?"


def test_an_amount_in_words_is_held_against_the_range() -> None:
    fine: dict[str, Any] = {"day": ("friday", day("2026-12-04"))}
    twenty = {"type": "amount", "value": "20", "currency": "GBP"}
    assert said(VISIT, **fine, price=("twenty quid", twenty)).messages == ("Done.",)
    dear = {"type": "amount", "value": "200", "currency": "GBP"}
    refused = said(VISIT, **fine, price=("two hundred", dear))
    assert refused.messages == ("I cannot take that.", "How much?")


@pytest.mark.parametrize(
    ("check", "days", "allowed"),
    [
        ({"earliest": 0}, 0, True),
        ({"earliest": 0}, -1, False),
        ({"earliest": 1}, 0, False),
        ({"latest": 7}, 7, True),
        ({"latest": 7}, 8, False),
    ],
)
def test_a_check_counts_days_from_today(check: dict[str, int], days: int, *, allowed: bool) -> None:
    meant = day((TODAY + timedelta(days=days)).isoformat())
    assert Check.model_validate(check).allows("then", (), meant, today=TODAY) is allowed


def test_a_day_that_nobody_has_read_is_not_taken_where_days_are_checked() -> None:
    assert not Check(earliest=0).allows("friday", today=TODAY)
    assert Check(earliest=0).allows("2026-12-04", today=TODAY)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"time_zone": "Mars/Base"}, "time_zone: no time zone 'Mars/Base'"),
        ({"slots": {"day": {"check": {"earliest": 3, "latest": 1}}}}, "earliest 3 and latest 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(config: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        BotConfig.model_validate(config)


def test_a_service_is_told_what_a_value_means_beside_the_words() -> None:
    with LocalServer(Answer(body={})) as server:
        http = {"book": {"url": f"{server.url}/book"}}
        form = {**VISIT["forms"]["book_visit"], "required": {"day": "utter_day"}, "action": "book"}
        config = {**VISIT, "forms": {"book_visit": form}, "actions": {"http": http}}
        said(config, day=("next friday", day("2026-12-04")))
    (request,) = server.requests
    assert request["slots"] == {"day": "next friday"}
    assert request["meant"] == {"day": {"type": "date", "value": "2026-12-04"}}
