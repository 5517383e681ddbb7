"""A Flask server around the network, the simple way many start with: four generate calls a turn.

Example: ``python -m benchmarks.peers.flask_server checkpoints/multiwoz --port 18000``.
"""

import argparse
import contextlib
import logging
import threading
from pathlib import Path

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from benchmarks.peers.stock_turn import StockTurns


def main() -> None:
    """Load the network and serve it with Flask's own threaded server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--lock", action="store_true", help="one turn at a time")
    arguments = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    turns = StockTurns(arguments.checkpoint)
    lock = threading.Lock() if arguments.lock else contextlib.nullcontext()
    app = Flask(__name__)

    @app.post("/predict")
    def predict() -> ResponseReturnValue:
        with lock:
            turn = turns.begin(request.get_json())
            turns.answer_one_by_one(turn)
        return jsonify(turn.texts)

    app.run(host="127.0.0.1", port=arguments.port, threaded=True)


if __name__ == "__main__":
    main()
