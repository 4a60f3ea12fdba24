"""The emulator as a child process: its port and its clients."""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from local_stack.emulator import client, reserved_port


def test_a_server_can_listen_on_a_reserved_port() -> None:
    with (
        reserved_port() as port,
        socket.create_server(("127.0.0.1", port)) as server,
        socket.create_connection(("127.0.0.1", port)),
    ):
        server.accept()[0].close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not reserve the port")
def test_a_reserved_port_is_assigned_to_no_other_socket() -> None:
    with reserved_port() as port, socket.socket() as other:
        assert other.connect_ex(("127.0.0.1", port)) != 0, "a socket listens on the reserved port"
        with socket.socket() as another, pytest.raises(OSError, match="in use"):
            another.bind(("127.0.0.1", port))


def test_threads_can_create_clients_concurrently() -> None:
    services = ["dynamodb", "kinesis", "s3", "lambda", "glue", "sqs"] * 4
    with ThreadPoolExecutor(8) as pool:
        clients = list(pool.map(lambda service: client(service, "http://127.0.0.1:1"), services))
    assert [each.meta.service_model.service_name for each in clients] == services
    assert len({id(each) for each in clients}) == len(services)
