#!/usr/bin/env bash
# Starts TorchServe with archive/store/tod.mar and holds a dialogue with it; `make demo` packs first.
set -euo pipefail
cd "$(dirname "$0")/.."

# A server of an earlier demo would still hold the earlier archive.
.venv/bin/tod stop >/dev/null
.venv/bin/tod start
.venv/bin/tod demo
