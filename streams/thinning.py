"""What a store keeps of features and scalar signals: what comes all the time is thinned.

Of what is continuous at most one row per participant and `STORE_EVERY_NS`, of spot values every
one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from processors.records import Block
from processors.signals import SIGNALS
from streams.engine import record_times
from streams.merge import NEVER
from streams.stores import SCALARS, STORE_EVERY_NS, SeriesRows


class Thinner:
    """Remembers of each participant and name when a row was last kept."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._kept_ns: dict[tuple[str, str], NDArray[np.int64]] = {}

    def keep(
        self, features: Iterable[SeriesRows], blocks: Iterable[Block]
    ) -> tuple[SeriesRows, ...]:
        """Give what is kept of these; what the engine has given back may be among the blocks."""
        kept = [self._thin(rows) for rows in features]
        for block in blocks:
            kept += [
                self._thin(rows) if is_continuous else rows
                for rows, is_continuous in scalar_rows(block)
            ]
        return tuple(rows for rows in kept if len(rows.participants))

    def _thin(self, rows: SeriesRows) -> SeriesRows:
        numbers = self._numbers
        who = np.array(
            [numbers.setdefault(name, len(numbers)) for name in rows.participants], np.int64
        )
        key = rows.kind, rows.name  # a feature and a signal may have one name
        kept_ns = self._kept_ns.get(key, np.zeros(0, np.int64))
        if len(kept_ns) < len(numbers):
            more = len(numbers) + 64 - len(kept_ns)
            kept_ns = np.concatenate([kept_ns, np.full(more, NEVER // 2, np.int64)])
        due = rows.t_ns - kept_ns[who] >= STORE_EVERY_NS
        kept_ns[who[due]] = rows.t_ns[due]
        self._kept_ns[key] = kept_ns
        participants = [rows.participants[k] for k in np.flatnonzero(due).tolist()]
        return replace(
            rows, participants=participants, t_ns=rows.t_ns[due], values=rows.values[due]
        )


def scalar_rows(block: Block) -> Iterator[tuple[SeriesRows, bool]]:
    """Give the scalar measurements of a block, and whether they are of a continuous variant.

    Of a continuous signal the last of each row is enough, for the store thins it anyway.
    """
    spec = SIGNALS.get(block.signal)
    if spec is None or spec.waveform or not block.n_samples:
        return
    variant = next((v for v in spec.variants if v.name == (block.variant or v.name)), None)
    if variant is None or block.samples.shape[1] > len(spec.channels):
        return  # the engine has given it back with the reason
    continuous = variant.name == "continuous"
    lengths = np.diff(block.offsets)
    row_of = np.repeat(np.arange(block.n_rows), lengths)
    chosen = block.offsets[1:][lengths > 0] - 1 if continuous else np.arange(block.n_samples)
    r = row_of[chosen]
    values = block.samples[chosen] * block.scale[r, None] + block.offset[r, None]
    if block.missing is not None:
        values[block.missing[chosen]] = np.nan
    columns = tuple(channel.name for channel in spec.channels)[: values.shape[1]]
    people = [block.participants[k] for k in r.tolist()]
    times = record_times(block, lengths) if block.t_ns is None else block.t_ns
    yield (
        SeriesRows(SCALARS, spec.stream(variant), columns, people, times[chosen], values),
        continuous,
    )
