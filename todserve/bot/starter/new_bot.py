"""NewBot: a first bot.yml, made of five answers, that can be talked to at once.

``tod bot new`` calls it. Example: ``write_bot(NewBot(what="order a pizza", needs="size"), folder)``
writes bot.yml with a form, its checks and small talk, and actions.py where no service does it.

What it writes needs no model: intents are expressions, values come of words and lists. It is a
beginning that reads well, not a program of its own; whatever is in it can be changed by hand.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from todserve.bot.bot_file import load_bot
from todserve.bot.bot_phrases import Language
from todserve.bot.services.service_config import HttpAction
from todserve.bot.trials.form_trial import FormTrial
from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.whole_files import write_whole

_ACTIONS = Path(__file__).with_name("starter_actions.py.txt")
_ACTION = "note_request"
_MOST_SLOTS = 20
_LONGEST = 200
_NO_NAMES = {"", "yes", "no", "on", "off", "true", "false", "null", "y", "n"}


class Question(NamedTuple):
    """One of the five.

    Attributes:
        name: of the answer.
        text: what is asked.
        default: what counts where nothing is answered.
    """

    name: str
    text: str
    default: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NewBot:
    """The five answers.

    Attributes:
        language: that the bot speaks.
        what: people want of it, in their words; "" for an example.
        needs: what is to be known for that, separated by commas; "" for an example.
        does: address of the service that does it; "" for a Python file beside bot.yml.
        person: address of a webhook that calls a person; "" for none.
    """

    language: str = "en"
    what: str = ""
    needs: str = ""
    does: str = ""
    person: str = ""


def questions(language: str) -> tuple[Question, ...]:
    """Return what is asked after the language, with the defaults of that.

    Raises:
        ConfigError: there is no such language.
    """
    own = words_of_starter(language)
    return (
        Question("what", "What do people want of it, in their words?", own["what"]),
        Question("needs", "What must it know for that? (separated by commas)", own["needs"]),
        Question("does", "Which address does it? (none: actions.py, beside bot.yml)", ""),
        Question("person", "Which webhook calls a person? (none: the gateway's list)", ""),
    )


def words_of_starter(language: str) -> Mapping[str, Any]:
    """Return the words of a first bot in a language.

    Raises:
        ConfigError: there is no such language.
    """
    known = [str(one) for one in Language]
    if language not in known:
        raise ConfigError(
            f"language: got {language!r}; expected one of {', '.join(known)}; other ones can be "
            "written into bot.yml by hand"
        )
    return _read(Language(language))


@cache
def _read(language: Language) -> Mapping[str, Any]:
    found: Mapping[str, Any] = read_json(Path(__file__).with_name(f"{language}.json"))
    return found


def write_bot(given: NewBot, folder: Path) -> list[Path]:
    """Write a bot into a new folder, and return its files, bot.yml first.

    Args:
        given: the answers.
        folder: that does not exist, or is empty.

    Raises:
        ConfigError: an answer is none, or the folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: got something that is there; expected a new folder")
    text = bot_text(given)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / "bot.yml"]
        write_whole(files[0], text)
        if not given.does:
            files.append(folder / "actions.py")
            write_whole(files[1], _ACTIONS.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}") from None
    for fault in FormTrial(load_bot(files[0])).faults():
        raise ConfigError(
            f"{files[0]}: form {fault.form!r}: {fault.why}; give what is needed other names"
        )
    return files


def bot_text(given: NewBot) -> str:
    """Return the text of bot.yml.

    Raises:
        ConfigError: an answer is none.
    """
    own = words_of_starter(given.language)
    what = _one_line("what", given.what) or own["what"]
    slots = _slots(_one_line("needs", given.needs) or own["needs"])
    for place, address in (("does", given.does), ("person", given.person)):
        if address:
            _check_address(place, address)
    return "\n".join(_lines(given, own, what, slots)) + "\n"


def _lines(
    given: NewBot, own: Mapping[str, Any], what: str, slots: Mapping[str, str]
) -> Iterator[str]:
    form = _slug(what)
    action = f"do_{form}" if given.does else _ACTION
    values = ", ".join(f"{{{slot}}}" for slot in slots)
    yield f"# A bot for: {what}. All keys: docs/bot.md of todserve."
    yield "#   tod bot check bot.yml      is all that is named there, and can the form end?"
    yield "#   tod bot shell bot.yml      talk to it"
    yield "#   tod gateway --bot bot.yml  serve it"
    yield f"language: {given.language}"
    yield "# What is written here reads the messages. With true, a model does (docs/own-data.md),"
    yield "# and these intents and rules go before it."
    yield "model: false"
    yield ""
    yield "# Intent -> regular expressions of RE2, found anywhere in a message, in any case."
    yield "intents:"
    yield f"  {form}: [{', '.join(map(_quoted, _begins(what, own)))}]"
    for intent, name in (("greet", "greets"), ("thanks", "thanks"), ("bye", "leaves")):
        yield f"  {intent}: [{_quoted(own[name])}]"
    yield f"  person: [{_quoted(own['person'])}]"
    yield ""
    yield "# Answered at any time; a form under way asks again."
    yield "small_talk: {greet: utter_hello, thanks: utter_welcome, bye: utter_bye}"
    yield ""
    yield "responses:"
    title = what[0].upper() + what[1:]
    begin = f"{{title: {_quoted(title)}, payload: {_quoted('/' + form)}}}"
    yield f"  utter_hello: [{{text: {_quoted(own['hello'])}, buttons: [{begin}]}}]"
    yield f"  utter_welcome: [{_quoted(own['welcome'])}]"
    yield f"  utter_bye: [{_quoted(own['bye'])}]"
    can = own["can"].replace("{what}", what)
    yield f"  utter_fallback: [{{text: {_quoted(can)}, buttons: [{begin}]}}]"
    for slot, called in slots.items():
        kind = _kind(called, own)
        asked = own["questions"].get(kind) or own["ask"].replace("{slot}", called)
        yield f"  utter_ask_{slot}: [{_asking(asked, kind, own)}]"
    yield f"  utter_refused: [{_quoted(own['refused'])}]"
    confirm = own["confirm"].replace("{what}", title).replace("{values}", values)
    yield f"  utter_confirm: [{_quoted(confirm)}]"
    if given.does:
        yield f"  utter_done: [{_quoted(own['done'].replace('{values}', values))}]"
    else:
        yield f"  utter_noted: [{_quoted(own['noted'])}]"
    yield ""
    yield '# What fills a slot, and what its value must be. "called" is how people name it when'
    yield '# they correct it: "change the day".'
    yield "slots:"
    for slot, called in slots.items():
        yield f"  {slot}:"
        yield "    understood: false"
        yield f"    called: [{_quoted(called)}]"
        yield from (f"    {line}" for line in _slot_lines(_kind(called, own), own))
    yield ""
    yield "forms:"
    yield f"  {form}:"
    yield "    domain: bot"
    yield "    required:"
    for slot in slots:
        yield f"      {slot}: utter_ask_{slot}"
    yield "    confirm: utter_confirm"
    yield f"    action: {action}"
    yield "    stays: true    # something else is answered, and the form goes on"
    yield "    forgets: true  # the next time, it asks for everything"
    yield ""
    yield "# So many messages in a row without sense, and a person is called."
    yield "fallback: {hand_off_after: 3}"
    yield ""
    yield "hand_off:"
    yield "  # The bot is quiet until it is given back, or for so many seconds."
    yield "  back_after: 1800"
    if given.person:
        yield f"  webhook: {_quoted(given.person)}"
        yield '  # headers: {Authorization: "Bearer ${DESK_TOKEN}"}'
    else:
        yield "  # webhook: https://desk.example/waiting"
    yield ""
    yield "actions:"
    yield "  intents: {person: action_hand_off}"
    if given.does:
        yield "  http:"
        yield f"    {action}:"
        yield f"      url: {_quoted(given.does)}"
        yield "      # Secrets come of the environment:"
        yield '      # headers: {Authorization: "Bearer ${TOKEN}"}'
        yield "      # What its answer must have, for {placeholders} of what is said then:"
        yield "      # gives: [reference]"
        yield "      says: utter_done"
    else:
        yield "  module: actions.py"


def _slot_lines(kind: str | None, own: Mapping[str, Any]) -> Iterator[str]:
    """Yield how a slot of a kind is filled and checked."""
    refused = "refused: utter_refused"
    if kind == "day":
        yield f"values: [{', '.join(map(_quoted, own['days']))}]"
        yield "fill: [{listed: true}, {asked: true}]"
        yield f"check: {{listed: true, {refused}}}"
    elif kind == "time":
        clock = r"(?:[01]?\d|2[0-3])[:.][0-5]\d"
        yield "examples: ['14:30']"
        yield rf"fill: [{{pattern: '\b{clock}\b'}}, {{asked: true}}]"
        yield f"check: {{pattern: '{clock}', {refused}}}"
    elif kind == "people":
        yield "fill: [{asked: true, pattern: '\\d+'}]"
        yield f"check: {{least: 1, most: 20, {refused}}}"
    elif kind == "email":
        yield "examples: [anna@example.com]"
        yield r"fill: [{pattern: '[^\s@,;]+@[^\s@,;]+\.[a-z]{2,}'}, {asked: true}]"
        yield rf"check: {{pattern: '[^\s@]+@[^\s@]+\.[a-z]{{2,}}', {refused}}}"
    elif kind == "phone":
        yield "examples: ['+44 1223 323737']"
        yield r"fill: [{pattern: '\+?\d[\d ()/-]{4,}\d'}, {asked: true}]"
        yield rf"check: {{pattern: '\+?\d[\d ()/-]{{4,18}}\d', {refused}}}"
    elif kind == "name":
        yield "fill:"
        yield f"  - {{pattern: {_quoted(own['name_is'])}}}"
        yield f"  - {{asked: true, pattern: {_quoted(own['name_answered'])}}}"
        yield "  - {asked: true}"
    else:
        yield "# The user's words as they are, while it is asked for; a check would go here."
        yield "fill: [{asked: true}]"


def _asking(text: str, kind: str | None, own: Mapping[str, Any]) -> str:
    if kind != "day":
        return _quoted(text)
    buttons = ", ".join(
        f"{{title: {_quoted(day)}, payload: {_quoted(day)}}}" for day in own["days"]
    )
    return f"{{text: {_quoted(text)}, buttons: [{buttons}]}}"


def _begins(what: str, own: Mapping[str, Any]) -> Iterator[str]:
    """Yield expressions for what begins the form: all its words that matter, then what it is about.

    That is the last word, or the ones with a capital: German begins its nouns so, also where they
    come first ("Termin buchen"); elsewhere the first word has one because it is the first.
    """
    written = re.findall(r"\w+", what)
    telling = [one for one in written if one.casefold() not in own["small"]] or written
    opening = None if own["capital_nouns"] else written[0]
    about = [one for one in telling if one[0].isupper() and one is not opening] or telling[-1:]
    # RE2's \b knows English alone.
    edge = r"\b" if what.isascii() else ""
    words = [f"{edge}{re.escape(one.casefold())}" for one in telling]
    yield ".*".join(words)
    if len(words) > 1:
        yield from (f"{edge}{re.escape(one.casefold())}" for one in about)


def _slots(needs: str) -> dict[str, str]:
    """Return slot -> what people call it."""
    found = {_slug(one): one.strip() for one in re.split(r"[,;\u3001\uff0c]", needs) if one.strip()}
    found.pop("", None)
    if not 0 < len(found) <= _MOST_SLOTS:
        raise ConfigError(
            f"needs: got {len(found)} things to know; expected 1 to {_MOST_SLOTS}, separated by "
            "commas, such as: name, day, time"
        )
    return found


def _kind(called: str, own: Mapping[str, Any]) -> str | None:
    plain = called.casefold()
    return next((kind for kind, names in own["kinds"].items() if plain in names), None)


def _slug(text: str) -> str:
    found = re.sub(r"\W+", "_", text.casefold()).strip("_")
    # YAML would take these for other things than names.
    return f"the_{found}" if found in _NO_NAMES or found.isdigit() else found


def _one_line(place: str, text: str) -> str:
    plain = " ".join(text.split())
    if len(plain) > _LONGEST or not plain.isprintable() or re.search(r"[{}\[\]]", plain):
        raise ConfigError(
            f"{place}: got a text with brackets, or of more than {_LONGEST} letters; expected a "
            "few words"
        )
    return plain


def _check_address(place: str, address: str) -> None:
    try:
        HttpAction(url=address)
    except ValueError:
        raise ConfigError(
            f"{place}: got no address; expected one such as https://shop.example/orders"
        ) from None


def _quoted(text: str) -> str:
    """Return a text as YAML takes it, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)
