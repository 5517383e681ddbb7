"""The network run by OpenVINO, on a tiny checkpoint: it writes what transformers writes."""

from pathlib import Path

import pytest

from benchmarks.peers.stock_turn import StockNetwork
from todserve.runtime.engines.engine_export import export_checkpoint
from todserve.runtime.engines.engine_spec import Dtype, EngineName

pytest.importorskip("openvino")  # of the benchmark's own requirements


def test_openvino_writes_the_rows_that_generate_writes(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    from benchmarks.peers.openvino_network import OpenVinoNetwork

    exported = tmp_path / "exported"
    export_checkpoint(tiny_checkpoint, exported, engine=EngineName.ONNX, dtype=Dtype.FLOAT32)
    contexts, prefixes, ends = [(5, 6, 7), (9, 8)], [(3, 4), (3, 5)], [11, 12]
    stock = StockNetwork(tiny_checkpoint)(contexts, prefixes, ends)
    rows = OpenVinoNetwork(exported / "onnx", precision="f32")(contexts, prefixes, ends)
    assert rows == stock
