"""Who may reach the page from a browser: host and origin checks, and headers that keep it closed.

A page on another site can make a browser send requests to 127.0.0.1. Its DNS may even name this
address (rebinding), so the Host header must be one of ours, and a websocket, which no same-origin
rule protects, must come from a page of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

_HEADERS = (
    (b"content-security-policy",
     b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
     b"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)  # fmt: skip
_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::\d{1,5})?", re.ASCII)  # name, perhaps a port
_NO_STORE = (b"cache-control", b"no-store")  # values of participants
_REVALIDATE = (b"cache-control", b"no-cache")  # scripts: a new version shows at the next load


class Guard:
    """Refuse foreign hosts and origins, and add the headers; wraps the whole application.

    Parameters
    ----------
    hosts
        Host names allowed besides the loopback ones, without port.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = {host.lower() for host in (*LOOPBACK, *hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal:
            await _refuse(scope, receive, send, refusal)
            return

        no_store = _REVALIDATE if scope["path"].startswith("/static/") else _NO_STORE

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS, no_store]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> str:
        headers = scope["headers"]
        hosts = [value for name, value in headers if name == b"host"]
        origins = [value for name, value in headers if name == b"origin"]
        if len(hosts) != 1:
            return "expected one Host header"
        host = hosts[0].decode("latin-1").lower()
        if _without_port(host) not in self._hosts:
            return "this host name is not served here"
        # Browsers always send Origin with a websocket; a probe on this machine may leave it out.
        if scope["type"] == "websocket" and any(_authority(each) != host for each in origins):
            return "this origin may not connect"
        return ""


def _without_port(host: str) -> str:
    """Give the name part of a Host header, empty for a wrong one; IPv6 keeps its brackets."""
    found = _HOST.fullmatch(host)
    return found[1] if found else ""


def _authority(origin: bytes) -> str:
    try:
        parts = urlsplit(origin.decode("latin-1").lower())
    except ValueError:
        return ""
    # There is no TLS: a page of ours never comes by https.
    return parts.netloc if parts.scheme == "http" else ""


async def _refuse(scope: Scope, receive: Receive, send: Send, reason: str) -> None:
    body = f"{reason}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *_HEADERS,
        _NO_STORE,
    ]
    kind, status = "http.response", 421
    if scope["type"] == "websocket":
        await receive()  # the connect event
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": reason})  # a bare 403
            return
        kind, status = "websocket.http.response", 403
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
