"""The worker on Kafka: Faust reads and balances, `Partition` works, checkpoints make it safe.

::

    Faust agent ── records ──▶ InputOrder         a turn, when records have settled, or 0.25 s
                                   │              without any; for each partition:
                                   └──▶ Partition ── Turn ──▶ journal, and when it is kept
                                                  └─ Said ──▶ features, events, alarms,
                                                              dead letters, progress

Faust's stream is read without its acknowledgements (``noack``): those would come before the
effects. They follow the snapshots (`streams.worker.saving`). What a restart reads twice is dropped
by its offset, for the snapshot knows what it has taken; turns made after it are made again as the
journal has them. Before a partition is given away a checkpoint is made; the next owner goes on from
it.

Partitions have their turns at the same time, but only one of them computes: the others meanwhile
wait for Kafka to keep what they do.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from signal import SIGINT, SIGTERM
from tempfile import TemporaryDirectory
from typing import Any, Final

import faust

from alerts.policy import Policy
from processors.errors import VitalsError
from processors.records import NS_PER_MS, Processor
from processors.registry import discover
from streams.alarm_messages import AlarmNews, encode_alarms
from streams.bus import Bus, Place, Record
from streams.bus.kafka import KafkaBus
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
from streams.worker.absence import Absence
from streams.worker.arrivals import SETTLE_S, Arrivals, look_again_s
from streams.worker.checkpoints import Checkpoints
from streams.worker.faust_app import Role, make_app
from streams.worker.journal import encode_turn
from streams.worker.partition import MOST_AT_ONCE, Partition, Said, Work
from streams.worker.rereading import Rereading, until_there
from streams.worker.saving import Saving
from streams.worker.watchdog import Watchdog

_log = logging.getLogger(__name__)

IDLE_S: Final = 0.25  # without records: how often time passes
QUIET_S: Final = 1.0  # a partition without records for so long is given the time
PATIENCE_S: Final = 2.0  # for a topic that should have more to read, but gives nothing
PROGRESS_S: Final = 1.0  # a partition that goes on says so that often
REVOKE_S: Final = 4.0  # to give partitions away; longer, and the next owner works it out again
MOST_WAITING: Final = 256 * 1024 * 1024  # bytes of records; then Kafka waits, nothing is dropped


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
    watchdog
        Ends the process when it hangs; default: after a minute.
    """

    def __init__(
        self,
        role: Role,
        policy: Policy,
        say: Callable[[str], None],
        processors: Callable[[], Iterable[Processor]] | None = None,
        watchdog: Watchdog | None = None,
    ) -> None:
        self._role = role
        self._policy = policy
        self._say = say
        self._processors = processors or (lambda: [make() for make in discover()])
        self._bus: Bus = KafkaBus(role.address)
        self._checkpoints = Checkpoints(role.checkpoints)
        self._saving = Saving(self._bus, self._checkpoints, self._acknowledge)
        self._again = Rereading(self._bus, self._put)
        self._partitions: dict[int, Partition] = {}
        self._arrivals: dict[int, Arrivals] = {}
        self._first_ends: dict[Place, int] = {}  # as they were when partitions were taken over
        self._looked_s = 0.0  # when turns were last looked for
        self._told_s: dict[int, float] = {}  # when a partition last said how far it is
        self._computing = ThreadPoolExecutor(1, "turns")
        self._working = asyncio.Lock()
        self._assigned = asyncio.Event()
        self._arrived = asyncio.Event()
        self._drained = asyncio.Event()
        self._ending = asyncio.Event()
        self._watchdog = watchdog or Watchdog()
        self._absence = Absence(self._watchdog, lambda: self._again.answers(self._partitions))

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT; then a last checkpoint is made."""
        loop = asyncio.get_running_loop()
        for number in (SIGINT, SIGTERM):
            loop.add_signal_handler(number, self.stop)
        self._watchdog.start()
        with TemporaryDirectory(prefix="vitals-worker-") as folder:
            self._app = make_app(
                self._role, folder,
                take=self._take, give_away=self._give_away, take_over=self._take_over,
            )  # fmt: skip
            await self._app.start()
            tasks = [
                asyncio.create_task(each)
                for each in (
                    self._turns(),
                    self._saves(),
                    self._absence.watch(),
                    self._ending.wait(),
                    self._app.wait_until_stopped(),
                )
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    one.result()  # raises
                if not self._ending.is_set() or self._app.crashed:
                    raise VitalsError(f"the Kafka client has ended: {self._app.crash_reason}")
                async with self._working:
                    await self._saving.keep_all(self._partitions.values())
                    self._forget()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self._app.stop()
                await self._bus.close()
                self._computing.shutdown(wait=False)
                self._watchdog.stop()
        self._say("Stopped.")

    def stop(self) -> None:
        """Make a last checkpoint and end; on its event loop."""
        self._ending.set()

    # --- records come in --------------------------------------------------------------------------

    async def _take(self, message: Any) -> None:
        """Put a record where it waits; do not go on while too much does."""
        await self._assigned.wait()
        place = Place(message.topic, message.partition)
        partition = self._partitions.get(place.partition)
        if partition is None:  # of an assignment that is over
            return
        if message.offset > partition.order.expected(place.topic):
            await self._again.fill(partition, place, message.offset)
        at_ms = round(1_000 * message.timestamp)
        self._put(partition, Record(place, message.offset, at_ms, message.value))
        while sum(one.order.n_bytes for one in self._partitions.values()) > MOST_WAITING:
            self._drained.clear()
            await self._drained.wait()

    def _put(self, partition: Partition, record: Record) -> None:
        at_ms = partition.order.put(record)
        if self._partitions.get(partition.number) is partition:  # else it has been given away
            self._arrivals[partition.number].note(time.monotonic(), at_ms)
            self._arrived.set()

    # --- work -------------------------------------------------------------------------------------

    async def _turns(self) -> None:
        more = False
        while True:
            if not more:
                await self._until_settled()
            self._arrived.clear()
            async with self._working:
                more = any(await self._each_turn())
            self._drained.set()
            self._watchdog.progress()

    async def _each_turn(self) -> list[bool]:
        self._looked_s = now_s = time.monotonic()
        some = self._partitions.values()
        try:
            async with asyncio.TaskGroup() as group:
                turns = [group.create_task(self._turn(one, now_s)) for one in some]
        except ExceptionGroup as faults:
            raise faults.exceptions[0] from faults
        return [turn.result() for turn in turns]

    async def _until_settled(self) -> None:
        """Wait until there is something to do: records have settled, or time has passed.

        What comes while some wait settles after them.
        """
        again_s = self._look_again_s(self._looked_s)
        if again_s is None:
            try:
                await asyncio.wait_for(self._arrived.wait(), IDLE_S)
            except TimeoutError:
                return
            now_s = time.monotonic()
            again_s = self._look_again_s(now_s) or now_s + SETTLE_S
        await asyncio.sleep(max(again_s - time.monotonic(), 0.0))

    def _look_again_s(self, looked_s: float) -> float | None:
        some = self._partitions.items()
        waiting = (self._arrivals[number] for number, one in some if not one.order.empty)
        return look_again_s(waiting, looked_s)

    async def _turn(self, partition: Partition, now_s: float) -> bool:
        """Process what may be; where nothing has come for a while, let time pass.

        Tell whether there may be more to do at once.
        """
        number = partition.number
        arrivals, ends = self._arrivals[number], self._ends(number)
        behind = partition.behind(ends)
        if arrivals.behind_s(now_s, is_behind=bool(behind)) > PATIENCE_S:
            for topic, end in behind.items():
                await self._again.fill(partition, Place(topic, number), end)
        quiet_s = arrivals.quiet_s(now_s)
        until_ms = 0  # time does not pass while records wait or are on their way
        if not behind and quiet_s >= QUIET_S:
            until_ms = partition.newest_ms + round(1_000 * quiet_s)
            if partition.ticks_until(until_ms):
                is_read = await self._again.is_read(partition)
                self._absence.note(answers=is_read is not None)
                if is_read is None:
                    arrivals.note_away(time.monotonic())
                if not is_read:
                    until_ms = 0
        work = partition.next(ends, arrivals.settled_ms(now_s), until_ms)
        if work is None:
            return False
        loop = asyncio.get_running_loop()
        doing = loop.run_in_executor(self._computing, partition.do, work)
        said, _ = await asyncio.gather(doing, self._write_down(partition, work))
        await self._publish(partition, said)
        return len(work.taken) >= MOST_AT_ONCE or not work.is_new

    async def _write_down(self, partition: Partition, work: Work) -> None:
        """Keep in the journal what a turn does; nothing that follows from it is said before."""
        if not work.is_new:
            return
        at_ms = work.taken[-1][0] if work.taken else work.turn.until_ms
        place = Place(TURNS, partition.number)
        offset = await self._bus.keep(place, encode_turn(work.turn), at_ms)
        partition.journal = max(partition.journal, offset + 1)

    def _ends(self, number: int) -> dict[str, int]:
        """Give, by topic, the end of a partition as far as the client knows it."""
        # Before the first answer to a fetch the client knows nothing.
        return {
            topic: max(
                self._app.consumer.highwater(faust.types.TP(topic, number)) or 0,
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

    # --- checkpoints ------------------------------------------------------------------------------

    async def _saves(self) -> None:
        """Keep the partitions, one after the other; turns wait for a copy of it only."""
        while True:
            await asyncio.sleep(self._saving.wait_s())
            number = self._saving.due()
            if number is None:
                continue
            async with self._working:
                partition = self._partitions.get(number)
                image = None if partition is None else partition.image()
            if partition is not None and image is not None:
                await self._saving.keep_one(partition, image)

    async def _acknowledge(self, offsets: Mapping[Place, int]) -> None:
        consumer: Any = self._app.consumer
        await consumer._commit({faust.types.TP(*place): n for place, n in offsets.items()})

    # --- partitions come and go -------------------------------------------------------------------

    async def _give_away(self, places: set[Place]) -> None:
        """Make a checkpoint of all partitions and let them go, in bounded time."""
        self._assigned.clear()
        self._drained.set()
        if not places:
            return
        try:
            async with asyncio.timeout(REVOKE_S), self._working:
                await self._saving.keep_all(self._partitions.values())
        except TimeoutError:
            _log.warning("partitions given away without a checkpoint after_s=%s", REVOKE_S)
        except VitalsError as error:
            _log.warning("partitions given away without a checkpoint reason=%s", error)
        self._forget()

    def _forget(self) -> None:
        self._partitions = {}
        self._arrivals = {}
        self._told_s.clear()
        self._saving.begin(())

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
            self._first_ends = await until_there(partial(self._bus.ends, places))
            for number in numbers:
                partition = await asyncio.to_thread(self._restored, number)
                self._partitions[number] = partition
                self._arrivals[number] = Arrivals(time.monotonic(), partition.order.newest_ms)
            taken_over = list(self._partitions.values())
            written = await until_there(partial(self._again.written, taken_over))
            for number, turns in written.items():
                self._partitions[number].take_over(turns)
            # What is there stays: looking through all of it for garbage holds up a turn for 0.1 s.
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._saving.begin(numbers)
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
