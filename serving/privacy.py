"""What people are told stays on this machine, until there is access control: no other site asks, nobody keeps it.

A browser reaches loopback for every page that it shows. A page of another site may send a text or a form anywhere
without asking, and its owner may let the page's own name point to this machine; both are refused here.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recsys.sentences import Sentence
from serving.problems import problem_response

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"same-origin", "none"})
_NOT_THIS_MACHINE = Sentence(
    "在实行访问控制之前，只有用本机地址（127.0.0.1、::1、localhost）的请求才有回应",
    "only requests to an address of this machine (127.0.0.1, ::1, localhost) are answered: there is no access control",
)
_NOT_OWN_PAGE = Sentence(
    "其他网站的网页不能在这里写入或提问", "pages of other sites may not write or put questions that need a body"
)


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine can reach `host`.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class OwnPagesOnly:
    """Refuses requests by a name that is not this machine's, and writing by pages of other sites.

    Who writes is told as Go's `net/http.CrossOriginProtection` tells it: by `Sec-Fetch-Site` where the browser sends
    it, else by `Origin`; who sends neither is no browser.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands on what this machine's own pages and programs ask."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if not is_loopback(_name(headers.get("host", "localhost"))):
                refusal = problem_response(Request(scope), 421, "other-site", _NOT_THIS_MACHINE)
                await refusal(scope, receive, send)
                return
            if scope["method"] not in _READS and not _is_own(headers):
                refusal = problem_response(Request(scope), 403, "other-site", _NOT_OWN_PAGE)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class NotKept:
    """Tells browsers and proxies to keep no answer of the API, and to take it for nothing but what it says it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Adds two headers to answers under `/v1`."""

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        of_api = scope["type"] == "http" and scope["path"].startswith("/v1/")
        await self._app(scope, receive, send_marked if of_api else send)


def _name(authority: str) -> str:
    """The name alone: without port, brackets and the dot that may end it."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _is_own(headers: Headers) -> bool:
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site in _OWN
    return origin is None or origin.partition("://")[2] == headers.get("host")
