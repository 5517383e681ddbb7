"""The page about bots: every bot.yml in it can be read, and its forms end."""

import re

import pytest
import yaml

from tests.support.source_tree import ROOT
from todserve.bot.bot_config import BotConfig
from todserve.bot.trials.form_trial import FormTrial

PAGE = (ROOT / "docs" / "bot.md").read_text(encoding="utf-8")
BOTS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", BOTS, ids=lambda text: text.splitlines()[0])
def test_a_bot_of_the_page_can_be_read_and_its_forms_end(text: str) -> None:
    assert FormTrial(BotConfig.model_validate(yaml.safe_load(text))).faults() == []


def test_the_page_names_every_key_and_every_response_that_bots_have() -> None:
    config = BotConfig()
    assert [name for name in type(config).model_fields if f"| `{name}` |" not in PAGE] == []
    assert [name for name in config.said() if f"`{name}`" not in PAGE] == []
