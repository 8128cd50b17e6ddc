"""A recording in memory, and the exact cut of it into chunks by time.

::

    for k in count():                                          # what `annotate` does
        window = recording.chunks(k * chunk_ns, (k + 1) * chunk_ns)
        engine.feed(blocks(window))

Times of tracks and runs are the recording's own (`Recording.start_ns` is its first moment). Windows
are counted from that first moment; consecutive windows give every sample once, in the order of the
file, however long they are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.errors import SettingError
from processors.records import NS_PER_S, Chunk, SampleArray

DEVICE = "replay"


@dataclass(frozen=True, slots=True)
class Run:
    """Samples of a regular track between two gaps.

    Attributes
    ----------
    seq
        Index of the first sample on its channel; what lies between two runs was lost.
    t0_ns
        Own time of the first sample.
    samples
        int16, int32 or float32 ``[n, c]``; physical value = sample * scale + offset.
    missing
        bool ``[n, c]``, or None where all are there.
    due_ns
        When the whole run is given out, for samples that lie before others of the file (the clock
        jumped back); None: each sample at its own time.
    """

    seq: int
    t0_ns: int
    samples: SampleArray
    scale: float = 1.0
    offset: float = 0.0
    missing: NDArray[np.bool_] | None = None
    due_ns: int | None = None


@dataclass(frozen=True, slots=True)
class RegularTrack:
    """A signal sampled at one rate, as runs in the order of the file."""

    signal: str
    fs_hz: float
    runs: tuple[Run, ...]
    channels: tuple[str, ...] = ()
    device: str = DEVICE
    variant: str = ""

    @property
    def n_samples(self) -> int:
        return sum(len(run.samples) for run in self.runs)

    @property
    def is_void(self) -> bool:
        """Tell whether every sample is missing."""
        return all(
            np.isnan(run.samples).all() if run.missing is None else run.missing.all()
            for run in self.runs
        )

    @property
    def first_ns(self) -> int:
        return min(run.t0_ns for run in self.runs)

    @property
    def until_ns(self) -> int:
        """End of the last sample: its time and one sampling interval."""
        return max(run.t0_ns + _sample_ns(len(run.samples), self.fs_hz) for run in self.runs)

    def seq_per_loop(self, duration_ns: int) -> int:
        """Give how far the index moves on when the recording starts again after `duration_ns`."""
        held = max(run.seq + len(run.samples) for run in self.runs)
        return max(held, round(duration_ns * self.fs_hz / NS_PER_S))

    def cut(self, from_ns: int, to_ns: int) -> Iterator[tuple[Run, int, int]]:
        """Give (run, first, last + 1) of what is due in a half-open window of own time."""
        # Runs are given out one after the other, so those that begin too late are a tail.
        last = len(self.runs) if len(self.runs) == 1 else bisect_left(self.runs, to_ns, key=_due_ns)
        first = last
        while first > 0 and (first == last or self._ends_after(self.runs[first - 1], from_ns)):
            first -= 1
        for run in self.runs[first:last]:
            n = len(run.samples)
            if run.due_ns is not None:
                if from_ns <= run.due_ns < to_ns:
                    yield run, 0, n
                continue
            i0 = min(samples_before(from_ns - run.t0_ns, self.fs_hz), n)
            i1 = min(samples_before(to_ns - run.t0_ns, self.fs_hz), n)
            if i1 > i0:
                yield run, i0, i1

    def next_due_ns(self, from_ns: int) -> int | None:
        """Give when the next sample is due, at `from_ns` of own time or later."""
        due = [d for run in self.runs if (d := _next_of(run, from_ns, self.fs_hz)) is not None]
        return min(due, default=None)

    def _ends_after(self, run: Run, from_ns: int) -> bool:
        if run.due_ns is not None:
            return run.due_ns >= from_ns
        return run.t0_ns + _sample_ns(len(run.samples), self.fs_hz) >= from_ns

    def chunks(
        self, participant: str, window: tuple[int, int], shift_ns: int, seq_shift: int
    ) -> Iterator[Chunk]:
        """Give the chunks due in a window of own time, with shifted time and index."""
        for run, i0, i1 in self.cut(*window):
            yield Chunk(
                participant, self.device, self.signal,
                t0_ns=run.t0_ns + shift_ns + _sample_ns(i0, self.fs_hz),
                samples=run.samples[i0:i1],
                fs_hz=self.fs_hz,
                seq=run.seq + seq_shift + i0,
                variant=self.variant,
                channels=self.channels,
                scale=run.scale,
                offset=run.offset,
                missing=None if run.missing is None else run.missing[i0:i1],
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class IrregularTrack:
    """A signal whose samples come at times of their own.

    Attributes
    ----------
    t_ns
        int64 ``[n]``, own time of each sample, in the order of the file (it may jump back).
    samples
        float32 ``[n, c]``, NaN where there is no value.
    """

    signal: str
    t_ns: NDArray[np.int64]
    samples: NDArray[np.float32]
    channels: tuple[str, ...] = ()
    device: str = DEVICE
    variant: str = ""
    _due_ns: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_due_ns", np.maximum.accumulate(self.t_ns))

    @property
    def n_samples(self) -> int:
        return len(self.t_ns)

    @property
    def first_ns(self) -> int:
        return int(self.t_ns.min())

    @property
    def until_ns(self) -> int:
        """End of the last sample, taken to last as long as the median step before it."""
        steps = np.diff(self._due_ns)
        step_ns = int(np.median(steps[steps > 0])) if (steps > 0).any() else NS_PER_S
        return int(self._due_ns[-1]) + step_ns

    def next_due_ns(self, from_ns: int) -> int | None:
        """Give when the next sample is due, at `from_ns` of own time or later."""
        i = int(self._due_ns.searchsorted(from_ns))
        return int(self._due_ns[i]) if i < len(self._due_ns) else None

    def seq_per_loop(self, duration_ns: int) -> int:
        return len(self.t_ns)

    def chunks(
        self, participant: str, window: tuple[int, int], shift_ns: int, seq_shift: int
    ) -> Iterator[Chunk]:
        """Give the chunk due in a window of own time, with shifted time and index."""
        i0, i1 = (int(i) for i in self._due_ns.searchsorted(window))
        if i1 > i0:
            t_ns = self.t_ns[i0:i1] + shift_ns
            yield Chunk(
                participant, self.device, self.signal,
                t0_ns=int(t_ns[0]),
                samples=self.samples[i0:i1],
                seq=i0 + seq_shift,
                variant=self.variant,
                channels=self.channels,
                t_ns=t_ns,
            )  # fmt: skip


Track = RegularTrack | IrregularTrack


@dataclass(frozen=True, slots=True)
class Recording:
    """All that a file holds of one participant.

    Attributes
    ----------
    participant
        The record's name, unique among those found together.
    fs_hz
        Rate of the record's own time base, which annotations of it count in; 0 for tables.
    start_ns, duration_ns
        First moment on the record's own clock (0 for WFDB; the first `t_s`, or ns since the epoch,
        for tables) and the time from there to the end of the last sample.
    iso_times
        Own times are ns since the epoch, read as ISO 8601.
    warnings
        What is wrong with the file although the rest is usable; one sentence each.
    notes
        What was chosen or left out; one sentence each.
    """

    participant: str
    tracks: tuple[Track, ...]
    duration_ns: int
    fs_hz: float = 0.0
    start_ns: int = 0
    iso_times: bool = False
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def signals(self) -> tuple[str, ...]:
        return tuple(track.signal for track in self.tracks)

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the ECG leads, empty where there is no ECG."""
        return next((track.channels for track in self.tracks if track.signal == "ecg"), ())

    def chunks(
        self, from_ns: int, to_ns: int, *, base_ns: int | None = None, loop: int = 0
    ) -> list[Chunk]:
        """Give what is due in ``[from_ns, to_ns)`` after the start, signal by signal.

        Parameters
        ----------
        base_ns
            Time that the start of the first loop gets in the chunks; None: the record's own.
        loop
            How often the recording was played before: times move on by its duration, `seq` by the
            samples that fit into it, so that a channel goes on without a jump.
        """
        own = self.start_ns
        shift_ns = (own if base_ns is None else base_ns) - own + loop * self.duration_ns
        found: list[Chunk] = []
        for track in self.tracks:
            seq_shift = loop * track.seq_per_loop(self.duration_ns) if loop else 0
            window = (from_ns + own, to_ns + own)
            found.extend(track.chunks(self.participant, window, shift_ns, seq_shift))
        return found

    def next_due_ns(self, from_ns: int) -> int | None:
        """Give when the next sample is due, counted from the start; None: there is no more."""
        own = from_ns + self.start_ns
        due = [d for track in self.tracks if (d := track.next_due_ns(own)) is not None]
        return min(due) - self.start_ns if due else None

    def with_lead(self, lead: int) -> Recording:
        """Give the recording with only one ECG lead; all else stays.

        Raises
        ------
        SettingError
            There is no such lead; the text says which there are.
        """
        if not 0 <= lead < len(self.leads):
            names = ", ".join(f"{i} {name}" for i, name in enumerate(self.leads)) or "no ECG lead"
            raise SettingError(
                "--lead", f"expected a lead of {self.participant} ({names}), found {lead}"
            )
        return replace(self, tracks=tuple(_one_lead(track, lead) for track in self.tracks))


def samples_before(after_ns: int, fs_hz: float) -> int:
    """Count the samples of a run whose time since its start lies before `after_ns`.

    The time of sample i is ``rint(i * (1e9 / fs_hz))``, as in `processors.records.sample_times_ns`.

    >>> samples_before(2_777_778, 360.0), samples_before(2_777_779, 360.0)
    (1, 2)
    """
    if after_ns <= 0:
        return 0
    n = int(after_ns * fs_hz / NS_PER_S)
    while _sample_ns(n, fs_hz) < after_ns:
        n += 1
    while n > 0 and _sample_ns(n - 1, fs_hz) >= after_ns:
        n -= 1
    return n


def _sample_ns(i: int, fs_hz: float) -> int:
    return round(i * (NS_PER_S / fs_hz))


def _next_of(run: Run, from_ns: int, fs_hz: float) -> int | None:
    if run.due_ns is not None:
        return run.due_ns if run.due_ns >= from_ns else None
    i = samples_before(from_ns - run.t0_ns, fs_hz)
    return run.t0_ns + _sample_ns(i, fs_hz) if i < len(run.samples) else None


def _due_ns(run: Run) -> int:
    return run.t0_ns if run.due_ns is None else run.due_ns


def _one_lead(track: Track, lead: int) -> Track:
    if track.signal != "ecg" or isinstance(track, IrregularTrack):
        return track
    runs = []
    for run in track.runs:
        samples: Any = np.ascontiguousarray(run.samples[:, lead : lead + 1])
        missing = None if run.missing is None else run.missing[:, lead : lead + 1]
        runs.append(replace(run, samples=samples, missing=missing))
    return replace(track, runs=tuple(runs), channels=track.channels[lead : lead + 1])
