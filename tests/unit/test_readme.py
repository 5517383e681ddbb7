"""The READMEs say what is true, and both say the same."""

import json
import re
import shlex

import pytest

from tests.support.command_line import check_words
from tests.support.source_tree import ROOT
from todserve.runtime.wire.limits import DEFAULT_LIMITS
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import TurnResponse, decode

READMES = ("README.md", "README.ko.md")
ENDPOINT = "docs/endpoint.md"
WITH_COMMANDS = (*READMES, "docs/scores.md")


def text_of(readme: str) -> str:
    return (ROOT / readme).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def without_comments(block: str) -> str:
    return re.sub(r" +#.*$", "", block, flags=re.MULTILINE)


@pytest.mark.parametrize("language", ["sh", "text", "python"])
def test_both_readmes_show_the_same_code(language: str) -> None:
    english, korean = (
        [without_comments(block) for block in blocks(text_of(readme), language)]
        for readme in READMES
    )
    assert english == korean
    assert english


def test_the_request_shown_is_one_the_server_takes() -> None:
    request = parse_request(next(b for b in blocks(text_of(ENDPOINT), "json") if '"user"' in b))
    assert request.domain == "restaurant"
    assert len(request.history) == 2


@pytest.mark.parametrize("readme", [*READMES, ENDPOINT])
def test_the_curl_command_sends_a_request_the_server_takes(readme: str) -> None:
    command = next(block for block in blocks(text_of(readme), "sh") if "-d '" in block)
    body = next(word for word in shlex.split(command, comments=True) if word.strip()[:1] == "{")
    assert parse_request(body).user


def test_every_key_of_the_response_is_explained() -> None:
    section = re.split(r"^## ", text_of(ENDPOINT), flags=re.MULTILINE)[3]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(TurnResponse.model_fields)


def test_the_limits_shown_are_the_limits() -> None:
    limits = DEFAULT_LIMITS
    section = re.split(r"^## ", text_of(ENDPOINT), flags=re.MULTILINE)[2]
    cells = [line.split("|")[3] for line in section.splitlines() if line.startswith("| `")]
    shown = [int(re.sub(r"\D", "", cell)) for cell in cells if re.search(r"\d", cell)]
    assert shown == [
        limits.max_characters,
        limits.max_turns,
        limits.max_slots,
        limits.max_slots,  # of `corrected`, as of `state`
        limits.max_results,
    ]


def test_answers_shown_are_answers() -> None:
    for block in blocks(text_of(ENDPOINT), "json"):
        shown = json.loads(block)
        if "look_up" in shown:  # an explanation is no answer
            assert shown["slots"]
        elif "model" in shown:
            assert decode(shown).response
        else:
            assert "user" in shown or shown["code"] == 400


@pytest.mark.parametrize("readme", WITH_COMMANDS)
def test_the_commands_shown_exist(readme: str) -> None:
    lines = [
        line
        for block in blocks(text_of(readme), "sh")
        for line in without_comments(block).splitlines()
        if line.startswith("tod ")
    ]
    for line in lines:
        for part in line.split(" && "):
            check_words(shlex.split(part)[1:])


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len(text_of("README.md").splitlines()) <= 180


@pytest.mark.parametrize("readme", READMES)
def test_the_make_targets_shown_exist(readme: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", text_of(readme))) <= targets
