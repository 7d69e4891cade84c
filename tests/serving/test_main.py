import socket

import pytest

from features.settings import Settings
from serving.main import HostRefusedError, PortTakenError, bind, free_port, serve


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "", "127.0.0.1.example.org"])
def test_only_loopback_is_served(host, tmp_path):
    with pytest.raises(HostRefusedError, match="refused"):
        serve(Settings(home=tmp_path), host=host, port=0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.53"])
def test_loopback_is_bound(host):
    with bind(host, 0) as listener:
        assert listener.getsockname()[0].startswith("127.")


def test_a_taken_port_is_one_clear_line_and_the_next_free_one_is_found():
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTakenError, match=str(port)):
            bind("127.0.0.1", port)
        found = free_port("127.0.0.1", port)
        assert found != port
        with socket.socket() as other:
            other.bind(("127.0.0.1", found))
