"""The network run by OpenVINO, on a tiny checkpoint: it writes what transformers writes."""

from pathlib import Path

import pytest
import torch

from benchmarks.peers.stock_turn import StockNetwork
from todserve.runtime.checkpoint import load_network
from todserve.runtime.engines.engine_spec import Dtype
from todserve.runtime.engines.onnx.onnx_export import export_onnx

pytest.importorskip("openvino")  # of the benchmark's own requirements


def test_openvino_writes_the_rows_that_generate_writes(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    from benchmarks.peers.openvino_network import OpenVinoNetwork

    network = load_network(tiny_checkpoint, dtype=torch.float32)
    export_onnx(network, tmp_path, dtype=Dtype.FLOAT32)
    contexts, prefixes, ends = [(5, 6, 7), (9, 8)], [(3, 4), (3, 5)], [11, 12]
    stock = StockNetwork(tiny_checkpoint)(contexts, prefixes, ends)
    rows = OpenVinoNetwork(tmp_path / "onnx", precision="f32")(contexts, prefixes, ends)
    assert rows == stock
