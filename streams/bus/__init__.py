"""The bus: what is published to topics, by partition, and read again from any offset.

A record is a wire form of many participants of one partition (`streams.bus.partitions`), so one
reader of a partition sees all signals of a participant. Back ends are `streams.bus.memory` and
`streams.bus.kafka`; one contract suite runs over both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from processors.errors import PlaceError


class BusError(PlaceError, ConnectionError):
    """The bus cannot be reached, or does not do what it was asked for."""


class Place(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Record:
    """What was published, and where it lies.

    Attributes
    ----------
    offset
        Rises by at least one from record to record of a place.
    at_ms
        Time that its publisher gave it, ms; what came together has one time.
    """

    place: Place
    offset: int
    at_ms: int
    value: bytes


class Reader(Protocol):
    """Reads places one after the other from given offsets on."""

    async def read(self, timeout_s: float) -> Sequence[Record]:
        """Give what is there, in the order of each place; nothing when none came in time."""
        ...

    async def close(self) -> None: ...


class Bus(Protocol):
    """Topics with partitions; at least once, in the order of each place."""

    async def publish(self, place: Place, value: bytes, at_ms: int) -> None:
        """Add a record. Waits while too much is under way: that is its overflow policy."""
        ...

    async def keep(self, place: Place, value: bytes, at_ms: int) -> int:
        """Add a record and wait until it is kept; give its offset, -1: not known.

        Raises
        ------
        BusError
            It could not be kept.
        """
        ...

    async def flush(self) -> None:
        """Wait until all that was published before is kept.

        Raises
        ------
        BusError
            Something of it could not be kept.
        """
        ...

    async def reader(self, offsets: Mapping[Place, int]) -> Reader:
        """Give a reader of these places, each from its offset on."""
        ...

    async def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Give the offset that the next record of each place will have, or a later one."""
        ...

    async def starts(self, places: Iterable[Place]) -> dict[Place, int]:
        """Give the offset from which on each place is kept; older records are gone."""
        ...

    async def commit(self, group: str, offsets: Mapping[Place, int]) -> None:
        """Note up to where a group has done its work."""
        ...

    async def committed(self, group: str, places: Iterable[Place]) -> dict[Place, int]:
        """Give what a group has noted; places without a note are left out."""
        ...

    async def close(self) -> None: ...
