"""The class of each beat, N S V F or Q, with the rule that gave it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.cadence import most_rows
from processors.kernels.beat_class import (
    BEAT_STATE,
    BIN_NS,
    DEFAULTS,
    MINUTE_NS,
    RULES,
    WINDOW,
    Rows,
    Rules,
    classify_beats,
)
from processors.records import (
    NOTHING,
    Batch,
    Column,
    DerivedBlock,
    FeatureBlock,
    FeatureSpec,
    Outputs,
    ProducedSpec,
    StreamSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

LABELS = StreamSpec(
    "beat_labels",
    (
        Column("lag_ns", "ns"),
        Column("label"),
        Column("rule"),
        Column("revised"),
        Column("rr_ms", "ms"),
        Column("form"),
    ),
)
COUNTS = FeatureSpec(
    "ventricular_beats",
    (
        Column("per_minute", "/min"),
        Column("total", "{beats}"),
        Column("per_hour", "/h"),
        Column("hour_percent", "%"),
    ),
)
EARLY_COUNTS = FeatureSpec(
    "supraventricular_beats",
    (Column("per_minute", "/min"), Column("per_hour", "/h"), Column("hour_percent", "%")),
)

__all__ = ["COUNTS", "EARLY_COUNTS", "LABELS", "RULES", "BeatClass", "Params"]


@dataclass(frozen=True, slots=True)
class Params:
    """The numbers of the rules, all tuned on DS1 of mitdb (CLINICAL 1.2)."""

    rules: Rules = DEFAULTS


@register
class BeatClass(KeepsState):
    """Label each standing beat at its window, and once more if the next interval says otherwise.

    Quality is the gate: a beat that is more likely noise is Q, and so no V, run or sign of AF.

    V and S beats are counted in the last minute and hour (12 pieces of 5 min with the one that is
    running: 55 to 60 min), and as a share of the beats that were there in that hour.
    """

    name = "beat_class"
    consumes: tuple[str, ...] = ("beat_windows", "ecg_quality")
    produces: tuple[ProducedSpec, ...] = (LABELS, COUNTS, EARLY_COUNTS)

    def __init__(self, params: Params = Params()) -> None:
        self.params = params
        self._state = SlotState(BEAT_STATE)
        self._work = np.zeros(5)  # of the fit of a beat to a form

    def process(self, batch: Batch) -> Outputs:
        """Give the labels of new beats, revisions of the ones before, and the counts of V and S."""
        if not batch.n_rows:
            return NOTHING
        values = batch.values
        if values.shape[1] != 4 + WINDOW:
            # A batch without records has no columns to speak of.
            values = np.empty((0, 4 + WINDOW))
        state = self._state.cover(batch.slots)
        labels = _rows(2 * batch.n_samples, len(LABELS.columns))
        room = most_rows(batch, state, BIN_NS, MINUTE_NS)
        counts = _rows(room, len(COUNTS.columns) + len(EARLY_COUNTS.columns))
        filled = np.zeros(2, np.int64)
        classify_beats(
            batch.t_ns, batch.source, values, batch.offsets, batch.slots, batch.until_ns,
            self.params.rules, self._work, state, labels, counts, filled,
        )  # fmt: skip
        n, n_counts = filled.tolist()
        derived: tuple[DerivedBlock, ...] = ()
        features: tuple[FeatureBlock, ...] = ()
        if n:
            block = DerivedBlock(LABELS.name, labels.slots[:n], labels.t_ns[:n], labels.values[:n])
            derived = (block,)
        if n_counts:
            at = counts.slots[:n_counts], counts.t_ns[:n_counts]
            both = np.split(counts.values[:n_counts], [len(COUNTS.columns)], axis=1)
            features = tuple(
                FeatureBlock(spec.name, *at, np.ascontiguousarray(values))
                for spec, values in zip((COUNTS, EARLY_COUNTS), both, strict=True)
            )
        return Outputs(derived=derived, features=features)


def _rows(n: int, n_columns: int) -> Rows:
    return Rows(np.empty(n, np.int32), np.empty(n, np.int64), np.empty((n, n_columns)))
