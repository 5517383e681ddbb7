"""The pins of some lists with the checksums of their files, as pip's ``--require-hashes`` wants.

``python scripts/hashed.py requirements/dev.txt > hashed.txt``. Lists that a list names (``-r``) are
followed. torch is left out: which of its builds is installed is the machine's choice, and many have
it as a local wheel, so `setup.sh` installs it before, without a checksum.
"""

import re
import sys
from pathlib import Path

HASHES = Path(__file__).resolve().parents[1] / "requirements" / "hashes.txt"
WITHOUT = frozenset({"torch"})


def normal(name: str) -> str:
    """Return a package's name as indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> dict[str, str]:
    """Return name -> version of a list and of those that it names, torch left out."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found |= pins(path.parent / line.removeprefix("-r ").strip())
        name, equal, version = line.partition("==")
        if equal and not line.startswith("#"):
            found[normal(name)] = version.strip()
    return {name: version for name, version in found.items() if name not in WITHOUT}


def blocks(path: Path = HASHES) -> dict[str, str]:
    """Return ``name==version`` -> its lines with checksums."""
    found: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", path.read_text(encoding="utf-8").strip()):
        name, _, version = block.split(" ", 1)[0].partition("==")
        if "--hash=sha256:" in block:
            found[f"{normal(name)}=={version}"] = block
    return found


def main(lists: list[str]) -> int:
    """Print the pins of the lists with their checksums; 1 where one has none."""
    known = blocks()
    wanted = {f"{name}=={version}" for one in lists for name, version in pins(Path(one)).items()}
    missing = sorted(wanted - known.keys())
    if missing:
        print(
            f"no checksum of {', '.join(missing)} in {HASHES.name}; expected one for every pin; "
            "run scripts/hashes.sh",
            file=sys.stderr,
        )
        return 1
    print("\n".join(known[one] for one in sorted(wanted)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
