import pytest

from todserve.runtime.language.dialogue import DialogueAct
from todserve.runtime.reply.consistency import consistent


def act(name: str, slot: str = "") -> DialogueAct:
    return DialogueAct(domain="hotel", act=name, slot=slot)


@pytest.mark.parametrize(
    ("acts", "response", "expected"),
    [
        ([act("inform", "phone")], "the phone is [value_phone]", True),
        ([act("inform", "phone")], "the address is [value_address]", False),
        ([act("inform", "phone")], "anything else?", False),
        ([act("request", "day")], "what day?", True),
        ([act("request", "day")], "is [value_day] good?", True),
        ([act("request", "day")], "is [value_leave] good?", False),
        ([act("inform", "internet")], "it has free wifi", True),
        ([act("inform", "choice"), act("request", "area")], "several. which area?", True),
        ([act("bye")], "bye", True),
        ([act("bye")], "your reference is [value_reference]", False),
        ([], "your reference is [value_reference]", None),
    ],
)
def test_consistent(acts: list[DialogueAct], response: str, expected: bool | None) -> None:
    assert consistent(acts, response) is expected
