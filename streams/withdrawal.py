"""Sends to the bus that a person withdraws consent to being watched, or gives it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

from processors.errors import InputError
from processors.records import NS_PER_MS
from processors.signals import SIGNALS
from registry.participants import consent
from streams.bus import Bus, BusError, Place, Record
from streams.bus.partitions import partition_of
from streams.bus.topics import CONTROL, raw
from streams.messages import PEOPLE, decode_people, encode_controls

ANSWER_S: Final = 10.0  # wait for records that are known to be there
KEPT_S: Final = 30.0  # a bus waits for a broker that is away; a person does not


async def announced(bus: Bus, n_partitions: int) -> set[str]:
    """Give who has been announced by a bridge, as far as the bus still has it.

    Raises
    ------
    BusError
        It does not answer.
    """
    found: set[str] = set()
    places = [Place(CONTROL, partition) for partition in range(n_partitions)]
    async for record in _records(bus, await bus.starts(places)):
        if record.value.startswith(PEOPLE.magic):
            try:
                found |= {one.id for one in decode_people(record.value).people}
            except InputError:  # the worker says so, with the bytes
                continue
    return found


async def tell_consent(
    bus: Bus, n_partitions: int, participant: str, *, given: bool, now_ms: int
) -> int:
    """Publish it, and give its place in the order of the partition, ms.

    It is that of the newest samples there: no clock is trusted. Where there are none, `now_ms`.

    Raises
    ------
    BusError
        It is not known whether it was kept.
    """
    partition = partition_of(participant, n_partitions)
    places = [Place(raw(signal), partition) for signal in SIGNALS]
    starts = await bus.starts(places)
    last = {
        place: end - 1 for place, end in (await bus.ends(places)).items() if end > starts[place]
    }
    at_ms = max([one.at_ms async for one in _records(bus, last)], default=now_ms)
    control = consent(participant, at_ms * NS_PER_MS, given=given)
    try:
        async with asyncio.timeout(KEPT_S):
            await bus.keep(Place(CONTROL, partition), encode_controls([control]), at_ms)
    except TimeoutError as error:
        raise BusError("bus", f"it was not kept within {KEPT_S:g} s; say it again") from error
    return at_ms


async def _records(bus: Bus, offsets: Mapping[Place, int]) -> AsyncIterator[Record]:
    """Give all records of places from their offsets on, up to where they end now."""
    ends = await bus.ends(offsets)
    left = {place for place, offset in offsets.items() if offset < ends[place]}
    if not left:
        return
    reader = await bus.reader({place: offsets[place] for place in left})
    try:
        while left:
            records = await reader.read(ANSWER_S)
            if not records:
                raise BusError("bus", f"gives nothing of {min(left)} within {ANSWER_S:g} s")
            for record in records:
                yield record
                if record.offset + 1 >= ends[record.place]:
                    left.discard(record.place)
    finally:
        await reader.close()
