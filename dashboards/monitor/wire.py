"""Frames of the monitor's websocket, server to browser: version 1, little-endian, length-prefixed.

One websocket message is one or more frames, each a multiple of 8 bytes so that arrays are aligned::

    frame     u32 length of the body in bytes (a multiple of 8)
              u8  version (1)
              u8  kind: 1 JSON, 2 waveforms, 3 summary
              u16 number of rows (0 for JSON)
              body

    JSON      UTF-8 object with "type", filled up with blanks
    waveforms rows of  u16 participant index, u8 signal (index in WAVE_SIGNALS),
                       u8 flags (1: begin the trace anew), u32 n samples,
                       i64 t0_ns of the first sample, f32 fs_hz, f32 scale, f32 offset, u32 position
                       i16 sample [n], filled up with zeros to 8 bytes
              value = sample * scale + offset; -32768 is a missing sample; position counts samples,
              lost ones too, modulo 2^32
    summary   rows of `SUMMARY` (48 bytes each)

What the browser sends is JSON text, read by `dashboards.monitor.requests`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboards.monitor.rings import TraceSlice
from processors.errors import WireError

VERSION = 1
JSON, WAVEFORMS, SUMMARY_ROWS = 1, 2, 3
WAVE_SIGNALS = ("ecg", "ppg")
BEGIN = 1  # flag of a waveform row

_FRAME = struct.Struct("<IBBH")
_WAVE_ROW = struct.Struct("<HBBIqfffI")

# Flags of a summary row.
HAS_ECG, HAS_PPG, LEAD_OFF, FLAT, RAILED, NOISY, LATCHED = (1 << i for i in range(7))

SUMMARY = np.dtype(
    [
        ("participant", "<u2"),
        ("priority", "u1"),  # of the alarm shown first: index in alarm_view.PRIORITIES
        ("state", "u1"),  # of that alarm: index in alarm_view.STATES
        ("n_alarms", "<u2"),
        ("heart_rate_source", "u1"),  # 0 ECG, 1 strap RR intervals, 2 device, 255 not known
        ("flags", "u1"),
        ("level", "<f4"),  # 0 first; 12 and more: no alarms
        ("heart_rate", "<f4"),  # /min; NaN: blank
        ("heart_rate_age_s", "<f4"),  # of the last value that was not blank; NaN: never
        ("ecg_quality", "<f4"),  # 0-1; NaN: blank
        ("ecg_age_s", "<f4"),  # NaN: never any ECG
        ("ppg_age_s", "<f4"),
        ("spo2", "<f4"),  # %
        ("respiration", "<f4"),  # /min
        ("ventricular", "<f4"),  # ventricular beats, /min
        ("reserved", "<f4"),
    ]
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as read back: kind, number of rows, body without the head."""

    kind: int
    n_rows: int
    body: bytes


@dataclass(frozen=True, slots=True)
class WaveRow:
    """One row of a waveform frame as read back."""

    participant: int
    signal: str
    begin: bool
    position: int
    t0_ns: int
    fs_hz: float
    scale: float
    offset: float
    samples: NDArray[np.int16]


def _frame(kind: int, n_rows: int, body: bytes, fill: bytes = b"\0") -> bytes:
    padding = fill * (-len(body) % 8)
    return _FRAME.pack(len(body) + len(padding), VERSION, kind, n_rows) + body + padding


def encode_json(message: dict[str, Any]) -> bytes:
    """Give a JSON frame. Numbers that JSON has no word for (NaN, infinity) are a ValueError."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _frame(JSON, 0, text.encode("utf-8", "replace"), b" ")


def encode_wave_row(participant: int, signal: str, run: TraceSlice, *, begin: bool) -> bytes:
    """Give one row of a waveform frame; the same bytes serve every viewer of that trace."""
    head = _WAVE_ROW.pack(
        participant, WAVE_SIGNALS.index(signal), BEGIN if begin else 0, len(run.samples),
        run.t0_ns, run.fs_hz, run.scale, run.offset, run.start & 0xFFFFFFFF,
    )  # fmt: skip
    data = run.samples.astype("<i2", copy=False).tobytes()
    return head + data + b"\0" * (-len(data) % 8)


def encode_waves(rows: Sequence[bytes]) -> bytes:
    """Join rows of `encode_wave_row` into a frame."""
    return _frame(WAVEFORMS, len(rows), b"".join(rows))


def encode_summary(rows: NDArray[Any]) -> bytes:
    """Give a summary frame of rows of dtype `SUMMARY`."""
    return _frame(SUMMARY_ROWS, len(rows), rows.astype(SUMMARY, copy=False).tobytes())


def decode(message: bytes) -> Iterator[Frame]:
    """Give the frames of a message, for probes and tests; the page has its own in socket.js.

    Raises
    ------
    WireError
        The bytes are cut short or of an unknown version.
    """
    at = 0
    while at < len(message):
        if len(message) - at < _FRAME.size:
            raise WireError(
                "monitor frame", f"expected a head of 8 bytes, found {len(message) - at}"
            )
        length, version, kind, n_rows = _FRAME.unpack_from(message, at)
        at += _FRAME.size
        if version != VERSION:
            raise WireError("monitor frame", f"expected version {VERSION}, found {version}")
        if length % 8 or at + length > len(message):
            raise WireError("monitor frame", f"expected {length} bytes, found {len(message) - at}")
        yield Frame(kind, n_rows, message[at : at + length])
        at += length


def decode_json(frame: Frame) -> dict[str, Any]:
    """Give the object of a JSON frame."""
    found: dict[str, Any] = json.loads(frame.body)
    return found


def decode_waves(frame: Frame) -> list[WaveRow]:
    """Give the rows of a waveform frame; WireError when they do not fit the body."""
    rows, at = [], 0
    for _ in range(frame.n_rows):
        if len(frame.body) - at < _WAVE_ROW.size:
            raise WireError("waveform row", f"expected a head, found {len(frame.body) - at} bytes")
        index, signal, flags, n, t0, fs, scale, offset, position = _WAVE_ROW.unpack_from(
            frame.body, at
        )
        at += _WAVE_ROW.size
        if n * 2 > len(frame.body) - at or signal >= len(WAVE_SIGNALS):
            raise WireError("waveform row", f"{n} samples of signal {signal} do not fit")
        samples = np.frombuffer(frame.body, "<i2", n, at).astype(np.int16)
        at += 2 * n + (-2 * n % 8)
        rows.append(
            WaveRow(index, WAVE_SIGNALS[signal], bool(flags & BEGIN), position, t0, fs, scale,
                    offset, samples)
        )  # fmt: skip
    return rows


def decode_summary(frame: Frame) -> NDArray[Any]:
    """Give the rows of a summary frame, dtype `SUMMARY`; WireError when they do not fit."""
    if frame.n_rows * SUMMARY.itemsize > len(frame.body):
        raise WireError("summary", f"{frame.n_rows} rows do not fit into {len(frame.body)} bytes")
    return np.frombuffer(frame.body, SUMMARY, frame.n_rows)
