"""SheetMap: says which column of a sheet is the speaker, the words, the intent, the slots.

``tod data convert calls.csv --map map.yml`` reads it from the file that is given. Example of the
file::

    columns: {dialogue: call_id, speaker: who, text: utterance, intent: intent, slots: slots}
    user: [customer]
    service: bank

Columns that are not named are left out, and what they would say is "not annotated".
"""

from difflib import get_close_matches
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from todserve.runtime.errors import ConfigError, first_problem
from todserve.runtime.untrusted.yaml_mapping import load_mapping

EXAMPLE = "columns: {dialogue: call_id, speaker: who, text: utterance, intent: intent}"
"""What a map looks like, for messages."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SheetColumns(_Frozen):
    """The columns of a sheet, or the keys of its JSON lines.

    Attributes:
        text: what was said.
        speaker: who said it; without this column every row is the user's.
        reply: what was answered, where a row holds both.
        dialogue: whose rows with one value are one dialogue. Without it an empty row ends a
            dialogue, and where there is no speaker either every row is one.
        intent: of a user's row.
        domain: that a user's row is about.
        slots: a column with all of them (``amount=20; currency=euro``, or a JSON object), or
            slot -> column, where each has its own.
        turns: in JSON lines, the key of a list of rows, where a line is a whole dialogue.
    """

    text: str
    speaker: str | None = None
    reply: str | None = None
    dialogue: str | None = None
    intent: str | None = None
    domain: str | None = None
    slots: str | dict[str, str] | None = None
    turns: str | None = None


class SheetMap(_Frozen):
    """How a sheet is read.

    Attributes:
        columns: what they are.
        user: values of the column ``speaker`` that are the user; capitals do not matter.
        system: values that are the system; everybody else when empty.
        ignored: values whose rows are left out, such as a queue's announcements.
        service: the service of rows without a domain; the file's name when None.
        split: of all dialogues.
        empty_slots: what a user's row with nothing in ``slots`` says of them: ``unknown``, so that
            it is not annotated, or ``unchanged``, that nothing new was said.
        encoding: of the file, UTF-8 (or what its mark says) when None.
        delimiter: between columns; the commonest of ``, ; | tab`` in the first row when None.
    """

    columns: SheetColumns
    user: list[str] = Field(default=["user", "customer", "client", "caller", "guest", "human"])
    system: list[str] = Field(default=[])
    ignored: list[str] = Field(default=[])
    service: str | None = None
    split: str = "train"
    empty_slots: str = Field(default="unknown", pattern="^(unknown|unchanged)$")
    encoding: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)

    @model_validator(mode="after")
    def _one_reply(self) -> "SheetMap":
        if self.columns.reply is not None and self.columns.speaker is not None:
            raise ValueError(
                "got the columns speaker and reply; expected one of them: a row is what one "
                "speaker said, or an utterance with its reply"
            )
        return self


def load_sheet_map(path: Path) -> SheetMap:
    """Return the map that a YAML file holds.

    Raises:
        ConfigError: no file, not YAML, or something that a map does not take.
    """
    try:
        return SheetMap.model_validate(load_mapping(path, example=EXAMPLE))
    except ValidationError as error:
        raise ConfigError(f"{path}: {_in_words(error)}; docs/own-data.md shows a map") from None


def _in_words(error: ValidationError) -> str:
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    *above, name = first["loc"] or ("",)
    known = list((SheetColumns if above == ["columns"] else SheetMap).model_fields)
    if first["type"] == "extra_forbidden":
        close = get_close_matches(str(name), known, n=1)
        hint = f", did you mean {close[0]!r}?" if close else ""
        return f"got the unknown key {str(name)[:64]!r}{hint}; expected one of {', '.join(known)}"
    if first["type"] == "missing":
        return f"got no {'.'.join(map(str, first['loc']))}; expected it, as in '{EXAMPLE}'"
    return first_problem(error)
