"""Random numbers by count: each is a pure function of a seed, a stream and a counter.

Nothing is carried, so it does not matter how a run is cut or who is computed together with whom.
The mixing function is the finaliser of SplitMix64 (Steele, Lea, Flood 2014, OOPSLA, "Fast
splittable pseudorandom number generators"), applied to an odd-multiplier combination of the three.
"""

from __future__ import annotations

import math

import numpy as np

from processors.kernels.compiling import entry

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_STREAM = np.uint64(0xD1342543DE82EF95)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_TO_UNIT = 1.0 / (1 << 53)
_TINY = 1e-300


@entry
def bits(seed: np.uint64, stream: int, counter: int) -> np.uint64:
    """Give 64 random bits.

    >>> int(bits(np.uint64(1), 2, 3)) == int(bits(np.uint64(1), 2, 3))
    True
    """
    z = seed + np.uint64(counter) * _GOLDEN + np.uint64(stream) * _STREAM
    z = (z ^ (z >> _S30)) * _MIX_A
    z = (z ^ (z >> _S27)) * _MIX_B
    # Once more: neighbouring seeds and counters must not meet.
    z = (z ^ (z >> _S31)) * _MIX_A
    z = (z ^ (z >> _S27)) * _MIX_B
    return z ^ (z >> _S31)


@entry
def uniform(seed: np.uint64, stream: int, counter: int) -> float:
    """Give a number of [0, 1), evenly distributed."""
    return float(bits(seed, stream, counter) >> _S11) * _TO_UNIT


@entry
def gauss(seed: np.uint64, stream: int, counter: int) -> float:
    """Give a normally distributed number, mean 0, SD 1 (Box and Muller 1958)."""
    u = uniform(seed, stream, 2 * counter)
    v = uniform(seed, stream, 2 * counter + 1)
    return math.sqrt(-2.0 * math.log(max(u, _TINY))) * math.cos(2.0 * math.pi * v)
