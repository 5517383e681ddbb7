"""Unservable text: what somebody's dialogues hold and no server takes, so that no model learns it.

Called by the checks of every layout, for ``tod data validate``. Example: an utterance of 5,000
characters, one with a NUL, or one with ``<eos_u>``, which ends the user's words for the network.
"""

import unicodedata
from collections.abc import Iterator

from todserve.runtime.language.control_text import without_frames
from todserve.runtime.wire.limits import DEFAULT_LIMITS

_SPACES = "\t\r\n"


def unservable(
    text: str, *, most: int = DEFAULT_LIMITS.max_characters
) -> Iterator[tuple[str, str, str]]:
    """Yield (got, expected, fix) of all that is wrong with a text, never the text itself."""
    # A server counts letters written out: one ligature may stand for many.
    size = max(len(text), len(unicodedata.normalize("NFKC", text)))
    if size > most:
        yield (
            f"{size} characters",
            f"at most {most}, as a server takes them",
            "shorten it, or take the turn out",
        )
    odd = next((one for one in text if one < " " and one not in _SPACES), None)
    if odd is not None:
        yield f"the control character U+{ord(odd):04X}", "plain text", "leave it out"
    elif without_frames(text) != text:
        yield (
            "a mark that only the network may write, such as <eos_u>",
            "plain text",
            "leave it out",
        )
