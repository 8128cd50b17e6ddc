"""Everything in one process: bridge, engine, alarms, store and page (``vitals run``).

::

    event loop                            engine thread                     writer thread
    ----------                            -------------                     -------------
    bridge ── blocks ─┬─▶ Recorder, a thread: log of the hour ─▶ Housekeeper, a thread: Parquet
                      ├─▶ Hub (traces)
                      └─▶ queue ────────▶ LiveCore.step ── features, values ──▶ store
                                              │
                                          Ledger.commit ── findings, alarms ──▶ store
    Hub ◀── values, findings, alarms ─────────┘
    page ── acts ──▶ LiveCore.carry_out ──▶ Ledger.commit ──▶ Hub

The queue is bounded and blocks: raw samples are never dropped. Raw traces reach the page before the
engine has them, and so before its kernels are compiled. Findings, alarms and acknowledgements are
on the disk before they reach the page.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import queue
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alerts.act import Act
from alerts.alarm import AlarmChange, AlarmState
from alerts.holds import Held
from alerts.policy import Policy
from alerts.urgency import urgency
from dashboards.monitor.app import create_app
from dashboards.monitor.history import Strip
from dashboards.monitor.hub import Hub
from device_bridges.pacing import Bridge, WallClock, publish
from processors.errors import SettingError
from processors.records import NS_PER_S, Block, Control, Finding
from registry.participants import Participant
from streams.acting import Asking
from streams.backlog import Backlog, Step
from streams.consents import Consents
from streams.observe import Observer
from streams.reading import StoreReader, describe
from streams.serving import Server
from streams.stores import VITAL, Record, SeriesRows, StoreError, n_rows
from streams.stores.housekeeper import Housekeeper
from streams.stores.ledger import Ledger
from streams.stores.lock import FolderLock
from streams.stores.retention import Keep
from streams.stores.sqlite import SqliteStore
from streams.stores.strips import stored_strip
from streams.stores.waveforms import Folders
from streams.stores.waveforms.recorder import Recorder
from streams.stores.writer import StoreWriter

if TYPE_CHECKING:
    from streams.live import LiveCore

_log = logging.getLogger(__name__)

# Gives what is not a sample in a span of device time: profiles, lead-off flags, marks.
ControlSource = Callable[[int, int], Sequence[Control]]

BEHIND_S: Final = 2.0  # from here on the page says that the engine is catching up
STATUS_S: Final = 0.5
END_S: Final = 3.0  # wait for the step in progress; compiling kernels takes longer and is given up
FULL_S: Final = 0.02  # between two looks at a queue that is full
LISTEN_S: Final = 0.05  # how long the engine thread waits for a step before it looks at orders
SILENT_S: Final = 5.0  # from here on the page says that the bridge gives nothing
STALL_NS: Final = 2 * NS_PER_S  # a bridge that gives nothing for so long: time passes without it

Order = Callable[["LiveCore"], Sequence[Record]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes
    ----------
    controls
        Of a span of device time, half-open.
    speed
        Seconds of signal per second; None: as fast as it goes.
    greeting
        One line for the terminal: what is playing.
    """

    bridge: Bridge
    participants: Sequence[Participant]
    controls: ControlSource
    simulated: bool
    speed: float | None
    greeting: str
    block_ms: int


class Embedded:
    """One run of everything, from start to a clean end.

    Parameters
    ----------
    address
        A bound socket; the page is served on it.
    say
        Prints a line for the person at the terminal.
    observer
        Is told of every step.
    keep
        How long things are kept.

    Attributes
    ----------
    account
        What the engine counted over all channels, once it has ended: samples, duplicates, lost...
    """

    def __init__(
        self,
        plan: Plan,
        policy: Policy,
        folder: Path,
        address: socket.socket,
        say: Callable[[str], None],
        observer: Observer | None = None,
        keep: Keep | None = None,
    ) -> None:
        self._plan = plan
        self._observer = observer or Observer()
        self.account: dict[str, int] = {}
        self._policy = policy
        self._address = address
        self._say = say
        self.store_path = folder / "vitals.sqlite"
        self._store = SqliteStore(self.store_path)
        try:
            self._lock = FolderLock(folder)
        except SettingError:
            self._store.close()
            raise
        self._writer = StoreWriter(self._store, on_written=self._observer.written)
        self._ledger = Ledger(self._store, on_written=self._observer.written)
        self._steps = Backlog()
        self._clock = _DeviceClock(plan.bridge.base_ns, plan.speed)
        folders = Folders(folder)
        self._housekeeper = Housekeeper(folders, self._store, keep or Keep(), self._clock.now_ns)
        self._recorder = Recorder(folders, on_closed=self._housekeeper.hand_over)
        self._hub = Hub(
            self._clock.now_ns, simulated=plan.simulated, rank=urgency, on_strip=self._keep_strip
        )
        self._hub.set_participants(plan.participants)
        # What the loop wants of the engine thread, which alone changes alarms and writes to the
        # store: so both see one order, and the loop never waits.
        self._orders: deque[Order] = deque()
        self._ready = False
        self.not_stored = 0
        self._given_ns = self._done_ns = plan.bridge.base_ns
        self._ended = self._stopping = False
        self._fault: BaseException | None = None
        self._end: Callable[[], object] = lambda: None

    async def serve(self) -> None:
        """Run until interrupted, or until the engine fails.

        Raises
        ------
        BaseException
            What ended the engine, after everything else has been closed.
        """
        reader = StoreReader(self._store, self._policy, self._clock.now_ns)
        app = create_app(
            self._hub,
            actions=Asking(self._policy, self._ask, self._whose),
            history=reader.history,
            burden=reader.burden,
            screening=reader.screening,
            describe=partial(describe, self._policy),
        )
        server = Server(app)
        loop = asyncio.get_running_loop()
        self._end = lambda: loop.call_soon_threadsafe(server.interrupt)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stop())
        engine = threading.Thread(target=self._run_engine, args=(loop, server), name="engine")
        self._writer.start()
        self._recorder.start()
        engine.start()
        tasks = [asyncio.create_task(self._play()), asyncio.create_task(self._report(server))]
        for task in tasks:
            task.add_done_callback(lambda done: self._note_fault(done, server))
        try:
            await server.serve(sockets=[self._address])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._stopping = True
            self._housekeeper.close(0)
            self._recorder.close()
            engine.join(END_S)
            self._housekeeper.close(END_S)
            with contextlib.suppress(StoreError):  # it has been said on the page
                self._writer.close()
            if not engine.is_alive():  # else it is compiling, and nothing waits
                self._ledger.close()
                self.not_stored += self._ledger.left_out
            self._store.close()
            self._lock.release()
        if self._fault is not None:
            raise self._fault

    def stop(self) -> None:
        """End the run cleanly; from any thread, once it serves."""
        self._end()

    @property
    def ended(self) -> bool:
        """Tell whether the bridge has ended and the engine has done all that it gave."""
        return self._ended and self._done_ns >= self._given_ns

    def _note_fault(self, task: asyncio.Task[None], server: Server) -> None:
        """End the program when the bridge or the report fails: nothing may stop in silence."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fault = error
            server.should_exit = True

    # --- on the event loop ------------------------------------------------------------------------

    async def _play(self) -> None:
        """Play the bridge at its pace; raw traces are on the page before the engine has them."""
        consents = Consents()

        async def sink(until_ns: int, given: list[Block]) -> None:
            controls = self._plan.controls(self._given_ns, until_ns)
            rows = consents.pass_on([*controls, *given])
            blocks = [row for row in rows if isinstance(row, Block)]
            while not self._recorder.offer(until_ns, blocks):  # noqa: ASYNC110 - a thread makes room
                await asyncio.sleep(FULL_S)
            for block in blocks:
                self._hub.on_block(block)
            self._given_ns = until_ns
            self._clock.reached(until_ns)
            await self._give(until_ns, rows)

        step_ns = self._plan.block_ms * 1_000_000
        await publish(
            self._plan.bridge,
            sink,
            WallClock(),
            speed=self._plan.speed,
            step_ns=step_ns,
            on_sent=self._observer.sent,
        )
        self._ended = True
        self._say("The recordings have ended; the page stays open. Ctrl-C ends.")

    async def _give(self, until_ns: int, blocks: Sequence[Block | Control]) -> None:
        """Hand a step to the engine; wait where it is behind, for raw samples are never dropped."""
        while True:
            try:
                self._steps.put_nowait((until_ns, blocks))
            except queue.Full:
                await asyncio.sleep(FULL_S)
            else:
                return

    async def _report(self, server: Server) -> None:
        """Say at the terminal when the page is there, and on the page how the engine does."""
        while not server.started:  # noqa: ASYNC110 - uvicorn has a flag, no event
            await asyncio.sleep(0.02)
        host, port = self._address.getsockname()[:2]
        self._say(f"{self._plan.greeting}  ->  http://{host}:{port}")
        self._say("Signed in as: local operator (this machine only). Ctrl-C ends.")
        while True:
            self._hub.set_status(*self._status())
            await asyncio.sleep(STATUS_S)

    def _status(self) -> tuple[float, str, str]:
        """Give how far the engine is behind in seconds of signal, its phase, what else is amiss."""
        trouble = str(self._ledger.error or self._writer.error or self._recorder.error or "")
        trouble = trouble or self._housekeeper.problem
        # Of the clock on the wall: a fast replay runs through seconds of signal in no time.
        silent_s = (self._clock.now_ns() - self._given_ns) / NS_PER_S / (self._plan.speed or 1.0)
        if silent_s > SILENT_S and not self._ended:
            trouble = f"nothing from the bridge for {silent_s:.0f} s. {trouble}"
        if not self._ready or self._done_ns == self._plan.bridge.base_ns:
            return math.nan, "compiling", trouble
        lag_s = max(self._given_ns - self._done_ns, 0) / NS_PER_S
        if self._ended and not lag_s:
            return 0.0, "ended", trouble
        return lag_s, "catching_up" if lag_s > BEHIND_S else "live", trouble

    def _show(
        self,
        features: Sequence[SeriesRows],
        alarms: Sequence[AlarmChange],
        findings: Sequence[Finding] = (),
        held: Sequence[Held] = (),
    ) -> None:
        """Put what the engine thread gave onto the page."""
        for rows in features:
            self._hub.on_values(rows.participants, rows.name, rows.values, rows.t_ns)
        self._hub.on_findings(findings)
        self._hub.on_alarms([change.alarm for change in alarms])
        self._hub.on_holds(held)

    def _ask(self, act: Act) -> None:
        """Have done what a person asks for."""
        self._order(lambda core: core.carry_out(act))

    def _whose(self, alarm_id: str) -> str:
        alarm = self._hub.alarm(alarm_id)
        return "" if alarm is None else alarm.participant

    def _order(self, order: Order) -> None:
        """Have the engine thread do something; it commits what comes of it before it shows it."""
        if not self._ready:
            raise LookupError("the engine is still starting")
        self._orders.append(order)

    def _keep_strip(self, finding: Finding, strip: Strip) -> None:
        stored = stored_strip(finding, strip)
        self._orders.append(lambda _: [stored])

    # --- on the engine thread ---------------------------------------------------------------------

    def _store_all(self, records: Sequence[Record]) -> None:
        """Commit what will be shown, hand on the rest; a full disk must not stop the alarms."""
        self._ledger.commit(record for record in records if isinstance(record, VITAL))
        for record in records:
            if isinstance(record, VITAL):
                continue
            try:
                self._writer.put([record])
            except StoreError:
                self.not_stored += n_rows(record)

    def _commit(self, core: LiveCore, records: Sequence[Record]) -> list[Held]:
        """Commit records and what the alarm core knows after them; give what holds alarms back."""
        more = core.take_records()
        self._store_all([*records, *more])
        return core.take_held(one.participant for one in more if isinstance(one, AlarmState))

    def _take_up(self, core: LiveCore) -> list[AlarmChange]:
        """Go on with the alarms of people who are watched again, from where the store has them."""
        now_ns = self._plan.bridge.base_ns
        known = {person.id for person in self._plan.participants}
        states = [state for state in self._store.alarm_states() if state.participant in known]
        changes: list[AlarmChange] = []
        for state in states:
            try:
                changes += core.restore_states([state], now_ns)
            except ValueError as error:  # of another version: what the store shows is taken over
                _log.warning("alarm state not used participant=%s %s", state.participant, error)
        # Of stores from before states were kept, and of a crash between an alarm and its state.
        left_open = [
            alarm
            for alarm in self._store.open_alarms()
            if alarm.participant in known and core.alarms.alarm(alarm.id) is None
        ]
        return changes + core.adopt(left_open, now_ns)

    def _take_orders(self) -> list[Order]:
        """Take all that waits: a storm leaves thousands of strips, which are one commit."""
        return [self._orders.popleft() for _ in range(len(self._orders))]

    @staticmethod
    def _carry_out(order: Order, core: LiveCore) -> Sequence[Record]:
        try:
            return order(core)
        except (
            LookupError,
            SettingError,
        ) as error:  # the alarm has ended while the order was on its way
            _log.warning("order not carried out: %s", error)
            return []

    def _run_engine(self, loop: asyncio.AbstractEventLoop, server: Server) -> None:
        """Take steps until the end; what fails here ends the program."""
        try:
            # Imported here: it loads the compiler, while the page is already being served.
            from streams.live import LiveCore
            from streams.thinning import Thinner

            core = LiveCore(self._policy, thinner=Thinner())
            core.enrol(self._plan.participants, self._plan.bridge.base_ns)

            def show(*told: Any) -> None:
                loop.call_soon_threadsafe(self._show, *told)

            def said(records: Sequence[Record]) -> None:
                held = self._commit(core, records)
                show((), [each for each in records if isinstance(each, AlarmChange)], (), held)

            self._store_all(self._plan.participants)
            said(self._take_up(core))
            self._ready = True
            self._housekeeper.start()  # it loads pyarrow: not while the page waits for alarms
            # What has been given is still processed, for as long as the end may take.
            while not (self._stopping and self._steps.empty()):
                step = self._next_step()
                if orders := self._take_orders():
                    said([record for order in orders for record in self._carry_out(order, core)])
                if step is None:
                    self._ledger.commit()  # what waited for room on the disk
                    continue
                told = core.step(*step)
                held = self._commit(core, told.records)
                self._done_ns = max(told.until_ns, self._done_ns)
                self._observer.processed(told)
                show(told.features, told.alarms, told.findings, held)
            rest = core.end()
            self._store_all(rest.records)
            self._observer.ended(rest)
            self.account = core.engine.channels.totals()
        except BaseException as error:  # noqa: BLE001 - raised again once all is closed
            self._fault = error
            server.should_exit = True

    def _next_step(self) -> Step | None:
        """Give the next step; without one for a while, a step in which only time has passed."""
        step = self._steps.get(LISTEN_S)
        if step is not None:
            return step
        now_ns = self._clock.now_ns()
        speed = self._plan.speed
        if speed is None or self._ended or now_ns - self._given_ns <= STALL_NS * speed:
            return None
        return now_ns, ()


class _DeviceClock:
    """Now, on the time base of the samples; it goes on between blocks at the replay's speed."""

    def __init__(self, base_ns: int, speed: float | None) -> None:
        self._speed = speed
        self._reached_ns = base_ns
        self._at_ns = time.monotonic_ns()

    def reached(self, until_ns: int) -> None:
        self._reached_ns = until_ns
        self._at_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        if self._speed is None:
            return self._reached_ns
        return self._reached_ns + round((time.monotonic_ns() - self._at_ns) * self._speed)
