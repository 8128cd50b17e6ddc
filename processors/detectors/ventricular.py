"""Patterns of ventricular beats: tachycardia, runs, couplets, bigeminy, frequency, forms."""

from __future__ import annotations

from dataclasses import dataclass

from processors.emit import event_blocks, finding_rows
from processors.kernels.ventricular import VENTRICULAR_STATE, Limits, watch_ventricular
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

_RUN = (Column("beats"), Column("rate", "/min"))

FINDINGS = (  # in the order of the kernel's codes
    FindingSpec("vt", _RUN),
    FindingSpec("vt_nonsustained", _RUN, lasting=False),
    FindingSpec("ventricular_rhythm", _RUN),
    FindingSpec("ventricular_bradycardia", _RUN),
    FindingSpec("pvc_run", _RUN, lasting=False),
    FindingSpec("pvc_couplet", _RUN, lasting=False),
    FindingSpec("pvc_r_on_t", (Column("rr_ms", "ms"), Column("mean_rr_ms", "ms")), lasting=False),
    FindingSpec("pvc_bigeminy", (Column("cycles"),)),
    FindingSpec("pvc_trigeminy", (Column("cycles"),)),
    FindingSpec("pvc_frequent", (Column("beats_per_min", "/min"),)),
    FindingSpec("pvc_multiform", (Column("form"), Column("other_form")), lasting=False),
)


@dataclass(frozen=True, slots=True)
class Params:
    """What makes a pattern; CLINICAL 3.7 unless stated.

    Attributes
    ----------
    vt_rate_per_min, vt_beats
        So many V in a row at this rate are VT; fewer (3 or more) are ``vt_nonsustained``.
    slow_vt_rate_per_min, slow_vt_s
        A ventricular rhythm of this rate that lasts so long is VT.
    rhythm_beats, slow_rate_per_min
        So many V in a row below the rate of VT are a rhythm, below the second a bradycardia.
    margin
        A rate ends a finding this share on the safe side.
    cycles
        N V (bigeminy) or N N V (trigeminy) cycles in a row.
    window_s
        Time in which the 10 V of ``pvc_frequent`` must lie.
    silence_s
        Without another beat for so long, everything consecutive is over.
    r_on_t_ratio, r_on_t_pause, r_on_t_rate_per_min
        An R on T comes before this share of the mean RR, the next RR is at least so many times
        the mean, and the heart beats more slowly than this.
    quality, unread
        A V beat is not readable (Q) where the newest second scores less than the first; so many Q
        in a row break what is consecutive, as a gap does.
    """

    vt_rate_per_min: float = 130.0  # /min, Mindray manual
    vt_beats: int = 6  # beats, Mindray manual
    slow_vt_rate_per_min: float = 100.0  # /min, CinC 2015, Philips
    slow_vt_s: float = 30.0  # s, default
    rhythm_beats: int = 5  # beats, Mindray manual
    slow_rate_per_min: float = 40.0  # /min, Mindray manual
    margin: float = 0.05  # 1, CLINICAL 4: hysteresis, default
    cycles: int = 3  # Mindray manual (bigeminy), default (trigeminy)
    window_s: float = 60.0  # s, Mindray manual: 10 V per min
    silence_s: float = 5.0  # s, CLINICAL 2: longest plausible RR
    r_on_t_ratio: float = 1.0 / 3.0  # 1, to be confirmed (P, M)
    r_on_t_pause: float = 1.25  # 1, to be confirmed (P, M)
    r_on_t_rate_per_min: float = 100.0  # /min, to be confirmed (P, M)
    quality: float = 0.5  # 1, CLINICAL 3.10: bad
    unread: int = 3  # beats, default: half of what makes VT

    def limits(self) -> Limits:
        """Give the same in the units of the kernel."""
        return Limits(
            vt_rate=self.vt_rate_per_min,
            vt_beats=self.vt_beats,
            slow_vt_rate=self.slow_vt_rate_per_min,
            slow_vt_ns=round(self.slow_vt_s * NS_PER_S),
            rhythm_beats=self.rhythm_beats,
            slow_rate=self.slow_rate_per_min,
            margin=self.margin,
            cycles=self.cycles,
            window_ns=round(self.window_s * NS_PER_S),
            silence_ns=round(self.silence_s * NS_PER_S),
            r_on_t_ratio=self.r_on_t_ratio,
            r_on_t_pause=self.r_on_t_pause,
            r_on_t_mean_ms=60_000.0 / self.r_on_t_rate_per_min,
            quality=self.quality,
            unread=self.unread,
        )


@register
class Ventricular(KeepsState):
    """Report patterns of V beats.

    The label of a beat may be revised once, with the next beat. So points and cycles take a label
    as final when the next beat's has come, and so report one beat late; VT and the ventricular
    rhythms are judged with the newest label at once. If that label is then taken back, the
    finding ends there. N, S and F beats and gaps break a run; a Q beat neither breaks nor counts,
    three in a row do. In a bad second a V is taken for Q, for noise is bent as well: of 51 runs of
    beats that were called VT in vfdb where none is, 16 were noise.
    Where beats have grown into regular waves, ``wave_rhythm`` says so and that is VT (its ``beats``
    are then NaN); while it says fibrillation, nothing is told of beats.
    """

    name = "ventricular"
    consumes: tuple[str, ...] = ("beat_labels", "wave_rhythm", "ecg_quality")
    produces: tuple[ProducedSpec, ...] = FINDINGS

    def __init__(self, params: Params = Params()) -> None:
        self._limits = params.limits()
        self._state = SlotState(VENTRICULAR_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give the findings; silence and rarity are decided by deadlines."""
        if not batch.n_rows:
            return NOTHING
        rows = finding_rows(24 * (batch.n_samples + batch.n_rows))
        n = watch_ventricular(
            batch.t_ns, batch.source, batch.values, batch.offsets, batch.slots, batch.until_ns,
            self._limits, self._state.cover(batch.slots), rows,
        )  # fmt: skip
        return Outputs(events=event_blocks(FINDINGS, rows[:n])) if n else NOTHING
