"""Lasting findings `lead_off` and `poor_signal`, from the quality of each second and lead flags."""

from __future__ import annotations

from dataclasses import dataclass

from processors.emit import event_blocks, finding_rows
from processors.kernels.signal_state import SIGNAL_STATE, StateLimits, watch_signal
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
    FindingSpec("lead_off", (Column("by_device"), Column("railed"), Column("flat"))),
    FindingSpec("poor_signal", (Column("score"), Column("noisy"), Column("peak_to_peak_mv", "mV"))),
)


@dataclass(frozen=True, slots=True)
class Params:
    """When the condition itself is said to hold; the delay of its alarm is added by `alerts`.

    Attributes
    ----------
    seconds
        Seconds in a row that must say the same before a finding begins or ends.
    fair
        A score below is bad.
    silent_s
        So long after the last second of quality nothing is known of the signal any more.
    """

    seconds: int = 3  # default
    fair: float = 0.5  # CLINICAL 3.10: fair >= 0.5
    silent_s: float = 5.0  # s, default


@register
class SignalState(KeepsState):
    """Say when an electrode is off, or the signal too poor to be read.

    The device's own flag counts at once; by the signal a lead is off after three seconds without
    contact (``attached`` 0), dated back to the first of them. While a lead is off the signal is not
    poor as well. Without samples what the signal said ends by time; the flag stays.

    The value of a finding is the score at its onset and its length in seconds at its end.
    """

    name = "signal_state"
    consumes: tuple[str, ...] = ("ecg_quality", "lead")
    produces: tuple[ProducedSpec, ...] = FINDINGS

    def __init__(self, params: Params | None = None) -> None:
        chosen = params or Params()
        self._limits = StateLimits(chosen.seconds, chosen.fair, round(chosen.silent_s * NS_PER_S))
        self._state = SlotState(SIGNAL_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give what began and ended up to the horizon."""
        if not batch.n_rows:
            return NOTHING
        rows = finding_rows(6 * batch.n_samples + 2 * batch.n_rows)
        n = watch_signal(
            batch.t_ns, batch.source, batch.values, batch.offsets, batch.slots, batch.until_ns,
            self._limits, self._state.cover(batch.slots), rows,
        )  # fmt: skip
        return Outputs(events=event_blocks(FINDINGS, rows[:n])) if n else NOTHING
