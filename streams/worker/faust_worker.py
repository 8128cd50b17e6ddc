"""The worker on Kafka: Faust reads and balances, `Partition` works, checkpoints make it safe.

::

    Faust agent ── records ──▶ InputOrder         a turn, 0.1 s after records came, or 0.25 s
                                   │              without any; for each partition:
                                   └──▶ Partition ── Turn ──▶ journal, and when it is kept
                                                  └─ Said ──▶ features, events, alarms,
                                                              dead letters, progress

    a checkpoint, at most 5 s after the last:
        outputs are kept by Kafka ─▶ snapshot is written ─▶ its records are acknowledged in order

Faust's stream is read without its acknowledgements (``noack``): those would come before the
effects. What a restart reads twice is dropped by its offset, for the snapshot knows what it has
taken; turns made after it are made again as the journal has them. Before a partition is given away
a checkpoint is made; the next owner goes on from it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGTERM
from tempfile import TemporaryDirectory
from typing import Any, Final

import faust
from faust.assignor.partition_assignor import PartitionAssignor

from alerts.policy import Policy
from processors.errors import InputError, VitalsError
from processors.records import NS_PER_MS, Processor
from processors.registry import discover
from streams.alarm_messages import AlarmNews, encode_alarms
from streams.bus import Bus, BusError, Place, Record
from streams.bus.kafka import MOST_BYTES, KafkaBus
from streams.bus.topics import (
    ALARMS,
    DEAD_LETTER,
    EVENTS,
    FEATURES,
    PROGRESS,
    TURNS,
    inputs,
)
from streams.messages import (
    encode_dead_letter,
    encode_findings,
    encode_progress,
    encode_series,
)
from streams.worker.arrivals import SETTLE_S, Arrivals
from streams.worker.checkpoints import Checkpoints
from streams.worker.journal import Turn, decode_turn, encode_turn
from streams.worker.partition import MOST_AT_ONCE, Partition, Said, Work
from streams.worker.watchdog import Watchdog

_log = logging.getLogger(__name__)

CHECKPOINT_S: Final = 4.0  # DESIGN 5: at most 5 s apart; a turn may lie between
IDLE_S: Final = 0.25  # without records: how often time passes
QUIET_S: Final = 1.0  # a partition without records for so long is given the time
ANSWER_S: Final = 1.0  # for a question to Kafka that may go without an answer
PATIENCE_S: Final = 2.0  # for a topic that should have more to read, but gives nothing
GONE_S: Final = 5.0  # a record that is not read again in that time is not there any more
PROGRESS_S: Final = 1.0  # a partition that goes on says so that often
REVOKE_S: Final = 4.0  # to give partitions away; longer, and the next owner works it out again
SESSION_S: Final = 6.0  # DESIGN 5: notices a death in that time; the least that Kafka allows
MOST_WAITING: Final = 256 * 1024 * 1024  # bytes of records; then Kafka waits, nothing is dropped


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
    policy
        The same for all workers of a group.
    say
        Prints a line for the person at the terminal.
    processors
        Makes those of one partition; default: one of each that discovery finds.
    """

    def __init__(
        self,
        role: Role,
        policy: Policy,
        say: Callable[[str], None],
        processors: Callable[[], Iterable[Processor]] | None = None,
    ) -> None:
        self._role = role
        self._policy = policy
        self._say = say
        self._processors = processors or (lambda: [make() for make in discover()])
        self._bus: Bus = KafkaBus(role.address)
        self._checkpoints = Checkpoints(role.checkpoints)
        self._partitions: dict[int, Partition] = {}
        self._arrivals: dict[int, Arrivals] = {}
        self._first_ends: dict[Place, int] = {}  # as they were when partitions were taken over
        self._told_s: dict[int, float] = {}  # when a partition last said how far it is
        self._working = asyncio.Lock()
        self._filling = asyncio.Lock()
        self._assigned = asyncio.Event()
        self._arrived = asyncio.Event()
        self._drained = asyncio.Event()
        self._ending = asyncio.Event()
        self._checkpoint_s = time.monotonic()
        self._watchdog = Watchdog()

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT; then a last checkpoint is made."""
        loop = asyncio.get_running_loop()
        for number in (SIGINT, SIGTERM):
            loop.add_signal_handler(number, self._ending.set)
        self._watchdog.start()
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
                self._watchdog.stop()
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
        self._arrivals[partition.number].note(time.monotonic(), partition.order.newest_ms)
        self._arrived.set()

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
            self._watchdog.progress()

    async def _turn(self, app: faust.App, partition: Partition) -> bool:
        """Process what may be; where nothing has come for a while, let time pass.

        Tell whether there may be more to do at once.
        """
        number, now_s = partition.number, time.monotonic()
        arrivals, ends = self._arrivals[number], self._ends(app, number)
        behind = partition.behind(ends)
        if arrivals.behind_s(now_s, is_behind=bool(behind)) > PATIENCE_S:
            for topic, end in behind.items():
                await self._fill(partition, Place(topic, number), end)
        quiet_s = arrivals.quiet_s(now_s)
        until_ms = 0  # time does not pass while records wait or are on their way
        if not behind and quiet_s >= QUIET_S:
            until_ms = partition.newest_ms + round(1_000 * quiet_s)
            if partition.ticks_until(until_ms) and not await self._is_read(partition):
                until_ms = 0
        work = partition.next(ends, arrivals.settled_ms(now_s), until_ms)
        if not partition.order.empty:
            self._arrived.set()  # the rest of it when it has settled
        if work is None:
            return False
        doing = asyncio.to_thread(partition.do, work)
        said, _ = await asyncio.gather(doing, self._write_down(number, work))
        await self._publish(partition, said)
        return len(work.taken) >= MOST_AT_ONCE or not work.is_new

    async def _is_read(self, partition: Partition) -> bool:
        """Ask Kafka whether there is nothing more of a partition.

        While Kafka does not answer, no device is silent: nobody can know what it has sent.
        """
        places = {Place(topic, partition.number): topic for topic in inputs()}
        try:
            async with asyncio.timeout(ANSWER_S):
                ends = await self._bus.ends(places)
        except (BusError, TimeoutError):
            return False
        return all(end <= partition.order.expected(places[at]) for at, end in ends.items())

    async def _write_down(self, number: int, work: Work) -> None:
        """Keep in the journal what a turn does; nothing that follows from it is said before."""
        if not work.is_new:
            return
        at_ms = work.taken[-1][0] if work.taken else work.turn.until_ms
        await self._bus.keep(Place(TURNS, number), encode_turn(work.turn), at_ms)

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
        if said.alarms or said.held or said.audits:
            news = AlarmNews(at_ms * NS_PER_MS, said.alarms, said.held, said.audits)
            await self._bus.publish(Place(ALARMS, number), encode_alarms(news), at_ms)
        now_s = time.monotonic()
        if partition.now_ms is not None and now_s - self._told_s.get(number, 0.0) >= PROGRESS_S:
            self._told_s[number] = now_s
            value = encode_progress(self._role.instance, at_ms)
            await self._bus.publish(Place(PROGRESS, number), value, time.time_ns() // NS_PER_MS)
        for letter in said.dead:
            value = encode_dead_letter(letter)
            await self._bus.publish(Place(DEAD_LETTER, number), value, at_ms)

    async def _checkpoint(self, app: faust.App, partitions: list[Partition]) -> None:
        """Make sure of all that was done: outputs, then snapshots, then acknowledgements."""
        self._checkpoint_s = time.monotonic()
        await self._bus.flush()
        journals = await self._bus.ends([Place(TURNS, one.number) for one in partitions])
        done: dict[Any, int] = {}
        for partition in partitions:
            taken = partition.order.offsets
            if sum(taken.values()):
                partition.journal = journals[Place(TURNS, partition.number)]
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
        one = partition.checkpoint()
        self._checkpoints.write(partition.number, one.n_taken, one.data, one.stands_on)

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
        self._arrivals = {}
        self._told_s.clear()

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
                self._arrivals[number] = Arrivals(time.monotonic())
            for number, turns in (await self._written()).items():
                self._partitions[number].take_over(turns)
        self._assigned.set()
        people = sum(partition.people for partition in self._partitions.values())
        self._say(f"Partitions {numbers}, {people} participants known")

    def _restored(self, number: int) -> Partition:
        found = Partition(number, self._policy, self._processors())

        def use(data: bytes, stands_on: bytes | None) -> None:
            nonlocal found
            fresh = Partition(number, self._policy, self._processors())
            fresh.restore(data, stands_on)
            found = fresh

        self._checkpoints.read(number, use)
        if found.anew:
            _log.warning("begin anew partition=%d processors=%s", number, ",".join(found.anew))
        return found

    async def _written(self) -> dict[int, list[Turn]]:
        """Give what the journal has of each partition since its snapshot."""
        first = {Place(TURNS, n): one.journal for n, one in self._partitions.items()}
        ends = await self._bus.ends(first)
        found: dict[int, list[Turn]] = {number: [] for number in self._partitions}
        left = {place: end for place, end in ends.items() if first[place] < end}
        if left:
            reader = await self._bus.reader({place: first[place] for place in left})
            try:
                while left and (some := await reader.read(GONE_S)):
                    for record in some:
                        try:
                            found[record.place.partition].append(decode_turn(record.value))
                        except InputError as error:  # what follows is not made again then
                            _log.warning("turn not used place=%s reason=%s", record.place, error)
                        if record.offset + 1 >= left.get(record.place, 0):
                            left.pop(record.place, None)
            finally:
                await reader.close()
        return found
