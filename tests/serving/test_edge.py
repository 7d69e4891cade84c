import asyncio
import threading

import pytest
from starlette.requests import Request

from serving import edge


def request_of(body: bytes) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


@pytest.mark.parametrize(("n_bytes", "is_beside"), [(1_000, False), (200_000, True)])
def test_a_long_body_is_read_where_it_holds_up_nobody(monkeypatch, n_bytes, is_beside):
    read, threads = edge.read_json, []

    def told(body):
        threads.append(threading.current_thread())
        return read(body)

    monkeypatch.setattr(edge, "read_json", told)
    body = b'["' + b"x" * n_bytes + b'"]'
    assert asyncio.run(edge.json_of(request_of(body))) == ["x" * n_bytes]
    assert [thread is not threading.main_thread() for thread in threads] == [is_beside]


def test_a_long_body_that_is_no_json_is_refused_as_a_short_one_is():
    with pytest.raises(ValueError, match="column"):
        asyncio.run(edge.json_of(request_of(b"[" + b"1," * 100_000)))
