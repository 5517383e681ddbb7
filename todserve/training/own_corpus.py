"""Own corpus: completes a training configuration that names nothing but a folder of dialogues.

`TrainingConfig.load` asks it before it checks what a file or folder says. A project of a few
hundred or thousand examples starts from a pretrained checkpoint, in that checkpoint's form, for a
number of epochs that its size suggests; a fifth of it (a tenth of a large one), stratified by
intent, is put aside, and what was trained is calibrated and scored on that part. Every key that is
given stays as given. Example: ``corpora: [our-bot]`` is a whole configuration.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from todserve.corpora.readers.label_names import run_name
from todserve.corpora.registry import CORPORA
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.prompts import PromptFormat

STARTS = ("base", "multiwoz")
"""Checkpoints in ``checkpoints/`` that are started from: the first that is there. The general one
before the one that was trained on, for its vectors still tell any intents apart."""

_FROM_SCRATCH = ("network", "vocabulary_size", "start", "teacher")
_BUDGET = ("steps", "minutes", "epochs")
_BATCH = ("batch_tokens", "batch_examples")
_RATES = ("learning_rate", "learning_rates", "optimizer")
_FORMAT_FILE = "format.json"
_HELD_OUT = 0.2
_HELD_OUT_OF_LARGE = 0.1
_LARGE = 5000
"""Turns above which a tenth says as much as a fifth, and the rest has more to teach."""
_BUDGETS = ((500, 16, 7), (2000, 10, 7), (5000, 8, 20), (20_000, 6, 45))
"""Turns of a corpus, at most; epochs; minutes of training, at most: of ten, what is left is for
reading and scoring."""
_LARGEST_BUDGET = (3, 120)
_SMALL = 1000
"""Turns up to which the encoder hardly moves: so few examples only blur what it knows."""
_SMALL_RATES = {"encoder": 3e-5, "embeddings": 3e-5, "decoder": 6e-4}
_LARGE_RATES = {"encoder": 1e-4, "embeddings": 1e-4, "decoder": 6e-4}


def completed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with all that it leaves open, where it is for a corpus of one's own.

    Any other configuration comes back as it is.

    Raises:
        ConfigError: there is no checkpoint to start from.
        CorpusError: the corpus cannot be read.
    """
    if not is_own(content):
        return dict(content)
    given = dict(content)
    names: list[str] = [str(name) for name in given["corpora"]]
    start = Path(given.get("initial") or pretrained_start())
    form = PromptFormat.load(start / _FORMAT_FILE).model_dump(mode="json", exclude={"tasks"})
    turns = _turns(names)
    defaults: dict[str, Any] = {
        "name": run_name(Path(names[0])),
        "dev_corpus": names[0],
        "held_out": _HELD_OUT if turns <= _LARGE else _HELD_OUT_OF_LARGE,
        "stratified": True,
        "initial": str(start),
        "format": form,
        "augmentation": {"probability": 0.3, "delexicalised": 0.0},
        "dropout": 0.1,
        "label_smoothing": 0.05,
        "finish": True,
        "save_minutes": 5,
        "dev_minutes": 60,
        "dtype": quick_dtype(),
    }
    if not any(name in given for name in _BUDGET):
        epochs, minutes = next(
            (budget for most, *budget in _BUDGETS if turns <= most), _LARGEST_BUDGET
        )
        defaults |= {"epochs": epochs, "minutes": float(minutes), "decay": 0.8, "warmup_steps": 20}
    if not any(name in given for name in _BATCH):
        defaults["batch_examples"] = 16 if turns <= _SMALL else 32
    if not any(name in given for name in _RATES):
        defaults["learning_rates"] = _SMALL_RATES if turns <= _SMALL else _LARGE_RATES
    return defaults | given


def is_own(content: Mapping[str, Any]) -> bool:
    """Say whether a configuration is for folders of dialogues alone, and not from scratch."""
    names = content.get("corpora")
    if not isinstance(names, list) or not names:
        return False
    own = all(
        isinstance(name, str) and name.partition("/")[0] not in CORPORA and Path(name).exists()
        for name in names
    )
    if not own or any(name in content for name in _FROM_SCRATCH):
        return False
    initial = content.get("initial", "")
    return initial == "" or (initial is not None and (Path(initial) / _FORMAT_FILE).is_file())


def pretrained_start() -> Path:
    """Return the shipped checkpoint that one's own corpora start from.

    Raises:
        ConfigError: none is beside the package, nor below the working directory.
    """
    checkout = Path(__file__).resolve().parents[2]
    for name in STARTS:
        for root in (checkout, Path()):
            folder = root / "checkpoints" / name
            if (folder / _FORMAT_FILE).is_file():
                return folder
    raise ConfigError(
        f"no pretrained checkpoint to start from: expected checkpoints/{STARTS[-1]} in "
        f"{checkout} or in the working directory; name one (`initial=FOLDER`), or train from "
        "scratch (`initial=null`)"
    )


def quick_dtype() -> str:
    """Return the precision that steps are fastest in: bfloat16 where the hardware multiplies it."""
    import torch

    if torch.cuda.is_available():
        return "bfloat16"
    cpu = Path("/proc/cpuinfo")
    # Processors without these tiles convert back and forth, and are slower than in float32.
    tiles = cpu.is_file() and "amx_bf16" in cpu.read_text(encoding="utf-8", errors="replace")
    return "bfloat16" if tiles else "float32"


def _turns(names: Sequence[str]) -> int:
    # Reading corpora needs packages that training on prepared ones does not.
    from todserve.corpora.files.dialogue_layouts import open_dialogues

    return sum(
        len(dialogue.turns)
        for name in names
        for dialogue in open_dialogues(name)[1]
        if dialogue.split == "train"
    )
