"""The CTranslate2 engine: its own C++ decoder, beam 1, over the exported weights.

It has the methods of ``engine.Engine``, so the pipeline can use it as it uses any other, and
imports neither PyTorch nor transformers. CTranslate2 offers no encoding to keep, so ``encode`` only
stores the contexts and every row of a call encodes its context again: four tasks over one context
cost four encodings here, one in other engines. Example:
``CTranslate2Engine(folder, threads=1).encode([(5, 17, 3)]).size == 1``.

Its calls know neither a row's own end token nor its constraint: they write on, and ``Written``
keeps only what the row would have written itself. Of the draft ``[4, 9, 7]`` a row that ends at 9
takes over ``[4, 9]``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from numpy.typing import NDArray

from todserve.runtime.decoding.token_automaton import FREE, REFUSED, TokenAutomaton
from todserve.runtime.engines.engine import (
    Encoding,
    Generation,
    Row,
    check_contexts,
    generation_of,
    needed_automaton,
)
from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_json


@dataclass(kw_only=True, slots=True)
class Written:
    """The tokens and log-probabilities that a row has so far.

    Attributes:
        row: what is wanted.
        tokens: what it wrote, its end token too, once that came.
        log_probs: of each.
        allowed: log-probability of all tokens that it could have chosen there.
        state: of the automaton, after them.
    """

    row: Row
    tokens: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    allowed: list[float] = field(default_factory=list)
    state: int = FREE

    @property
    def ended(self) -> bool:
        """Whether its end token came."""
        return bool(self.tokens) and self.tokens[-1] == self.row.end_id

    @property
    def going(self) -> bool:
        """Whether it has more to write."""
        return not self.ended and len(self.tokens) < self.row.max_new_tokens

    def take_over(
        self, draft: list[int], logits: Sequence[Any], automaton: TokenAutomaton | None
    ) -> None:
        """Add what a call wrote, up to the row's own end token, cap, or first refused token.

        Where a token is refused, the best of those that the row may choose stands in its place:
        the logits there are what a constrained search would have had before it.

        Args:
            draft: at least one token, written after ``tokens`` without a constraint.
            logits: of each, (vocabulary,) float32.
            automaton: of the row's states.

        Raises:
            ConfigError: the logits are not finite.
        """
        draft = draft[: self.row.max_new_tokens - len(self.tokens)]
        if self.row.end_id in draft:
            draft = draft[: draft.index(self.row.end_id) + 1]
        states = _states(draft, self.state, automaton)
        draft = draft[: len(states)]
        steps = np.stack([np.asarray(logits[place]) for place in range(len(draft))])
        allowed = [0.0] * len(draft)
        if automaton is not None and self.state != FREE:
            refused = automaton.table[states][:, automaton.kinds] == REFUSED
            draft[-1] = int(np.where(refused[-1], -np.inf, steps[-1]).argmax())
            self.state = automaton.after(states[-1], draft[-1:])
            allowed = _allowed_log_probs(steps, refused, self.row.temperature).tolist()
        self.log_probs += _log_probs(steps, draft, self.row.temperature).tolist()
        self.tokens += draft
        self.allowed += allowed

    def generation(self) -> Generation:
        """Return what the row became."""
        return generation_of(self.row, self.tokens, self.log_probs, self.allowed)


def _states(draft: Sequence[int], state: int, automaton: TokenAutomaton | None) -> list[int]:
    """Return the state before each token, up to and including the first refused one."""
    if automaton is None or state == FREE:
        return [FREE] * len(draft)
    states = []
    for token in draft:
        states.append(state)
        state = automaton.after(state, [token])
        if state == REFUSED:
            break
    return states


def _log_probs(
    logits: NDArray[np.float32], tokens: Sequence[int], temperature: float
) -> NDArray[np.float32]:
    """Return the (steps,) natural-log probabilities of ``tokens`` in ``logits`` (steps, V).

    Raises:
        ConfigError: they are not finite.
    """
    with np.errstate(invalid="ignore"):
        sharp = logits * np.float32(1 / temperature)
        sharp -= sharp.max(axis=1, keepdims=True)
        chosen = sharp[np.arange(len(tokens)), list(tokens)]
        found: NDArray[np.float32] = chosen - np.log(np.exp(sharp).sum(axis=1))
    if not np.isfinite(found).all():
        raise ConfigError(
            "the network's logits are not finite; verify the checkpoint's checksum, or export it "
            "again with precision float32"
        )
    return found


def _allowed_log_probs(
    logits: NDArray[np.float32], refused: NDArray[np.bool_], temperature: float
) -> NDArray[np.float32]:
    """Return (steps,), the natural log of the probability of all tokens that are not refused."""
    sharp = logits * np.float32(1 / temperature)
    weights = np.exp(sharp - sharp.max(axis=1, keepdims=True))
    allowed = np.where(refused, np.float32(0), weights).sum(axis=1)
    found: NDArray[np.float32] = np.minimum(np.log(allowed / weights.sum(axis=1)), np.float32(0))
    return found


FOLDER = "ctranslate2"
MODEL_FILE = "model.bin"
CONFIG_FILE = "config.json"
VOCABULARY_FILE = "shared_vocabulary.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class CTranslate2Encoding:
    """Contexts as CTranslate2 takes them: as names of tokens."""

    contexts: tuple[list[str], ...]

    @property
    def size(self) -> int:
        """Number of contexts."""
        return len(self.contexts)


def open_translator(folder: Path, *, replicas: int, threads: int | None) -> Any:
    """Return the ``ctranslate2.Translator`` over the model of an export folder.

    Args:
        folder: the export folder.
        replicas: how many calls, or parts of one, run at a time.
        threads: of each; None leaves CTranslate2's default.

    Raises:
        ConfigError: the model is missing or cannot be loaded.
    """
    own = folder / FOLDER
    for name in (MODEL_FILE, CONFIG_FILE, VOCABULARY_FILE):
        if not (own / name).is_file():
            raise ConfigError(f"no {own / name}; `tod export --format ctranslate2` writes it")
    try:
        return ctranslate2.Translator(
            str(own), device="cpu", inter_threads=replicas, intra_threads=threads or 0
        )
    except (RuntimeError, ValueError) as error:
        raise ConfigError(
            f"cannot load {own / MODEL_FILE}: {error}; export the checkpoint again with this "
            "version"
        ) from error


class CTranslate2Engine:
    """Greedy generation with CTranslate2 on the CPU, one replica of the model a thread.

    One call takes one set of end tokens for all its rows. So all rows decode together with
    everybody's end tokens; a row that stopped at another's, which for it is a token like any
    other, goes on in a second call with what it wrote as its prefix. A trained network never
    needs the second call, and no network's ids change by it.

    Nor does it know an automaton. So a constrained row is written freely too, and goes on in
    another call after the first token that it may not choose. That is exact, and costs a call
    for each such token: little for a network that seldom writes one.
    """

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        """Load the model of an export folder.

        Args:
            folder: the export folder.
            threads: replicas of one thread each, between which a call's rows are divided; None
                leaves CTranslate2's default, one replica on several threads.

        Raises:
            ConfigError: the model is missing or cannot be loaded.
        """
        self._replicas = threads or 1
        self._translator: Any = open_translator(
            folder, replicas=self._replicas, threads=None if threads is None else 1
        )
        # A token's name is its id in decimal; looking it up refuses what the network lacks,
        # where CTranslate2 would silently read an unknown token.
        names = read_json(folder / FOLDER / VOCABULARY_FILE)
        self._names: dict[int, str] = {int(name): name for name in names}

    def encode(self, contexts: Sequence[Sequence[int]]) -> CTranslate2Encoding:
        """Keep the contexts; they are encoded in ``generate``, once for each row.

        Raises:
            ValueError: there is no context, or one has no token.
        """
        check_contexts(contexts)
        return CTranslate2Encoding(contexts=tuple(self._named(context) for context in contexts))

    def generate(
        self, encoding: Encoding, rows: Sequence[Row], automaton: TokenAutomaton | None = None
    ) -> list[Generation]:
        """Decode ``rows`` greedily; the answer has their order.

        Raises:
            TypeError: ``encoding`` is another engine's.
            ValueError: a row has a state, but there is no automaton.
            ConfigError: the network's logits are not finite, or the automaton has another
                vocabulary than the network.
        """
        if not isinstance(encoding, CTranslate2Encoding):
            raise TypeError(
                f"an encoding of {type(encoding).__name__}; expected CTranslate2Encoding"
            )
        automaton = needed_automaton(rows, automaton, vocabulary=len(self._names))
        written = [Written(row=row, state=row.state) for row in rows]
        self._go_on(encoding, [one for one in written if one.going], automaton)
        while going := [one for one in written if one.going]:
            # With one end token a call, what is left stops at its own, at its cap, or at a token
            # that it may not choose.
            for end_id in dict.fromkeys(one.row.end_id for one in going):
                of_this_end = [one for one in going if one.row.end_id == end_id]
                self._go_on(encoding, of_this_end, automaton)
        return [one.generation() for one in written]

    def close(self) -> None:
        """Let go of the model and its threads."""
        self._translator = None

    def _named(self, tokens: Sequence[int]) -> list[str]:
        return [self._names[token] for token in tokens]

    def _go_on(
        self,
        encoding: CTranslate2Encoding,
        going: Sequence[Written],
        automaton: TokenAutomaton | None,
    ) -> None:
        """Let rows write until each met an end token, its own or another's, or its cap."""
        if not going:
            return
        # The first token of a prefix is no part of what CTranslate2 counts and hands back.
        given = [len(one.row.prefix) - 1 + len(one.tokens) for one in going]
        missing = [one.row.max_new_tokens - len(one.tokens) for one in going]
        results = self._translator.translate_batch(
            [encoding.contexts[one.row.context] for one in going],
            target_prefix=[self._named((*one.row.prefix, *one.tokens)) for one in going],
            end_token=[self._names[end] for end in {one.row.end_id for one in going}],
            return_end_token=True,
            # Its own defaults search with two beams, write at least one token before an end
            # token, and cut contexts.
            beam_size=1,
            min_decoding_length=0,
            max_decoding_length=max(map(sum, zip(given, missing, strict=True))),
            max_input_length=0,
            return_logits_vocab=True,
            # Rows of similar length together, a share for each replica.
            max_batch_size=-(-len(going) // self._replicas),
        )
        for one, start, result in zip(going, given, results, strict=True):
            draft = [int(name) for name in result.hypotheses[0][start:]]
            one.take_over(draft, result.logits[0][start:], automaton)
