"""A Rasa project as a bot.yml and as dialogues that train and test a model.

What ``tod bot convert PROJECT OUT`` does. Example: ``convert_rasa(Path("their-bot"),
Path("our-bot"))`` makes ``our-bot/bot.yml``, ``our-bot/dialogues/train`` (examples, stories and
rules) and ``our-bot/dialogues/test`` (test stories), each in Schema-Guided Dialogue's layout.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_file import load_bot
from todserve.bot.conversion.conversion_losses import count_losses
from todserve.bot.conversion.converted_bot import write_bot
from todserve.bot.conversion.converted_dialogues import write_dialogues
from todserve.bot.conversion.converted_forms import FALLBACK_INTENT
from todserve.bot.conversion.converted_responses import read_wording
from todserve.bot.conversion.intent_flows import read_flows
from todserve.bot.conversion.rasa_assistant import Assistant, read_assistant
from todserve.bot.conversion.story_writer import StoryWriter
from todserve.corpora.corpus_faults import Fault, refuse
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_types import RasaNlu, UserStep
from todserve.runtime.errors import ConfigError, CorpusError

BOT, DIALOGUES, TRAIN, TEST = "bot.yml", "dialogues", "train", "test"
"""Names of what is made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversionReport:
    """What was made, and all that was left out, changed or missing.

    Attributes:
        out: the folder.
        bot: its bot.yml, loaded.
        dialogues: folder of a split -> (dialogues, turns) in it.
        notes: everything that could not be carried over as it was.
    """

    out: Path
    bot: BotConfig
    dialogues: dict[str, tuple[int, int]]
    notes: ReadReport

    def lines(self) -> Iterator[str]:
        """Yield the report as plain text, one line a fact."""
        named = self.bot.named_actions()
        yield (
            f"{self.out / BOT}: {len(self.bot.responses)} responses, {len(self.bot.forms)} forms, "
            f"{len(named)} actions{': ' if named else ''}{', '.join(sorted(named))}"
        )
        for split, (dialogues, turns) in self.dialogues.items():
            yield f"{self.out / DIALOGUES / split}: {dialogues} dialogues, {turns} user turns"
        if not self.notes.notes:
            yield "everything was carried over"
            return
        yield "not carried over as it was:"
        # The first line counts dialogues, as above.
        yield from list(self.notes.lines())[1:]


def convert_rasa(project: Path, out: Path) -> ConversionReport:
    """Convert the Rasa project at ``project``.

    Args:
        project: folder with domain.yml or domain/, and nlu, stories and rules anywhere below.
        out: folder to make; must not exist. It appears when it is complete.

    Raises:
        ConfigError: ``out`` exists, or ``project`` is no folder.
        CorpusError: its files have faults, or no domain.
    """
    if not project.is_dir():
        raise ConfigError(f"{project}: got no folder; expected a Rasa project; name its folder")
    if out.exists():
        raise ConfigError(f"{out} exists; expected a folder to make; move it, or name another")
    report, faults = ReadReport(), list[Fault]()
    assistant = read_assistant(project, report, faults)
    refuse(faults, project)
    if not assistant.project.domains:
        raise CorpusError(
            f"{project}: got no domain; expected domain.yml or a folder domain with intents, slots "
            "and responses; name the project's top folder"
        )
    partial = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(
            f"{out}: cannot be made: {error.strerror}; expected a folder to make; name another"
        ) from None
    try:
        counted = _write(assistant, partial, report)
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return ConversionReport(out=out, bot=load_bot(out / BOT), dialogues=counted, notes=report)


def _write(assistant: Assistant, folder: Path, report: ReadReport) -> dict[str, tuple[int, int]]:
    count_losses(assistant, report)
    wording = read_wording(assistant, report)
    flows = read_flows(assistant, report)
    # First, since it adds the questions of forms that nobody wrote.
    write_bot(assistant, flows, wording, folder / BOT, report)
    writer = StoryWriter(assistant, flows, wording, report)
    told = assistant.project
    rules = (
        replace(rule, name=f"rule: {rule.name}")
        for rule in assistant.rules
        # What is said to a misunderstood message stands in bot.yml; nobody's words mean that.
        if isinstance(rule.steps[0], UserStep) and rule.steps[0].intent != FALLBACK_INTENT
    )
    trained = replace(told, stories=tuple(writer.written([*told.stories, *rules])))
    counted = {TRAIN: write_dialogues(trained, wording, folder / DIALOGUES / TRAIN, report)}
    if assistant.tests:
        synonyms = RasaNlu(synonyms=told.nlu.synonyms, lookups=told.nlu.lookups)
        tested = replace(told, nlu=synonyms, stories=tuple(writer.written(assistant.tests)))
        counted[TEST] = write_dialogues(tested, wording, folder / DIALOGUES / TEST, report)
    return counted
