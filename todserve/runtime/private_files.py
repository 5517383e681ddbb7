"""Private files: writes what people said, and keys, so that only their owner may read it.

The gateway's database, logs, records of servers and saved chats are all made with it. Example:
``private_file(Path("dialogues.sqlite"))`` makes an empty file of mode 0600.

A folder that we make is 0700. One that was there stays as it is: it may be anybody's.
"""

import os
import stat
from pathlib import Path

FOR_OWNER = 0o600
FOLDER_FOR_OWNER = 0o700
OTHERS = 0o077
"""The umask of processes of ours that write such files."""


def private_file(path: Path) -> None:
    """Make a file that only its owner can read and write, or make it so where it is there.

    Its folder is made too. What belongs to somebody else is left as it is.
    """
    private_folder(path.parent)
    # The mode counts from the first moment on, whatever the process's umask.
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FOR_OWNER)
    try:
        found = os.fstat(opened)
        ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if ours and stat.S_IMODE(found.st_mode) & OTHERS:
            os.fchmod(opened, FOR_OWNER)
    finally:
        os.close(opened)


def private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, which only its owner can enter."""
    for folder in [path, *path.parents][::-1]:
        if not folder.exists():
            folder.mkdir(mode=FOLDER_FOR_OWNER, exist_ok=True)
