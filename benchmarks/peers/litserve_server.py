"""A LitServe server with its batching: up to 16 turns together, one generate a phase.

The network is run by transformers, or by OpenVINO where ``--openvino`` names an ONNX export.

Example: ``python -m benchmarks.peers.litserve_server checkpoints/multiwoz --port 18000``.
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import litserve  # type: ignore[import-untyped]

from benchmarks.peers.stock_turn import Generate, StockTurn, StockTurns

BATCH = 16
BATCH_TIMEOUT = 0.005  # seconds


class TurnAPI(litserve.LitAPI):  # type: ignore[misc]  # litserve ships no types
    """setup -> decode_request -> batch -> predict -> unbatch -> encode_response."""

    checkpoint: Path
    exported: Path | None

    def setup(self, device: str) -> None:
        """Load the network; leave the worker's number where the benchmark finds it."""
        self.turns = StockTurns(self.checkpoint, _openvino(self.exported))
        path = Path(tempfile.gettempdir()) / f"worker-{os.getpid()}.pid"
        path.write_text(str(os.getpid()), encoding="utf-8")

    def decode_request(self, request: dict[str, Any], **kwargs: Any) -> StockTurn:
        """Read a request."""
        return self.turns.begin(request)

    def batch(self, inputs: list[StockTurn]) -> list[StockTurn]:
        """Keep the turns as they are; generate pads their rows."""
        return inputs

    def predict(self, x: list[StockTurn], **kwargs: Any) -> list[StockTurn]:
        """Answer all turns of the batch."""
        self.turns.answer(x)
        return x

    def unbatch(self, output: list[StockTurn]) -> list[StockTurn]:
        """Hand the turns back one by one."""
        return output

    def encode_response(self, output: StockTurn, **kwargs: Any) -> dict[str, str]:
        """Return the four texts."""
        return output.texts


def _openvino(exported: Path | None) -> Generate | None:
    if exported is None:
        return None
    from benchmarks.peers.openvino_network import OpenVinoNetwork

    return OpenVinoNetwork(exported)


def main() -> None:
    """Serve with one worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--openvino", type=Path, metavar="FOLDER", help="its ONNX models")
    arguments = parser.parse_args()
    api = TurnAPI(max_batch_size=BATCH, batch_timeout=BATCH_TIMEOUT)
    api.checkpoint = arguments.checkpoint.resolve()
    api.exported = arguments.openvino
    server = litserve.LitServer(api, accelerator="auto", workers_per_device=1, timeout=120)
    server.run(
        host="127.0.0.1",
        port=arguments.port,
        log_level="error",
        access_log=False,
        generate_client_file=False,
    )


if __name__ == "__main__":
    main()
