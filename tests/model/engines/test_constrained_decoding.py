"""Constrained decoding with a real network: exact in any batch, and free rows stay as they were."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.plain_automaton import plain_automaton
from todserve.runtime.checkpoint import Checkpoint, load_network
from todserve.runtime.decoding.constraint import build_automaton
from todserve.runtime.decoding.token_automaton import FREE, REFUSED, TokenAutomaton
from todserve.runtime.engines.engine import Generation, Row
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.engines.torch.torch_engine import TorchEngine
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tasks import TASKS, TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import TurnResponse, encode

CONTEXT_LENGTHS = (3, 19, 8, 40)


@pytest.fixture
def network(tiny_checkpoint: Path) -> torch.nn.Module:
    return load_network(tiny_checkpoint, dtype=torch.float32)


@pytest.fixture
def automaton(opened: Checkpoint) -> TokenAutomaton:
    return build_automaton(opened)


@pytest.fixture
def contexts() -> list[list[int]]:
    draw = random.Random(5)
    return [[draw.randrange(3, 150) for _ in range(length)] for length in CONTEXT_LENGTHS]


def rows_of_all_kinds(checkpoint: Checkpoint, automaton: TokenAutomaton) -> list[Row]:
    """Each task constrained and free, prefixes of one and two tokens, two temperatures."""
    one = checkpoint.tokenizer.token_id
    return [
        Row(
            context=number % len(CONTEXT_LENGTHS),
            prefix=(one(TASKS[task].start_token), *((one("[db_1]"),) if number % 3 else ())),
            end_id=one(TASKS[task].end_token),
            max_new_tokens=9 + number,
            temperature=(1.0, 1.7)[number % 2],
            state=automaton.starts[task] if constrained else FREE,
        )
        for number, (task, constrained) in enumerate(
            (task, constrained)
            for task in TaskName
            for constrained in (True, False, True, True, False)
        )
    ]


def whole(row: Row, generation: Generation) -> list[int]:
    return [*generation.ids, *([row.end_id] if generation.finished else [])]


def test_batch_gives_what_each_row_gives_alone(
    network: torch.nn.Module,
    contexts: list[list[int]],
    opened: Checkpoint,
    automaton: TokenAutomaton,
) -> None:
    engine = TorchEngine(network)
    rows = rows_of_all_kinds(opened, automaton)
    random.Random(9).shuffle(rows)
    together = engine.generate(engine.encode(contexts), rows, automaton)
    for row, expected in zip(rows, together, strict=True):
        encoding = engine.encode([contexts[row.context]])
        (alone,) = engine.generate(encoding, [replace(row, context=0)], automaton)
        assert alone.ids == expected.ids
        assert alone.log_probs == pytest.approx(expected.log_probs, abs=2e-4)
        assert alone.end_log_prob == pytest.approx(expected.end_log_prob, abs=2e-4)
        assert alone.allowed_log_probs == pytest.approx(expected.allowed_log_probs, abs=2e-4)
        assert alone.end_allowed_log_prob == pytest.approx(expected.end_allowed_log_prob, abs=2e-4)


def test_free_rows_write_the_same_with_and_without_an_automaton(
    network: torch.nn.Module,
    contexts: list[list[int]],
    opened: Checkpoint,
    automaton: TokenAutomaton,
) -> None:
    engine = TorchEngine(network)
    encoding = engine.encode(contexts)
    rows = rows_of_all_kinds(opened, automaton)
    mixed = engine.generate(encoding, rows, automaton)
    free = [row for row in rows if row.state == FREE]
    for got, expected, unused in zip(
        [one for row, one in zip(rows, mixed, strict=True) if row.state == FREE],
        engine.generate(encoding, free),
        engine.generate(encoding, free, automaton),
        strict=True,
    ):
        assert got.ids == expected.ids == unused.ids
        assert got.log_probs == pytest.approx(expected.log_probs, abs=2e-4)
        assert {*got.allowed_log_probs, got.end_allowed_log_prob} == {0.0}
        assert expected == unused


def test_each_step_takes_the_likeliest_allowed_token_and_tells_both_probabilities(
    network: torch.nn.Module,
    contexts: list[list[int]],
    opened: Checkpoint,
    automaton: TokenAutomaton,
) -> None:
    engine = TorchEngine(network)
    rows = [row for row in rows_of_all_kinds(opened, automaton) if row.state != FREE]
    got = engine.generate(engine.encode(contexts), rows, automaton)
    forced = 0
    for row, generation in zip(rows, got, strict=True):
        written = whole(row, generation)
        with torch.inference_mode():
            logits = network(
                input_ids=torch.tensor([contexts[row.context]]),
                decoder_input_ids=torch.tensor([[*row.prefix, *written[:-1]]]),
            ).logits[0, len(row.prefix) - 1 :]
        log_probs = torch.log_softmax(logits.double() / row.temperature, dim=-1).numpy()
        own = [*generation.log_probs, *([generation.end_log_prob] * generation.finished)]
        shares = [*generation.allowed_log_probs]
        shares += [generation.end_allowed_log_prob] * generation.finished
        state = row.state
        for step, token in enumerate(written):
            allowed = automaton.allowed(state)
            assert token == allowed[log_probs[step, allowed].argmax()]
            assert own[step] == pytest.approx(log_probs[step, token], abs=2e-4)
            mass = np.logaddexp.reduce(log_probs[step, allowed])
            assert shares[step] == pytest.approx(min(mass, 0), abs=2e-4)
            forced += int(token != log_probs[step].argmax())
            state = automaton.after(state, [token])
        assert (state == FREE) is generation.finished
    assert forced > len(rows)  # or the constraint did nothing


def test_a_sequence_that_ends_by_itself_is_understood_whole(
    network: torch.nn.Module,
    contexts: list[list[int]],
    opened: Checkpoint,
    automaton: TokenAutomaton,
) -> None:
    engine = TorchEngine(network)
    encoding = engine.encode(contexts)
    one = opened.tokenizer.token_id
    ended = 0
    for task in TaskName:
        rows = [
            Row(
                context=context,
                prefix=(one(TASKS[task].start_token), prefix),
                end_id=one(TASKS[task].end_token),
                max_new_tokens=TASKS[task].max_new_tokens,
                state=automaton.starts[task],
            )
            for context in range(len(CONTEXT_LENGTHS))
            for prefix in range(20, 40)
        ]
        for generation in engine.generate(encoding, rows, automaton):
            if generation.finished:
                ended += 1
                text = opened.tokenizer.decode(generation.ids)
                assert TASKS[task].parse(text, opened.schema).unparsed == (), text
    assert ended > 100


def test_a_cap_cuts_where_it_comes(
    network: torch.nn.Module,
    contexts: list[list[int]],
    opened: Checkpoint,
    automaton: TokenAutomaton,
) -> None:
    engine = TorchEngine(network)
    one = opened.tokenizer.token_id
    row = Row(
        context=0,
        prefix=(one("<sos_d>"),),
        end_id=one("<eos_d>"),
        max_new_tokens=2,  # of an intent that takes more pieces
        state=automaton.starts[TaskName.INTENT],
    )
    (cut,) = engine.generate(engine.encode(contexts), [row], automaton)
    assert len(cut.ids) == 2
    assert not cut.finished
    assert cut.end_allowed_log_prob == 0
    assert automaton.after(row.state, cut.ids) not in (FREE, REFUSED)
    parsed = TASKS[TaskName.INTENT].parse(opened.tokenizer.decode(cut.ids), opened.schema)
    assert (parsed.intent, len(parsed.unparsed)) == (None, 1)


def test_a_state_without_an_automaton_is_an_error(network: torch.nn.Module) -> None:
    engine = TorchEngine(network)
    row = Row(context=0, prefix=(5,), end_id=1, max_new_tokens=4, state=1)
    with pytest.raises(ValueError, match="given no automaton"):
        engine.generate(engine.encode([[5, 6]]), [row])


def test_an_automaton_of_another_vocabulary_is_refused(network: torch.nn.Module) -> None:
    engine = TorchEngine(network)
    row = Row(context=0, prefix=(5,), end_id=1, max_new_tokens=4, state=1)
    other = plain_automaton(np.zeros((2, 7), dtype=np.int16))
    with pytest.raises(ConfigError, match="the automaton knows 7 tokens, the network"):
        engine.generate(engine.encode([[5, 6]]), [row], other)


REQUESTS = [
    parse_request({"user": "I want a train to Ely"}),
    parse_request({"user": "thanks", "history": [{"user": "a train", "system": "where to?"}]}),
]


def test_a_constrained_pipeline_tells_both_confidences_and_a_free_one_as_before(
    each_tiny_checkpoint: Path,
) -> None:
    settings = EngineSettings(threads=1)
    held = Pipeline.load(each_tiny_checkpoint, settings=settings, constrained=True)
    free = Pipeline.load(each_tiny_checkpoint, settings=settings)
    for answer, usual in zip(held.answer(REQUESTS), free.answer(REQUESTS), strict=True):
        assert isinstance(answer, TurnResponse)
        assert isinstance(usual, TurnResponse)
        assert "unconstrained" not in encode(usual)
        assert encode(answer).keys() == {*encode(usual), "unconstrained"}
        assert answer.intent is not None
        assert answer.intent.name in held.checkpoint.schema.intents
        assert answer.unconstrained is not None
        assert answer.intent.confidence is not None
        assert answer.unconstrained.intent is not None
        # Of random weights: the schema's names had next to nothing of the probability.
        assert answer.unconstrained.intent < answer.intent.confidence / 1000
