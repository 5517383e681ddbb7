#!/usr/bin/env bash
# Stops what scripts/start.sh started and confirms that no process is left: scripts/stop.sh [--help]
#
# At its heart `torchserve --stop --foreground`, with the temporary folder of the start: TorchServe
# keeps its process number there. A server started by hand is stopped by `torchserve --stop`.
set -euo pipefail
cd "$(dirname "$0")/.."

unset PYTHONPATH
exec .venv/bin/python -m todserve stop "$@"
