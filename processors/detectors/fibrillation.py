"""Ventricular fibrillation and flutter, from the waves of the ECG and what is known of beats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.emit import event_blocks, finding_rows
from processors.kernels.fibrillation import (
    FIBRILLATION_STATE,
    Limits,
    Out,
    watch_fibrillation,
)
from processors.records import (
    NOTHING,
    NS_PER_S,
    Batch,
    Column,
    DerivedBlock,
    FindingSpec,
    Outputs,
    ProducedSpec,
    StreamSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

FINDINGS = (
    FindingSpec(
        "vf",
        (Column("leakage"), Column("evenness"), Column("frequency", "Hz"), Column("confidence")),
    ),
)
WAVE_RHYTHM = StreamSpec(
    "wave_rhythm", (Column("kind"), Column("lag_ns", "ns"), Column("rate", "/min"))
)


@dataclass(frozen=True, slots=True)
class Params:
    """What makes a window of 4 s fibrillate; 3 of the last 4 make the finding (CLINICAL 3.7).

    Cut-offs were chosen on the development records of vfdb and mitdb, which CLINICAL 3.7 asks for.

    Attributes
    ----------
    leakage, evenness
        A window is even below the first and above the second (`processors.kernels.ecg_waves`).
    slow_hz, slow_vt_hz, fast_hz
        Its mean frequency lies above the first, where waves are alike above the second, and below
        the third.
    margin
        While a rhythm of waves holds, these limits are wider by this share.
    least_mv
        A smaller window is standstill or nothing.
    confidence, normal
        It is organised where its QRS are at least so sure, and at least this share is normal.
    broad
        ... but not where waves are alike and more even than this, for there no QRS is narrow: what
        a recording begins with is taken for normal.
    likeness, held_likeness
        Waves this alike are regular, in tachycardia those of the second still: at
        ``slow_per_min`` to ``fast_per_min`` they are tachycardia, faster ones flutter, slower ones
        are left to the beats.
    vt_hz, vt_likeness
        Waves slower than the first are regular from the second on: fibrillation is faster.
    fair
        A second that is noisy above 25 Hz is bad if it scores less; else its waves can be read.
    most_mv
        Larger waves are tachycardia, regular or not.
    window_s, hop_s
        Length of a window and from one to the next. A rhythm is dated from the middle of the first
        positive one of the last four to the middle of the last; a change of kind, to that of the
        newest.
    lost_s
        Without a window for so long nothing is known: 4 s after a loss of more than a second.
    """

    leakage: float = 0.7  # 1, tuned: 97 % of VF lie below it; tremor on QRS lies above
    evenness: float = 0.58  # 1, tuned: broad beats with T waves 0.54 (vfdb 418), noise 0.64
    slow_hz: float = 2.8  # Hz, tuned: wide QRS and T at 110/min, vfdb 418, have 2.2 to 2.8
    slow_vt_hz: float = 2.5  # Hz, default: nearly sines at 150/min; beats tell slower VT
    fast_hz: float = 7.5  # Hz, default: tremor has 8 (cinc2017 A02821), muscle noise 13
    margin: float = 0.1  # 1, default
    least_mv: float = 0.2  # mV, Kerber 1997, Circulation 95:1677: coarse VF; to be confirmed
    most_mv: float = 4.0  # mV, default
    confidence: float = 0.5  # 1, tuned: 0.1-0.4 in VF, 0.5-0.7 where broad beats are even
    normal: float = 0.5  # 1, default: most
    broad: float = 0.65  # 1, default: above that of Gaussian noise, 0.64
    likeness: float = 0.9  # 1, tuned
    held_likeness: float = 0.85  # 1, default: so that what is near 0.9 does not flicker
    vt_hz: float = 3.0  # Hz, tuned: of VF in vfdb 95 % is faster, half than 4.2 Hz
    vt_likeness: float = 0.65  # 1, tuned
    fair: float = 0.5  # 1, CLINICAL 3.10: less is bad
    slow_per_min: float = 130.0  # /min, Mindray manual: VT
    fast_per_min: float = 250.0  # /min, default: faster is flutter
    window_s: float = 4.0  # s, CLINICAL 3.7
    hop_s: float = 0.5  # s, CLINICAL 3.7
    lost_s: float = 5.5  # s, default

    def limits(self) -> Limits:
        """Give the same in the units of the kernel."""
        return Limits(
            leakage=self.leakage,
            evenness=self.evenness,
            slow_hz=self.slow_hz,
            slow_vt_hz=self.slow_vt_hz,
            fast_hz=self.fast_hz,
            margin=self.margin,
            least_mv=self.least_mv,
            most_mv=self.most_mv,
            likeness=self.likeness,
            held_likeness=self.held_likeness,
            vt_hz=self.vt_hz,
            vt_likeness=self.vt_likeness,
            fair=self.fair,
            broad=self.broad,
            slow_s=60.0 / self.slow_per_min,
            fast_s=60.0 / self.fast_per_min,
            confidence=self.confidence,
            normal=self.normal,
            half_ns=round(0.5 * self.window_s * NS_PER_S),
            hop_ns=round(self.hop_s * NS_PER_S),
            lost_ns=round(self.lost_s * NS_PER_S),
        )


@register
class Fibrillation(KeepsState):
    """Report fibrillation, and say in a stream which rhythm waves make, for `ventricular`.

    A window counts as nothing when one of the last 4 s was railed, bad and noisy above 25 Hz, or
    without a lead; whether beats are regular or alike never keeps fibrillation from being told.
    A rhythm ends when at most one of the last four windows is positive; it goes over between
    fibrillation and tachycardia when six of the last eight are regular, or six are not.
    """

    name = "fibrillation"
    consumes: tuple[str, ...] = ("ecg_quality", "beats", "beat_labels", "lead", "ecg_waves")
    produces: tuple[ProducedSpec, ...] = (*FINDINGS, WAVE_RHYTHM)

    def __init__(self, params: Params = Params()) -> None:
        self._limits = params.limits()
        self._state = SlotState(FIBRILLATION_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give the findings, and a row whenever the rhythm changes."""
        if not batch.n_rows:
            return NOTHING
        room = 2 * (batch.n_samples + batch.n_rows)
        out = Out(
            findings=finding_rows(room),
            slots=np.empty(room, np.int32),
            t_ns=np.empty(room, np.int64),
            values=np.empty((room, len(WAVE_RHYTHM.columns))),
            n=np.zeros(2, np.int64),
        )
        watch_fibrillation(
            batch.t_ns, batch.source, batch.values, batch.offsets, batch.slots, batch.until_ns,
            self._limits, self._state.cover(batch.slots), out,
        )  # fmt: skip
        found, n = out.n.tolist()
        if not n:
            return NOTHING
        rhythm = DerivedBlock(WAVE_RHYTHM.name, out.slots[:n], out.t_ns[:n], out.values[:n])
        return Outputs(derived=(rhythm,), events=event_blocks(FINDINGS, out.findings[:found]))
