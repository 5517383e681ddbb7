"""Batches of a few fixed shapes, for machines that want to see each shape only once.

Stands beside `plan`, which makes batches of any shape with less padding. A GPU's time is lost
between its kernels; a step recorded once for its shape is replayed without any loss, so all
batches are given one of some thirty shapes. What does not fill its shape goes into the next larger
one, so that hardly any row stays empty.
Example: contexts of 81 tokens with 25 to write go into the shape of 88 and 28.
"""

import random
from collections import defaultdict
from collections.abc import Sequence

from todserve.training.batching import Shape
from todserve.training.examples import Example

_WIDTHS = (40, 64, 88, 112, 144, 208, 304)
_DEPTHS = (16, 28, 44, 64, 100, 200)
_STEP = 128  # beyond the largest of them
_ROWS = 8  # rows come in such dozens, as the hardware multiplies them

_Sizes = tuple[int, int]


def shaped_plan(
    examples: Sequence[Example], batch_tokens: int, seed: int
) -> list[tuple[Shape, list[int]]]:
    """Return batches as shapes and indices of ``examples``: a function of its arguments alone.

    Every example stands in exactly one batch. A batch holds about ``batch_tokens`` padded tokens,
    and fewer examples than its shape has rows only where nothing larger is left to join.
    """
    chance = random.Random(seed)
    order = list(range(len(examples)))
    chance.shuffle(order)
    waiting: defaultdict[_Sizes, list[int]] = defaultdict(list)
    for index in order:
        waiting[_sizes(examples[index])].append(index)
    batches: list[tuple[Shape, list[int]]] = []
    # Smaller shapes first: what one of them leaves over goes into a larger one.
    for sizes in sorted(waiting, key=lambda sizes: (sum(sizes), sizes)):
        shape = _shape(sizes, batch_tokens)
        left = waiting.pop(sizes)
        while len(left) >= shape.rows:
            batches.append((shape, left[: shape.rows]))
            left = left[shape.rows :]
        if not left:
            continue
        larger = [other for other in waiting if other[0] >= sizes[0] and other[1] >= sizes[1]]
        if larger:
            waiting[min(larger, key=lambda other: (sum(other), other))] += left
        else:
            batches.append((shape, left))
    chance.shuffle(batches)
    return batches


def _sizes(example: Example) -> _Sizes:
    return _above(len(example.context), _WIDTHS), _above(example.decoder_length, _DEPTHS)


def _above(length: int, sizes: Sequence[int]) -> int:
    return next((size for size in sizes if size >= length), -(-length // _STEP) * _STEP)


def _shape(sizes: _Sizes, batch_tokens: int) -> Shape:
    width, depth = sizes
    rows = max(_ROWS, batch_tokens // (width + depth) // _ROWS * _ROWS)
    return Shape(rows=rows, width=width, depth=depth)
