import random

import torch

from todserve.training.batches.batch import IGNORED, collate, plan
from todserve.training.batches.examples import Block, Example


def _examples(count: int) -> list[Example]:
    chance = random.Random(5)
    return [
        Example(
            context=tuple(range(3, 3 + chance.randint(2, 40))),
            blocks=(
                Block(task=0, prefix=(7,), target=tuple(range(9, 9 + chance.randint(1, 12)))),
                Block(task=3, prefix=(8, 5), target=(4, 2)),
            ),
        )
        for _ in range(count)
    ]


def test_every_example_stands_in_exactly_one_batch() -> None:
    examples = _examples(301)
    batches = plan(examples, 400, seed=1)
    assert sorted(index for batch in batches for index in batch) == list(range(301))


def test_no_batch_exceeds_its_tokens() -> None:
    examples = _examples(301)
    for batch in plan(examples, 400, seed=1):
        tensors = collate([examples[index] for index in batch], pad_id=0)
        assert tensors.input_ids.numel() + tensors.decoder_input_ids.numel() <= 400


def test_an_example_longer_than_a_batch_still_gets_one() -> None:
    assert plan(_examples(1), 64, seed=0) == [[0]]


def test_the_plan_is_a_function_of_the_seed() -> None:
    examples = _examples(200)
    assert plan(examples, 400, seed=3) == plan(examples, 400, seed=3)
    assert plan(examples, 400, seed=3) != plan(examples, 400, seed=4)


def test_length_grouping_pads_less_than_chance() -> None:
    examples = _examples(2000)

    def padding(batches: list[list[int]]) -> float:
        tensors = [collate([examples[i] for i in batch], 0) for batch in batches]
        useful = sum(batch.tokens for batch in tensors)
        return useful / sum(b.input_ids.numel() + b.decoder_input_ids.numel() for b in tensors)

    ordered = [list(range(start, min(start + 10, 2000))) for start in range(0, 2000, 10)]
    assert padding(plan(examples, 500, seed=1)) > padding(ordered) + 0.1


def test_batches_are_alike_in_contexts_and_in_decoder_rows() -> None:
    chance = random.Random(11)
    examples = [
        Example(
            context=tuple([3] * chance.randint(20, 200)),
            blocks=(Block(task=0, prefix=(7,), target=tuple([9] * chance.randint(5, 80))),),
        )
        for _ in range(4000)
    ]
    # Alike in contexts alone, a batch's decoder rows would be a third padding.
    for side in ("context", "decoder"):
        useful = padded = 0
        for batch in plan(examples, 2000, seed=1):
            tensors = collate([examples[index] for index in batch], 0)
            grid = tensors.input_ids if side == "context" else tensors.decoder_input_ids
            useful += int((grid != 0).sum())
            padded += grid.numel()
        assert useful / padded > 0.85


def test_collate_lays_blocks_side_by_side_and_labels_only_what_is_written() -> None:
    example = Example(
        context=(3, 4),
        blocks=(
            Block(task=0, prefix=(10,), target=(11, 12)),
            Block(task=3, prefix=(20, 21), target=(22, 23)),
        ),
    )
    batch = collate([example], pad_id=0)
    assert batch.decoder_input_ids.tolist() == [[10, 11, 20, 21, 22]]
    assert batch.labels.tolist() == [[11, 12, IGNORED, 22, 23]]
    assert batch.decoder_block.tolist() == [[0, 0, 1, 1, 1]]
    assert batch.task[batch.labels != IGNORED].tolist() == [0, 0, 3, 3]
    assert batch.tokens == 7


def test_to_moves_every_tensor() -> None:
    moved = collate(_examples(2), 0).to(torch.device("meta"))
    assert {getattr(moved, name).device.type for name in moved.__slots__} == {"meta"}
