"""Flags of the last intervals or seconds, a bit each, the newest lowest."""

from __future__ import annotations

from processors.kernels.compiling import entry, inner


@entry
def ones(bits: int) -> int:
    """Count the bits that are set.

    >>> ones(0b1011)
    3
    """
    n = 0
    while bits > 0:
        n += bits & 1
        bits >>= 1
    return n


@inner
def newest(bits: int, n: int) -> int:
    """Give the flags of the newest ``n``, at most 62."""
    return int(bits & ((1 << min(max(n, 0), 62)) - 1))
