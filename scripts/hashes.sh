#!/usr/bin/env bash
# Writes requirements/hashes.txt anew: the checksums of every file of every pinned package, for all
# systems, as the package index tells them. Run it after a pin has changed; look at the difference.
# The index is uv's own default, or UV_DEFAULT_INDEX.
set -euo pipefail
cd "$(dirname "$0")/.."
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv="$(command -v uv || true)"
if [ -z "$uv" ]; then
  "${TOD_PYTHON:-python3}" -m venv "$work/uv"
  "$work/uv/bin/python" -m pip install -qq --disable-pip-version-check uv
  uv="$work/uv/bin/uv"
fi
# Lists of one environment agree with one another; the last two have environments of their own.
together=(requirements/{runtime,train,ray,dev,bench,java,pretrained,values}.txt)
touch "$work/known.txt"
checksums() {
  grep -hE '^[A-Za-z]' "$@" | grep -v '^torch==' | sort -fu | grep -vixFf "$work/known.txt" >"$work/pins.txt"
  "$uv" pip compile -q --no-deps --generate-hashes --no-header --no-annotate \
    --python-version 3.11 "$work/pins.txt"
  cat "$work/pins.txt" >>"$work/known.txt"
}
{
  echo "# Checksums of what requirements/*.txt pin, torch left out; made by scripts/hashes.sh."
  checksums "${together[@]}"
  checksums requirements/rasa-sdk.txt
  checksums requirements/kserve.txt
} >"$work/hashes.txt"
mv "$work/hashes.txt" requirements/hashes.txt
