"""MultiWOZ's spans: delexicalises a reply by the places its annotators marked.

`multiwoz_annotated` calls it for every reply; where no spans exist, the runtime's Delexicaliser
does the work. Example: span ``["Train-Inform", "Leave", "17:29", 4, 4]`` makes "... leaves at
17:29" into "... leaves at [value_leave]".
"""

from collections.abc import Sequence

from todserve.corpora.readers.detokenisation import detokenise
from todserve.corpora.readers.multiwoz.multiwoz_names import act_slot

# Spans of these cover words such as "free wifi" or "requirements", not values.
_NO_VALUE = frozenset({"internet", "parking", "", "none"})

Span = Sequence[str | int]
"""(act, slot, value, first token, last token)."""


def delexicalise_spans(
    text: str, spans: Sequence[Span]
) -> tuple[str, tuple[tuple[str, str], ...], int]:
    """Replace the marked tokens by ``[value_slot]``.

    Args:
        text: the reply as annotated, tokens separated by white space.
        spans: its ``span_info``.

    Returns:
        The delexicalised reply, (slot, surface) of each placeholder in order, and how many
        spans lie outside the text or overlap another and so were left out.
    """
    tokens = text.split()
    unusable = 0
    placed: list[tuple[int, int, str]] = []
    for _, name, _, first, last in spans:
        slot = act_slot(str(name))
        if slot in _NO_VALUE:
            continue
        placed.append((int(first), int(last), slot))
    placeholders: list[tuple[str, str]] = []
    words: list[str] = []
    position = 0
    for first, last, slot in sorted(set(placed)):
        if first < position or last < first or last >= len(tokens):
            unusable += 1
            continue
        words += tokens[position:first]
        surface = " ".join(tokens[first : last + 1])
        placeholders.append((slot, detokenise(surface)))
        words.append(f"[value_{slot}]")
        position = last + 1
    words += tokens[position:]
    return detokenise(" ".join(words)), tuple(placeholders), unusable
