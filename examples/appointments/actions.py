"""Actions that really note appointments: in a calendar file, which calendar programs can open.

Run in the bot's process. An action may run again for the same message, when the process was killed
before it stored the turn; so an appointment stands under ``tracker.key``, and is found there again.

The file is written and read here alone: a calendar with repeated events, or with time zones, wants
a library such as icalendar.
"""

import fcntl
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from todserve.bot.action_events import Event, SlotSet
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.runtime.whole_files import write_whole

CALENDAR = Path(__file__).with_name("calendar.ics")
"""Where appointments are kept unless bot.yml says ``settings: {calendar: ...}``."""

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_OPENS, _CLOSES = 9, 17
_TIMES = tuple(f"{hour:02}:{minute:02}" for hour in range(_OPENS, _CLOSES) for minute in (0, 30))
_MOST_SHOWN = 5
_FORM = "%Y%m%dT%H%M%S"
_ESCAPED = {"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Appointment:
    """One event of the calendar.

    Attributes:
        uid: made of the key under which it was agreed to.
        begins: when.
        summary: what and for whom.
    """

    uid: str
    begins: datetime
    summary: str

    @property
    def reference(self) -> str:
        """What the customer is told of the uid."""
        return self.uid[:6]

    def lines(self) -> list[str]:
        """Return it as a calendar file has it."""
        ends = self.begins + timedelta(minutes=30)
        summary = "".join(_ESCAPED.get(letter, letter) for letter in self.summary)
        return [
            "BEGIN:VEVENT",
            f"UID:{self.uid}@salon.example",
            f"DTSTAMP:{self.begins:{_FORM}}Z",
            f"DTSTART:{self.begins:{_FORM}}",
            f"DTEND:{ends:{_FORM}}",
            f"SUMMARY:{summary}",
            "END:VEVENT",
        ]


class Calendar:
    """The appointments of one file; for any number of threads and processes.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def appointments(self) -> list[Appointment]:
        """Return all of them."""
        if not self._path.exists():
            return []
        # A long line goes on behind a blank in the next one.
        text = self._path.read_bytes().replace(b"\r\n ", b"").decode("utf-8")
        found: list[Appointment] = []
        event: dict[str, str] = {}
        for line in text.splitlines():
            name, _, value = line.partition(":")
            event[name] = value
            if line == "END:VEVENT":
                found.append(
                    Appointment(
                        uid=event["UID"].partition("@")[0],
                        begins=datetime.strptime(event["DTSTART"], _FORM),
                        summary=_unescaped(event["SUMMARY"]),
                    )
                )
        return found

    def book(self, key: str, begins: datetime, summary: str) -> Appointment | None:
        """Note an appointment once for a key; None where somebody else has the time."""
        uid = hashlib.sha256(key.encode()).hexdigest()[:32]
        with self._alone():
            known = self.appointments()
            for one in known:
                if one.uid == uid:
                    return one  # noted when this was asked before
                if one.begins == begins:
                    return None
            new = Appointment(uid=uid, begins=begins, summary=summary)
            self._write([*known, new])
        return new

    def cancel(self, reference: str) -> Appointment | None:
        """Take an appointment out; None where there is none of that reference."""
        with self._alone():
            known = self.appointments()
            gone = next((one for one in known if one.reference == reference), None)
            if gone is not None:
                self._write([one for one in known if one is not gone])
        return gone

    def free(self, day: date) -> list[str]:
        """Return the times of a day that nobody has."""
        taken = {one.begins for one in self.appointments()}
        return [time for time in _TIMES if _moment(day, time) not in taken]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from writing meanwhile."""
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, appointments: Sequence[Appointment]) -> None:
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//salon.example//bot//EN"]
        for one in sorted(appointments, key=lambda one: one.begins):
            lines += one.lines()
        folded = (piece for line in [*lines, "END:VCALENDAR"] for piece in _folded(line))
        write_whole(self._path, "".join(f"{piece}\r\n" for piece in folded))


class _Salon:
    """What the actions share: the calendar, and which date a weekday means."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.calendar = Calendar(Path(settings.get("calendar", CALENDAR)))

    def date_of(self, day: str) -> date:
        """Return the next date that is such a day; today's counts as next week's."""
        today = date.today()
        return today + timedelta(days=(_DAYS.index(day) - today.weekday() - 1) % 7 + 1)


class CheckTime(_Salon):
    """Judges a time: it must be free, in hours that are open."""

    def name(self) -> str:
        """Return the name that bot.yml calls it by."""
        return "check_time"

    def run(
        self, dispatcher: Dispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[Event]:
        """Take the time as a clock writes it, or say what is free instead."""
        day, said = tracker.get_slot("day"), str(tracker.get_slot("time"))
        time = said.replace(".", ":").zfill(5)
        free = _TIMES if day is None else self.calendar.free(self.date_of(day))
        if time in free:
            return [SlotSet("time", time)]
        _say_free(dispatcher, "utter_taken", day or "any day", free, time=said)
        return [SlotSet("time", None)]


class SayFreeTimes(_Salon):
    """Says what is free on the day that was asked about, or is being spoken of."""

    def name(self) -> str:
        """Return the name that bot.yml calls it by."""
        return "say_free_times"

    def run(
        self, dispatcher: Dispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[Event]:
        """Say the first few."""
        day = tracker.get_slot("day")
        if day is None:
            dispatcher.utter_message(response="utter_ask_day")
        else:
            _say_free(dispatcher, "utter_free", day, self.calendar.free(self.date_of(day)))
        return []


class BookAppointment(_Salon):
    """Notes the appointment of a complete form."""

    def name(self) -> str:
        """Return the name that bot.yml calls it by."""
        return "book_appointment_in_calendar"

    def run(
        self, dispatcher: Dispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[Event]:
        """Note it, and say when it is and under which reference."""
        told = tracker.slots
        begins = _moment(self.date_of(told["day"]), told["time"])
        made = self.calendar.book(tracker.key, begins, f"{told['service']}: {told['name']}")
        if made is None:
            dispatcher.utter_message(response="utter_gone")
            return []
        dispatcher.utter_message(
            response="utter_booked", date=f"{made.begins:%Y-%m-%d}", reference=made.reference
        )
        return [SlotSet("reference", made.reference)]


class CancelAppointment(_Salon):
    """Cancels the appointment whose reference was said, else the one of this dialogue."""

    def name(self) -> str:
        """Return the name that bot.yml calls it by."""
        return "cancel_appointment_in_calendar"

    def run(
        self, dispatcher: Dispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[Event]:
        """Cancel it, and say which one that was."""
        said = next(tracker.get_latest_entity_values("reference"), None)
        reference = str(said or tracker.get_slot("reference") or "").lower()
        gone = self.calendar.cancel(reference)
        if gone is None:
            dispatcher.utter_message(response="utter_nothing")
            return []
        dispatcher.utter_message(response="utter_cancelled", reference=gone.reference)
        return [SlotSet("reference", None)]


def _say_free(
    dispatcher: Dispatcher, response: str, day: str, free: Sequence[str], **more: str
) -> None:
    if not free:
        dispatcher.utter_message(response="utter_full", day=day)
        return
    shown = free[:: max(1, len(free) // _MOST_SHOWN)][:_MOST_SHOWN]
    buttons = [{"title": time, "payload": time} for time in shown]
    dispatcher.utter_message(
        response=response, day=day, free=", ".join(shown), buttons=buttons, **more
    )


def _moment(day: date, time: str) -> datetime:
    hour, minute = time.split(":")
    return datetime(day.year, day.month, day.day, int(hour), int(minute))


def _unescaped(text: str) -> str:
    letters = iter(text)
    return "".join(
        {"n": "\n"}.get(after := next(letters, ""), after) if letter == "\\" else letter
        for letter in letters
    )


def _folded(line: str) -> Iterator[str]:
    """Yield a line in pieces of at most 75 bytes, as RFC 5545 wants it."""
    rest, room = line.encode("utf-8"), 75
    while len(rest) > room:
        cut = room
        while rest[cut] & 0xC0 == 0x80:
            cut -= 1  # not within a letter
        yield rest[:cut].decode("utf-8")
        rest, room = b" " + rest[cut:], 75
    yield rest.decode("utf-8")
