"""Control text: takes out of others' texts the marks that only todserve may write to the network.

Called wherever a text enters: for prompts, targets, corrections, rows of the knowledge base, a
bot's own words. Example: ``plain_value("ely <eos_b>")`` is ``"ely (eos_b)"``.

The network's frames are tokens in brackets, as ``<eos_u>`` or ``[train]``. Whoever could write one
could end the user's turn and begin another. Compatibility characters count: a wide bracket is one.
"""

import re
import unicodedata
from collections.abc import Callable

_BRACKETS = str.maketrans("<>[]", "()()")
_ANGLES = str.maketrans("<>", "()")
_STRAY_BRACKET = re.compile(r"\[(?!value_\w+\])|(?<!\w)\]|<|>")
_FRAME = re.compile(r"<\s*/?\s*[se]os_\w*\s*>?", re.IGNORECASE)


def plain_value(text: str) -> str:
    """Return a value, a name or an utterance whose brackets are round.

    One without a bracket is left as it is spelled, since models were trained on it so.
    """
    return _where_changed(text, lambda plain: plain.translate(_BRACKETS))


def plain_reply(text: str) -> str:
    """Return a system's text without brackets but those of its placeholders, ``[value_name]``."""
    return _where_changed(text, lambda plain: _STRAY_BRACKET.sub(" ", plain))


def without_frames(text: str) -> str:
    """Return a text for people without the network's frames; its other brackets are theirs."""
    return _where_changed(text, lambda plain: _FRAME.sub("", plain))


def plain_target(text: str) -> str:
    """Return what the network is to write without frames; labels keep their square brackets."""
    return _where_changed(text, lambda plain: plain.translate(_ANGLES))


def _where_changed(text: str, change: Callable[[str], str]) -> str:
    if text.isascii():
        return change(text)
    plain = unicodedata.normalize("NFKC", text)
    changed = change(plain)
    return text if changed == plain else changed
