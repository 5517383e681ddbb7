"""``tod bot new``: five answers make a bot.yml that passes its check and can be talked to."""

import io
import sys
from pathlib import Path

import pytest

from todserve.bot.bot_file import load_bot
from todserve.bot.bot_phrases import PHRASES, Language
from todserve.bot.starter.new_bot import NewBot, bot_text, words_of_starter, write_bot
from todserve.cli.main import main
from todserve.runtime.errors import ConfigError


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Put lines where the verb reads its answers."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what a bot said in the terminal."""
    lines = capsys.readouterr().out.splitlines()
    return [line[13:] for line in lines if line.startswith("  bot ")]


@pytest.mark.parametrize("language", [str(one) for one in Language])
def test_five_empty_lines_make_a_bot_that_passes_its_check(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, language, "", "", "", "")
    assert main(["bot", "new", str(tmp_path / "new")]) == 0
    assert load_bot(tmp_path / "new" / "bot.yml").language == language
    assert main(["bot", "check", str(tmp_path / "new" / "bot.yml")]) == 0


def test_a_new_bot_can_be_talked_to_at_once_and_notes_a_request_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch)
    assert main(["bot", "new", str(tmp_path / "new")]) == 0
    typed(
        monkeypatch,
        "hello",
        "i need an appointment on friday",
        "i'm anna",
        "25:00",
        "i mean monday",
        "14:30",
        "thanks",
        "no, tuesday",
        "yes",
    )
    assert main(["bot", "shell", str(tmp_path / "new" / "bot.yml")]) == 0
    heard = said(capsys)
    assert heard[0] == "Hello! What can I do for you?"
    assert 'Sorry, I cannot take "25:00" for that.' in heard
    assert not [line for line in heard if "i mean" in line]
    assert "Book an appointment: Anna, Monday, 14:30. Is that right?" in heard
    assert heard[-2] == "Book an appointment: Anna, Tuesday, 14:30. Is that right?"
    assert heard[-1].startswith("I have noted it under ")


def test_options_answer_without_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "not read")
    words = ["--language", "en", "--what", "order a pizza", "--needs", "size, phone, email, 7"]
    more = ["--does", "https://pizza.example/order", "--person", "https://pizza.example/desk"]
    assert main(["bot", "new", str(tmp_path / "new"), *words, *more]) == 0
    assert "?" not in capsys.readouterr().out
    config = load_bot(tmp_path / "new" / "bot.yml")
    assert list(config.forms["order_a_pizza"].required) == ["size", "phone", "email", "the_7"]
    assert config.actions.http["do_order_a_pizza"].url == "https://pizza.example/order"
    assert config.hand_off.webhook == "https://pizza.example/desk"
    assert not (tmp_path / "new" / "actions.py").exists()


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "bot.yml").write_text("# mine\n")
    with pytest.raises(ConfigError, match="expected a new folder"):
        write_bot(NewBot(), tmp_path)
    assert (tmp_path / "bot.yml").read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"language": "xx"}, "language: got 'xx'; expected one of en"),
        ({"does": "localhost"}, "does: got no address"),
        ({"person": "ftp://x"}, "person: got no address"),
        ({"needs": " , "}, "needs: got 0 things"),
        ({"needs": ",".join(map(str, range(30)))}, "needs: got 30 things"),
        ({"what": "x" * 300}, "what: got a text"),
        ({"needs": "{name}"}, "needs: got a text with brackets"),
    ],
)
def test_an_answer_that_is_none_is_refused_and_nothing_is_written(
    answers: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told):
        write_bot(NewBot(**answers), tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "needs", ['name: "x"', "yes, no, null", "o'clock # day", "- a", "größe, straße", "day, Day"]
)
@pytest.mark.parametrize("what", ["yes", "where is my order?", "*&! reset", "über \\ und 'so'"])
def test_whatever_the_words_are_the_file_can_be_read_and_its_form_ends(
    what: str, needs: str, tmp_path: Path
) -> None:
    assert write_bot(NewBot(what=what, needs=needs), tmp_path / "new")


def test_every_language_has_the_same_phrases_and_words_for_a_first_bot() -> None:
    english = words_of_starter("en")
    responses = PHRASES[Language.EN].responses.keys()
    assert all(one.responses.keys() == responses for one in PHRASES.values())
    for language in Language:
        own = words_of_starter(language)
        assert own.keys() == english.keys()
        assert own["questions"].keys() == english["questions"].keys()
        assert own["kinds"].keys() == english["kinds"].keys()


def test_a_new_bot_is_commented() -> None:
    assert sum(line.strip().startswith("#") for line in bot_text(NewBot()).splitlines()) >= 10


def test_a_german_bot_takes_german_corrections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bot(NewBot(language="de"), tmp_path / "new")
    typed(
        monkeypatch,
        "Ich möchte einen Termin am Dienstag",
        "Ich bin Anna",
        "14:30",
        "nicht Dienstag, sondern Mittwoch",
        "die Uhrzeit ist falsch",
        "15:00",
        "ja gerne",
    )
    assert main(["bot", "shell", str(tmp_path / "new" / "bot.yml")]) == 0
    heard = said(capsys)
    assert heard[-4:-1] == [
        "Einen Termin vereinbaren: Anna, Mittwoch, 14:30. Stimmt das so?",
        "Um wie viel Uhr?",
        "Einen Termin vereinbaren: Anna, Mittwoch, 15:00. Stimmt das so?",
    ]
    assert heard[-1].startswith("Ich habe es unter ")


def test_a_german_noun_begins_the_form_also_where_it_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bot(NewBot(language="de", what="Termin buchen"), tmp_path / "new")
    typed(monkeypatch, "ich möchte einen termin")
    assert main(["bot", "shell", str(tmp_path / "new" / "bot.yml")]) == 0
    assert said(capsys)[-1] == "Auf welchen Namen?"
