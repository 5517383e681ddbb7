"""The examples of bots, each run by the one command of its page, with somebody who types."""

import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT
from todserve.cli.main import main

EXAMPLES = ROOT / "examples"


def copied(name: str, folder: Path) -> Path:
    """Return a copy of an example: what it writes is nothing for the tree."""
    return Path(shutil.copytree(EXAMPLES / name, folder / name))


def one_command(name: str) -> list[str]:
    """Return the command that the example's page begins with."""
    page = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    fenced = re.search(r"```sh\n(.+)\n```", page)
    assert fenced is not None
    return fenced[1].split()


def talked(name: str, folder: Path, *said: str) -> list[str]:
    """Return what the bot of an example says to a person who types lines, in its own copy."""
    example = copied(name, folder)
    words = [word.replace(f"examples/{name}", str(example)) for word in one_command(name)]
    assert words[0] in ("tod", "python")
    start = [sys.executable, "-m", "todserve"] if words[0] == "tod" else [sys.executable]
    done = subprocess.run(
        [*start, *words[1:]],
        cwd=ROOT,
        input="".join(f"{line}\n" for line in said),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line[13:] for line in done.stdout.splitlines() if line.startswith("  bot ")]


def test_the_hairdresser_notes_what_was_agreed_to_after_corrections(tmp_path: Path) -> None:
    heard = talked(
        "appointments",
        tmp_path,
        "hello",
        "i would like a haircut on sunday",
        "friday",
        "cut",
        "25:00",
        "14.30",
        "thanks",
        "anna",
        "no, saturday",
        "change the time",
        "15:00",
        "yes",
    )
    assert "On Sunday we are closed." in heard
    assert "I need a time such as 14:30." in heard
    assert heard[-2] == "cut on Saturday at 15:00 for Anna: shall I note it?"
    calendar = (tmp_path / "appointments" / "calendar.ics").read_bytes().decode()
    (uid,) = re.findall(r"UID:(\w+)@", calendar)
    (begins,) = re.findall(r"DTSTART:(\d{4})(\d\d)(\d\d)T150000\r\n", calendar)
    assert "SUMMARY:cut: anna\r\n" in calendar
    assert heard[-1] == (
        f"It is in the calendar: {'-'.join(begins)} at 15:00. Your reference is {uid[:6].upper()}."
    )


def test_nobody_gets_a_time_that_somebody_has_and_a_cancel_frees_it(tmp_path: Path) -> None:
    booking = ("a haircut on friday at 9:00", "cut", "anna", "yes")
    heard = talked("appointments", tmp_path, *booking, *booking[:2], "cancel my appointment")
    assert any(one.startswith("9:00 on Friday is not free. Free are: 09:30") for one in heard)
    assert heard[-2].startswith("The appointment ")
    assert heard[-1] == "At what time?"
    assert "VEVENT" not in (tmp_path / "appointments" / "calendar.ics").read_text()


def test_the_shop_says_what_its_service_gave_and_nothing_else(tmp_path: Path) -> None:
    heard = talked(
        "order_status",
        tmp_path,
        "where is my order?",
        "12",
        "ab1234",
        "no, cd5678",
        "zz0000",
        "cancel cd5678",
        "yes",
        "cancel ab1234",
        "yes",
        "ab1234",
        "안녕하세요",
        "주문 cd5678",
        "can i talk to a person?",
        "hello?",
    )
    assert heard[1] == "12 is no number of an order: two letters and four digits, such as AB1234."
    assert heard[3] == "Your order ab1234 is packed; it arrives on 2031-05-02."
    assert "The shop has no order zz0000." in heard
    assert "The order cd5678 is on its way and can no longer be cancelled." in heard
    assert "The order ab1234 is cancelled; the shop's note of it is S1AB." in heard
    assert heard[-4] == "The shop has no order ab1234."
    assert heard[-2] == "주문 cd5678: on its way, 도착 예정일 2031-04-29."
    assert heard[-1].startswith("상담원에게 연결해")  # and quiet from then on


def test_the_restaurant_books_a_table_in_its_database_by_the_shipped_model(tmp_path: Path) -> None:
    heard = talked(
        "restaurant_booking",
        tmp_path,
        "i am looking for a cheap chinese restaurant in the centre",
        "please book a table there for 4 people",
        "friday",
        "19:00",
        "no, for 5 people",
        "yes please",
        "cancel my booking",
    )
    assert heard[-3].endswith("on Friday at 19:00 for 5: shall I book it?")
    reference = heard[-2].rpartition(" ")[2].rstrip(".")
    assert heard[-1] == f"The booking {reference} is cancelled."
    with sqlite3.connect(tmp_path / "restaurant_booking" / "bookings.sqlite") as connection:
        rows = connection.execute("SELECT reference, day, time, people FROM bookings").fetchall()
    connection.close()
    assert rows == [(reference.lower(), "friday", "19:00", "5")]


@pytest.mark.parametrize("name", ["appointments", "order_status", "restaurant_booking"])
def test_an_example_passes_its_check(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Nobody is called: a check knows no service.
    environment = {"SHOP_URL": "http://127.0.0.1:9", "SHOP_TOKEN": "none"}
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    assert main(["bot", "check", str(copied(name, tmp_path) / "bot.yml")]) == 0
    assert "each form came to its end" in capsys.readouterr().out
