"""What Ray reads from its environment before it is imported: loopback, a token, no reports.

``tod serve ray`` sets it before Ray is started on this machine. Left to itself it listens on every
address, and whoever reaches its ports may run code. Example: ``keep_to_this_machine()``, then
``import ray``.
"""

import os
import secrets

_TOKEN = "RAY_AUTH_TOKEN"  # noqa: S105 (a variable's name)


def keep_to_this_machine() -> None:
    """Have Ray's own processes listen on loopback alone, and ask one another for a new token."""
    os.environ |= {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # its name for: no other machine takes part
        "RAY_AUTH_MODE": "token",
        _TOKEN: secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
