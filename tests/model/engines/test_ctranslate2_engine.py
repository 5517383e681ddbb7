import copy
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import T5Config

from model_defs.plug_and_play_t5 import PlugAndPlayT5
from tests.support.plain_automaton import plain_automaton
from todserve.runtime.checkpoint import Checkpoint, load_network
from todserve.runtime.decoding.token_automaton import FREE, REFUSED, TokenAutomaton
from todserve.runtime.engines.ctranslate2.ctranslate2_engine import CTranslate2Engine
from todserve.runtime.engines.ctranslate2.ctranslate2_export import export_ctranslate2
from todserve.runtime.engines.engine import Generation, Row
from todserve.runtime.engines.engine_spec import Dtype
from todserve.runtime.engines.torch.torch_engine import TorchEngine
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.prompts import Exchange, PromptBuilder, PromptInput
from todserve.runtime.language.tasks import DATABASE_TOKENS, TASKS

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "checkpoints" / "korean"
CONTEXT_LENGTHS = (3, 19, 8, 150)  # beyond T5's 128 distances
ENDS = (127, 33, 28)


@pytest.fixture(scope="module")
def network(tiny_checkpoint: Path) -> torch.nn.Module:
    return load_network(tiny_checkpoint, dtype=torch.float32)


@pytest.fixture(scope="module")
def exported(network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export_ctranslate2(network, folder, dtype=Dtype.FLOAT32)
    return folder


@pytest.fixture(scope="module")
def engine(exported: Path) -> CTranslate2Engine:
    return CTranslate2Engine(exported, threads=1)


@pytest.fixture
def contexts() -> list[list[int]]:
    draw = random.Random(5)
    return [[draw.randrange(3, 150) for _ in range(length)] for length in CONTEXT_LENGTHS]


def mixed_rows(ends: tuple[int, ...] = ENDS, most: int = 150) -> list[Row]:
    """Prefixes of one to three tokens, caps of 6 to 17, and end tokens that do come up."""
    draw = random.Random(6)
    return [
        Row(
            context=number % len(CONTEXT_LENGTHS),
            prefix=tuple(draw.randrange(3, most) for _ in range(1 + number % 3)),
            end_id=ends[number % len(ends)],
            max_new_tokens=6 + number,
            temperature=(1.0, 0.7, 1.9)[number % 3],
        )
        for number in range(12)
    ]


def agree(got: list[Generation], expected: list[Generation], tolerance: float = 1e-4) -> None:
    assert [one.ids for one in got] == [one.ids for one in expected]
    for one, other in zip(got, expected, strict=True):
        assert one.finished == other.finished
        assert one.log_probs == pytest.approx(other.log_probs, abs=tolerance)
        assert one.end_log_prob == pytest.approx(other.end_log_prob, abs=tolerance)
        allowed = (*one.allowed_log_probs, one.end_allowed_log_prob)
        expected_allowed = (*other.allowed_log_probs, other.end_allowed_log_prob)
        assert allowed == pytest.approx(expected_allowed, abs=tolerance)


def both(
    network: torch.nn.Module,
    engine: CTranslate2Engine,
    contexts: list[list[int]],
    rows: list[Row],
    automaton: TokenAutomaton | None = None,
) -> tuple[list[Generation], list[Generation]]:
    reference = TorchEngine(copy.deepcopy(network))
    return (
        engine.generate(engine.encode(contexts), rows, automaton),
        reference.generate(reference.encode(contexts), rows, automaton),
    )


@pytest.mark.parametrize("threads", [1, 3, None])
def test_generations_are_the_reference_engines(
    network: torch.nn.Module, exported: Path, contexts: list[list[int]], threads: int | None
) -> None:
    engine = CTranslate2Engine(exported, threads=threads)
    got, expected = both(network, engine, contexts, mixed_rows())
    agree(got, expected)
    # Or nothing was tested: some rows must end by themselves and some by their cap.
    assert {one.finished for one in got} == {True, False}


def test_a_row_writes_the_end_tokens_of_others_and_goes_on(
    network: torch.nn.Module, engine: CTranslate2Engine, contexts: list[list[int]]
) -> None:
    got, expected = both(network, engine, contexts, mixed_rows())
    foreign = [
        set(one.ids) & (set(ENDS) - {row.end_id})
        for row, one in zip(mixed_rows(), got, strict=True)
    ]
    assert any(foreign)
    agree(got, expected)


def test_an_end_token_in_a_prefix_ends_nothing(
    network: torch.nn.Module, engine: CTranslate2Engine, contexts: list[list[int]]
) -> None:
    rows = [
        Row(context=index, prefix=prefix, end_id=ENDS[index % 3], max_new_tokens=9)
        for index, prefix in enumerate([(127, 127), (5, 127), (28, 33, 127), (33,)])
    ]
    got, expected = both(network, engine, contexts, rows)
    assert all(one.ids for one in got)
    agree(got, expected)


def test_generations_are_the_reference_engines_with_few_tokens_to_choose_from(
    tiny_checkpoint: Path, tmp_path: Path, contexts: list[list[int]]
) -> None:
    # So peaked a network comes upon its end tokens at once, the first step included.
    network: Any = load_network(tiny_checkpoint, dtype=torch.float32)
    with torch.no_grad():
        network.shared.weight[20:] *= 0.1
    export_ctranslate2(network, tmp_path, dtype=Dtype.FLOAT32)
    engine = CTranslate2Engine(tmp_path, threads=1)
    found: list[Generation] = []
    for shift in range(0, 18, 3):
        rows = mixed_rows(ends=(2 + shift, 3 + shift, 4 + shift), most=20)
        got, expected = both(network, engine, contexts, rows)
        agree(got, expected)
        found += got
    assert any(one.finished and not one.ids for one in found)
    assert any(one.finished and one.ids for one in found)


@pytest.mark.parametrize(
    "features",
    [
        {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
        {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": True},
        {"layer_norm_epsilon": 1e-2},
        {"d_kv": 6},
        {"d_kv": 16},
        {"num_layers": 4, "num_decoder_layers": 3},
        {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 20},
    ],
    ids=lambda features: ",".join(features),
)
def test_every_kind_of_t5_gives_the_reference_engines_generations(
    features: dict[str, Any], tmp_path: Path, contexts: list[list[int]]
) -> None:
    network = random_network(features)
    export_ctranslate2(network, tmp_path, dtype=Dtype.FLOAT32)
    got, expected = both(network, CTranslate2Engine(tmp_path, threads=1), contexts, mixed_rows())
    agree(got, expected, tolerance=1e-3)
    assert len({token for one in got for token in one.ids}) > 10


def random_network(features: dict[str, Any]) -> PlugAndPlayT5:
    sizes = {"vocab_size": 160, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2}
    sizes |= {"num_decoder_layers": 2, "num_heads": 4, "pad_token_id": 0, "eos_token_id": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = PlugAndPlayT5(T5Config(**(sizes | features)))
    network.train(False)
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            # As initialised, a network repeats one token for ever.
            if "relative_attention_bias" in name:
                tensor.mul_(60)
            elif "layer_norm" not in name and name != "shared.weight":
                tensor.mul_(4)
    return network


def random_automaton(vocabulary: int) -> TokenAutomaton:
    """Four states that allow a fifth of all tokens each, the end tokens always."""
    draw = np.random.default_rng(1)
    table = draw.integers(1, 5, size=(5, vocabulary)).astype(np.int16)
    table[draw.random(table.shape) > 0.2] = REFUSED
    table[:, list(ENDS)] = FREE
    table[FREE] = FREE
    return plain_automaton(table)


def test_constrained_rows_are_the_reference_engines_beside_free_ones(
    network: torch.nn.Module, engine: CTranslate2Engine, contexts: list[list[int]]
) -> None:
    vocabulary = network.get_parameter("shared.weight").shape[0]
    rows = [replace(row, state=number % 5) for number, row in enumerate(mixed_rows())]
    got, expected = both(network, engine, contexts, rows, random_automaton(vocabulary))
    agree(got, expected)
    free, _ = both(network, engine, contexts, mixed_rows())
    differ = [one.ids != other.ids for one, other in zip(got, free, strict=True)]
    assert not any(other for row, other in zip(rows, differ, strict=True) if row.state == FREE)
    assert sum(differ) > 3


def test_a_row_with_a_state_needs_an_automaton_of_the_same_vocabulary(
    engine: CTranslate2Engine,
) -> None:
    row = Row(context=0, prefix=(5,), end_id=1, max_new_tokens=4, state=1)
    encoding = engine.encode([[5, 6]])
    with pytest.raises(ValueError, match="no automaton"):
        engine.generate(encoding, [row])
    with pytest.raises(ConfigError, match="the automaton knows 140 tokens, the network"):
        engine.generate(encoding, [row], random_automaton(140))


@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.INT8])
def test_a_batch_gives_what_each_row_gives_alone(
    network: torch.nn.Module, tmp_path: Path, contexts: list[list[int]], dtype: Dtype
) -> None:
    export_ctranslate2(network, tmp_path, dtype=dtype)
    engine = CTranslate2Engine(tmp_path, threads=1)
    encoding = engine.encode(contexts)
    assert encoding.size == len(contexts)
    together = engine.generate(encoding, mixed_rows())
    agree([engine.generate(encoding, [row])[0] for row in mixed_rows()], together)


@pytest.mark.parametrize("placement", ["tiny_checkpoint", "tiny_pptod_checkpoint"])
def test_prompts_of_both_placements_give_the_reference_engines_generations(
    placement: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    compare_on_prompts(request.getfixturevalue(placement), tmp_path)


def test_a_shipped_t5_gives_the_reference_engines_generations(tmp_path: Path) -> None:
    compare_on_prompts(SHIPPED, tmp_path)


def compare_on_prompts(folder: Path, scratch: Path) -> None:
    checkpoint = Checkpoint.open(folder)
    checkpoint.knowledge.close()
    builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)
    sources = [
        PromptInput(user="i want a cheap place in the north"),
        PromptInput(user="a train to ely on friday after 09:30 please"),
        PromptInput(
            user="yes, book it for 4 people",
            history=(Exchange(user="any indian food?", system="curry garden is in the north."),),
            previous_state={"restaurant": {"food": "indian", "area": "north"}},
        ),
    ]
    contexts: list[list[int]] = []
    rows = []
    for number, source in enumerate(sources):
        for task in TASKS.values():
            token = DATABASE_TOKENS[1 + number]
            contexts.append(list(builder.context(source, task.name, token)))
            rows.append(
                Row(
                    context=len(contexts) - 1,
                    prefix=builder.prefix(task.name, token),
                    end_id=builder.end_id(task.name),
                    max_new_tokens=min(task.max_new_tokens, 40),
                    temperature=checkpoint.calibration.temperature(task.name),
                )
            )
    network = load_network(folder, dtype=torch.float32)
    export_ctranslate2(network, scratch, dtype=Dtype.FLOAT32)
    engine = CTranslate2Engine(scratch, threads=1)
    agree(*both(network, engine, contexts, rows))


def test_int8_mostly_writes_what_float32_does(
    network: torch.nn.Module, engine: CTranslate2Engine, contexts: list[list[int]], tmp_path: Path
) -> None:
    export_ctranslate2(network, tmp_path, dtype=Dtype.INT8)
    rows = mixed_rows()
    small = CTranslate2Engine(tmp_path, threads=1)
    exact = engine.generate(engine.encode(contexts), rows)
    rounded = small.generate(small.encode(contexts), rows)
    first = [one.ids[:1] == other.ids[:1] for one, other in zip(exact, rounded, strict=True)]
    assert sum(first) > len(first) / 2
    assert exact != rounded


def test_an_engine_imports_neither_torch_nor_transformers_and_ends_quietly(exported: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from todserve.runtime.engines.engine import Row\n"
        "from todserve.runtime.engines.ctranslate2.ctranslate2_engine import CTranslate2Engine\n"
        "engine = CTranslate2Engine(Path(sys.argv[1]), threads=2)\n"
        "row = Row(context=0, prefix=(5,), end_id=1, max_new_tokens=4)\n"
        "print(len(engine.generate(engine.encode([[5, 6]]), [row, row])))\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(exported)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n[]\n", "")


def test_no_rows_give_no_generations(engine: CTranslate2Engine, contexts: list[list[int]]) -> None:
    assert engine.generate(engine.encode(contexts), []) == []


@pytest.mark.parametrize("contexts", [[], [[5], []]])
def test_encode_refuses_empty_contexts(
    engine: CTranslate2Engine, contexts: list[list[int]]
) -> None:
    with pytest.raises(ValueError, match="at least one"):
        engine.encode(contexts)


def test_a_token_that_the_network_lacks_is_refused(engine: CTranslate2Engine) -> None:
    # CTranslate2 itself would read another token in its place.
    with pytest.raises(KeyError):
        engine.encode([[5, 100_000]])


def test_an_encoding_of_another_engine_is_refused(
    network: torch.nn.Module, engine: CTranslate2Engine
) -> None:
    other = TorchEngine(copy.deepcopy(network)).encode([[5, 6]])
    row = Row(context=0, prefix=(5,), end_id=1, max_new_tokens=4)
    with pytest.raises(TypeError, match="TorchEncoding; expected CTranslate2Encoding"):
        engine.generate(other, [row])


@pytest.mark.parametrize("damage", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_are_an_error(
    tiny_checkpoint: Path, tmp_path: Path, damage: float
) -> None:
    network = load_network(tiny_checkpoint, dtype=torch.float32)
    with torch.no_grad():
        network.get_parameter("decoder.final_layer_norm.weight")[0] = damage
    export_ctranslate2(network, tmp_path, dtype=Dtype.FLOAT32)
    engine = CTranslate2Engine(tmp_path, threads=1)
    row = Row(context=0, prefix=(5,), end_id=1, max_new_tokens=4)
    with pytest.raises(ConfigError, match=r"not finite; verify .* float32"):
        engine.generate(engine.encode([[5, 6]]), [row])


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ctranslate2/model\.bin; `tod export"):
        CTranslate2Engine(tmp_path)


def test_a_damaged_model_is_named(exported: Path, tmp_path: Path) -> None:
    own = tmp_path / "ctranslate2"
    own.mkdir()
    for path in (exported / "ctranslate2").iterdir():
        (own / path.name).write_bytes(path.read_bytes()[: 1000 if path.suffix == ".bin" else None])
    with pytest.raises(ConfigError, match=r"cannot load .*model\.bin: .*export the checkpoint"):
        CTranslate2Engine(tmp_path)
