"""HTTP/1.1 as uvicorn speaks it, for those who never finish a request, send none, or never read the answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from serving.problems import KINDS, MEDIA_TYPE

HEAD_S = 20.0
"""From its first byte on the head of a request has so long to come: it holds a connection, as a mute one does."""

UNREAD_S = 10.0
"""Longest time in which nothing of an answer is read: it holds memory, its connection, and the end of the service."""


class PatientHttp(H11Protocol):
    """Closes connections on which no head comes or no answer is read; what is no HTTP is told as a problem."""

    _head_due: float | None = None
    _unread_task: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **others: Any) -> None:
        """Whether paths as they were asked for, ids of persons in them, are logged is set, not guessed from loggers."""
        super().__init__(*args, **others)
        self.access_log = self.config.access_log

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new connection may be silent for as long as one that is kept."""
        super().connection_made(transport)
        self._close_at(self.loop.time() + self.timeout_keep_alive)

    def data_received(self, data: bytes) -> None:
        """What has begun to come has a time by which it is there, however often a little more comes."""
        super().data_received(data)
        if not self._is_between_requests:
            self._head_due = None
        elif not self.transport.is_closing():
            self._head_due = self._head_due or self.loop.time() + HEAD_S
            self._close_at(self._head_due)

    def pause_writing(self) -> None:
        """More of an answer is there than leaves."""
        super().pause_writing()
        self._watch_unread()

    def on_response_complete(self) -> None:
        """An answer has left, or what is left of it waits for who asked."""
        super().on_response_complete()
        self._watch_unread()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody reads any more."""
        self._forget_unread()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Says what was wrong as every other answer does, unless an answer is under way."""
        if self._is_between_requests:
            problem = {"type": "/problems/http-error", "title": KINDS["http-error"].en, "status": 400, "detail": msg}
            body = json.dumps(problem)
            head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
            self.transport.write(f"HTTP/1.1 400 Bad Request\r\n{head}\r\n{body}".encode("ascii"))
        self.transport.close()

    def _watch_unread(self) -> None:
        self._forget_unread()
        if unread := self.transport.get_write_buffer_size():
            self._unread_task = self.loop.call_later(UNREAD_S, self._let_go_if_unread, unread)

    def _forget_unread(self) -> None:
        if self._unread_task is not None:
            self._unread_task.cancel()
            self._unread_task = None

    def _let_go_if_unread(self, before: int) -> None:
        """Whoever writes more watches anew: as much as before means that nothing was read."""
        if self.transport.get_write_buffer_size() >= before:
            self.transport.abort()
        else:
            self._watch_unread()

    @property
    def _is_between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close_at(self, time: float) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_at(time, self.timeout_keep_alive_handler)
