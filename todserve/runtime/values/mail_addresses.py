"""Mail addresses: an e-mail address as people write or say it, as it is sent to.

Example: ``anna dot weber at example dot com`` is ``anna.weber@example.com``. Whether somebody reads
what is sent there, nobody can tell from its letters.
"""

import re

from todserve.runtime.values.unreadable import UnreadableValue
from todserve.runtime.values.value_words import MailWords

_NAME = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]{1,64}(?:\.[\w!#$%&'*+/=?^`{|}~-]{1,64}){0,8}")
_HOST = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,63}")
_LONGEST = 254


def read_mail(text: str, words: MailWords) -> str:
    """Return the address of a lower-case text.

    Raises:
        UnreadableValue: it is none.
    """
    written = text.strip().removeprefix("mailto:").rstrip(".,!? ")
    if "@" not in written:
        written = re.sub(words.at, "@", written)
        for said, sign in words.other:
            written = re.sub(said, sign, written)
        written = re.sub(words.dot, ".", written)
    written = "".join(written.split())
    name, sign, host = written.rpartition("@")
    if not sign:
        raise UnreadableValue("it has no @")
    if len(written) > _LONGEST:
        raise UnreadableValue("it is too long")
    if not _NAME.fullmatch(name):
        raise UnreadableValue("what stands before its @ is no name")
    if not _HOST.fullmatch(host):
        raise UnreadableValue("what stands behind its @ is no domain")
    return written
