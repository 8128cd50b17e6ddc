"""Asystole, pauses and missed beats, from provisional beats and the quality of each second."""

from __future__ import annotations

from dataclasses import dataclass

from processors.emit import event_blocks, finding_rows
from processors.kernels.pause import N_PENDING, PAUSE_STATE, Limits, watch_pauses
from processors.records import (
    NOTHING,
    NS_PER_S,
    Batch,
    Column,
    FindingSpec,
    Outputs,
    ProducedSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

FINDINGS = (  # in the order of the kernel's codes
    FindingSpec(
        "asystole",
        (Column("seconds", "s"), Column("peak_to_peak_mv", "mV"), Column("attached")),
    ),
    FindingSpec("pause", (Column("seconds", "s"), Column("attached")), lasting=False),
    FindingSpec("pauses_frequent", (Column("pauses"), Column("span_s", "s"))),
    FindingSpec("missed_beat", (Column("rr_ms", "ms"), Column("mean_rr_ms", "ms")), lasting=False),
)


@dataclass(frozen=True, slots=True)
class Params:
    """How long a silence must be; CLINICAL 3.7 unless stated.

    Attributes
    ----------
    asystole_s, pause_s, counted_s
        No QRS for so long is asystole, a pause, a counted pause (five make ``pauses_frequent``).
    window_s
        Time in which the counted pauses must lie.
    blind_s
        How much later than R a beat may still be found; a claim by the clock waits as long.
    settle_s
        A beat can be withdrawn for so long after its emission.
    lost_s
        Without a second of quality for so long, samples are missing.
    deaf_s
        How much longer it takes until asystole where the signal came back after the last beat.
    low_s, low_mv
        Asystole needs so many seconds in a row of less than this from peak to peak up to now: a
        large signal without beats is fibrillation, or one in which beats are not found.
    tiny_mv, confidence
        A beat that is smaller than the first and less sure than the second is none where the
        newest second was as low.
    present
        So much of a second must have arrived; a loss that could hide a beat is not silence.
    pulse, pulse_s
        A pulse of the PPG of at least this quality keeps asystole from being told for so long.
    missed_ratio, missed_fast_s, fast_per_min
        A missed beat: an RR of so many times the mean, or of so many seconds from this rate on.
    regular
        The intervals before and after a missed beat lie this close to their mean.
    """

    asystole_s: float = 4.0  # s, CinC 2015
    pause_s: float = 3.0  # s, default
    counted_s: float = 2.0  # s, default
    window_s: float = 60.0  # s, default
    blind_s: float = 0.3  # s, CLINICAL 3.2: latency of a provisional beat <= 250 ms
    settle_s: float = 0.2  # s, ARCHITECTURE: a beat is withdrawn at most 200 ms after emission
    lost_s: float = 1.5  # s, default: one row of quality a second
    deaf_s: float = 2.0  # s, default: 0.5 s blind after a gap, and 2 s until learnt anew
    low_s: int = 3  # s, default: whole seconds in the 4.3 s at least after a last beat and its T
    low_mv: float = 0.3  # mV, CLINICAL 3.10: less includes no QRS
    tiny_mv: float = 0.1  # mV, IEC 60601-2-27: <= 0.15 mV from peak to peak is no QRS
    confidence: float = 0.3  # 1, default: in standstill 0.1 to 0.3 (vfdb 430)
    present: float = 0.9  # 1, CLINICAL 3.1: a gap of more than 100 ms is not bridged
    pulse: float = 0.86  # 1, CLINICAL 3.11, Orphanidou 2015
    pulse_s: float = 4.0  # s, CLINICAL 3.7
    missed_ratio: float = 1.75  # 1, to be confirmed (P)
    missed_fast_s: float = 1.0  # s, to be confirmed (P)
    fast_per_min: float = 100.0  # /min, to be confirmed (P)
    regular: float = 0.2  # 1, default

    def limits(self) -> Limits:
        """Give the same in the units of the kernel."""
        return Limits(
            asystole_ns=round(self.asystole_s * NS_PER_S),
            pause_ns=round(self.pause_s * NS_PER_S),
            counted_ns=round(self.counted_s * NS_PER_S),
            window_ns=round(self.window_s * NS_PER_S),
            blind_ns=round(self.blind_s * NS_PER_S),
            settle_ns=round(self.settle_s * NS_PER_S),
            lost_ns=round(self.lost_s * NS_PER_S),
            deaf_ns=round(self.deaf_s * NS_PER_S),
            low_s=self.low_s,
            low_mv=self.low_mv,
            tiny_mv=self.tiny_mv,
            confidence=self.confidence,
            present=self.present,
            pulse=self.pulse,
            pulse_ns=round(self.pulse_s * NS_PER_S),
            missed_ratio=self.missed_ratio,
            missed_ms=60_000.0 / self.fast_per_min,
            missed_fast_ms=1000.0 * self.missed_fast_s,
            regular=self.regular,
        )


@register
class Pause(KeepsState):
    """Report silence between beats where a clean signal of an attached lead is there.

    Asystole and pauses are decided by the seconds of signal that arrive, not by the next beat; so
    missing samples can never be either. A pause is given once by the clock when it passes 3 s, and
    as revision 1 with its full length by the beat that ends it; shorter claims come with
    that beat alone. ``attached`` is 1 where the device says that its leads are on, else 0.5, which
    reads "asystole or lead off": real asystole and a lost contact are both a line of low noise.
    A good pulse of the PPG settles that: a heart that pumps does not stand still.
    """

    name = "pause"
    consumes: tuple[str, ...] = ("beats", "ecg_quality", "lead", "pulses")
    produces: tuple[ProducedSpec, ...] = FINDINGS

    def __init__(self, params: Params = Params()) -> None:
        self._limits = params.limits()
        self._state = SlotState(PAUSE_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give the findings; those decided by time are stamped with the second that decided."""
        if not batch.n_rows:
            return NOTHING
        # A record settles at most one beat more than was pending: 5 findings each, and 2 deadlines.
        rows = finding_rows(8 * batch.n_samples + (5 * N_PENDING + 4) * batch.n_rows)
        n = watch_pauses(
            batch.t_ns, batch.source, batch.values, batch.offsets, batch.slots, batch.until_ns,
            self._limits, self._state.cover(batch.slots), rows,
        )  # fmt: skip
        return Outputs(events=event_blocks(FINDINGS, rows[:n])) if n else NOTHING
