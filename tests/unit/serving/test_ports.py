import os
import socket
from collections.abc import Iterator

import pytest

from todserve.runtime.errors import ServerError
from todserve.serving.server.config_properties import Address
from todserve.serving.server.ports import check_free, is_free


@pytest.fixture
def taken() -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        yield Address(setting="inference_address", host="127.0.0.1", port=port)


def test_taken_port_names_number_setting_and_holder(taken: Address) -> None:
    with pytest.raises(ServerError) as raised:
        check_free([taken])
    message = str(raised.value)
    assert f"port {taken.port} (inference_address) is already in use" in message
    assert f"by process {os.getpid()} " in message


def test_port_is_free_once_its_listener_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address(setting="x", host="127.0.0.1", port=listener.getsockname()[1])
        with socket.create_connection(listener.getsockname()):
            assert not is_free(address)
    assert is_free(address)
    check_free([address])
