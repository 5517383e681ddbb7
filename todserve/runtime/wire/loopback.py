"""Loopback addresses: tells whether an address is reachable from this machine alone.

Servers that listen on any other address ask for more care, such as a token; clients send nothing
for such an address through a proxy. Example: ``is_loopback("127.0.0.2")`` is true.
"""

import ipaddress

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
"""For a client: a proxy of the environment must not be asked for this very machine."""


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach ``host``; a name but ``localhost`` may not be."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
