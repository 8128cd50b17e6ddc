"""Whose consent was withdrawn when, as `vitals.control` has it: what samples are not kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from processors.errors import InputError
from processors.records import NS_PER_MS, Block
from streams.bus import Bus, Place, Reader, Record
from streams.bus.topics import CONTROL
from streams.consents import CONSENT, given_in, rows_of
from streams.messages import PEOPLE, decode_controls

READ_S = 1.0

Sift = Callable[[Block, int], Block | None]


def keep_all(block: Block, at_ms: int) -> Block | None:
    """Keep every row: as `ConsentLog.sift`, where nobody can have withdrawn."""
    return block


class ConsentLog:
    """All changes of consent that the bus still has, by participant and time of their record.

    Whoever reads samples first has it read on to where the controls end now: what was published
    before those samples is known then, and samples that are read again meet the same answer.

    Parameters
    ----------
    withdrawn
        Who was withdrawn when the process started, and since when, ns; as stored alarms say
        (`streams.consents.withdrawn_in`): the bus keeps controls for some days only.
    """

    def __init__(
        self, bus: Bus, n_partitions: int, withdrawn: Mapping[str, int] | None = None
    ) -> None:
        self._bus = bus
        self._places = [Place(CONTROL, number) for number in range(n_partitions)]
        self._reached: dict[Place, int] = {}
        self._reader: Reader | None = None
        self._changes: dict[str, list[tuple[int, bool]]] = {  # time in ms, given
            who: [(since_ns // NS_PER_MS, False)] for who, since_ns in (withdrawn or {}).items()
        }
        self._one_at_a_time = asyncio.Lock()
        self._asked = self._answered = 0

    async def catch_up(self) -> None:
        """Read all controls that have been published.

        Those who ask while another is answered have one answer together: asking Kafka is a round
        trip, and several lanes do so at each read.

        Raises
        ------
        BusError
            Not now.
        """
        self._asked += 1
        mine = self._asked
        async with self._one_at_a_time:
            if self._answered >= mine:  # by a question of after this one's
                return
            all_by_now = self._asked
            if self._reader is None:
                self._reached = await self._bus.starts(self._places)
                self._reader = await self._bus.reader(self._reached)
            ends = await self._bus.ends(self._places)
            while any(self._reached[place] < end for place, end in ends.items()):
                for record in await self._reader.read(READ_S):
                    self._take(record)
            self._answered = all_by_now

    def sift(self, block: Block, at_ms: int) -> Block | None:
        """Give the rows of a block of a time that may be kept; None where there are none."""
        if self._changes.keys().isdisjoint(block.participants):
            return block
        return rows_of(block, lambda who: self._given(who, at_ms))

    async def close(self) -> None:
        if self._reader is not None:
            await self._reader.close()

    def _given(self, participant: str, at_ms: int) -> bool:
        # Of one time controls come before samples.
        before = [one for one in self._changes.get(participant, ()) if one[0] <= at_ms]
        return not before or before[-1][1]

    def _take(self, record: Record) -> None:
        self._reached[record.place] = record.offset + 1
        if record.value.startswith(PEOPLE.magic):
            return
        try:
            controls = decode_controls(record.value)
        except InputError:  # the worker says so, with the bytes
            return
        for control in controls:
            given = given_in(control) if control.kind == CONSENT else None
            if given is not None:
                told = self._changes.setdefault(control.participant, [])
                told.append((record.at_ms, given))
