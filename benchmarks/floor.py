"""Floor: the least time a turn could take on this machine, were there nothing but its arithmetic.

From the network's sizes and the tokens of real turns: the encoder runs once over the context, the
decoder as many steps as the longest row of each of the two phases has tokens. Each part takes at
least as long as reading its weights once a step, and at least as long as its operations. It is the
floor of whoever writes token by token; tokens that are guessed and checked together, as our ONNX
engine does, need fewer steps, so that a turn of ours could in principle come below it.
Example: ``Floor.of(network, turn, rates, weight_bytes=4).milliseconds``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_CACHE_BYTES = 4  # keys and values stay in fp32


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkSize:
    """A T5's sizes; parameters are those of matrices, norms and biases are next to nothing."""

    width: int
    inner: int
    hidden: int
    encoder_layers: int
    decoder_layers: int
    vocabulary: int
    gated: bool = False

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a checkpoint's config.json."""
        config: Mapping[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return cls(
            width=config["d_model"],
            inner=config["num_heads"] * config["d_kv"],
            hidden=config["d_ff"],
            encoder_layers=config["num_layers"],
            decoder_layers=config["num_decoder_layers"],
            vocabulary=config["vocab_size"],
            gated=bool(config.get("is_gated_act")),
        )

    @property
    def attention(self) -> int:
        """Parameters of one attention: query, key, value, output."""
        return 4 * self.width * self.inner

    @property
    def feed_forward(self) -> int:
        """Parameters of one feed-forward block."""
        return (3 if self.gated else 2) * self.width * self.hidden

    @property
    def encoder(self) -> int:
        """Parameters a context token meets, the decoder's cross-attention keys and values too."""
        keys_and_values = self.decoder_layers * 2 * self.width * self.inner
        return self.encoder_layers * (self.attention + self.feed_forward) + keys_and_values

    @property
    def step(self) -> int:
        """Parameters a decoder token meets: self-attention, query and output of the cross one."""
        layer = self.attention + 2 * self.width * self.inner + self.feed_forward
        return self.decoder_layers * layer + self.vocabulary * self.width


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnSize:
    """A turn's tokens.

    Attributes:
        context: encoder tokens.
        phases: for each phase, for each row, (given tokens, generated tokens with the end token).
    """

    context: int
    phases: Sequence[Sequence[tuple[int, int]]]

    @property
    def steps(self) -> list[int]:
        """Decoder steps of each phase: the longest row's, all rows go together."""
        return [max(generated for _, generated in rows) for rows in self.phases]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """What the machine can do, per second.

    Attributes:
        encoder_bytes: reading a working set of the encoder's weights.
        step_bytes: reading one of a decoder step's weights.
        operations: of matrix products, multiplications and additions each counted.
    """

    encoder_bytes: float
    step_bytes: float
    operations: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """A turn's least work and least time.

    Attributes:
        bytes: weights and cached keys and values that must be read.
        operations: multiplications and additions.
        milliseconds: the least time.
    """

    bytes: int
    operations: int
    milliseconds: float

    @classmethod
    def of(cls, network: NetworkSize, turn: TurnSize, rates: Rates, *, weight_bytes: int) -> Self:
        """Return the floor of ``turn`` with weights of ``weight_bytes`` bytes a parameter."""
        encoder_bytes = network.encoder * weight_bytes
        encoder_operations = encoder_work(network, turn.context)
        seconds = max(encoder_bytes / rates.encoder_bytes, encoder_operations / rates.operations)
        total_bytes, total_operations = encoder_bytes, encoder_operations
        for rows, steps in zip(turn.phases, turn.steps, strict=True):
            phase_bytes = steps * network.step * weight_bytes + cache_bytes(
                network, turn.context, rows
            )
            phase_operations = sum(decoder_work(network, turn.context, *row) for row in rows)
            seconds += max(phase_bytes / rates.step_bytes, phase_operations / rates.operations)
            total_bytes += phase_bytes
            total_operations += phase_operations
        return cls(bytes=total_bytes, operations=total_operations, milliseconds=1e3 * seconds)


def encoder_work(network: NetworkSize, tokens: int) -> int:
    """Return the operations of encoding ``tokens`` tokens."""
    attention = network.encoder_layers * 4 * tokens * tokens * network.inner
    return 2 * tokens * network.encoder + attention


def decoder_work(network: NetworkSize, context: int, given: int, generated: int) -> int:
    """Return the operations of one row: every token but the last one written is fed in.

    The vocabulary's product is needed for generated tokens only.
    """
    tokens = given + generated - 1
    unused = (given - 1) * network.vocabulary * network.width
    past = tokens * (tokens + 1) // 2
    attention = network.decoder_layers * 4 * network.inner * (past + tokens * context)
    return 2 * (tokens * network.step - unused) + attention


def cache_bytes(network: NetworkSize, context: int, rows: Sequence[tuple[int, int]]) -> int:
    """Return the bytes of keys and values that a phase reads.

    The context's are the same for all rows and are read once a step, each row's own once a token.
    """
    per_token = network.decoder_layers * 2 * network.inner * _CACHE_BYTES
    steps = max(generated for _, generated in rows)
    own = sum(sum(given + step for step in range(generated)) for given, generated in rows)
    return per_token * (steps * context + own)
