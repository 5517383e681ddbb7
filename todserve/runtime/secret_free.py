"""Secret-free addresses: a URL without its password and keys, for messages and logs.

Whoever names an address in a message, a log or a report writes it through here. Example:
``without_secrets("http://me:hush@host/x?key=1")`` is ``http://***@host/x``.
"""

import re
from urllib.parse import urlsplit

# A password may hold what an address has no place for, "/", "?" and "#": the last @ ends it.
_USER = re.compile(
    r"(?<![a-zA-Z0-9+.-])(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s\"]{0,1000}@"
    r"|(?<![^\s'\"])[^\s/:@'\"]{1,1000}:[^\s@]{1,1000}@"
)
_QUERY = re.compile(
    r"(?<![a-zA-Z0-9+.-])(?P<place>[a-zA-Z][a-zA-Z0-9+.-]*://[^\s?#'\"]*)[?#][^\s'\"]*"
)


def without_secrets(text: str) -> str:
    """Return a text in which no address has a user, a password, or anything after its path."""
    return _QUERY.sub(r"\g<place>", _USER.sub(_hidden, text))


def _hidden(found: re.Match[str]) -> str:
    return f"{found['scheme'] or ''}***@"


def has_password(address: str) -> bool:
    """Say whether an address holds a password."""
    try:
        return urlsplit(address).password is not None
    except ValueError:
        return "@" in address
