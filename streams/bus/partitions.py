"""Who is in which partition: Kafka's own rule, so that any producer and a gateway agree."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from processors.records import Block, Control
from streams.intake import take_rows

_M: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Give the hash that Kafka's default partitioner takes of a key: 32 bits, unsigned.

    >>> hex(murmur2(b"P-0001"))
    '0x6f0d70fc'
    """
    length = len(data)
    h = (_SEED ^ length) & _MASK
    for at in range(0, length - 3, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    rest = data[length & ~3 :]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


@lru_cache(65_536)
def partition_of(participant: str, n_partitions: int) -> int:
    """Give the partition of a participant."""
    return (murmur2(participant.encode()) & 0x7FFFFFFF) % n_partitions


@lru_cache(256)  # a gateway repeats its lists of people
def _partitions_of(participants: tuple[str, ...], n_partitions: int) -> NDArray[np.int64]:
    found = np.array([partition_of(who, n_partitions) for who in participants], np.int64)
    found.flags.writeable = False
    return found


def split_block(block: Block, n_partitions: int) -> dict[int, Block]:
    """Give the rows of each partition as a block of their own, in their order."""
    partitions = _partitions_of(block.participants, n_partitions)
    used = np.unique(partitions).tolist()
    if len(used) == 1:
        return {used[0]: block}
    return {partition: take_rows(block, partitions == partition) for partition in used}


def split_controls(controls: Iterable[Control], n_partitions: int) -> dict[int, list[Control]]:
    """Give the controls of each partition, in their order."""
    found: dict[int, list[Control]] = {}
    for control in controls:
        partition = partition_of(control.participant, n_partitions)
        found.setdefault(partition, []).append(control)
    return found
