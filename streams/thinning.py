"""What a store keeps of features and scalar signals: what comes all the time is thinned.

Of what has a rate the last row of each participant and `STORE_EVERY_NS`; of what comes one at a
time every one, RR intervals as much as spot values: of a strap they are what its heart rate
variability is measured by later. `vitals run` and `vitals sink` thin by the same rule
(`LastOfSlot`), so both store the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from processors.records import NS_PER_MS, Block
from processors.signals import SIGNALS
from streams.bus import Place
from streams.engine import record_times
from streams.last_of_slot import LastOfSlot
from streams.stores import SCALARS, SeriesRows

PATIENCE_MS: Final = 30_000  # a row waits so long for the next of its name while time passes
_HERE: Final = Place("", 0)  # of one process, in which nothing is read again
ALWAYS_MS: Final = 2**62


class Thinner:
    """Thins what one process has of everybody, in the order of its steps."""

    def __init__(self) -> None:
        self._waiting = LastOfSlot()

    def keep(
        self, until_ns: int, features: Iterable[SeriesRows], blocks: Iterable[Block]
    ) -> tuple[SeriesRows, ...]:
        """Give what is kept of a step; what the engine has given back may be among the blocks."""
        at_ms = until_ns // NS_PER_MS
        kept = [self._waiting.put(rows, _HERE, 0, at_ms) for rows in features]
        for block in blocks:
            kept += [
                self._waiting.put(rows, _HERE, 0, at_ms) if has_rate else rows
                for rows, has_rate in scalar_rows(block)
            ]
        kept += self._waiting.flush(_HERE, at_ms - PATIENCE_MS)
        return tuple(rows for rows in kept if len(rows.participants))

    def rest(self) -> tuple[SeriesRows, ...]:
        """Give what waits for a row that will not come any more."""
        return tuple(self._waiting.flush(_HERE, ALWAYS_MS))


def scalar_rows(block: Block) -> Iterator[tuple[SeriesRows, bool]]:
    """Give the scalar measurements of a block, and whether they come all the time."""
    spec = SIGNALS.get(block.signal)
    if spec is None or spec.waveform or not block.n_samples:
        return
    variant = next((v for v in spec.variants if v.name == (block.variant or v.name)), None)
    if variant is None or block.samples.shape[1] > len(spec.channels):
        return  # the engine has given it back with the reason
    lengths = np.diff(block.offsets)
    r = np.repeat(np.arange(block.n_rows), lengths)
    values = block.samples * block.scale[r, None] + block.offset[r, None]
    if block.missing is not None:
        values[block.missing] = np.nan
    columns = tuple(channel.name for channel in spec.channels)[: values.shape[1]]
    people = [block.participants[k] for k in r.tolist()]
    times = record_times(block, lengths) if block.t_ns is None else block.t_ns
    rows = SeriesRows(SCALARS, spec.stream(variant), columns, people, times, values)
    yield rows, variant.rate_hz > 0
