"""Batch: examples of like length together, all targets of a context in one decoder row.

The training network takes such batches. The blocks of one context lie side by side in one decoder
row and see only themselves (block-diagonal causal mask): the context is encoded and its keys and
values projected once for all tasks, and little is padded. Example: decoder row
``<sos_b> [train] ... <sos_d> [find_train] <sos_a> [db_1] ...``.

``plan`` makes batches of any shape, with the least padding; ``shaped_plan`` those of a few fixed
shapes, for machines that want to see each shape only once. A GPU's time is lost between its
kernels; a step recorded once for its shape is replayed without any loss, so all batches are given
one of some thirty shapes. What does not fill its shape goes into the next larger one, so that
hardly any row stays empty. Example: contexts of 81 tokens with 25 to write go into the shape of 88
and 28.
"""

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from todserve.training.batches.examples import TASK_ORDER, Example

IGNORED = -100
"""Label of positions that are given, not written."""

_POOL = 256  # batches' worth of examples sorted together: like lengths, yet a fresh mix each epoch


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Tensors of one optimiser step; B contexts, S encoder and D decoder positions.

    Attributes:
        input_ids: (B, S) encoder ids.
        attention_mask: (B, S) true where a token stands.
        decoder_input_ids: (B, D).
        decoder_block: (B, D) number of the block a position belongs to, -1 for padding.
        labels: (B, D) next id, IGNORED where given or padded.
        task: (B, D) task number of each label.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    decoder_input_ids: torch.Tensor
    decoder_block: torch.Tensor
    labels: torch.Tensor
    task: torch.Tensor

    @property
    def tokens(self) -> int:
        """Useful tokens: encoder and decoder positions that are no padding."""
        return int(self.attention_mask.sum()) + int((self.decoder_block >= 0).sum())

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on ``device``."""
        return Batch(
            **{name: getattr(self, name).to(device, non_blocking=True) for name in self.__slots__}
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Sizes of a batch: rows, encoder positions (width) and decoder positions (depth)."""

    rows: int
    width: int
    depth: int

    @property
    def size(self) -> int:
        """How many numbers such a batch is packed into."""
        return self.rows * (self.width + 1 + 4 * self.depth)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """A batch as one array of small integers, to be handed from process to process.

    Attributes:
        numbers: ids, lengths of the contexts, decoder ids, blocks, labels and tasks, one after
            the other.
        shape: of the batch.
        tokens: useful ones.
        targets: target tokens of each task.
    """

    numbers: NDArray[np.signedinteger]
    shape: Shape
    tokens: int
    targets: tuple[int, ...]


def pack(examples: Sequence[Example], pad_id: int, shape: Shape | None = None) -> Parcel:
    """Put examples into one array, padded to the longest of them or to ``shape``."""
    if shape is None:
        shape = Shape(
            rows=len(examples),
            width=max(len(example.context) for example in examples),
            depth=max(example.decoder_length for example in examples),
        )
    rows, width, depth = shape.rows, shape.width, shape.depth
    ids = np.full((rows, width), pad_id, np.int32)
    # An empty row, which fills a shape up, still attends to something.
    lengths = np.ones(rows, np.int32)
    decoder = np.full((rows, depth), pad_id, np.int32)
    block_of = np.full((rows, depth), -1, np.int32)
    labels = np.full((rows, depth), IGNORED, np.int32)
    task = np.zeros((rows, depth), np.int32)
    targets = [0] * len(TASK_ORDER)
    for row, example in enumerate(examples):
        ids[row, : len(example.context)] = example.context
        lengths[row] = len(example.context)
        at = 0
        for number, block in enumerate(example.blocks):
            given = len(block.prefix)
            length = given + len(block.target) - 1
            written = block.prefix + block.target
            decoder[row, at : at + length] = written[:-1]
            labels[row, at + given - 1 : at + length] = written[given:]
            block_of[row, at : at + length] = number
            task[row, at : at + length] = block.task
            targets[block.task] += len(block.target)
            at += length
    parts = (ids, lengths, decoder, block_of, labels, task)
    numbers = np.concatenate([part.reshape(-1) for part in parts])
    small = numbers.max(initial=0) <= np.iinfo(np.int16).max
    return Parcel(
        numbers=numbers.astype(np.int16) if small else numbers,
        shape=shape,
        tokens=sum(len(example.context) + example.decoder_length for example in examples),
        targets=tuple(targets),
    )


def unpack(numbers: torch.Tensor, shape: Shape) -> Batch:
    """Return a packed batch's tensors, on the device its numbers are on."""
    rows, width, depth = shape.rows, shape.width, shape.depth
    row = (rows, depth)
    sizes = ((rows, width), (rows, 1), row, row, row, row)
    parts = numbers.long().split([math.prod(size) for size in sizes])
    ids, lengths, decoder, block_of, labels, task = (
        part.view(size) for part, size in zip(parts, sizes, strict=True)
    )
    return Batch(
        input_ids=ids,
        attention_mask=torch.arange(width, device=numbers.device)[None] < lengths,
        decoder_input_ids=decoder,
        decoder_block=block_of,
        labels=labels,
        task=task,
    )


def collate(examples: Sequence[Example], pad_id: int) -> Batch:
    """Pad examples to the longest of them."""
    parcel = pack(examples, pad_id)
    return unpack(torch.from_numpy(parcel.numbers), parcel.shape)


def plan(examples: Sequence[Example], batch_tokens: int, seed: int) -> list[list[int]]:
    """Return the epoch's batches as indices of ``examples``: a function of its arguments alone.

    Every example stands in exactly one batch; a batch holds at most ``batch_tokens`` padded
    tokens unless a single example is longer.
    """
    shuffle = random.Random(seed)
    order = list(range(len(examples)))
    shuffle.shuffle(order)
    mean = max(1, sum(map(_cost, examples)) // max(1, len(examples)))
    pool = max(1, _POOL * batch_tokens // mean)
    batches = []
    for start in range(0, len(order), pool):
        part = _like_lengths(order[start : start + pool], examples, batch_tokens)
        batches += list(_fill(part, examples, batch_tokens))
    shuffle.shuffle(batches)
    return batches


def _like_lengths(part: list[int], examples: Sequence[Example], batch_tokens: int) -> Iterator[int]:
    """Yield indices so that neighbours are alike in context and in decoder length.

    Sorted by contexts alone, a batch would hold decoder rows of any length, mostly padding. So the
    contexts are cut into strips, as many as a strip has batches, each sorted by decoder length.
    """
    part = sorted(part, key=lambda index: len(examples[index].context))
    batches = sum(_cost(examples[index]) for index in part) / batch_tokens
    size = math.ceil(len(part) / max(1, math.isqrt(round(batches))))
    for number, start in enumerate(range(0, len(part), size)):
        strip = part[start : start + size]
        # There and back again: the last batch of a strip goes over into the next one.
        yield from sorted(
            strip, key=lambda index: examples[index].decoder_length, reverse=number % 2 == 1
        )


def _cost(example: Example) -> int:
    return len(example.context) + example.decoder_length


def _fill(
    order: Iterable[int], examples: Sequence[Example], batch_tokens: int
) -> Iterator[list[int]]:
    batch: list[int] = []
    width = depth = 0
    for index in order:
        example = examples[index]
        wider = max(width, len(example.context))
        deeper = max(depth, example.decoder_length)
        if batch and (wider + deeper) * (len(batch) + 1) > batch_tokens:
            yield batch
            batch, wider, deeper = [], len(example.context), example.decoder_length
        batch.append(index)
        width, depth = wider, deeper
    if batch:
        yield batch


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
