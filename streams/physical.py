"""Turn the samples of a block into physical units; what is missing or implausible becomes NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.signals import SignalSpec
from streams.intake import Admitted


def to_physical(spec: SignalSpec, admitted: Admitted, table: NDArray[Any]) -> NDArray[np.float32]:
    """Give float32 ``[n, c]`` in the unit of `spec`, and count what is missing or implausible.

    Parameters
    ----------
    table
        The channel table, whose counters ``missing`` and ``implausible`` are raised in place.
    """
    block = admitted.block
    values = block.samples.astype(np.float32)
    lengths = np.diff(block.offsets)
    if (block.scale == block.scale[0]).all() and (block.offset == block.offset[0]).all():
        if block.scale[0] != 1.0:
            values *= np.float32(block.scale[0])
        if block.offset[0] != 0.0:
            values += np.float32(block.offset[0])
    else:
        values *= np.repeat(block.scale.astype(np.float32), lengths)[:, None]
        values += np.repeat(block.offset.astype(np.float32), lengths)[:, None]
    if block.missing is not None:
        values[block.missing] = np.nan
    low, high = _limits(spec, values.shape[1])
    # min and max skip nothing: a NaN among the values makes them NaN and takes the long way.
    if values.min() >= low.max() and values.max() <= high.min():
        return values
    missing = np.isnan(values)
    implausible = (values < low) | (values > high)
    _count(table["missing"], admitted, missing, lengths)
    _count(table["implausible"], admitted, implausible, lengths)
    values[implausible] = np.nan
    return values


def _limits(spec: SignalSpec, columns: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give plausible limits per column; leads beyond those named are like the first channel."""
    channels = [
        spec.channels[c] if c < len(spec.channels) else spec.channels[0] for c in range(columns)
    ]
    low = np.array([channel.low for channel in channels], np.float32)
    high = np.array([channel.high for channel in channels], np.float32)
    return low, high


def _count(
    counter: NDArray[np.int64],
    admitted: Admitted,
    mask: NDArray[np.bool_],
    lengths: NDArray[np.int64],
) -> None:
    if mask.any():
        rows = np.repeat(np.arange(len(lengths)), lengths)
        np.add.at(
            counter,
            admitted.channels,
            np.bincount(rows, mask.any(axis=1), len(lengths)).astype(np.int64),
        )
