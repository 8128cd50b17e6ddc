"""The monitor as a process: readers of the bus, a page, acts of persons.

::

    Kafka ── samples ───────────────────────▶ ┐
          ── values, findings, alarms, ... ──▶ Feed ──▶ Hub ──▶ pages
    page ── acts ──▶ queue ──▶ vitals.acts
    live state ◀── what was read, who is there ──▶ other monitors

Two readers, so that an alarm never waits behind samples. Alarms come from `vitals.alarms` only:
what a monitor shows is kept, and several show the same.
"""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from alerts.act import ACKNOWLEDGE, Act
from alerts.holds import Held
from alerts.policy import Policy
from alerts.urgency import urgency
from dashboards.monitor.app import create_app
from dashboards.monitor.hub import Hub
from processors.records import NS_PER_MS, NS_PER_S
from processors.signals import SIGNALS
from streams.acting import Asking, publish_act
from streams.bus import Bus, BusError, Place, Reader
from streams.bus.topics import ALARMS, CONTROL, EVENTS, FEATURES, PROGRESS, raw
from streams.live_state import LiveState
from streams.monitor.feed import Feed
from streams.monitor.past import Past
from streams.monitor.sharing import NOTE_S, Sharing
from streams.monitor.stalls import Stalls
from streams.reading import describe
from streams.serving import Server
from streams.stores import Store

_log = logging.getLogger(__name__)

READ_S: Final = 0.1
LOOK_S: Final = 0.5  # between two looks for what stands still
BEHIND_S: Final = 3.0  # from here on the page says that processing is catching up
SILENT_S: Final = 5.0  # from here on the page says that no samples come
RETRY_S: Final = 1.0
MOST_ACTS: Final = 1_000  # that wait for the bus; one more is refused
_Got = TypeVar("_Got")
TAKE_S: Final = 0.02  # the event loop lets pages be served at least so often


@dataclass(frozen=True, slots=True)
class Role:
    """How a monitor runs.

    Attributes
    ----------
    name
        Different from that of every other monitor.
    operator
        Who looks at its pages.
    """

    name: str
    n_partitions: int
    operator: str = "local operator"


class Monitor:
    """One monitor process.

    Parameters
    ----------
    open_store
        Opens what its pages read of the past (`Past`).
    address
        A bound socket; the page is served on it.
    say
        Prints a line for the person at the terminal.
    """

    def __init__(
        self,
        role: Role,
        policy: Policy,
        bus: Bus,
        live_state: LiveState,
        open_store: Callable[[], Store | None],
        address: socket.socket,
        say: Callable[[str], None],
    ) -> None:
        self._role = role
        self._policy = policy
        self._bus = bus
        self._past = Past(open_store, policy, self._now_ns)
        self._address = address
        self._say = say
        self._ahead_ns = time.time_ns() - time.monotonic_ns()
        self._hub = Hub(self._now_ns, rank=urgency)
        self._stalls = Stalls(policy)
        self._feed = Feed(self._hub, self._stalls, role.n_partitions, self._now_ns)
        self._sharing = Sharing(live_state, role.name, role.n_partitions)
        self._acts: asyncio.Queue[Act] = asyncio.Queue(MOST_ACTS)
        self._complete: dict[Place, int] = {}  # ends of the log of alarms at the start
        self._heard_ns = 0
        self._bus_problem = ""
        self._end: Callable[[], object] = lambda: None

    async def serve(self) -> None:
        """Serve pages until SIGTERM or SIGINT.

        Raises
        ------
        BaseException
            What ended a part of it, after everything else has been closed.
        """
        app = create_app(
            self._hub,
            actions=Asking(self._policy, self._ask, self._whose),
            history=self._past.history,
            burden=self._past.burden,
            screening=self._past.screening,
            describe=partial(describe, self._policy),
            operator=self._role.operator,
        )
        server = Server(app)
        loop = asyncio.get_running_loop()
        self._end = server.interrupt
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(server.interrupt))
        fault: list[BaseException] = []
        tasks = [
            asyncio.create_task(each)
            for each in (
                self._follow_results(),
                self._follow_samples(),
                self._look(),
                self._share(),
                self._sharing.hear(self._heard),
                self._send_acts(),
                self._greet(server),
            )
        ]

        def note(done: asyncio.Task[None]) -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                fault.append(error)
                server.should_exit = True

        for task in tasks:
            task.add_done_callback(note)
        try:
            await server.serve(sockets=[self._address])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._sharing.close()
            await self._bus.close()
            self._past.close()
        if fault:
            raise fault[0]
        self._say("Stopped.")

    def stop(self) -> None:
        """End it cleanly; on its event loop."""
        self._end()

    # --- what comes -------------------------------------------------------------------------------

    async def _follow_results(self) -> None:
        """Read what workers say, from where what is known already ends."""
        offsets = await self._until_there(self._begin)
        reader = await self._until_there(lambda: self._bus.reader(offsets))
        await self._follow(reader)

    async def _begin(self) -> dict[Place, int]:
        """Show what the live state or the store knows; give where to go on.

        What a bridge announced and, without a live state, alarms are read from the beginning of
        what the bus keeps.
        """
        whole = self._places([CONTROL, ALARMS])
        starts = await self._bus.starts(whole)
        ends = await self._bus.ends(self._places([ALARMS, CONTROL, EVENTS, FEATURES, PROGRESS]))
        people, alarms = await asyncio.to_thread(self._past.known)
        known = await self._sharing.snapshots()
        held: list[Held] = []
        offsets = dict(ends) | starts
        for number, snapshot in known.items():
            place = Place(ALARMS, number)
            if not starts.get(place, 0) <= snapshot.offset <= ends.get(place, -1):
                await self._sharing.forget(number)  # changes after it are gone, or of another log
                continue
            offsets[place] = snapshot.offset
            alarms += snapshot.alarms
            held += snapshot.held
        self._feed.begin(people, alarms, held)
        self._complete = {place: ends[place] for place in self._places([ALARMS])}
        self._feed.offsets = {place.partition: offsets[place] for place in self._complete}
        self._sharing.begin(self._feed.offsets)
        return offsets

    async def _follow_samples(self) -> None:
        """Read samples from now on."""
        places = self._places(raw(signal) for signal in SIGNALS)
        offsets = await self._until_there(lambda: self._bus.ends(places))
        reader = await self._until_there(lambda: self._bus.reader(offsets))
        await self._follow(reader)

    async def _follow(self, reader: Reader) -> None:
        try:
            while True:
                try:
                    records = await reader.read(READ_S)
                except BusError as error:
                    self._bus_problem = str(error)
                    await asyncio.sleep(RETRY_S)
                    continue
                self._bus_problem = ""
                at_s = time.monotonic()
                for record in records:
                    if record.place.topic.startswith(raw("")):
                        self._heard_ns = self._now_ns()
                self._sharing.note(*self._feed.take(records))
                if time.monotonic() - at_s > TAKE_S:
                    await asyncio.sleep(0)
        finally:
            await reader.close()

    async def _until_there(self, what: Callable[[], Awaitable[_Got]]) -> _Got:
        """Do something with the bus, again until it is there."""
        while True:
            try:
                return await what()
            except BusError as error:
                self._bus_problem = str(error)
                _log.warning("bus not there problem=%s", error)
                await asyncio.sleep(RETRY_S)

    # --- what persons do --------------------------------------------------------------------------

    def _ask(self, act: Act) -> None:
        """Send what a person asks for to where the alarms are."""
        if self._stalls.alarms.alarm(act.target) is not None:
            self._feed.show_stalls(self._stalls.acknowledge(act.target, act.by, self._now_ns()))
            return
        try:
            self._acts.put_nowait(act)
        except asyncio.QueueFull:
            raise LookupError("the bus does not take what is asked for") from None
        if act.kind == ACKNOWLEDGE:
            self._hub.on_asked(act.target)

    def _whose(self, alarm_id: str) -> str:
        alarm = self._hub.alarm(alarm_id)
        return "" if alarm is None else alarm.participant

    async def _send_acts(self) -> None:
        """Publish acts in their order; one that the bus does not take is tried again."""
        while True:
            act = await self._acts.get()
            await self._until_there(partial(self._publish, act))
            await self._sharing.tell(kind=act.kind, alarm=act.target)

    async def _publish(self, act: Act) -> None:
        def at_ms(partition: int) -> int:
            """Give the time of the newest that the person may have seen: no clock is trusted."""
            return self._feed.newest_ms.get(partition, self._now_ns() // NS_PER_MS)

        await publish_act(self._bus, self._role.n_partitions, act, at_ms)

    # --- how it does ------------------------------------------------------------------------------

    async def _look(self) -> None:
        while True:
            self._feed.pass_time()
            self._hub.set_status(*self._status())
            await asyncio.sleep(LOOK_S)

    def _status(self) -> tuple[float, str, str]:
        """Give how far processing is behind, the phase, and what is amiss."""
        lags = self._stalls.lag_s()
        finite = [lag_s for lag_s in lags.values() if math.isfinite(lag_s)]
        lag_s = max(finite, default=math.nan)
        trouble = [self._bus_problem, self._sharing.problem]
        stalled = sorted(self._stalls.holds())
        if stalled:
            trouble.append(f"partitions {', '.join(map(str, stalled))} stand still")
        silent_s = (self._now_ns() - self._heard_ns) / NS_PER_S
        if self._heard_ns and silent_s > SILENT_S:
            trouble.append(f"no samples for {silent_s:.0f} s")
        if self._acts.qsize():
            trouble.append(f"{self._acts.qsize()} things asked for are not sent yet")
        phase = "catching_up" if lag_s > BEHIND_S else "live"
        reached = self._feed.offsets
        if not self._complete or any(
            reached.get(place.partition, 0) < end for place, end in self._complete.items()
        ):
            phase = "starting"
        return lag_s, phase, ". ".join(filter(None, trouble))

    async def _share(self) -> None:
        while True:
            about = f"{len(self._hub.viewers)} pages"
            await self._sharing.share(self._feed.log, self._feed.offsets, about)
            await asyncio.sleep(NOTE_S)

    def _heard(self, what: dict[str, str]) -> None:
        """Show what was acknowledged on another monitor, before it is done."""
        if what.get("kind") == ACKNOWLEDGE:
            self._hub.on_asked(what.get("alarm", ""))

    async def _greet(self, server: Server) -> None:
        while not server.started:  # noqa: ASYNC110 - uvicorn has a flag, no event
            await asyncio.sleep(0.02)
        host, port = self._address.getsockname()[:2]
        self._say(f"Monitor {self._role.name}  ->  http://{host}:{port}. Ctrl-C ends.")

    def _now_ns(self) -> int:
        return time.monotonic_ns() + self._ahead_ns

    def _places(self, topics: Iterable[str]) -> list[Place]:
        return [Place(topic, p) for topic in topics for p in range(self._role.n_partitions)]
