"""What a worker did in which turn: written before anything that follows from it is said.

Records are processed in the order of their time, but one that comes late is processed late, and
where records stop, time passes by the clock. Who reads the same records again would see neither.
So each turn is written down first: which records it took, or until when it let time pass. Who goes
on from a snapshot makes the same turns again, and says what was said.

A turn is a frame (`streams.frame`) b"VTLJ" on `vitals.turns`::

    header:  term, number, until_ms, topics
    payload: offsets i8[topics]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from streams.frame import Buffer, Form, array_bytes

TURN: Final = Form("turn", b"VTLJ", 1)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a partition.

    Attributes
    ----------
    term
        Rises each time that the partition is taken over.
    number
        Turns of the partition before this one.
    offsets
        By topic of which records were taken, the offset after the last of them.
    until_ms
        Up to when time passed, where no records were taken.
    """

    term: int
    number: int
    offsets: Mapping[str, int] = field(default_factory=dict)
    until_ms: int = 0


def encode_turn(turn: Turn) -> bytes:
    """Give the wire form of a turn."""
    header = {
        "term": turn.term,
        "number": turn.number,
        "until_ms": turn.until_ms,
        "topics": list(turn.offsets),
    }
    offsets = np.array(list(turn.offsets.values()), np.int64)
    return TURN.seal(header, array_bytes(offsets, "<i8"))


def decode_turn(data: Buffer) -> Turn:
    """Read a turn.

    Raises
    ------
    WireError
        Not a turn, an unknown version, cut short, damaged, or inconsistent in itself.
    """
    header, reader = TURN.open(data)
    topics = header.texts("topics")
    offsets = reader.take("<i8", len(topics)).tolist()
    reader.finish()
    return Turn(
        header.time("term"),
        header.time("number"),
        dict(zip(topics, offsets, strict=True)),
        header.time("until_ms"),
    )


def one_history(turns: Iterable[Turn], first: int, term: int) -> list[Turn]:
    """Give the turns from a number on that make one history, in order.

    Turns of lower terms than that of the snapshot are left out.

    Two workers may write at once, when one was taken for dead and is not. The one that took over
    later has the higher term; what the other wrote after the last turn that its successor knew is
    not part of the history, whichever was written first.
    """
    found: list[Turn] = []
    for turn in turns:
        if turn.term < term or turn.number < first:
            continue
        term = turn.term
        while found and found[-1].number >= turn.number:
            found.pop()
        if turn.number == first + len(found):
            found.append(turn)
    return found
