"""Compiles what works on signals before it is needed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from processors.records import NS_PER_S, Chunk, pack
from processors.signals import SIGNALS, Channel, SignalSpec
from streams.engine import Engine

_SECONDS = 4


def warm_up() -> None:
    """Run some seconds of every signal through everything; what is compiled already costs little.

    A partition whose kernels were compiled when the first of a signal came would stand still.
    """
    engine = Engine()
    for k in range(_SECONDS):
        engine.feed([pack([chunk]) for chunk in _second(k)])
        engine.tick((k + 1) * NS_PER_S)


def _second(k: int) -> Iterator[Chunk]:
    for spec in SIGNALS.values():
        for variant in spec.variants:
            yield _of(spec, variant.name, variant.rate_hz, k)


def _of(spec: SignalSpec, variant: str, rate_hz: float, k: int) -> Chunk:
    n = int(rate_hz) if spec.waveform else 1
    samples = np.tile(np.array([_middle(one) for one in spec.channels], np.float32), (n, 1))
    t_ns = k * NS_PER_S
    if spec.waveform:
        return Chunk("nobody", "none", spec.name, t_ns, samples, rate_hz, n * k, variant=variant)
    times = np.array([t_ns], np.int64)
    return Chunk("nobody", "none", spec.name, t_ns, samples, t_ns=times, variant=variant)


def _middle(channel: Channel) -> float:
    middle = (channel.low + channel.high) / 2
    return middle if math.isfinite(middle) else 0.0
