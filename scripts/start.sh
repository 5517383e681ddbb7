#!/usr/bin/env bash
# Starts TorchServe in the background and returns once the model has answered: scripts/start.sh [--help]
#
# At its heart, this (which also works typed by hand, here):
#   torchserve --start --model-store archive/store --models tod=tod.mar \
#     --ts-config config.properties --ncs
# Around it: the archive's checksum is verified, Java found, taken ports named, a private temporary
# folder made, and the worker's real traceback printed when it cannot load.
set -euo pipefail
cd "$(dirname "$0")/.."

# A PYTHONPATH would stand before the archive in the worker's search path.
unset PYTHONPATH
exec .venv/bin/python -m todserve start "$@"
