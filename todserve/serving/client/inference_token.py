"""InferenceToken: what a client shows a server that asks for a token, read anew when it expires.

The client sends its headers with every request. TorchServe writes its keys into ``key_file.json``
and each expires after an hour; whoever renews them there need not start the client again. Example:
``InferenceToken(file=Path("key_file.json")).headers()`` holds ``Authorization: Bearer ...``.
"""

import threading
from pathlib import Path

from todserve.runtime.errors import ConfigError, DataError
from todserve.runtime.untrusted.json_text import parse_json, read_limited

_MOST_BYTES = 100_000


class InferenceToken:
    """One token, from a text or from a file; for any number of threads."""

    def __init__(self, text: str | None = None, *, file: Path | None = None) -> None:
        """Take a token, or read it.

        Args:
            text: the token.
            file: TorchServe's ``key_file.json``, or a text file whose first line is the token.

        Raises:
            ConfigError: both are given, or the file holds no token.
        """
        if text is not None and file is not None:
            raise ConfigError("token: got a text and a file; expected one of both")
        self._file = file
        self._lock = threading.Lock()
        self._text = text if file is None else _read(file)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'none' if self._text is None else '...'})"

    @property
    def is_there(self) -> bool:
        """Whether there is one at all."""
        return self._text is not None

    def headers(self) -> dict[str, str]:
        """Return the headers of a request that shows it."""
        text = self._text
        return {} if text is None else {"Authorization": f"Bearer {text}"}

    def renewed(self, refused: str | None) -> bool:
        """Read the file again, and say whether there is another token than the refused one.

        Args:
            refused: the header that was refused; another thread may have renewed it meanwhile.
        """
        if self._file is None:
            return False
        with self._lock:
            try:
                self._text = _read(self._file)
            except ConfigError:
                return False  # it may be half written; the next request looks again
            return self.headers().get("Authorization") != refused


def _read(path: Path) -> str:
    """Return the token in a file."""
    wanted = (
        "expected TorchServe's key_file.json, or a file whose first line is the inference token"
    )
    try:
        text = read_limited(path, most=_MOST_BYTES).removeprefix("\ufeff").strip()
    except (OSError, DataError) as error:
        raise ConfigError(f"cannot read the token in {path}: {error}; {wanted}") from None
    if text.startswith("{"):
        try:
            keys = parse_json(text)["inference"]["key"]
        except (DataError, KeyError, TypeError):
            raise ConfigError(f"{path} holds no inference key; {wanted}") from None
        text = keys if isinstance(keys, str) else ""
    token = text.splitlines()[0].strip() if text else ""
    if not (token and token.isascii() and token.isprintable()):
        raise ConfigError(f"{path} holds no token; {wanted}")
    return token
