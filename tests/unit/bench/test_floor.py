"""The floor's arithmetic, worked out by hand for a network small enough for it."""

from pathlib import Path

import pytest

from benchmarks.floor import (
    Floor,
    NetworkSize,
    Rates,
    TurnSize,
    cache_bytes,
    decoder_work,
    encoder_work,
)

SMALL = NetworkSize(width=4, inner=4, hidden=8, encoder_layers=2, decoder_layers=1, vocabulary=10)


def test_parameters_are_those_of_the_matrices_a_token_meets() -> None:
    assert SMALL.attention == 4 * 4 * 4
    assert SMALL.feed_forward == 2 * 4 * 8
    # Two layers, and the decoder layer's cross-attention keys and values.
    assert SMALL.encoder == 2 * (64 + 64) + 2 * 4 * 4
    # Self-attention, query and output of the cross one, feed-forward, vocabulary.
    assert SMALL.step == 64 + 32 + 64 + 40


def test_a_gated_feed_forward_block_has_three_matrices() -> None:
    gated = NetworkSize(
        width=4, inner=4, hidden=8, encoder_layers=2, decoder_layers=1, vocabulary=10, gated=True
    )
    assert gated.feed_forward == 3 * 4 * 8


def test_the_shipped_networks_sizes_are_its_parameters_without_norms_and_biases() -> None:
    network = NetworkSize.load(Path("checkpoints/multiwoz"))
    layer = 4 * 384 * 384 + 2 * 384 * 1536
    assert network.encoder == 6 * layer + 2 * 2 * 384 * 384
    decoder_layer = 6 * 384 * 384 + 2 * 384 * 1536
    assert network.step == 2 * decoder_layer + network.vocabulary * 384
    assert network.vocabulary > 15_000


def test_encoding_multiplies_every_token_with_every_parameter_and_token_with_token() -> None:
    # 2 operations a parameter; scores and their use, each 2 x 3 x 3 x 4 a layer.
    assert encoder_work(SMALL, 3) == 2 * 3 * SMALL.encoder + 2 * (2 * 2 * 3 * 3 * 4)


def test_a_row_feeds_in_all_but_its_last_token() -> None:
    # One given token, one generated: one step that sees itself and 5 context tokens.
    assert decoder_work(SMALL, 5, 1, 1) == 2 * SMALL.step + 4 * 4 * (1 + 5)
    # Two given: the first needs no vocabulary product.
    expected = 2 * (2 * SMALL.step - 40) + 4 * 4 * ((1 + 2) + 2 * 5)
    assert decoder_work(SMALL, 5, 2, 1) == expected


def test_cached_keys_and_values_are_read_again_at_every_step() -> None:
    per_token = 2 * 4 * 4
    # Steps 2 over 5 context tokens, shared; own caches: row one 1 + 2, row two 1.
    assert cache_bytes(SMALL, 5, [(1, 2), (1, 1)]) == per_token * (2 * 5 + 3 + 1)


def test_a_turn_takes_the_longest_row_of_each_phase() -> None:
    turn = TurnSize(context=5, phases=[[(1, 3), (1, 2)], [(2, 1), (2, 4)]])
    assert turn.steps == [3, 4]


@pytest.mark.parametrize(
    ("rates", "seconds"),
    [
        # Reading is slow: encoder once, each step's weights and caches.
        (
            Rates(encoder_bytes=1.0, step_bytes=1.0, operations=1e12),
            4 * SMALL.encoder + 2 * 4 * SMALL.step + 32 * (2 * 5 + 3),
        ),
        # Reading is free: operations alone.
        (
            Rates(encoder_bytes=1e12, step_bytes=1e12, operations=1.0),
            encoder_work(SMALL, 5) + decoder_work(SMALL, 5, 1, 2),
        ),
    ],
)
def test_the_floor_is_the_slower_of_reading_and_computing(rates: Rates, seconds: float) -> None:
    turn = TurnSize(context=5, phases=[[(1, 2)]])
    floor = Floor.of(SMALL, turn, rates, weight_bytes=4)
    assert floor.milliseconds == pytest.approx(1e3 * seconds)
    assert floor.bytes == 4 * SMALL.encoder + 2 * 4 * SMALL.step + 32 * (2 * 5 + 3)
    assert floor.operations == encoder_work(SMALL, 5) + decoder_work(SMALL, 5, 1, 2)


def test_int8_weights_are_a_quarter_of_the_bytes() -> None:
    turn = TurnSize(context=1, phases=[[(1, 1)]])
    rates = Rates(encoder_bytes=1.0, step_bytes=1.0, operations=1e12)
    full = Floor.of(SMALL, turn, rates, weight_bytes=4)
    small = Floor.of(SMALL, turn, rates, weight_bytes=1)
    caches = cache_bytes(SMALL, 1, [(1, 1)])
    assert full.bytes - caches == 4 * (small.bytes - caches)
