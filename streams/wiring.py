"""How processors are wired: which streams there are, and how each processor is fed with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from processors.records import PRESENCE, Batch, FindingSpec, Processor, StreamSpec
from processors.signals import CONTROLS, SIGNAL_STREAMS, SIGNALS
from streams.merge import PATIENCE_NS, Merger

PRESENCE_WIDTH: Final = 4


@dataclass(slots=True)
class Node:
    """A processor and how it is fed: by waveform batches, or through a merger."""

    processor: Processor
    streams: tuple[int, ...]  # consumed, as indices of the watermark table
    outputs: tuple[int, ...]
    evidence: dict[str, tuple[str, ...]]
    merger: Merger | None
    wait_ns: int  # how far its horizon may be behind the newest sample
    by_clock: bool  # consumes nothing that is waited for: time alone moves its horizon
    moved: bool = False  # a watermark or record of its input is new
    batches: list[Batch] = field(default_factory=list)

    def restore(self, state: Mapping[str, Any] | None, slots: NDArray[np.int32]) -> bool:
        """Go on where a snapshot was taken, or begin anew; tell whether it could go on."""
        self.batches = []
        fits = (
            state is not None
            and state["consumes"] == list(self.processor.consumes)
            and state["state"].dtype == self.processor.snapshot(slots[:0]).dtype
        )
        if state is None or not fits:
            self.processor.forget(slots)
            self.moved = True
            return False
        self.processor.restore(slots, state["state"])
        if self.merger is not None:
            self.merger.restore(state["merger"])
        self.moved = state["moved"]
        return True


class StreamTable:
    """The streams that somebody consumes or produces: names, numbers, widths, which are sparse."""

    def __init__(self, processors: Sequence[Processor]) -> None:
        self._widths = {PRESENCE: PRESENCE_WIDTH}
        self._sparse = {PRESENCE, *CONTROLS}
        self._waits_ns: dict[str, int] = {}
        self._waveforms: dict[str, str] = {}  # of which waveform a stream is, sample by sample
        for spec in SIGNALS.values():
            for variant in spec.variants:
                name = spec.stream(variant)
                self._widths[name] = len(spec.channels)
                if variant.name != "continuous":
                    self._sparse.add(name)
        for kind, columns in CONTROLS.items():
            self._widths[kind] = len(columns)
        for processor in processors:
            for produced in processor.produces:
                if isinstance(produced, StreamSpec):
                    self._widths[produced.name] = len(produced.columns)
        used = {name for processor in processors for name in processor.consumes}
        used |= {
            spec.name for p in processors for spec in p.produces if isinstance(spec, StreamSpec)
        }
        self.names = sorted(used)
        self.index = {name: i for i, name in enumerate(self.names)}

    def _patience_ns(self, processor: Processor, sparse: tuple[bool, ...]) -> int:
        """Give how long a processor waits: a second, on top of what its producers may wait.

        What waveform processors make of one signal moves together: there is nothing to wait for.
        """
        behind = max((self._waits_ns.get(name, 0) for name in processor.consumes), default=0)
        waited = (
            n for n, is_sparse in zip(processor.consumes, sparse, strict=True) if not is_sparse
        )
        apart = {self._waveforms.get(name, name) for name in waited}
        patience_ns = behind + PATIENCE_NS if len(apart) > 1 else behind
        for spec in processor.produces:
            if isinstance(spec, StreamSpec):
                self._waits_ns[spec.name] = patience_ns
        return patience_ns

    @staticmethod
    def _spots(consumes: tuple[str, ...], sparse: tuple[bool, ...]) -> tuple[bool, ...]:
        """Say which consumed streams are single values beside a stream that is waited for."""
        return tuple(
            is_sparse and name in SIGNAL_STREAMS and not all(sparse)
            for name, is_sparse in zip(consumes, sparse, strict=True)
        )

    def node(self, processor: Processor) -> Node:
        """Wire a processor; in the order in which they run, for each waits on top of the others."""
        consumes = processor.consumes
        is_waveform = (
            len(consumes) == 1 and consumes[0] in SIGNALS and SIGNALS[consumes[0]].waveform
        )
        streams = tuple(self.index[name] for name in consumes)
        merger, wait_ns = None, 0
        if is_waveform:
            made = (spec.name for spec in processor.produces if isinstance(spec, StreamSpec))
            self._waveforms |= dict.fromkeys(made, consumes[0])
        else:
            widths = tuple(self._widths[name] for name in consumes)
            sparse = tuple(name in self._sparse for name in consumes)
            wait_ns = self._patience_ns(processor, sparse)
            merger = Merger(
                widths,
                sparse,
                patience_ns=wait_ns,
                spots=self._spots(consumes, sparse),
                rows=streams,
            )
        evidence = {
            spec.code: tuple(column.name for column in spec.evidence)
            for spec in processor.produces
            if isinstance(spec, FindingSpec)
        }
        outputs = tuple(
            self.index[spec.name] for spec in processor.produces if isinstance(spec, StreamSpec)
        )
        by_clock = merger is not None and all(name in self._sparse for name in consumes)
        return Node(processor, streams, outputs, evidence, merger, wait_ns, by_clock)
