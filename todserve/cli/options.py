"""The options that several verbs share: one spelling, one meaning and one help text each.

Example: ``def stats(name: CorpusOrPath, corpora: Corpora = None)`` takes ``--corpora DIR``.
"""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CHECKPOINT = Path("checkpoints/multiwoz")
DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_MODEL = "tod"
DEFAULT_STORE = Path("archive/store")
DEFAULT_CONFIG = Path("config.properties")
DEFAULT_LOGS = Path("logs")
STANDARD_OUTPUT = Path("-")
"""What ``--json`` without a file means: print the figures, and nothing else, to stdout."""

CORPUS_NAME = "a published corpus, e.g. multiwoz21; an unknown name lists them all"


def _corpus_names(incomplete: str) -> list[str]:
    from todserve.corpora.registry import CORPORA

    return [name for name in CORPORA if name.startswith(incomplete)]


Checkpoint = Annotated[
    Path, typer.Option("--checkpoint", metavar="DIR", help="the checkpoint's folder")
]
MaybeCheckpoint = Annotated[
    Path | None,
    typer.Option("--checkpoint", metavar="DIR", help="the same, spelt as everywhere else"),
]
CheckpointArgument = Annotated[
    Path | None,
    typer.Argument(metavar="CHECKPOINT", help="the checkpoint's folder", show_default=False),
]
Prepared = Annotated[
    Path, typer.Argument(metavar="PREPARED", help="a corpus that `tod train` prepared")
]
Config = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG", help="a YAML file, a shipped one's name, or a folder of dialogues"
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="keys of the configuration to replace"),
]
Corpora = Annotated[
    Path | None,
    typer.Option(
        "--corpora", metavar="DIR", help="the folder that holds the corpora; TOD_DATA if not given"
    ),
]
CorpusName = Annotated[
    str, typer.Argument(metavar="NAME", help=CORPUS_NAME, autocompletion=_corpus_names)
]
CorpusOrPath = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help=f"a folder, a file, or {CORPUS_NAME}", autocompletion=_corpus_names
    ),
]
Threads = Annotated[
    int | None, typer.Option("--threads", metavar="N", min=1, help="CPU threads of a process")
]
Url = Annotated[str, typer.Option("--url", metavar="URL", help="address of the running server")]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar="TOD_TOKEN",
        help="the server's inference token; better in TOD_TOKEN or a file: everybody on this "
        "machine can read a command line",
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="the server's key_file.json, or a file with its token; read again when it expires",
    ),
]
ScoredUrl = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="score the server there; --checkpoint is its local copy"
    ),
]
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="the model's name on the server")]
Json = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", help="the figures as JSON; printed alone where no FILE is given"
    ),
]
Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="at most N dialogues or rows")
]
Write = Annotated[
    bool, typer.Option("--write", help="write what was fitted into the checkpoint's folder")
]
Logs = Annotated[
    Path, typer.Option("--logs", metavar="DIR", help="folder of the server's logs and record")
]
MaybeLogs = Annotated[
    Path | None,
    typer.Option("--logs", metavar="DIR", help="folder of the server's logs and record"),
]
Store = Annotated[
    Path, typer.Option("--store", metavar="DIR", help="folder of archives and their checksums")
]
ServerConfig = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="TorchServe's config.properties")
]
ModelConfigFile = Annotated[
    Path | None,
    typer.Option("--model-config", metavar="FILE", help="the archive's model-config.yaml"),
]
BotFile = Annotated[
    Path | None,
    typer.Option("--bot", metavar="FILE", help="bot.yml: what is said and done, by rules"),
]
Constrained = Annotated[bool, typer.Option("--constrained", help="hold answers to the schema")]
Unchecked = Annotated[bool, typer.Option("--unchecked", help="send every first reply, true or not")]


def checkpoint_of(
    argument: Path | None, option: Path | None, default: Path | None = DEFAULT_CHECKPOINT
) -> Path:
    """Return the checkpoint that was named, as a word of its own or with ``--checkpoint``."""
    if argument is not None and option is not None:
        raise typer.BadParameter(
            f"got {argument} and {option}; expected one checkpoint; name it once",
            param_hint="--checkpoint",
        )
    found = argument or option or default
    if found is None:
        raise typer.BadParameter(
            "got none; expected a checkpoint's folder; name one", param_hint="--checkpoint"
        )
    return found
