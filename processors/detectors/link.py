"""The link to the devices of a participant: silence, lost samples, empty batteries."""

from __future__ import annotations

from dataclasses import dataclass

from processors.emit import event_blocks, finding_rows
from processors.kernels.link import LINK_STATE, watch_link
from processors.records import (
    NOTHING,
    PRESENCE,
    Batch,
    Column,
    FindingSpec,
    Outputs,
    ProducedSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

FINDINGS = (  # in the order of the kernel's codes
    FindingSpec("device_silent", (Column("signal"),)),
    FindingSpec("gap", (Column("signal"), Column("lost_s", "s")), lasting=False),
    FindingSpec("battery_low", (Column("percent", "%"),)),
)


@dataclass(frozen=True, slots=True)
class Params:
    """What counts as lost and as low; stale times come with the records.

    Attributes
    ----------
    gap_s
        More than this lost in a live stream is a gap.
    low_percent, empty_percent
        A battery at or below is low; at or below the second it is said once more (revision 1).
    margin
        ``battery_low`` ends this share above its limit.
    """

    gap_s: float = 1.0  # s, CLINICAL 4: gap
    low_percent: float = 15.0  # %, CLINICAL 4: battery_low
    empty_percent: float = 5.0  # %, CLINICAL 4: battery_low repeats
    margin: float = 0.05  # 1, CLINICAL 4: hysteresis, default


@register
class Link(KeepsState):
    """Report devices that fall silent, samples that were lost and batteries that run low.

    Each signal of a participant falls silent by itself: from its deadline to the first sample
    after it. The evidence is the position of the signal in `SIGNALS`.
    """

    name = "link"
    consumes: tuple[str, ...] = (PRESENCE, "battery")
    produces: tuple[ProducedSpec, ...] = FINDINGS

    def __init__(self, params: Params = Params()) -> None:
        self.params = params
        self._state = SlotState(LINK_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give the findings; a silence is stamped with its deadline."""
        if not batch.n_rows:
            return NOTHING
        records = self._state.cover(batch.slots)
        alive = int((records["watched"][batch.slots] == 1).sum())
        rows = finding_rows(4 * batch.n_samples + alive)
        p = self.params
        n = watch_link(
            batch.t_ns, batch.source, batch.values, batch.offsets, batch.slots, batch.until_ns,
            p.gap_s, p.low_percent, p.empty_percent, p.margin,
            records, rows,
        )  # fmt: skip
        return Outputs(events=event_blocks(FINDINGS, rows[:n])) if n else NOTHING
