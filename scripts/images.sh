#!/usr/bin/env bash
# Builds the images of deploy/ where there is neither Docker nor a registry, and runs them as a
# cluster would: scripts/images.sh [gateway|kserve]... Needs root, and of Debian debootstrap and buildah.
#
# The base is a Debian 12 from debootstrap, in the place of python:3.11-slim-bookworm. An image is run
# as its user, without a capability, its root read-only but for a tmpfs on /tmp: KServe's server with
# archive/store, the gateway in front of it with a database in /tmp. Each must answer its health check,
# and the gateway a turn. Sizes are printed; everything is in a folder that is removed at the end.
#
# Environment: TOD_BUILDAH_OPTIONS, more for `buildah bud`, as a pip.conf: "-v /etc/pip.conf:/etc/pip.conf:ro"
set -euo pipefail
cd "$(dirname "$0")/.."

images=("${@:-}")
[ -n "${images[0]}" ] || images=(kserve gateway)
for program in debootstrap buildah unshare setpriv; do
  command -v "$program" >/dev/null || { echo "images: $program not found" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "images: only root can build and run them like this" >&2; exit 1; }
archive=archive/store/tod.mar
[ -f "$archive" ] || { echo "images: there is no $archive; the README says how one is made" >&2; exit 1; }

folder="$(mktemp -d /var/tmp/tod-images-XXXXXX)"
running=()
end() {
  # What unshare runs is the first process of a namespace: it takes all others with it.
  for pid in "${running[@]}"; do
    kill -KILL $(cat "/proc/$pid/task/$pid/children" 2>/dev/null) 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  store umount --all >/dev/null 2>&1 || true
  umount "$folder/store/overlay" 2>/dev/null || true
  rm -rf --one-file-system "$folder"
}
trap end EXIT
say() { printf '[images] %s\n' "$*"; }
export BUILDAH_ISOLATION=chroot
store() { buildah --root "$folder/store" --runroot "$folder/run" "$@"; }

say "making the base"
debootstrap --variant=minbase --include=python3,python3-venv,python-is-python3,ca-certificates \
  bookworm "$folder/base" >"$folder/base.log" 2>&1 || { tail "$folder/base.log" >&2; exit 1; }
rm -rf "$folder"/base/var/cache/apt/archives/*.deb "$folder"/base/var/lib/apt/lists/*
base="$(store from scratch)"
store copy -q "$base" "$folder/base" / >/dev/null
store commit -q --rm "$base" localhost/base >/dev/null
rm -rf "$folder/base"

# run NAME FROM TO SETTING...: the image's own command in namespaces of its own, FROM read-only at TO.
run() {
  local name="$1" root command
  root="$(store mount "$(store from "localhost/todserve-$name")")"
  mkdir -p "$root$3"
  mapfile -t command < <(store inspect --type image "localhost/todserve-$name" | python3 -c '
import json, sys
config = json.load(sys.stdin)["OCIv1"]["config"]
print(*config["Entrypoint"], *config.get("Cmd") or [], sep="\n")')
  # shellcheck disable=SC2016
  unshare --mount --pid --fork --kill-child sh -euc '
    root="$1" from="$2" to="$3"; shift 3
    mount --bind "$root" "$root"; mount -o remount,ro,bind "$root"
    mount -t tmpfs tmpfs "$root/tmp"; mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"
    mount --bind "$from" "$root$to"; mount -o remount,ro,bind "$root$to"
    exec chroot "$root" setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs \
      --bounding-set=-all --inh-caps=-all env -i --chdir=/tmp "$@"
  ' sh "$root" "$2" "$3" PATH=/opt/todserve/bin:/usr/bin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 \
    "${@:4}" "${command[@]}" >"$folder/$name.log" 2>&1 &
  running+=($!)
}
# answers NAME ADDRESS: waits until the health check does.
answers() {
  for _ in $(seq 120); do
    if curl -sf -o /dev/null --noproxy '*' "$2"; then say "$1 answers $2"; return; fi
    sleep 1
  done
  echo "images: $1 does not answer $2" >&2
  cat "$folder/$1.log" >&2
  exit 1
}

for name in "${images[@]}"; do
  say "building todserve-$name"
  # shellcheck disable=SC2086
  store bud --format docker --network host --build-arg BASE=localhost/base ${TOD_BUILDAH_OPTIONS:-} \
    -f "deploy/$name/Containerfile" -t "todserve-$name" . >"$folder/build.log" 2>&1 ||
    { tail -n 30 "$folder/build.log" >&2; exit 1; }
  case "$name" in
    kserve)
      run kserve "$PWD/archive/store" /mnt/models OMP_NUM_THREADS=1
      answers kserve http://127.0.0.1:8080/v2/health/ready
      ;;
    gateway)
      mkdir "$folder/secrets"
      token="$(openssl rand -hex 32)"
      echo "talk $token" >"$folder/secrets/tokens"
      echo sqlite:////tmp/dialogues.sqlite >"$folder/secrets/database"
      chown -R 10001 "$folder/secrets"
      chmod 700 "$folder/secrets"
      run gateway "$folder/secrets" /run/secrets/todserve TOD_MODEL_URL=http://127.0.0.1:8080
      answers gateway http://127.0.0.1:8090/health
      ;;
    *) echo "images: no image '$name'; expected kserve or gateway" >&2; exit 2 ;;
  esac
done
if [[ "${images[*]}" = *kserve*gateway* ]]; then
  ask() {
    curl -sSf --noproxy '*' -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"
  }
  answers gateway http://127.0.0.1:8090/ready
  dialogue="$(ask -d '{}' http://127.0.0.1:8090/v1/dialogues |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["dialogue_id"])')"
  ask -d '{"user": "a train to ely on friday", "message_id": "1"}' \
    "http://127.0.0.1:8090/v1/dialogues/$dialogue/turns" |
    python3 -c 'import json, sys; print("[images] the gateway says:", json.load(sys.stdin)["reply"])'
fi
store images --format '{{.Name}} {{.Size}}' | grep -v '<none>'
