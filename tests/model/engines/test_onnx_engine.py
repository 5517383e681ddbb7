"""The ONNX engine against the reference: same ids, same probabilities, whatever the batch."""

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from transformers import T5Config

from model_defs.bert_encoder_t5 import BertEncoderT5
from model_defs.plug_and_play_t5 import PlugAndPlayT5
from tests.support.plain_automaton import plain_automaton
from todserve.runtime.checkpoint import load_network
from todserve.runtime.decoding.drafts import DRAFTS_FILE, Drafts
from todserve.runtime.decoding.shortlist import SHORTLIST_FILE, Shortlist
from todserve.runtime.decoding.token_automaton import FREE, REFUSED, TokenAutomaton
from todserve.runtime.engines.engine import Engine, Generation, Row, states_of
from todserve.runtime.engines.engine_export import export_checkpoint
from todserve.runtime.engines.engine_spec import Dtype, EngineName
from todserve.runtime.engines.onnx.onnx_engine import OnnxEngine
from todserve.runtime.engines.onnx.onnx_export import export_onnx
from todserve.runtime.engines.torch.torch_engine import TorchEngine
from todserve.runtime.errors import ConfigError
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import TurnResponse

VOCABULARY = 97
END = 1


def network_of(**settings: Any) -> PlugAndPlayT5 | BertEncoderT5:
    config = T5Config(
        vocab_size=VOCABULARY,
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_decoder_layers=2,
        num_heads=4,
        dropout_rate=0.0,
        **settings,
    )
    torch.manual_seed(3)
    kind = BertEncoderT5 if "encoder_config" in settings else PlugAndPlayT5
    network = kind(config)
    network.train(False)
    with torch.no_grad():  # larger weights, so that rows differ and end at different times
        for parameter in network.parameters():
            parameter.mul_(1.7)
    return network


BERT = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 40,
    "max_position_embeddings": 160,
    "type_vocab_size": 1,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}

NETWORKS: dict[str, dict[str, Any]] = {
    "tied, relu": {},
    "BERT encoder": {"encoder_config": BERT, "scale_decoder_outputs": False},
    "T5 v1.1: untied, gated": {
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
        "scale_decoder_outputs": False,
    },
    "short reach": {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 12},
}


@pytest.fixture(scope="module", params=NETWORKS, ids=str)
def engines(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TorchEngine, OnnxEngine]:
    network = network_of(**NETWORKS[request.param])
    folder = tmp_path_factory.mktemp("onnx")
    export_onnx(network, folder, dtype=Dtype.FLOAT32)
    return TorchEngine(network), OnnxEngine(folder, threads=1)


def contexts(*lengths: int) -> list[list[int]]:
    random = np.random.default_rng(11)
    return [random.integers(2, VOCABULARY, size=length).tolist() for length in lengths]


def row(context: int = 0, *, prefix: Sequence[int] = (5,), cap: int = 12, **more: Any) -> Row:
    return Row(context=context, prefix=tuple(prefix), end_id=END, max_new_tokens=cap, **more)


def assert_same(
    found: Sequence[Generation], expected: Sequence[Generation], *, within: float = 1e-4
) -> None:
    assert [one.ids for one in found] == [one.ids for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.finished == other.finished
        for name in ("log_probs", "allowed_log_probs", "end_allowed_log_prob"):
            near = pytest.approx(getattr(other, name), abs=within, rel=1e-5)
            assert getattr(one, name) == near
        if other.end_log_prob is not None:
            assert one.end_log_prob == pytest.approx(other.end_log_prob, abs=within, rel=1e-5)


def both(
    engines: tuple[Engine, Engine],
    texts: Sequence[Sequence[int]],
    rows: Sequence[Row],
    automaton: TokenAutomaton | None = None,
) -> tuple[list[Generation], list[Generation]]:
    expected, found = (engine.generate(engine.encode(texts), rows, automaton) for engine in engines)
    return found, expected


def test_the_encoder_shows_the_reference_s_states_whatever_goes_together(
    engines: tuple[TorchEngine, OnnxEngine],
) -> None:
    texts = contexts(7, 70, 9)
    expected, found = (states_of(engine.encode(texts)) for engine in engines)
    assert expected is not None
    assert found is not None
    for place, text in enumerate(texts):
        assert found[place, : len(text)] == pytest.approx(
            expected[place, : len(text)], abs=1e-3, rel=1e-3
        )


def test_rows_of_all_kinds_in_one_batch_come_out_as_the_reference_s(
    engines: tuple[TorchEngine, OnnxEngine],
) -> None:
    rows = [
        row(0, prefix=(5,)),
        row(2, prefix=(6, 7), cap=40),
        row(1, prefix=(8, 9, 10), cap=3),
        row(0, prefix=(11,), temperature=0.6),
        row(3, prefix=(12, 13), temperature=2.5, cap=25),
        row(3, prefix=(14,), cap=1),
    ]
    found, expected = both(engines, contexts(3, 40, 17, 130), rows)
    assert_same(found, expected)
    assert len({len(one.ids) for one in found}) > 1


def test_a_row_ends_at_its_own_token_and_no_other_s(
    engines: tuple[TorchEngine, OnnxEngine],
) -> None:
    texts = contexts(20)
    free = engines[1].generate(engines[1].encode(texts), [row(cap=8)])[0]
    third = free.ids[2]
    rows = [
        Row(context=0, prefix=(5,), end_id=third, max_new_tokens=8),
        row(cap=8),
    ]
    ended, whole = engines[1].generate(engines[1].encode(texts), rows)
    assert ended.finished
    assert ended.ids == free.ids[: free.ids.index(third)]
    assert_same([whole], [free])


def test_each_row_is_what_it_would_be_alone(engines: tuple[TorchEngine, OnnxEngine]) -> None:
    engine = engines[1]
    texts = contexts(9, 33, 70, 12)
    rows = [row(index, prefix=(5 + index,), cap=4 + 9 * index) for index in range(4)]
    together = engine.generate(engine.encode(texts), rows)
    for index, one in enumerate(rows):
        alone = engine.generate(engine.encode([texts[index]]), [_at(one, 0)])
        assert_same(alone, [together[index]])


def _at(one: Row, context: int) -> Row:
    return Row(
        context=context,
        prefix=one.prefix,
        end_id=one.end_id,
        max_new_tokens=one.max_new_tokens,
        state=one.state,
    )


def automaton_of(allowed: int) -> TokenAutomaton:
    """Three constrained states; each allows some random tokens, and the end only in the last."""
    random = np.random.default_rng(allowed)
    table = np.full((4, VOCABULARY), REFUSED, dtype=np.int16)
    table[FREE] = FREE
    for state in (1, 2, 3):
        tokens = random.choice(np.arange(2, VOCABULARY), size=allowed, replace=False)
        table[state, tokens] = random.integers(1, 4, size=allowed)
    table[3, END] = FREE
    return plain_automaton(table, starts={"any": 1})


def test_constrained_and_free_rows_in_one_batch_come_out_as_the_reference_s(
    engines: tuple[TorchEngine, OnnxEngine],
) -> None:
    automaton = automaton_of(6)
    rows = [
        row(0, state=1),
        row(1),
        row(1, state=2, prefix=(6, 7), cap=30),
        row(0, state=3, temperature=0.5),
    ]
    found, expected = both(engines, contexts(15, 28), rows, automaton)
    assert_same(found, expected)
    for one, asked in zip(found, rows, strict=True):
        state = automaton.after(asked.state, one.ids)
        assert state != REFUSED
    assert max(found[0].allowed_log_probs) < 0
    assert found[1].allowed_log_probs == pytest.approx([0.0] * len(found[1].ids), abs=1e-5)


@pytest.mark.parametrize("network_name", ["BERT encoder", "short reach"])
def test_drafts_change_no_generation(network_name: str, tmp_path: Path) -> None:
    network = network_of(**NETWORKS[network_name])
    export_onnx(network, tmp_path, dtype=Dtype.FLOAT32)
    automaton = automaton_of(6)
    rows = [row(0, state=1), row(1, cap=30), row(1, state=2, prefix=(6, 7)), row(0, cap=5)]
    reference = TorchEngine(network)
    expected = reference.generate(reference.encode(contexts(15, 28)), rows, automaton)
    written = [[*one.prefix, *found.ids] for one, found in zip(rows, expected, strict=True)]
    random = np.random.default_rng(4)
    wrong: dict[tuple[int, ...], int] = {
        (token,): int(random.integers(VOCABULARY)) for token in range(VOCABULARY)
    }
    for drafts in (Drafts.counted(written, least=1), Drafts(wrong)):
        drafts.save(tmp_path / DRAFTS_FILE)
        engine = OnnxEngine(tmp_path, threads=1)
        found = engine.generate(engine.encode(contexts(15, 28)), rows, automaton)
        # With weights this large, single precision knows the logits to a few ten-thousandths.
        assert_same(found, expected, within=1e-3)


SHORT = tuple(range(2, VOCABULARY, 7))


@pytest.mark.parametrize("network_name", NETWORKS, ids=str)
def test_a_shortlist_writes_its_tokens_and_those_of_the_row_s_own_context_alone(
    network_name: str, tmp_path: Path
) -> None:
    network = network_of(**NETWORKS[network_name])
    Shortlist(ids=SHORT).save(tmp_path / SHORTLIST_FILE)
    export_onnx(network, tmp_path, dtype=Dtype.FLOAT32)
    texts = contexts(9, 6)
    # The reference is told in its own way: by a state for each context that refuses the rest.
    table = np.full((3, VOCABULARY), REFUSED, dtype=np.int16)
    table[FREE] = FREE
    for state, text in enumerate(texts, start=1):
        table[state, [*SHORT, *text]] = state
        table[state, END] = FREE
    rows = [row(0, cap=30), row(1, prefix=(6, 7), cap=30), row(1, cap=9), row(0, temperature=0.5)]
    held = [replace(one, state=one.context + 1) for one in rows]
    automaton = plain_automaton(table)
    reference, engine = TorchEngine(network), OnnxEngine(tmp_path, threads=1)
    expected = reference.generate(reference.encode(texts), held, automaton)
    found = engine.generate(engine.encode(texts), rows)
    for one, other in zip(found, expected, strict=True):
        assert (one.ids, one.finished) == (other.ids, other.finished)
        among = np.subtract(other.log_probs, other.allowed_log_probs).tolist()
        assert one.log_probs == pytest.approx(among, abs=1e-3)
    alone = [
        engine.generate(engine.encode([texts[one.context]]), [replace(one, context=0)])[0]
        for one in rows
    ]
    assert [one.ids for one in alone] == [one.ids for one in found]
    assert {token for one in found for token in one.ids} - set(SHORT)


def test_under_a_shortlist_a_label_can_be_written_that_no_target_had(tmp_path: Path) -> None:
    network = network_of()
    Shortlist(ids=SHORT).save(tmp_path / SHORTLIST_FILE)
    export_onnx(network, tmp_path, dtype=Dtype.FLOAT32)
    new = next(token for token in range(2, VOCABULARY) if token not in SHORT)
    text = [token for token in contexts(9)[0] if token != new]
    table = np.full((3, VOCABULARY), REFUSED, dtype=np.int16)
    table[FREE] = FREE
    table[1, new] = 2
    table[2, END] = FREE
    automaton = plain_automaton(table)
    engines = TorchEngine(network), OnnxEngine(tmp_path, threads=1)
    found, expected = both(engines, [text], [row(state=1)], automaton)
    assert found[0].ids == expected[0].ids == (new,)
    assert found[0].finished


def test_a_state_without_an_automaton_is_refused(
    engines: tuple[TorchEngine, OnnxEngine],
) -> None:
    engine = engines[1]
    with pytest.raises(ValueError, match="no automaton"):
        engine.generate(engine.encode(contexts(4)), [row(state=1)])


def test_an_automaton_of_another_vocabulary_is_refused(
    engines: tuple[TorchEngine, OnnxEngine],
) -> None:
    other = plain_automaton(np.zeros((2, 5), dtype=np.int16))
    engine = engines[1]
    with pytest.raises(ConfigError, match="knows 5 tokens, the network 97"):
        engine.generate(engine.encode(contexts(4)), [row(state=1)], other)


def test_weights_that_give_no_finite_probability_are_reported(tmp_path: Path) -> None:
    network = network_of()
    with torch.no_grad():
        network.lm_head.weight[3] = torch.inf
    export_onnx(network, tmp_path, dtype=Dtype.FLOAT32)
    engine = OnnxEngine(tmp_path, threads=1)
    with pytest.raises(ConfigError, match="not finite"):
        engine.generate(engine.encode(contexts(4)), [row()])


def test_a_folder_without_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no .*encoder\.onnx; `tod export"):
        OnnxEngine(tmp_path)


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    for name in ("encoder", "decoder"):
        (tmp_path / "onnx" / f"{name}.onnx").write_bytes(b"no model")
    with pytest.raises(ConfigError, match="cannot load"):
        OnnxEngine(tmp_path)


def test_an_empty_context_is_refused(engines: tuple[TorchEngine, OnnxEngine]) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        engines[1].encode([[3], []])


def test_eight_bits_leave_the_first_choice_of_a_clear_network_alone(tmp_path: Path) -> None:
    network = network_of()
    export_onnx(network, tmp_path, dtype=Dtype.INT8)
    engine, reference = OnnxEngine(tmp_path, threads=1), TorchEngine(network)
    texts = contexts(20, 31)
    rows = [row(0, cap=1), row(1, cap=1, prefix=(9,))]
    found = engine.generate(engine.encode(texts), rows)
    expected = reference.generate(reference.encode(texts), rows)
    for one, other in zip(found, expected, strict=True):
        assert one.log_probs != other.log_probs  # it is another number format
        assert one.log_probs == pytest.approx(other.log_probs, abs=0.5)
    kinds = {node.op_type for node in onnx.load(tmp_path / "onnx" / "encoder.onnx").graph.node}
    assert "MatMulInteger" in kinds


def test_step_model_can_be_driven_position_by_position(tmp_path: Path) -> None:
    """What any other ONNX runtime would do with encoder and step."""
    import onnxruntime

    network = network_of()
    export_onnx(network, tmp_path, dtype=Dtype.FLOAT32)
    encoder = onnxruntime.InferenceSession(tmp_path / "onnx" / "encoder.onnx")
    step = onnxruntime.InferenceSession(tmp_path / "onnx" / "step.onnx")
    ids = np.array(contexts(14), dtype=np.int64)
    mask = np.ones_like(ids)
    names = [one.name for one in encoder.get_outputs() if one.name != "states"]
    memory = dict(zip(names, encoder.run(names, {"ids": ids, "mask": mask}), strict=True))
    past = {
        f"past_{kind}_{index}": np.zeros((1, 4, 0, 8), dtype=np.float32)
        for kind in ("key", "value")
        for index in range(2)
    }
    token, written = 5, []
    outputs = [one.name for one in step.get_outputs()]
    for _ in range(9):
        feed = {"tokens": np.array([token]), "mask": mask, **memory, **past}
        found = dict(zip(outputs, step.run(None, feed), strict=True))
        past = {name: found[name.replace("past", "present")] for name in past}
        token = int(found["logits"][0].argmax())
        written.append(token)
    reference = TorchEngine(network)
    rows = [Row(context=0, prefix=(5,), end_id=VOCABULARY + 1, max_new_tokens=9)]
    expected = reference.generate(reference.encode(ids.tolist()), rows)
    assert tuple(written) == expected[0].ids


@pytest.mark.parametrize("form", ["markov", "pptod"])
def test_whole_turns_come_out_as_the_reference_s(
    form: str, tiny_checkpoint: Path, tiny_pptod_checkpoint: Path, tmp_path: Path
) -> None:
    checkpoint = tiny_checkpoint if form == "markov" else tiny_pptod_checkpoint
    export_checkpoint(checkpoint, tmp_path / "out", engine=EngineName.ONNX, dtype=Dtype.FLOAT32)
    reference, exported = Pipeline.load(checkpoint), Pipeline.load(tmp_path / "out")
    requests = [
        parse_request({"user": "a cheap restaurant in the centre", "history": []}),
        parse_request({"user": "a train to ely on friday, please, after nine in the morning"}),
    ]
    for one, other in zip(exported.answer(requests), reference.answer(requests), strict=True):
        assert isinstance(one, TurnResponse)
        assert isinstance(other, TurnResponse)
        left = one.model_dump(exclude={"timing_ms"})
        right = other.model_dump(exclude={"timing_ms"})
        assert _rounded(left) == _rounded(right)
    exported.close()
    reference.close()


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value


def test_the_engine_imports_neither_torch_nor_transformers(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    export_checkpoint(
        tiny_checkpoint, tmp_path / "out", engine=EngineName.ONNX, dtype=Dtype.FLOAT32
    )
    program = (
        "import sys; from pathlib import Path; from todserve.runtime.pipeline import Pipeline; "
        "from todserve.runtime.wire.request import parse_request; "
        "pipeline = Pipeline.load(Path(sys.argv[1])); "
        "assert pipeline.answer([parse_request({'user': 'hello'})])[0].model.name == 'tod'; "
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_shipped_checkpoint_gives_the_reference_s_ids(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[3] / "checkpoints" / "multiwoz"
    network = load_network(shipped, dtype=torch.float32)
    export_onnx(network, tmp_path, dtype=Dtype.FLOAT32)
    engines = TorchEngine(network), OnnxEngine(tmp_path, threads=1)
    random = np.random.default_rng(5)
    texts = [random.integers(3, 4000, size=length).tolist() for length in (12, 25, 60, 110)]
    rows = [
        Row(context=index % 4, prefix=(4006 + index,), end_id=END, max_new_tokens=20)
        for index in range(8)
    ]
    found, expected = both(engines, texts, rows)
    assert_same(found, expected)


def test_twins_write_on_two_threads_what_one_writes_alone(
    engines: tuple[TorchEngine, OnnxEngine],
) -> None:
    first = engines[1]
    batches = [contexts(*range(4 + at, 9 + at)) for at in range(6)]

    def written(engine: OnnxEngine) -> list[list[Generation]]:
        rows = [row(at, cap=20) for at in range(5)]
        return [engine.generate(engine.encode(batch), rows) for batch in batches]

    alone = written(first)
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(written, [first, first.twin()]))
    for found in together:
        for some, expected in zip(found, alone, strict=True):
            assert_same(some, expected)
