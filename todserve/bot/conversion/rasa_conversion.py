"""A Rasa project as a bot.yml and as dialogues that train and test a model.

What ``tod bot convert PROJECT OUT`` does. Example: ``convert_rasa(Path("their-bot"),
Path("our-bot"))`` makes ``our-bot/bot.yml``, ``our-bot/training.yaml``, ``our-bot/report.txt``,
``our-bot/dialogues/train`` (examples, stories and rules) and ``our-bot/dialogues/test`` (test
stories), each in Schema-Guided Dialogue's layout.
"""

import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

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
from todserve.corpora.readers.label_names import run_name
from todserve.corpora.readers.rasa.rasa_types import ActionStep, RasaNlu, RasaStory, UserStep
from todserve.runtime.errors import ConfigError, CorpusError

BOT, DIALOGUES, TRAIN, TEST = "bot.yml", "dialogues", "train", "test"
TRAINING, LOSSES = "training.yaml", "report.txt"
"""Names of what is made."""

_ALL = 1_000_000
"""Places remembered of what was not carried over: all, but for a project beyond any size."""


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
        yield f"every place of it is in {self.out / LOSSES}"

    def next_lines(self) -> Iterator[str]:
        """Yield the two commands that follow: to train, and to talk with the bot."""
        if not self.dialogues[TRAIN][0]:
            yield "no dialogue to train with: every example or story was left out, see above"
            return
        checkpoint = shlex.quote(f"runs/{run_name(self.out)}/checkpoint")
        yield "now:"
        yield f"  tod train {shlex.quote(str(self.out / TRAINING))}"
        yield (
            f"  tod archive {checkpoint} && tod start && "
            f"tod chat --bot {shlex.quote(str(self.out / BOT))}"
        )


def convert_rasa(project: Path, out: Path) -> ConversionReport:
    """Convert the Rasa project at ``project``.

    Args:
        project: folder with domain.yml or domain/, and nlu, stories and rules anywhere below.
        out: folder to make; must not exist. It appears when it is complete.

    Raises:
        ConfigError: ``out`` exists, or ``project`` is no folder.
        CorpusError: no domain can be read.
    """
    if not project.is_dir():
        raise ConfigError(f"{project}: got no folder; expected a Rasa project; name its folder")
    if out.exists():
        raise ConfigError(f"{out} exists; expected a folder to make; move it, or name another")
    report, faults = ReadReport(kept=_ALL), list[Fault]()
    assistant = read_assistant(project, report, faults)
    if not assistant.project.domains:
        refuse(faults, project)
        raise CorpusError(
            f"{project}: got no domain; expected domain.yml or a folder domain with intents, slots "
            "and responses; name the project's top folder"
        )
    # One bad line keeps nobody from all the others; it is named.
    for fault in dict.fromkeys(faults):
        got = fault.got.removeprefix("got ")
        report.skipped(f"fault: {fault.what}: got {got}", f"{fault.file}:{fault.line}")
    partial = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(
            f"{out}: cannot be made: {error.strerror}; expected a folder to make; name another"
        ) from None
    try:
        counted = _write(assistant, partial, report)
        if counted[TRAIN][0]:
            (partial / TRAINING).write_text(_training(out), encoding="utf-8")
        every = "".join(f"{line}\n" for line in list(report.lines(_ALL))[1:])
        (partial / LOSSES).write_text(every, encoding="utf-8")
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return ConversionReport(out=out, bot=load_bot(out / BOT), dialogues=counted, notes=report)


def _training(out: Path) -> str:
    tree = {"name": run_name(out), "corpora": [str(out / DIALOGUES / TRAIN)]}
    text = yaml.safe_dump(tree, allow_unicode=True, sort_keys=False)
    return (
        "# For `tod train`, from the folder in which the project was converted. What is not said\n"
        "# here is chosen by the number of examples; a part of them is put aside for scoring.\n"
        f"{text}"
    )


def _told(assistant: Assistant, report: ReadReport) -> Iterator[RasaStory]:
    """Yield the rules that are a conversation by themselves."""
    for rule in assistant.rules:
        where = f"{rule.place.file}:{rule.place.line}"
        first = rule.steps[0] if rule.steps else None
        if not isinstance(first, UserStep):
            if any(isinstance(step, UserStep) for step in rule.steps):
                report.skipped("rule: begins before the user speaks, no dialogue of it", where)
        elif rule.form or rule.conditions or rule.starts:
            report.skipped("rule: holds under a condition, no dialogue of it", where)
        # What is said to a misunderstood message stands in bot.yml; nobody's words mean that.
        elif first.intent != FALLBACK_INTENT:
            yield rule


def _begins_late(story: RasaStory, report: ReadReport) -> bool:
    """Say whether a story's first message answers something that it does not tell.

    "Yes" alone teaches a model nothing but to take every yes for that one.
    """
    late = bool(story.opens) or (
        bool(story.steps)
        and isinstance(story.steps[0], ActionStep)
        and story.steps[0].name not in ("action_session_start", "action_listen")
    )
    if late:
        where = f"{story.place.file}:{story.place.line}"
        report.skipped("story: begins before the user speaks, no dialogue of it", where)
    return late


def _write(assistant: Assistant, folder: Path, report: ReadReport) -> dict[str, tuple[int, int]]:
    count_losses(assistant, report)
    wording = read_wording(assistant, report)
    flows = read_flows(assistant, report)
    # First, since it adds the questions of forms that nobody wrote.
    write_bot(assistant, flows, wording, folder / BOT, report)
    writer = StoryWriter(assistant, flows, wording, report)
    told = assistant.project
    stories = [one for one in told.stories if not _begins_late(one, report)]
    rules = [replace(one, name=f"rule: {one.name}") for one in _told(assistant, report)]
    trained = replace(told, stories=tuple(writer.written([*stories, *rules])))
    counted = {TRAIN: write_dialogues(trained, wording, folder / DIALOGUES / TRAIN, report)}
    if assistant.tests:
        synonyms = RasaNlu(synonyms=told.nlu.synonyms, lookups=told.nlu.lookups)
        tested = replace(told, nlu=synonyms, stories=tuple(writer.written(assistant.tests)))
        counted[TEST] = write_dialogues(tested, wording, folder / DIALOGUES / TEST, report)
    return counted
