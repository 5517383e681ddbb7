import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import T5Config, T5ForConditionalGeneration

from tests.support.plain_automaton import plain_automaton
from todserve.runtime.checkpoint import Checkpoint, load_network
from todserve.runtime.decoding.questions import Question, Questions
from todserve.runtime.decoding.token_automaton import FREE, REFUSED
from todserve.runtime.engines.engine import Engine, Generation, Row
from todserve.runtime.engines.engine_spec import Dtype
from todserve.runtime.engines.torch.torch_engine import TorchEngine
from todserve.runtime.engines.torchscript.torchscript_engine import TorchScriptEngine
from todserve.runtime.engines.torchscript.torchscript_export import export_torchscript
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.language.prompts import Exchange, PromptBuilder, PromptInput
from todserve.runtime.language.tasks import TASKS

SHIPPED = Path(__file__).resolve().parents[3] / "checkpoints" / "multiwoz"
CONTEXT_LENGTHS = (3, 19, 8, 40)
VOCABULARY = 150

RANDOM_TOLERANCE = 1e-3
"""Of log-probabilities: logits of the random networks go into the tens, and so do roundings."""

Exporting = Callable[..., TorchScriptEngine]


@pytest.fixture
def exported(tmp_path: Path) -> Exporting:
    def export(network: torch.nn.Module, dtype: Dtype = Dtype.FLOAT32) -> TorchScriptEngine:
        export_torchscript(network, tmp_path, dtype=dtype)
        return TorchScriptEngine(tmp_path)

    return export


@pytest.fixture
def network(tiny_checkpoint: Path) -> torch.nn.Module:
    return load_network(tiny_checkpoint, dtype=torch.float32)


@pytest.fixture
def contexts() -> list[list[int]]:
    draw = random.Random(5)
    return [[draw.randrange(3, VOCABULARY) for _ in range(length)] for length in CONTEXT_LENGTHS]


def mixed_rows(count: int = 12) -> list[Row]:
    """Rows that differ in context, prefix length, end token, cap and temperature."""
    draw = random.Random(6)
    return [
        Row(
            context=number % len(CONTEXT_LENGTHS),
            prefix=tuple(draw.randrange(3, VOCABULARY) for _ in range(1 + number % 3)),
            end_id=(127, 33, 28)[number % 3],
            max_new_tokens=6 + number,
            temperature=(1.0, 1.7)[number % 2],
        )
        for number in range(count)
    ]


def assert_same(
    got: list[Generation], expected: list[Generation], tolerance: float = RANDOM_TOLERANCE
) -> None:
    assert [one.ids for one in got] == [one.ids for one in expected]
    assert [one.finished for one in got] == [one.finished for one in expected]
    for mine, reference in zip(got, expected, strict=True):
        assert mine.log_probs == pytest.approx(reference.log_probs, abs=tolerance)
        assert mine.end_log_prob == pytest.approx(reference.end_log_prob, abs=tolerance)


def assert_follows_the_reference(
    network: torch.nn.Module, engine: Engine, contexts: list[list[int]], rows: list[Row]
) -> list[Generation]:
    reference = TorchEngine(network)
    expected = reference.generate(reference.encode(contexts), rows)
    got = engine.generate(engine.encode(contexts), rows)
    assert_same(got, expected)
    return got


def random_t5(**changes: Any) -> T5ForConditionalGeneration:
    """A T5 that wanders: as initialised, one repeats a token for ever."""
    sizes: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 64,
        "num_layers": 2,
        "num_heads": 4,
        "pad_token_id": 0,
        "eos_token_id": 1,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = T5ForConditionalGeneration(T5Config(**{**sizes, **changes}))
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if "relative_attention_bias" in name:
                tensor.mul_(60)
            elif "layer_norm" not in name and name != "shared.weight":
                tensor.mul_(4)
    network.eval()
    return network


def test_rows_that_differ_in_everything_become_the_references_ids(
    network: torch.nn.Module, exported: Exporting, contexts: list[list[int]]
) -> None:
    got = assert_follows_the_reference(network, exported(network), contexts, mixed_rows())
    # Or nothing was tested: some rows must end by themselves and some by their cap.
    assert {one.finished for one in got} == {True, False}


@pytest.mark.parametrize(
    "changes",
    [
        {"num_layers": 3, "d_kv": 6},
        {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
        {"feed_forward_proj": "gated-relu"},
    ],
    ids=["three layers and heads narrower than the model", "v1.1", "gated relu"],
)
def test_other_t5s_become_the_references_ids(
    exported: Exporting, contexts: list[list[int]], changes: dict[str, Any]
) -> None:
    network = random_t5(**changes)
    got = assert_follows_the_reference(network, exported(network), contexts, mixed_rows())
    assert len({one.ids for one in got}) > 6


def test_positions_far_apart_become_the_references_ids(exported: Exporting) -> None:
    # Beyond the farthest distance with a bias of its own (128), and often beyond the room that
    # keys and values are given at first.
    draw = random.Random(8)
    contexts = [[draw.randrange(3, VOCABULARY) for _ in range(length)] for length in (150, 9)]
    rows = [
        Row(context=number, prefix=(5, 9), end_id=VOCABULARY, max_new_tokens=140)
        for number in range(2)
    ]
    network = random_t5()
    got = assert_follows_the_reference(network, exported(network), contexts, rows)
    assert [len(one.ids) for one in got] == [140, 140]


def test_a_batch_gives_what_each_row_gives_alone(
    network: torch.nn.Module, exported: Exporting, contexts: list[list[int]]
) -> None:
    engine = exported(network)
    rows = mixed_rows(30)
    together = engine.generate(engine.encode(contexts), rows)
    alone = [
        engine.generate(engine.encode([contexts[row.context]]), [replace(row, context=0)])[0]
        for row in rows
    ]
    assert_same(together, alone)


def real_questions() -> list[Question]:
    state: BeliefState = {"restaurant": {"food": "italian", "area": "centre"}}
    sources = [
        PromptInput(user="i am looking for a cheap italian restaurant in the centre of town"),
        PromptInput(
            user="yes please, for 4 people. what is their phone number?",
            history=(Exchange(user="italian food in the centre", system="shall i book a table?"),),
            previous_state=state,
        ),
        PromptInput(
            user="thanks. i also need a train to ely on friday, leaving after 13:15",
            history=(
                Exchange(user="italian food in the centre", system="shall i book a table?"),
                Exchange(user="not now", system="is there anything else i can help you with?"),
            ),
            previous_state=state,
        ),
    ]
    return [
        Question(
            source=source,
            task=task,
            database_token="[db_2]" if TASKS[task].needs_database else None,  # noqa: S106
        )
        for source in sources
        for task in TASKS
    ]


def answers(folder: Path, engine: Engine) -> list[Generation]:
    opened = Checkpoint.open(folder)
    builder = PromptBuilder(opened.tokenizer, opened.format, opened.schema)
    return Questions(engine, builder, opened.calibration).ask(real_questions())


def test_prompts_in_encoder_and_decoder_become_the_references_ids(
    each_tiny_checkpoint: Path, exported: Exporting
) -> None:
    network = load_network(each_tiny_checkpoint, dtype=torch.float32)
    assert_same(
        answers(each_tiny_checkpoint, exported(network)),
        answers(each_tiny_checkpoint, TorchEngine(network)),
    )


def test_the_shipped_checkpoint_answers_as_the_reference_does(exported: Exporting) -> None:
    network = load_network(SHIPPED, dtype=torch.float32)
    got = answers(SHIPPED, exported(network))
    assert_same(got, answers(SHIPPED, TorchEngine(network)), tolerance=1e-4)
    assert all(one.finished for one in got)


def test_the_shipped_checkpoint_in_int8_answers_much_as_the_reference_does(
    exported: Exporting, tmp_path: Path
) -> None:
    network = load_network(SHIPPED, dtype=torch.float32)
    got = answers(SHIPPED, exported(network, Dtype.INT8))
    expected = answers(SHIPPED, TorchEngine(network))
    same = [mine.ids == other.ids for mine, other in zip(got, expected, strict=True)]
    assert sum(same) >= 0.5 * len(same)
    assert any(
        mine.log_probs != pytest.approx(other.log_probs, abs=1e-4)
        for mine, other in zip(got, expected, strict=True)
    )
    (model,) = (tmp_path / "torchscript").iterdir()
    weights = sum(tensor.numel() for tensor in network.parameters())
    assert model.stat().st_size < 2.2 * weights  # both embeddings stay in fp32


def test_constrained_rows_choose_among_the_allowed_tokens_as_the_reference_does(
    network: torch.nn.Module, exported: Exporting, contexts: list[list[int]]
) -> None:
    size = network.get_parameter("shared.weight").shape[0]
    draw = np.random.default_rng(4)
    table = np.where(draw.random((4, size)) < 0.2, draw.integers(1, 4, (4, size)), REFUSED)
    table[:, [127, 33, 28]] = FREE
    table[FREE] = FREE
    automaton = plain_automaton(table.astype(np.int16))
    rows = [replace(row, state=number % 4) for number, row in enumerate(mixed_rows(20))]
    reference, engine = TorchEngine(network), exported(network)
    expected = reference.generate(reference.encode(contexts), rows, automaton)
    got = engine.generate(engine.encode(contexts), rows, automaton)
    assert_same(got, expected)
    for row, mine, other in zip(rows, got, expected, strict=True):
        assert mine.allowed_log_probs == pytest.approx(
            other.allowed_log_probs, abs=RANDOM_TOLERANCE
        )
        assert mine.end_allowed_log_prob == pytest.approx(
            other.end_allowed_log_prob, abs=RANDOM_TOLERANCE
        )
        assert automaton.after(row.state, mine.ids) != REFUSED
    free = engine.generate(engine.encode(contexts), [replace(row, state=FREE) for row in rows])
    assert [one.ids for one in free] != [one.ids for one in got]


def test_no_rows_give_no_generations(
    network: torch.nn.Module, exported: Exporting, contexts: list[list[int]]
) -> None:
    engine = exported(network)
    encoding = engine.encode(contexts)
    assert encoding.size == len(contexts)
    assert engine.generate(encoding, []) == []


@pytest.mark.parametrize("contexts", [[], [[5], []]])
def test_encode_refuses_empty_contexts(
    network: torch.nn.Module, exported: Exporting, contexts: list[list[int]]
) -> None:
    with pytest.raises(ValueError, match="at least one"):
        exported(network).encode(contexts)


def test_generate_refuses_what_does_not_belong_to_it(
    network: torch.nn.Module, exported: Exporting
) -> None:
    engine = exported(network)
    row = Row(context=0, prefix=(5,), end_id=1, max_new_tokens=4)
    with pytest.raises(TypeError, match="TorchEncoding; expected TorchScriptEncoding"):
        engine.generate(TorchEngine(network).encode([[5]]), [row])
    bound = replace(row, state=1)
    with pytest.raises(ValueError, match="no automaton"):
        engine.generate(engine.encode([[5]]), [bound])
    other = plain_automaton(np.zeros((2, 7), dtype=np.int16))
    with pytest.raises(ConfigError, match="knows 7 tokens, the network"):
        engine.generate(engine.encode([[5]]), [bound], other)


@pytest.mark.parametrize("damage", [float("nan"), float("inf")])
def test_probabilities_that_are_not_finite_are_an_error(
    network: torch.nn.Module, exported: Exporting, damage: float
) -> None:
    with torch.no_grad():
        network.get_parameter("decoder.final_layer_norm.weight")[0] = damage
    engine = exported(network)
    with pytest.raises(ConfigError, match="not finite"):
        engine.generate(
            engine.encode([[5, 6]]), [Row(context=0, prefix=(5,), end_id=1, max_new_tokens=4)]
        )


def test_a_missing_or_damaged_module_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="model.pt; `tod export --format torchscript`"):
        TorchScriptEngine(tmp_path)
    (tmp_path / "torchscript").mkdir()
    (tmp_path / "torchscript" / "model.pt").write_bytes(b"PK no archive")
    with pytest.raises(
        ConfigError, match=r"cannot load .*model\.pt: .*export the checkpoint again"
    ):
        TorchScriptEngine(tmp_path)


class Overwriting(torch.nn.Module):
    """Its code overwrites a file while PyTorch loads it, and again when it runs."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.kept = torch.zeros(1)

    @torch.jit.export
    def __getstate__(self) -> tuple[str, torch.Tensor, bool]:
        return (self.path, self.kept, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[str, torch.Tensor, bool]) -> None:
        self.path = state[0]
        self.kept = torch.from_file(self.path, True, 4096, dtype=torch.uint8).fill_(65)
        self.training = state[2]

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return given + torch.from_file(self.path, True, 4096, dtype=torch.uint8).fill_(66)


@pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated")
def test_a_module_whose_code_would_write_a_file_is_refused_before_any_of_it_runs(
    tmp_path: Path,
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    stranger = tmp_path / "torchscript" / "model.pt"
    stranger.parent.mkdir()
    torch.jit.script(Overwriting(str(victim))).save(str(stranger))
    with pytest.raises(ConfigError, match="got a call of 'torch.from_file'"):
        TorchScriptEngine(tmp_path)
    assert victim.read_text() == "mine"
    torch.jit.load(str(stranger))  # so the test could fail
    assert victim.read_text() != "mine"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.json", b"{}"),  # where PyTorch 1.0 kept it
        ("code/model.txt", b""),
        ("code/__torch__/more.py", b"def f(x: str):\n  return x.from_file(True, 9)\n"),
        ("code/__torch__/more.py", b"def f(x: str):\n  return getattr(x, 'from_file')(True, 9)\n"),
        (
            "code/__torch__/more.py",
            b"g = torch.from_file\ndef f(x: str):\n  return g(x, True, 9)\n",
        ),
        ("code/__torch__/more.py", b"x = 1 # \r y"),
        ("code/__torch__/more.py", b"x = " + b"(" * 5000),
        ("CODE/__torch__.py", b""),
        ("DATA.pkl", b""),
    ],
)
def test_a_module_with_code_elsewhere_or_in_disguise_is_refused(
    network: torch.nn.Module, exported: Exporting, tmp_path: Path, name: str, content: bytes
) -> None:
    exported(network)
    with zipfile.ZipFile(tmp_path / "torchscript" / "model.pt", "a") as module:
        folder = module.namelist()[0].partition("/")[0]
        module.writestr(f"{folder}/{name}", content)
    with pytest.raises(ConfigError, match="export the checkpoint again"):
        TorchScriptEngine(tmp_path)


def test_a_worker_with_the_engine_imports_no_transformers(
    network: torch.nn.Module, exported: Exporting, tmp_path: Path
) -> None:
    exported(network)
    program = (
        "import sys; from pathlib import Path\n"
        "from todserve.runtime.engines.engine import Row\n"
        "from todserve.runtime.engines.torchscript.torchscript_engine import TorchScriptEngine\n"
        "engine = TorchScriptEngine(Path(sys.argv[1]), threads=1)\n"
        "row = Row(context=0, prefix=(5,), end_id=1, max_new_tokens=4)\n"
        "print(len(engine.generate(engine.encode([[5, 6]]), [row])[0].ids))\n"
        "print([name for name in sys.modules if name.startswith('transformers')])\n"
        "print([name for name in sys.modules if name.startswith('todserve') and '_export' in name])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=SHIPPED.parents[1],
    )
    assert done.stdout.split("\n")[1:3] == ["[]", "[]"]
    assert done.stderr == ""
