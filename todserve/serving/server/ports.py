"""Ports: finds out before the start who holds a port, since TorchServe would only exit 0.

``tod start`` calls it before it starts TorchServe.
Example: ``check_free([Address(setting="inference_address", host="127.0.0.1", port=8080)])``.
"""

import contextlib
import socket
from collections.abc import Sequence

import psutil

from todserve.runtime.errors import ServerError
from todserve.serving.server.config_properties import Address


def check_free(addresses: Sequence[Address]) -> None:
    """Return when every port can be listened on.

    Raises:
        ServerError: naming each taken port, its holder if that can be seen, and the setting.
    """
    taken = [address for address in addresses if not is_free(address)]
    if taken:
        lines = [
            f"port {address.port} ({address.setting}) is already in use{holder(address.port)}"
            for address in taken
        ]
        fix = "stop what holds it (`tod stop` or `torchserve --stop`), or change the setting"
        raise ServerError("\n".join(lines) + f"\n{fix} in config.properties")


def is_free(address: Address) -> bool:
    """Whether this process could listen there now."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        # As the JVM does: a port whose last connection lingers is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address.host, address.port))
            listener.listen(1)
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Return `` by process 12 (java)``, empty where nobody can be seen to listen there."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            local = connection.laddr
            listening = connection.status == psutil.CONN_LISTEN
            if listening and local and local.port == port and connection.pid:
                name = psutil.Process(connection.pid).name()
                return f" by process {connection.pid} ({name})"
    return ""
