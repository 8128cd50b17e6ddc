"""Oxygen saturation as it is judged: artefacts out, the median of five seconds, the own limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.kernels.oxygen import OXYGEN_STATE, Rules, judge_oxygen
from processors.records import (
    NOTHING,
    NS_PER_S,
    Batch,
    Column,
    DerivedBlock,
    Outputs,
    ProducedSpec,
    StreamSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

OXYGEN = StreamSpec("oxygen", (Column("spo2", "%"), Column("limit", "%")))


@dataclass(frozen=True, slots=True)
class Params:
    """What counts as a valid second, and whose limit applies.

    Attributes
    ----------
    limit_percent
        Below is low, for those whose profile and limits say nothing else.
    step_per_s
        A value that is more points per second from the last valid one is an artefact.
    spacing_s
        Values that come faster are passed by, so that five are five seconds.
    sparse_s
        A value this long after the record before it stands for itself.
    stale_s
        Without a valid value for so long the five are gathered anew.
    """

    limit_percent: float = 90.0  # %, CLINICAL 3.12
    step_per_s: float = 4.0  # 1/s, CLINICAL 3.12
    spacing_s: float = 0.9  # s, default: a second less the jitter of a device
    sparse_s: float = 5.0  # s, default: such a device has averaged already
    stale_s: float = 15.0  # s, CLINICAL 2: stale time of spo2


@register
class Oxygen(KeepsState):
    """Give the median of the last five valid seconds, once a second (CLINICAL 3.12).

    Differs from CLINICAL 3.12: the perfusion index and motion do not reach it, so that only steps
    tell an artefact. At one value per second a change of level is known after three values.
    """

    name = "oxygen"
    consumes: tuple[str, ...] = ("spo2", "profile", "limits")
    produces: tuple[ProducedSpec, ...] = (OXYGEN,)

    def __init__(self, params: Params = Params()) -> None:
        self._rules = Rules(
            limit=params.limit_percent,
            step_per_ns=params.step_per_s / NS_PER_S,
            spacing_ns=round(params.spacing_s * NS_PER_S),
            sparse_ns=round(params.sparse_s * NS_PER_S),
            stale_ns=round(params.stale_s * NS_PER_S),
        )
        self._state = SlotState(OXYGEN_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give the medians that became known; nothing for what is missing."""
        if not batch.n_samples:
            return NOTHING
        slots, t_ns = np.empty(batch.n_samples, np.int32), np.empty(batch.n_samples, np.int64)
        values = np.empty((batch.n_samples, len(OXYGEN.columns)))
        n = judge_oxygen(
            batch.t_ns, batch.source, batch.values, batch.offsets, batch.slots,
            self._rules, self._state.cover(batch.slots), slots, t_ns, values,
        )  # fmt: skip
        if not n:
            return NOTHING
        return Outputs(derived=(DerivedBlock(OXYGEN.name, slots[:n], t_ns[:n], values[:n]),))
