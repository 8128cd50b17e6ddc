"""What a waveform looks like from afar: lowest, highest and mean of runs of samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Samples in a bin of each level: at 250 Hz a quarter of a second, 4 s, 66 s.
LEVELS: Final = (64, 1024, 16384)


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of one row, the last one shorter where the row does not fill it.

    Attributes
    ----------
    low, high
        ``[b, c]``, in the type of the samples; 0 in a bin without any value.
    mean
        float32 ``[b, c]``; NaN in a bin without any value.
    """

    low: NDArray[Any]
    high: NDArray[Any]
    mean: NDArray[np.float32]


def bins(samples: NDArray[Any], missing: NDArray[np.bool_] | None, size: int) -> Bins:
    """Give the bins of ``[n, c]`` samples, `size` samples each.

    >>> bins(np.array([[1], [5], [3]], np.int16), None, 2).high.tolist()
    [[5], [3]]
    """
    n, c = samples.shape
    n_bins = -(-n // size)
    if samples.dtype.kind == "f":
        missing = np.isnan(samples) if missing is None else missing | np.isnan(samples)
    low, high = _limits(samples.dtype)
    # The rest of the last bin, and what is missing, must not win.
    shape = (n_bins, size, c)
    lows, highs = _padded(samples, n_bins * size, high), _padded(samples, n_bins * size, low)
    sums = _padded(samples, n_bins * size, 0)
    counts: Any = np.full((n_bins, c), size)
    counts[-1:] = n - (n_bins - 1) * size
    if missing is not None and missing.any():
        lows[:n][missing], highs[:n][missing], sums[:n][missing] = high, low, 0
        gone = _padded(missing, n_bins * size, 0)
        counts = counts - gone.reshape(shape).sum(axis=1)
    empty = counts == 0
    total = sums.reshape(shape).sum(axis=1, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        mean = (total / counts).astype(np.float32)
    return Bins(
        np.where(empty, 0, lows.reshape(shape).min(axis=1)).astype(samples.dtype),
        np.where(empty, 0, highs.reshape(shape).max(axis=1)).astype(samples.dtype),
        mean,
    )


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    if dtype.kind == "f":
        return -np.inf, np.inf
    return np.iinfo(dtype).min, np.iinfo(dtype).max


def _padded(values: NDArray[Any], n: int, fill: float) -> NDArray[Any]:
    padded = np.full((n, values.shape[1]), fill, values.dtype)
    padded[: len(values)] = values
    return padded
