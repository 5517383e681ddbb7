"""A tokenizer small enough to reason about, learnt the way `tod train` learns one."""

from functools import cache

from tests.support.tiny_checkpoint import SCHEMA
from tests.support.tiny_turns import TURNS
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.training.network.vocabulary import special_tokens, train_tokenizer

_LINES = (
    "translate dialogue to belief state: dialogue action: system response: user intent:",
    "a train to ely please , where to ? what old older word words friday day",
    "there are 3 trains at 17:45 . the [ ( ) ] < > departs 0 1 2 4 6 7 8 9 b d s u o x e v n",
    "abcdefghijklmnopqrstuvwxyz _ ' - ! ; / & % # @ * + = |",
)


@cache
def tiny_tokenizer() -> Tokenizer:
    """Return a vocabulary of a few hundred pieces with every control token."""
    extra = ["[value_destination]", "[value_name]", "[inform]", "[request]", "[bye]"]
    tokens = special_tokens(TURNS, SCHEMA)
    lines = [*_LINES, *(turn.user for turn in TURNS), *(turn.response or "" for turn in TURNS)]
    return train_tokenizer(lines * 4, 120, [*tokens, *(t for t in extra if t not in tokens)])
