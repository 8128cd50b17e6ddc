"""What travels: chunks and blocks on the bus, batches into processors, outputs out of them.

All types are frozen; arrays inside are never written after construction. Layout of everything
ragged is Arrow's list layout: ``offsets[r] : offsets[r + 1]`` are the samples of row ``r``.
Time is ``int64`` nanoseconds since the Unix epoch (or the start of a recording) and enters as data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

SampleArray = NDArray[np.int16] | NDArray[np.int32] | NDArray[np.float32]

# Emission states of a finding, as stored in `EventBlock.state`.
ONSET, OFFSET, POINT = 0, 1, 2
STATE_WORDS = ("onset", "offset", "point")

# Names of the streams that the engine itself makes (processors may consume them).
PRESENCE = "presence"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of samples from one device, in the device's native numbers.

    Attributes
    ----------
    participant, device
        Who and from what; a channel is (participant, signal, variant, device).
    signal
        Name of a row of `SIGNALS`.
    t0_ns
        Device time of the first sample, ns.
    samples
        int16, int32 or float32 ``[n, c]``; physical value = sample * scale + offset.
    fs_hz
        Sampling rate; 0 for irregular signals, which give `t_ns`.
    seq
        Index of the first sample on its channel since the device started: gaps, duplicates and
        overlaps are counted in samples, and cutting a run differently changes nothing.
    variant
        Variant of the signal (``continuous``, ``spot``...); empty for the signal's first.
    channels
        Names of the ``c`` columns; empty for those of `SIGNALS`.
    t_ns
        int64 ``[n]``, time of each sample of an irregular signal.
    missing
        bool ``[n, c]``, True where there is no value; None where all are there. NaN in float
        samples means the same.
    """

    participant: str
    device: str
    signal: str
    t0_ns: int
    samples: SampleArray
    fs_hz: float = 0.0
    seq: int = 0
    variant: str = ""
    channels: tuple[str, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    t_ns: NDArray[np.int64] | None = None
    missing: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Chunks of one signal from many participants: what the bus carries, the same in every mode.

    Attributes
    ----------
    signal, variant, channels
        As in `Chunk`, common to all rows.
    participants, devices
        str ``[r]``.
    fs_hz, scale, offset
        float64 ``[r]``.
    t0_ns, seq
        int64 ``[r]``.
    offsets
        int64 ``[r + 1]``.
    samples
        ``[n, c]``, one dtype of int16, int32, float32 for all rows.
    t_ns
        int64 ``[n]`` for irregular signals, else None.
    missing
        bool ``[n, c]``, or None.
    received_ns
        When the bridge received the newest of it, by the bridge's clock; 0 where not known.
    """

    signal: str
    participants: tuple[str, ...]
    devices: tuple[str, ...]
    fs_hz: NDArray[np.float64]
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    t0_ns: NDArray[np.int64]
    seq: NDArray[np.int64]
    offsets: NDArray[np.int64]
    samples: SampleArray
    variant: str = ""
    channels: tuple[str, ...] = ()
    t_ns: NDArray[np.int64] | None = None
    missing: NDArray[np.bool_] | None = None
    received_ns: int = 0

    @property
    def n_rows(self) -> int:
        return len(self.participants)

    @property
    def n_samples(self) -> int:
        return len(self.samples)


@dataclass(frozen=True, slots=True)
class Control:
    """What is not a sample, about one participant at one time.

    Attributes
    ----------
    kind
        A name of `processors.signals.CONTROLS` (``profile``, ``mark``, ``lead``, ``battery``...).
    values
        Numbers by column name; columns that are left out are NaN (not known).
    """

    participant: str
    t_ns: int
    kind: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a processor takes: ragged rows by slot, in physical units, NaN = missing.

    A *waveform* batch (the processor consumes one regularly sampled signal) has one signal's
    samples: `fs_hz`, `t0_ns` and `seq` are given per row, `t_ns` and `source` are empty. A slot may
    have several rows; they are in time order.

    A *row* batch (everything else) has one row per slot, with the records of all consumed streams
    merged by time: `t_ns` and `source` are given per record; `fs_hz`, `t0_ns` and `seq` are zero.
    A row without records says that time has passed.

    Attributes
    ----------
    signal
        Name of the signal; ``""`` for merged records.
    slots
        int32 ``[r]``, the dense index of the participant.
    until_ns
        int64 ``[r]``: all records of this slot up to this time are in this batch or came before it.
        A deadline at or before `until_ns` has passed.
    offsets
        int64 ``[r + 1]``.
    values
        float32 ``[n, c]`` for waveforms; float64 ``[n, c]`` for records, where ``c`` is the widest
        consumed stream and the columns beyond a record's own are NaN.
    fs_hz, t0_ns, seq
        float64, int64, int64 ``[r]``: rate, time and channel index of the first sample of the row.
        ``seq`` continues where nothing was lost; the kernel compares it with its own count.
    t_ns
        int64 ``[n]``, time of each record: when it became known, for derived streams.
    source
        int8 ``[n]``, index into the processor's ``consumes``. Records of equal time are in the
        order of `source`.
    """

    signal: str
    slots: NDArray[np.int32]
    until_ns: NDArray[np.int64]
    offsets: NDArray[np.int64]
    values: NDArray[Any]
    fs_hz: NDArray[np.float64]
    t0_ns: NDArray[np.int64]
    seq: NDArray[np.int64]
    t_ns: NDArray[np.int64]
    source: NDArray[np.int8]

    @property
    def n_rows(self) -> int:
        return len(self.slots)

    @property
    def n_samples(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a derived stream, feature or evidence: name and UCUM unit."""

    name: str
    unit: str = "1"


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """A derived stream (``beats``, ``rr_intervals``...): records of one slot and one time."""

    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """A feature that goes to stores and screens."""

    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class FindingSpec:
    """A finding a processor may report: its code (CLINICAL.md), whether it lasts, its evidence."""

    code: str
    evidence: tuple[Column, ...] = ()
    lasting: bool = True


ProducedSpec = StreamSpec | FeatureSpec | FindingSpec


@dataclass(frozen=True, slots=True)
class DerivedBlock:
    """Records of one derived stream, as a processor gives them out.

    Attributes
    ----------
    slots, t_ns
        int32, int64 ``[n]``; `t_ns` is when the record became known (the time of the newest sample
        it needs), not decreasing within a slot. What the record is about (an R time) is a column,
        stored as the lag before `t_ns` so that it is exact in float64.
    values
        float64 ``[n, c]``, columns as in the `StreamSpec`.
    """

    name: str
    slots: NDArray[np.int32]
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FeatureBlock:
    """Values of one feature: slots int32 ``[k]``, t_ns int64 ``[k]``, values float64 ``[k, c]``."""

    name: str
    slots: NDArray[np.int32]
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EventBlock:
    """Findings of one code, columnar.

    Attributes
    ----------
    code
        A code of the catalogue (CLINICAL.md section 4).
    slots
        int32 ``[k]``.
    onset_ns
        int64 ``[k]``: the onset first claimed. With participant and code it is the identity of the
        finding: it never changes from onset to offset and through all revisions.
    at_ns
        int64 ``[k]``: when the reported change took place: the (possibly amended) onset for an
        onset or point, the end for an offset.
    t_ns
        int64 ``[k]``: when it became known; the deadline for findings decided by time.
    state
        int8 ``[k]``: ONSET, OFFSET, POINT.
    revision
        int32 ``[k]``: 0 at first emission, raised by amendments of the same state.
    value
        float64 ``[k]``: how much (a rate, a duration), in the unit of the code's definition.
    evidence
        float64 ``[k, e]``, columns as in the `FindingSpec`; NaN where unknown.
    """

    code: str
    slots: NDArray[np.int32]
    onset_ns: NDArray[np.int64]
    at_ns: NDArray[np.int64]
    t_ns: NDArray[np.int64]
    state: NDArray[np.int8]
    revision: NDArray[np.int32]
    value: NDArray[np.float64]
    evidence: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outputs:
    """All that one call of a processor gives: derived records, features, findings."""

    derived: tuple[DerivedBlock, ...] = ()
    features: tuple[FeatureBlock, ...] = ()
    events: tuple[EventBlock, ...] = ()


NOTHING = Outputs()


@runtime_checkable
class Processor(Protocol):
    """One step of the computation, state by slot, no I/O, no clock.

    ``consumes`` names signals, controls and derived streams. A processor consumes either exactly
    one waveform signal and nothing else, or any number of other streams (a row processor).
    """

    name: str
    consumes: tuple[str, ...]
    produces: tuple[ProducedSpec, ...]

    def process(self, batch: Batch) -> Outputs:
        """Take what is new of the consumed streams and give what follows from it."""
        ...

    def forget(self, slots: NDArray[np.int32]) -> None:
        """Return these slots to the state of a participant never seen."""
        ...

    def snapshot(self, slots: NDArray[np.int32]) -> NDArray[Any]:
        """Give a copy of the state of these slots, a structured array ``[len(slots)]``."""
        ...

    def restore(self, slots: NDArray[np.int32], state: NDArray[Any]) -> None:
        """Put a snapshot back into these slots."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding with its names resolved: what alarms, stores, pages and files take.

    Attributes
    ----------
    id
        Frozen at first emission: `finding_id` of participant, code and first onset.
    onset_ns, at_ns, t_ns, revision, value
        As in `EventBlock`.
    state
        ``onset``, ``offset`` or ``point``.
    evidence
        Column name to value; unknown values are left out.
    """

    id: str
    revision: int
    participant: str
    code: str
    state: str
    onset_ns: int
    at_ns: int
    t_ns: int
    value: float
    evidence: Mapping[str, float] = field(default_factory=dict)


def finding_id(participant: str, code: str, onset_ns: int) -> str:
    """Give the identity of a finding: 16 hexadecimal digits that a replay makes again.

    >>> finding_id("p1", "pause", 1_000)
    '9a40bf009422763a'
    """
    key = f"{participant}\0{code}\0{onset_ns}".encode()
    return hashlib.blake2b(key, digest_size=8).hexdigest()


def sample_times_ns(t0_ns: int, fs_hz: float, n: int) -> NDArray[np.int64]:
    """Give the time of each of ``n`` samples from ``t0_ns`` at ``fs_hz``, rounded to the ns."""
    since_ns: NDArray[np.int64] = np.rint(np.arange(n) * (NS_PER_S / fs_hz)).astype(np.int64)
    return since_ns + t0_ns


def pack(chunks: Sequence[Chunk], *, received_ns: int = 0) -> Block:
    """Join chunks of one signal, variant, channel list and dtype into a block, in their order.

    Raises
    ------
    ValueError
        No chunk, or chunks that do not belong into one block.
    """
    if not chunks:
        raise ValueError("pack: expected at least one chunk")
    first = chunks[0]
    key = (first.signal, first.variant, first.channels, first.samples.dtype, first.t_ns is None)
    for chunk in chunks:
        found = (
            chunk.signal,
            chunk.variant,
            chunk.channels,
            chunk.samples.dtype,
            chunk.t_ns is None,
        )
        if found != key or chunk.samples.ndim != 2:
            raise ValueError(f"pack: expected chunks of {key}, found {found} ({chunk.participant})")
    lengths = [len(chunk.samples) for chunk in chunks]
    missing = None
    if any(chunk.missing is not None for chunk in chunks):
        missing = np.concatenate(
            [
                np.zeros(chunk.samples.shape, bool) if chunk.missing is None else chunk.missing
                for chunk in chunks
            ]
        )
    return Block(
        signal=first.signal,
        variant=first.variant,
        channels=first.channels,
        participants=tuple(chunk.participant for chunk in chunks),
        devices=tuple(chunk.device for chunk in chunks),
        fs_hz=np.array([chunk.fs_hz for chunk in chunks], np.float64),
        scale=np.array([chunk.scale for chunk in chunks], np.float64),
        offset=np.array([chunk.offset for chunk in chunks], np.float64),
        t0_ns=np.array([chunk.t0_ns for chunk in chunks], np.int64),
        seq=np.array([chunk.seq for chunk in chunks], np.int64),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        samples=np.concatenate([chunk.samples for chunk in chunks]),
        t_ns=None
        if first.t_ns is None
        else np.concatenate([chunk.t_ns for chunk in chunks if chunk.t_ns is not None]),
        missing=missing,
        received_ns=received_ns,
    )


def row_chunk(block: Block, r: int) -> Chunk:
    """Give one row of a block as a chunk: the inverse of `pack`, row by row; nothing is copied."""
    start, end = int(block.offsets[r]), int(block.offsets[r + 1])
    return Chunk(
        participant=block.participants[r],
        device=block.devices[r],
        signal=block.signal,
        variant=block.variant,
        channels=block.channels,
        t0_ns=int(block.t0_ns[r]),
        fs_hz=float(block.fs_hz[r]),
        seq=int(block.seq[r]),
        scale=float(block.scale[r]),
        offset=float(block.offset[r]),
        samples=block.samples[start:end],
        t_ns=None if block.t_ns is None else block.t_ns[start:end],
        missing=None if block.missing is None else block.missing[start:end],
    )
