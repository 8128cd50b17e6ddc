"""The worker on Kafka: Faust reads and balances, `Partition` works, checkpoints make it safe.

::

    Faust agent ── records ──▶ InputOrder         a turn, 0.1 s after records came, or 0.25 s
                                   │              without any; for each partition:
                                   └──▶ Partition ── Said ──▶ features, events, dead letters

    a checkpoint, at most 5 s after the last:
        outputs are kept by Kafka ─▶ snapshot is written ─▶ its records are acknowledged in order

Faust's stream is read without its acknowledgements (``noack``): those would come before the
effects. What a restart reads twice is dropped by its offset, for the snapshot knows what it has
taken. Before a partition is given away a checkpoint is made; the next owner goes on from it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGTERM
from tempfile import TemporaryDirectory
from typing import Any, Final

import faust
from faust.assignor.partition_assignor import PartitionAssignor

from processors.errors import VitalsError
from streams.bus import Bus, Place, Record
from streams.bus.kafka import MOST_BYTES, KafkaBus
from streams.bus.topics import DEAD_LETTER, EVENTS, FEATURES, inputs
from streams.messages import encode_dead_letter, encode_findings, encode_series
from streams.worker.checkpoints import Checkpoints
from streams.worker.order import NEVER_MS
from streams.worker.partition import MOST_AT_ONCE, Partition, Said

_log = logging.getLogger(__name__)

CHECKPOINT_S: Final = 4.0  # DESIGN 5: at most 5 s apart; a turn may lie between
SETTLE_S: Final = 0.1  # what was published as one step has come by then, in all topics
IDLE_S: Final = 0.25  # without records: how often time passes
QUIET_S: Final = 1.0  # a partition without records for so long is given the time
PATIENCE_S: Final = 2.0  # for a topic that should have more to read, but gives nothing
GONE_S: Final = 5.0  # a record that is not read again in that time is not there any more
REVOKE_S: Final = 4.0  # to give partitions away; longer, and the next owner works it out again
SESSION_S: Final = 6.0  # DESIGN 5: notices a death in that time; the least that Kafka allows
STALL_S: Final = 60.0  # without a finished turn: the process ends itself for its supervisor
MOST_WAITING: Final = 256 * 1024 * 1024  # bytes of records; then Kafka waits, nothing is dropped
EXIT_STALLED: Final = 70


@dataclass(frozen=True, slots=True)
class Role:
    """How a worker runs.

    Attributes
    ----------
    address
        Of Kafka.
    group
        Workers of one group share the partitions.
    instance
        Name of this worker, different from that of every other; one that comes back under its name
        within `SESSION_S` finds its partitions.
    checkpoints
        Folder or URL of the snapshots, the same for all workers of the group.
    """

    address: str
    group: str
    instance: str
    checkpoints: str


class _Together(PartitionAssignor):
    """Faust's assignor, which gives equal partitions of all topics to one worker.

    Its own grouping goes by the order of a set, which is not the same for every topic.
    """

    @classmethod
    def _group_co_subscribed(
        cls, topics: set[str], subscriptions: MutableMapping[str, list[str]]
    ) -> Iterable[set[str]]:
        found: defaultdict[frozenset[str], set[str]] = defaultdict(set)
        for topic in topics:
            found[frozenset(c for c, names in subscriptions.items() if topic in names)].add(topic)
        return found.values()


class Worker:
    """One worker process.

    Parameters
    ----------
    say
        Prints a line for the person at the terminal.
    """

    def __init__(self, role: Role, say: Callable[[str], None]) -> None:
        self._role = role
        self._say = say
        self._bus: Bus = KafkaBus(role.address)
        self._checkpoints = Checkpoints(role.checkpoints)
        self._partitions: dict[int, Partition] = {}
        # By partition, when each new time was first seen.
        self._seen: defaultdict[int, deque[tuple[float, int]]] = defaultdict(deque)
        self._first_ends: dict[Place, int] = {}  # as they were when partitions were taken over
        self._heard_s: dict[int, float] = {}  # when the last record of a partition came
        self._blocked_s: dict[int, float] = {}  # since when a partition waits for a topic
        self._working = asyncio.Lock()
        self._filling = asyncio.Lock()
        self._assigned = asyncio.Event()
        self._arrived = asyncio.Event()
        self._drained = asyncio.Event()
        self._ending = asyncio.Event()
        self._checkpoint_s = time.monotonic()
        self._turned_s = time.monotonic()

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT; then a last checkpoint is made."""
        loop = asyncio.get_running_loop()
        for number in (SIGINT, SIGTERM):
            loop.add_signal_handler(number, self._ending.set)
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        with TemporaryDirectory(prefix="vitals-worker-") as folder:
            app = self._app(folder)
            await app.start()
            turns = asyncio.create_task(self._turns(app))
            ending = asyncio.create_task(self._ending.wait())
            crash = asyncio.create_task(app.wait_until_stopped())
            try:
                await asyncio.wait((turns, ending, crash), return_when=asyncio.FIRST_COMPLETED)
                if turns.done():
                    turns.result()  # raises
                if crash.done() or app.crashed:
                    raise VitalsError(f"the Kafka client has ended: {app.crash_reason}")
                async with self._working:
                    await self._checkpoint(app, list(self._partitions.values()))
                    self._partitions.clear()
            finally:
                for task in (turns, ending, crash):
                    task.cancel()
                await asyncio.gather(turns, ending, crash, return_exceptions=True)
                await app.stop()
                await self._bus.close()
        self._say("Stopped.")

    def _app(self, folder: str) -> faust.App:
        app = faust.App(
            self._role.group,
            broker=f"kafka://{self._role.address}",
            datadir=Path(folder),
            PartitionAssignor=_Together,
            consumer_group_instance_id=self._role.instance,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=MOST_BYTES,
            broker_session_timeout=SESSION_S,
            broker_heartbeat_interval=SESSION_S / 4,
            broker_rebalance_timeout=30.0,
            broker_max_poll_records=500,
            stream_buffer_maxsize=1_000,
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
        )
        topic = app.topic(
            *inputs(),
            key_type=bytes,
            key_serializer="raw",
            value_type=bytes,
            value_serializer="raw",
        )

        async def read(stream: Any) -> None:
            async for event in stream.noack().events():
                await self._take(app, event)

        async def revoked(*given: Any, signal: Any, **_: Any) -> None:
            await self._give_away(app, bool(given[1]))

        async def assigned(*given: Any, signal: Any, **_: Any) -> None:
            await self._take_over({Place(one.topic, one.partition) for one in given[1]})

        # Faust keeps weak references to what is connected.
        self._kept = (read, revoked, assigned)
        app.agent(topic, name="vitals", concurrency=1)(read)
        app.on_partitions_revoked.connect(revoked)
        app.on_partitions_assigned.connect(assigned)
        return app

    # --- records come in --------------------------------------------------------------------------

    async def _take(self, app: faust.App, event: Any) -> None:
        """Put a record where it waits; do not go on while too much does."""
        await self._assigned.wait()
        message = event.message
        place = Place(message.topic, message.partition)
        partition = self._partitions.get(place.partition)
        if partition is None:  # of an assignment that is over
            return
        if message.offset > partition.order.expected(place.topic):
            await self._fill(partition, place, message.offset)
        at_ms = round(1_000 * message.timestamp)
        partition.order.put(Record(place, message.offset, at_ms, message.value))
        self._note_arrival(partition)
        while sum(one.order.n_bytes for one in self._partitions.values()) > MOST_WAITING:
            self._drained.clear()
            await self._drained.wait()

    async def _fill(self, partition: Partition, place: Place, end: int) -> None:
        """Read what is missing of a place up to an offset, past Faust.

        Faust lets fall what it has fetched when partitions move meanwhile, and acknowledges it; and
        a snapshot that was lost leaves a gap before what was acknowledged. What Kafka does not keep
        any more is gone, and said.
        """
        order = partition.order
        async with self._filling:
            first = order.expected(place.topic)
            reader = await self._bus.reader({place: first})
            try:
                while order.expected(place.topic) < end and (some := await reader.read(GONE_S)):
                    for record in some:
                        order.put(record)
                    self._note_arrival(partition)
            finally:
                await reader.close()
        _log.info("read again place=%s from=%d to=%d", place, first, order.expected(place.topic))
        if order.expected(place.topic) < end:
            _log.warning("records are gone place=%s until=%d", place, end)
            order.give_up(place.topic, end)

    def _note_arrival(self, partition: Partition) -> None:
        """Note when the newest time of a partition was first seen: it settles from then on."""
        now_s = self._heard_s[partition.number] = time.monotonic()
        seen = self._seen[partition.number]
        newest_ms = partition.order.newest_ms
        if not seen or newest_ms > seen[-1][1]:
            seen.append((now_s, newest_ms))
        self._arrived.set()

    def _settled_ms(self, number: int, now_s: float) -> int:
        """Give up to which time all that was published has come, as far as waiting tells."""
        seen = self._seen[number]
        while len(seen) > 1 and seen[1][0] <= now_s - SETTLE_S:
            seen.popleft()
        if not seen:
            return NEVER_MS
        first_s, at_ms = seen[0]
        return at_ms if first_s <= now_s - SETTLE_S else at_ms - 1

    # --- work -------------------------------------------------------------------------------------

    async def _turns(self, app: faust.App) -> None:
        more = False
        while True:
            if not more:
                try:
                    await asyncio.wait_for(self._arrived.wait(), IDLE_S)
                    await asyncio.sleep(SETTLE_S)
                except TimeoutError:
                    pass
            self._arrived.clear()
            more = False
            async with self._working:
                for partition in list(self._partitions.values()):
                    more |= await self._turn(app, partition)
                if time.monotonic() - self._checkpoint_s >= CHECKPOINT_S:
                    await self._checkpoint(app, list(self._partitions.values()))
            self._drained.set()
            self._turned_s = time.monotonic()

    async def _turn(self, app: faust.App, partition: Partition) -> bool:
        """Process what may be; where nothing has come for a while, let time pass.

        Tell whether there may be more to do at once.
        """
        number, order = partition.number, partition.order
        now_s = time.monotonic()
        ends = self._ends(app, number)
        behind = order.behind(ends)
        if not behind:
            self._blocked_s.pop(number, None)
        elif now_s - self._blocked_s.setdefault(number, now_s) > PATIENCE_S:
            for topic in behind:
                await self._fill(partition, Place(topic, number), ends[topic])
            del self._blocked_s[number]
        if not order.empty:
            taken = partition.take(ends, self._settled_ms(number, now_s))
            said = await asyncio.to_thread(partition.process, taken)
            if not order.empty:
                self._arrived.set()  # the rest of it when it has settled
        else:
            quiet_s = now_s - self._heard_s.get(number, now_s)
            if behind or quiet_s < QUIET_S or partition.now_ms is None:
                return False
            taken = []
            until_ms = partition.newest_ms + round(1_000 * quiet_s)
            said = await asyncio.to_thread(partition.wait_until, until_ms)
        await self._publish(partition, said)
        return len(taken) >= MOST_AT_ONCE

    def _ends(self, app: faust.App, number: int) -> dict[str, int]:
        """Give, by topic, the end of a partition as far as the client knows it."""
        # Before the first answer to a fetch the client knows nothing.
        return {
            topic: max(
                app.consumer.highwater(faust.types.TP(topic, number)) or 0,
                self._first_ends.get(Place(topic, number), 0),
            )
            for topic in inputs()
        }

    async def _publish(self, partition: Partition, said: Said) -> None:
        at_ms = partition.now_ms or 0
        number = partition.number
        if said.features:
            value = encode_series(said.features)
            await self._bus.publish(Place(FEATURES, number), value, at_ms)
        if said.findings:
            value = encode_findings(said.findings)
            await self._bus.publish(Place(EVENTS, number), value, at_ms)
        for letter in said.dead:
            value = encode_dead_letter(letter)
            await self._bus.publish(Place(DEAD_LETTER, number), value, at_ms)

    async def _checkpoint(self, app: faust.App, partitions: list[Partition]) -> None:
        """Make sure of all that was done: outputs, then snapshots, then acknowledgements."""
        self._checkpoint_s = time.monotonic()
        await self._bus.flush()
        done: dict[Any, int] = {}
        for partition in partitions:
            taken = partition.order.offsets
            if sum(taken.values()):
                await asyncio.to_thread(self._write, partition)
                done |= {
                    faust.types.TP(topic, partition.number): offset
                    for topic, offset in taken.items()
                    if offset
                }
        if done:
            consumer: Any = app.consumer
            await consumer._commit(done)

    def _write(self, partition: Partition) -> None:
        n_taken = sum(partition.order.offsets.values())
        self._checkpoints.write(partition.number, n_taken, partition.snapshot())

    # --- partitions come and go -------------------------------------------------------------------

    async def _give_away(self, app: faust.App, any_left: bool) -> None:
        """Make a checkpoint of all partitions and let them go, in bounded time."""
        self._assigned.clear()
        self._drained.set()
        if not any_left:
            return
        try:
            async with asyncio.timeout(REVOKE_S), self._working:
                await self._checkpoint(app, list(self._partitions.values()))
        except TimeoutError:
            _log.warning("partitions given away without a checkpoint after_s=%s", REVOKE_S)
        except VitalsError as error:
            _log.warning("partitions given away without a checkpoint reason=%s", error)
        self._forget()

    def _forget(self) -> None:
        self._partitions = {}
        self._seen.clear()
        self._heard_s.clear()
        self._blocked_s.clear()

    async def _take_over(self, places: set[Place]) -> None:
        """Go on with partitions from their snapshots."""
        numbers = sorted({place.partition for place in places})
        missing = {Place(t, p) for t in inputs() for p in numbers} - places
        if missing:
            raise VitalsError(
                f"topics do not have the same partitions: {sorted(missing)[0]} is not there "
                "(vitals doctor --kafka names what differs)"
            )
        async with self._working:
            self._forget()
            self._first_ends = await self._bus.ends(places)
            for number in numbers:
                self._partitions[number] = await asyncio.to_thread(self._restored, number)
                self._heard_s[number] = time.monotonic()
        self._assigned.set()
        people = sum(partition.people for partition in self._partitions.values())
        self._say(f"Partitions {numbers}, {people} participants known")

    def _restored(self, number: int) -> Partition:
        found = Partition(number)

        def use(data: bytes) -> None:
            nonlocal found
            fresh = Partition(number)
            fresh.restore(data)
            found = fresh

        self._checkpoints.read(number, use)
        if found.anew:
            _log.warning("begin anew partition=%d processors=%s", number, ",".join(found.anew))
        return found

    def _watch(self) -> None:
        """End the process when it makes no progress, on a thread of its own."""
        while True:
            time.sleep(1.0)
            stalled_s = time.monotonic() - self._turned_s
            if stalled_s > STALL_S:
                _log.critical("no progress for_s=%.0f", stalled_s)
                sys.stderr.flush()
                os._exit(EXIT_STALLED)
