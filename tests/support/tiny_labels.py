"""A vocabulary made to be misread: pieces that can spell every name in more ways than one."""

import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers

from todserve.runtime.decoding.constraint_labels import OutputLabels
from todserve.runtime.language.prompts import BeliefTarget
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.runtime.language.tasks import CONTROL_TOKENS, DATABASE_TOKENS
from todserve.runtime.language.tokenizer import Tokenizer

SCHEMA = Schema(
    services=(
        Service(
            name="inn",
            slots=(
                Slot(name="name"),
                Slot(name="names"),  # begins as another slot does
                Slot(name="no"),  # begins as "none" does
                Slot(name="area", categorical=True, values=("north", "north area", "e|east")),
                Slot(name="odd", categorical=True, values=("%",)),  # no piece spells its value
                Slot(name="open", categorical=True),  # lists nothing, so says anything
            ),
            intents=("find_inn", "%"),
        ),
        Service(name="bus", slots=(Slot(name="name", categorical=True, values=("a", "ne")),)),
        Service(name="walk", intents=("walk",)),
        Service(name="two words", slots=(Slot(name="name"),)),
    )
)
"""Domains, slots and values whose names begin alike, cannot be written, or cannot be read."""

_WORDS = "▁name ▁names ▁no ▁none ▁area ▁north ▁not ▁open ▁odd ▁dontcare ▁mentioned ▁find_inn ▁walk"
_PIECES = (
    "north name nam ame no none ne area are north s mention ed e|east x| \\ . ' - 1 _ inn find walk"
)
_LETTERS = "abcdefhilmnoprstuvw[]<>|"


def misreadable_tokenizer(*, labels: bool = True, prepend: str = "first") -> Tokenizer:
    """Return the vocabulary; its bracketed labels are tokens of their own or, without, pieces.

    Args:
        labels: whether they are tokens.
        prepend: where the tokenizer puts a space that the text lacks.
    """
    pieces = ["<pad>", "</s>", "<unk>", "▁", *_WORDS.split(), *_PIECES.split(), *_LETTERS]
    pieces += [f"▁{letter}" for letter in "naeo."]
    unigram = models.Unigram(
        [(piece, -float(len(pieces)) / (1 + len(piece))) for piece in dict.fromkeys(pieces)],
        unk_id=2,
        byte_fallback=False,
    )
    tokenizer = tokenizers.Tokenizer(unigram)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=prepend)
    own = ["[inn]", "[bus]", "[general]", "[find_inn]", "[inform]", "[bye]", "[value_name]"]
    added = [*CONTROL_TOKENS, *DATABASE_TOKENS, *(own if labels else ())]
    tokenizer.add_special_tokens(
        [AddedToken(token, lstrip=True, normalized=False) for token in ("<pad>", "</s>", *added)]
    )
    return Tokenizer(tokenizer)


def labels_for(target: BeliefTarget) -> OutputLabels:
    """Return the names that vocabulary may write."""
    return OutputLabels(
        schema=SCHEMA,
        target=target,
        acts=("inform", "bye", "no%"),
        act_slots={
            "inn": ("name", "names", "area", "phone number"),
            "bus": ("name", "no"),
            "general": (),
        },
        placeholders=("name", "area", "no"),
    )
