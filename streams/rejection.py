"""Tell what is wrong with a row from outside, before anything is computed from it.

Bad data is counted and given back with a reason; it neither stops the engine nor the rows beside
it.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from processors.errors import UnknownSignalError
from processors.records import Block, Control
from processors.signals import CONTROLS, SignalSpec, signal_spec
from streams.intake import take_rows

MAX_LEADS: Final = 64  # columns of a waveform; the widest ECG maps have fewer lines to a device
MAX_FS_HZ: Final = 100_000.0  # far above any vital sign (default)
_FIRST_NS, _LAST_NS = -(2**60), 2**62  # 1933 to 2116: differences stay within int64
_MAX_SPAN_S: Final = 2**61 / 1e9  # 73 years by count, for the same reason


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot be used: what was expected and found, and the row as it came."""

    reason: str
    row: Block | Control


def judge_control(control: Control) -> str:
    """Give what is wrong with a control; empty when nothing is."""
    name = f"control {control.kind!r} ({control.participant})"
    if control.kind not in CONTROLS:
        return f"{name}: expected {', '.join(CONTROLS)}"
    t_ns = control.t_ns
    if not isinstance(t_ns, numbers.Integral) or not _FIRST_NS <= t_ns <= _LAST_NS:
        return f"{name}: time is not a number of ns"
    if not all(isinstance(value, numbers.Real) for value in control.values.values()):
        return f"{name}: values are not all numbers"
    return ""


def sift(block: Block) -> tuple[Block | None, list[Rejected]]:
    """Part the rows of a block that can be used from those that cannot."""
    try:
        spec = signal_spec(block.signal)
        spec.variant(block.variant)
    except UnknownSignalError as error:
        return None, [Rejected(str(error), block)]
    fault = _shape_fault(block) or _width_fault(spec, block)
    if fault:
        return None, [Rejected(f"{block.signal}: {fault}", block)]
    good = _is_countable(block)
    if good.all():
        return block, []
    rejected = []
    for r in np.flatnonzero(~good).tolist():
        only = np.arange(block.n_rows) == r
        reason = (
            f"{block.signal} ({block.participants[r]}): sampling rate of {block.fs_hz[r]:.12g} Hz,"
            f" count {block.seq[r]}"
        )
        rejected.append(Rejected(reason, take_rows(block, only) if block.n_rows > 1 else block))
    return (take_rows(block, good) if good.any() else None), rejected


def _is_countable(block: Block) -> NDArray[np.bool_]:
    """Tell which rows have a usable rate, and a count that can be told in time: bool ``[r]``."""
    counted = np.abs(block.seq.astype(np.float64)) + np.diff(block.offsets)
    if block.t_ns is not None:
        rate_ok = (block.fs_hz >= 0) & (block.fs_hz <= MAX_FS_HZ)  # NaN is neither
        return np.asarray(rate_ok & (counted <= _MAX_SPAN_S * 1e9))
    rate_ok = (block.fs_hz > 0) & (block.fs_hz <= MAX_FS_HZ)
    return np.asarray(rate_ok & (counted <= _MAX_SPAN_S * block.fs_hz))


def _shape_fault(block: Block) -> str:
    """Tell whether the arrays of a block do not fit together, or hold what cannot be reckoned."""
    n_rows, offsets = block.n_rows, block.offsets
    per_row = (block.devices, block.fs_hz, block.scale, block.offset, block.t0_ns, block.seq)
    if any(len(column) != n_rows for column in per_row):
        return "not one value per row"
    adds_up = len(offsets) == n_rows + 1 and offsets[0] == 0 and offsets[-1] == block.n_samples
    if not adds_up or (np.diff(offsets) < 0).any():
        return f"rows do not add up to {block.n_samples} samples"
    if block.t_ns is not None and len(block.t_ns) != block.n_samples:
        return f"{len(block.t_ns)} times for {block.n_samples} samples"
    if block.missing is not None and block.missing.shape != block.samples.shape:
        return "not as many marks as samples"
    for t_ns in (block.t0_ns, block.t_ns):
        if t_ns is not None and len(t_ns) and not _FIRST_NS <= t_ns.min() <= t_ns.max() <= _LAST_NS:
            return "time out of range"
    return ""


def _width_fault(spec: SignalSpec, block: Block) -> str:
    if block.samples.ndim != 2 or not block.samples.shape[1]:
        return "no columns"
    limit = MAX_LEADS if spec.waveform else len(spec.channels)
    if block.samples.shape[1] > limit:
        return f"{block.samples.shape[1]} columns, at most {limit}"
    if spec.waveform and block.t_ns is not None:
        return "a waveform needs a sampling rate"
    return ""
