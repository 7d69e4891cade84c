"""Those who never finish a request, over sockets of their own."""

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest
import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse

from serving import edge, protocol
from serving.main import bind, server_config
from serving.problems import MEDIA_TYPE
from tests.commands import PATIENCE_S, wait_until
from tests.serving.conftest import app_of
from tests.serving.live import FixedProvider

HEAD = b"POST /v1/bookings HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 40\r\n\r\n"


@contextmanager
def connected(client):
    """A socket to the client's service."""
    with socket.create_connection((client.base_url.host, client.base_url.port), PATIENCE_S) as opened:
        yield opened


def answer(opened, came=b""):
    """What came and all that comes until the other side closes, or is not there for a drop: status, headers, body."""
    with suppress(ConnectionResetError):
        while more := opened.recv(65536):
            came += more
    head, _, body = came.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, json.loads(body)


@pytest.mark.parametrize("sent", [b"", b'{"booking_id": '])
def test_a_body_that_does_not_come_is_told_so(client, monkeypatch, sent):
    monkeypatch.setattr(edge, "PAUSE_S", 0.1)
    with connected(client) as opened:
        opened.sendall(HEAD + sent)
        status, headers, problem = answer(opened)
    assert (status, problem["type"], headers["content-type"]) == (408, "/problems/body-too-slow", MEDIA_TYPE)
    assert headers["connection"] == "close"
    assert "nothing of the body came for 0.1 s" in problem["detail"]


def test_a_body_that_drips_has_an_end_too(client, monkeypatch):
    monkeypatch.setattr(edge, "BODY_S", 0.3)
    with connected(client) as opened:
        opened.sendall(HEAD)
        came, n_drops = dripped(opened, b" ", 39)
        status, _, problem = answer(opened, came)
    assert (status, problem["type"]) == (408, "/problems/body-too-slow")
    assert 0 < n_drops < 39


def test_the_head_of_a_request_has_so_long_to_come_whatever_drips(client, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_S", 0.3)
    with connected(client) as opened:
        for _ in range(2):  # A connection that is kept may be silent for longer, between requests.
            opened.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            time.sleep(0.4)
            assert opened.recv(65536).startswith(b"HTTP/1.1 200")
        came, n_drops = dripped(opened, b"G", 100)
    assert came == b""
    assert 0 < n_drops < 100


def dripped(opened, drop, most):
    """What has come when the other side answers or closes, and drops sent until then, one each 50 ms."""
    for num in range(most):
        opened.settimeout(0.05)
        try:
            opened.sendall(drop)
            return opened.recv(65536), num
        except TimeoutError:
            continue
        except ConnectionError:
            return b"", num
        finally:
            opened.settimeout(PATIENCE_S)
    return b"", most


def test_what_is_no_http_is_told_as_a_problem(client):
    with connected(client) as opened:
        opened.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        status, headers, problem = answer(opened)
    assert (status, problem["status"], problem["type"]) == (400, 400, "/problems/http-error")
    assert headers["content-type"] == MEDIA_TYPE


@contextmanager
def served(app):
    """A server that the test ends, its thread and its address."""
    with bind("127.0.0.1", 0) as listener:
        server = uvicorn.Server(server_config(app, log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        wait_until(lambda: server.started)
        yield server, thread, listener.getsockname()
        server.should_exit = True
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_a_body_that_never_comes_does_not_hold_up_the_end(county, monkeypatch):
    monkeypatch.setattr(edge, "PAUSE_S", 0.5)
    with served(app_of(county, provider=FixedProvider(None))) as (server, thread, address):
        with socket.create_connection(address) as opened:
            opened.sendall(HEAD)
            wait_until(lambda: server.server_state.tasks)
            began = time.monotonic()
            server.should_exit = True
            thread.join(PATIENCE_S)
        assert time.monotonic() - began < server.config.timeout_graceful_shutdown / 2


def test_who_never_asks_is_let_go_as_who_asks_no_more(county):
    with served(app_of(county, provider=FixedProvider(None))) as (server, _, address):
        server.config.timeout_keep_alive = 0.1
        with socket.create_connection(address, PATIENCE_S) as opened:
            assert opened.recv(1) == b""


LONG = b"x" * (1 << 24)
"""More than systems hold for a connection on both sides."""


def long_answers():
    """An application whose answers nobody reads in one go."""
    app = FastAPI()
    app.get("/whole")(lambda: Response(LONG))
    app.get("/parts")(lambda: StreamingResponse(iter([LONG, LONG])))
    return app


@contextmanager
def asking(server, address, path):
    """A connection on which a long answer waits to be read."""
    with socket.create_connection(address, PATIENCE_S) as opened:
        opened.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode())
        wait_until(lambda: any(one.transport.get_write_buffer_size() for one in server.server_state.connections))
        yield opened


@pytest.mark.parametrize("path", ["/whole", "/parts"])
def test_an_answer_that_nobody_reads_does_not_hold_up_the_end(monkeypatch, path):
    monkeypatch.setattr(protocol, "UNREAD_S", 0.5)
    with served(long_answers()) as (server, thread, address), asking(server, address, path):
        began = time.monotonic()
        server.should_exit = True
        thread.join(PATIENCE_S)
        assert time.monotonic() - began < server.config.timeout_graceful_shutdown / 2


@pytest.mark.parametrize("path", ["/whole", "/parts"])
def test_who_reads_slowly_gets_the_whole_answer(monkeypatch, path):
    monkeypatch.setattr(protocol, "UNREAD_S", 0.5)
    with served(long_answers()) as (server, _, address), asking(server, address, path) as opened:
        began, n_read = time.monotonic(), 0
        while came := opened.recv(1 << 20, socket.MSG_WAITALL):
            n_read += len(came)
            time.sleep(0.05)  # Reads slowly: that is what is asked of the service here.
        assert time.monotonic() - began > protocol.UNREAD_S
    assert n_read > len(LONG) * (2 if path == "/parts" else 1)
