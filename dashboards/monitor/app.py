"""The web application of the monitor: the page, its websocket, its findings, its health."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboards.monitor import wire
from dashboards.monitor.actions import Actions, carry_out
from dashboards.monitor.burden_view import BurdenView, burden_json
from dashboards.monitor.history import (
    Describer,
    HistoryReader,
    ParticipantHistory,
    history_json,
    merge,
)
from dashboards.monitor.hub import Hub
from dashboards.monitor.requests import (
    MAX_TEXT,
    Acknowledge,
    Inactivate,
    Reactivate,
    RequestError,
    Watch,
    read_request,
)
from dashboards.monitor.security import Guard
from dashboards.monitor.viewer import Viewer
from processors.errors import VitalsError

_log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
PUMP_S = 0.1  # s between looks for something to send
SUMMARY_S = 1.0  # s between summaries
SEND_TIMEOUT_S = 10.0  # s; a page that takes nothing for so long is gone
MAX_VIEWERS = 32
REQUESTS_PER_S = 20.0  # allowed on average, with bursts of as many
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013  # RFC 6455 section 7.4.1 and its registry

# For uvicorn.Config(app, **SERVER): the protocol, limits and heartbeat this application counts on.
SERVER: dict[str, Any] = {
    "ws": "websockets-sansio",
    "ws_max_size": 4 * MAX_TEXT,
    "ws_per_message_deflate": False,  # costs a core per 10 pages and gains nothing on loopback
    "ws_ping_interval": 5.0,
    "ws_ping_timeout": 10.0,
    "server_header": False,
}

# Reads the burden of alarms over so many days for the page of it, in a worker thread.
BurdenReader = Callable[[float], BurdenView]
BURDEN_DAYS = 366.0  # the longest that is read for a page

# Reads who is referred after a day, the newest for None, as plain values; in a worker thread.
ScreeningReader = Callable[[date | None], Mapping[str, Any]]


def create_app(
    hub: Hub,
    *,
    actions: Actions,
    history: HistoryReader | None = None,
    burden: BurdenReader | None = None,
    screening: ScreeningReader | None = None,
    describe: Describer | None = None,
    operator: str = "local operator",
    hosts: Iterable[str] = (),
    max_viewers: int = MAX_VIEWERS,
) -> Starlette:
    """Give the application that serves one hub.

    Parameters
    ----------
    actions
        Does what pages ask for.
    history
        Reads the store for the participant view, in a worker thread; None: only what is in memory.
    burden
        Reads how many alarms there were and what became of them, in a worker thread.
    screening
        Reads who is referred after a day, in a worker thread.
    describe
        Says in words what a finding found, in the same thread; None: its name and evidence.
    operator
        Who looks at this page and acknowledges.
    hosts
        Host names served besides the loopback ones.
    max_viewers
        Pages open at the same time; one more is turned away with "try again later".
    """

    async def page(_: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def health(_: Request) -> Response:
        reason = hub.trouble()
        told = {
            "status": "failing" if reason else "ok",
            "reason": reason,
            "viewers": len(hub.viewers),
            "newest_sample_age_s": hub.newest_sample_age_s(),
            "engine": hub.status(),
        }
        return JSONResponse(told, status_code=503 if reason else 200)

    async def findings(request: Request) -> Response:
        participant = request.path_params["participant"]
        if not hub.knows(participant):
            return JSONResponse({"error": "no such participant"}, status_code=404)
        live_view = hub.recent(participant)

        def answer() -> dict[str, Any]:
            stored = ParticipantHistory() if history is None else history(participant)
            return history_json(merge(stored, live_view), describe)

        return JSONResponse(await asyncio.to_thread(answer))

    async def burden_page(_: Request) -> Response:
        return FileResponse(STATIC / "burden.html")

    async def burden_figures(request: Request) -> Response:
        if burden is None:
            return JSONResponse({"error": "nothing is kept here"}, status_code=404)
        try:
            days = float(request.query_params.get("days", "7"))
        except ValueError:
            days = 0.0
        if not 0.0 < days <= BURDEN_DAYS:  # NaN is neither
            problem = f"expected days up to {BURDEN_DAYS:g}"
            return JSONResponse({"error": problem}, status_code=400)
        return JSONResponse(burden_json(await asyncio.to_thread(burden, days)))

    async def screening_page(_: Request) -> Response:
        return FileResponse(STATIC / "screening.html")

    async def screening_figures(request: Request) -> Response:
        if screening is None:
            return JSONResponse({"error": "nothing is kept here"}, status_code=404)
        text = request.query_params.get("day", "")
        try:
            day = date.fromisoformat(text) if text else None
        except ValueError:
            return JSONResponse({"error": "expected a date as 2026-11-25"}, status_code=400)
        return JSONResponse(await asyncio.to_thread(screening, day))

    async def live(socket: WebSocket) -> None:
        await socket.accept()
        if len(hub.viewers) >= max_viewers:
            _log.warning("page turned away viewers=%d", len(hub.viewers))
            await socket.close(TRY_AGAIN_LATER, f"{max_viewers} pages are open already")
            return
        viewer = hub.join(operator)
        try:
            await _serve(socket, hub, viewer, actions, operator)
        finally:
            hub.leave(viewer)

    async def unreadable(_: Request, error: Exception) -> Response:
        _log.warning("page not answered reason=%s", error)
        return JSONResponse({"error": str(error)}, status_code=503)

    @contextlib.asynccontextmanager
    async def summaries(_: Starlette) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            ticking = tasks.create_task(_tick(hub))
            yield
            ticking.cancel()

    return Starlette(
        routes=[
            Route("/", page),
            Route("/burden", burden_page),
            Route("/screening", screening_page),
            Route("/healthz", health),
            Route("/api/burden", burden_figures),
            Route("/api/screening", screening_figures),
            Route("/api/participants/{participant:path}/findings", findings),
            WebSocketRoute("/ws", live),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, hosts=tuple(hosts))],
        exception_handlers={VitalsError: unreadable},
        lifespan=summaries,
    )


async def _tick(hub: Hub) -> None:
    while True:
        hub.advance()
        await asyncio.sleep(SUMMARY_S)


async def _serve(
    socket: WebSocket, hub: Hub, viewer: Viewer, actions: Actions, operator: str
) -> None:
    """Run one page until it leaves or must be closed; whichever direction ends, ends both."""
    sending = asyncio.create_task(_send(socket, hub, viewer))
    receiving = asyncio.create_task(_receive(socket, hub, viewer, actions, operator))
    try:
        done, _ = await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        code, reason = next(iter(done)).result()
    finally:
        for task in (sending, receiving):
            task.cancel()
        await asyncio.gather(sending, receiving, return_exceptions=True)
    if code:
        _log.warning('page closed code=%d reason="%s"', code, reason)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(1.0):
                await socket.close(code, reason)


async def _send(socket: WebSocket, hub: Hub, viewer: Viewer) -> tuple[int, str]:
    try:
        while not viewer.evicted:
            message = hub.collect(viewer)
            if message:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await socket.send_bytes(message)
            await asyncio.sleep(PUMP_S)
    except TimeoutError:
        return TRY_AGAIN_LATER, "too slow: nothing was read"
    except (WebSocketDisconnect, RuntimeError):  # Starlette's words for a page that has gone
        return 0, ""
    return TRY_AGAIN_LATER, viewer.evicted


async def _receive(
    socket: WebSocket, hub: Hub, viewer: Viewer, actions: Actions, operator: str
) -> tuple[int, str]:
    credit, then = REQUESTS_PER_S, time.monotonic()
    while True:
        event = await socket.receive()
        if event["type"] == "websocket.disconnect":
            return 0, ""
        now = time.monotonic()
        credit, then = min(credit + (now - then) * REQUESTS_PER_S, REQUESTS_PER_S) - 1, now
        if credit < 0:
            return POLICY_VIOLATION, "too many requests"
        try:
            request = read_request(event.get("text") or event.get("bytes") or b"")
        except RequestError as error:
            return POLICY_VIOLATION, error.problem[:100]
        if isinstance(request, Watch):
            viewer.watch(request.participants, request.detail)
        elif isinstance(request, Acknowledge | Inactivate | Reactivate):
            refusal = carry_out(hub, actions, request, operator)
            if refusal:
                alarm = request.alarm if isinstance(request, Acknowledge) else None
                refused = {"type": "refused", "alarm": alarm, "reason": refusal}
                viewer.offer(wire.encode_json(refused))
