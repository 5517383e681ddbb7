import random

import pytest
import torch

from todserve.runtime.errors import ConfigError
from todserve.training.network.copying_start import arrange_for_copying
from todserve.training.network.training_network import build_network
from todserve.training.training_config import Network

_SIZES = Network(d_model=256, d_kv=64, d_ff=256, num_layers=4, num_decoder_layers=1, num_heads=4)
_TRIALS = 40


def _right_copies(*, arranged: bool) -> int:
    """Count how often the token after a context's word is the most probable next one."""
    torch.manual_seed(3)
    network = build_network(_SIZES, 500, pad_id=0, end_id=1).eval()
    if arranged:
        arrange_for_copying(network)
    chance = random.Random(4)
    right = 0
    for _ in range(_TRIALS):
        context = chance.sample(range(3, 500), 24)
        at = chance.randrange(23)
        with torch.inference_mode():
            logits = network(
                input_ids=torch.tensor([context]),
                decoder_input_ids=torch.tensor([[context[at]]]),
            ).logits
        right += int(logits[0, -1].argmax()) == context[at + 1]
    return right


def test_an_arranged_network_copies_before_any_training() -> None:
    assert _right_copies(arranged=True) > _TRIALS * 0.4


def test_an_ordinary_start_does_not() -> None:
    assert _right_copies(arranged=False) < _TRIALS * 0.2


def test_more_heads_than_the_width_holds_are_left_free() -> None:
    arrange_for_copying(
        build_network(
            Network(d_model=32, d_kv=16, d_ff=32, num_layers=1, num_heads=8), 50, pad_id=0, end_id=1
        )
    )


def test_no_room_for_two_subspaces_is_refused() -> None:
    network = build_network(Network(d_model=32, d_kv=32, num_heads=1), 50, pad_id=0, end_id=1)
    with pytest.raises(ConfigError, match="d_model >= 2 x d_kv"):
        arrange_for_copying(network)
