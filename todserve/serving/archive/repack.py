"""Repack: the same inputs give the same bytes, which torch-model-archiver's output does not.

The last step of ``tod archive`` before it tries a turn.
Example: ``repack(Path("/tmp/x/tod.mar"), Path("/tmp/x/packed.mar"))``.
"""

import json
import zipfile
from pathlib import Path

from todserve.runtime.errors import ArchiveError
from todserve.runtime.untrusted.json_text import parse_json
from todserve.runtime.untrusted.packed_files import open_zip

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that zip knows
_MANIFEST = "MAR-INF/MANIFEST.json"
_CREATED_ON = "01/01/1980 00:00:00"


def repack(source: Path, target: Path) -> None:
    """Write ``source``'s entries to ``target``: sorted, dated 1980, stored without compression."""
    with open_zip(source, error=ArchiveError) as packed, zipfile.ZipFile(target, "w") as clean:
        for name in sorted(packed.namelist()):
            content = packed.read(name)
            if name == _MANIFEST:
                content = _fixed_manifest(content)
            entry = zipfile.ZipInfo(name, date_time=_DATE)
            entry.compress_type = zipfile.ZIP_STORED
            entry.create_system = 3  # Unix, wherever it was built
            entry.external_attr = 0o644 << 16
            clean.writestr(entry, content)


def _fixed_manifest(content: bytes) -> bytes:
    manifest = parse_json(content)
    manifest["createdOn"] = _CREATED_ON
    return json.dumps(manifest, indent=2, sort_keys=True).encode()
