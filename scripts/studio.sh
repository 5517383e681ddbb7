#!/usr/bin/env bash
# Starts TorchServe with archive/store/tod.mar and the studio in front of it; `make studio` packs
# first. Ctrl-C ends both. Arguments go to `tod studio`: scripts/studio.sh --port 9000
set -euo pipefail
cd "$(dirname "$0")/.."

# A server of an earlier demo would still hold the earlier archive.
.venv/bin/tod stop >/dev/null
.venv/bin/tod start
trap '.venv/bin/tod stop' EXIT
.venv/bin/tod studio "$@"
