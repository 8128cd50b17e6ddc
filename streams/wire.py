"""The wire form of a block: versioned, checksummed, little-endian.

::

    offset  size  what
         0     4  magic b"VTLB"
         4     2  version (1)
         6     2  reserved, 0
         8     4  length of the header
        12     4  length of the payload
        16     4  CRC-32 of bytes 4..16, header and payload
        20        header: msgpack map of names and counts
                  payload: fs_hz, scale, offset f8[r]; t0_ns, seq, lengths i8[r];
                  t_ns i8[n] if irregular;
                  samples [n, c] in the source's own type; missing, one bit each, if there is any

A reader refuses anything else with `WireError`; it never trusts a length it has not checked against
the bytes at hand. Golden bytes of each version are kept in ``tests/data``.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import msgpack
import numpy as np
from numpy.typing import NDArray

from processors.errors import WireError
from processors.records import Block

MAGIC: Final = b"VTLB"
VERSION: Final = 1
MAX_BYTES: Final = 64 * 1024 * 1024
_PREFIX = struct.Struct("<4sHHIII")
PREFIX_BYTES: Final = _PREFIX.size
Buffer = bytes | memoryview
DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "i2": np.dtype("<i2"),
    "i4": np.dtype("<i4"),
    "f4": np.dtype("<f4"),
}
_WHERE: Final = "block"


def encode(block: Block) -> bytes:
    """Give the wire form of a block."""
    kind = block.samples.dtype.str[1:]
    if kind not in DTYPES:
        raise WireError(
            _WHERE, f"samples are {block.samples.dtype}, expected int16, int32 or float32"
        )
    header = msgpack.packb(
        {
            "signal": block.signal,
            "variant": block.variant,
            "channels": list(block.channels),
            "participants": list(block.participants),
            "devices": list(block.devices),
            "dtype": kind,
            "samples": block.samples.shape[0],
            "columns": block.samples.shape[1],
            "irregular": block.t_ns is not None,
            "missing": block.missing is not None,
            "received_ns": block.received_ns,
        }
    )
    parts = [
        *(_bytes(values, "<f8") for values in (block.fs_hz, block.scale, block.offset)),
        *(_bytes(values, "<i8") for values in (block.t0_ns, block.seq, np.diff(block.offsets))),
    ]
    if block.t_ns is not None:
        parts.append(_bytes(block.t_ns, "<i8"))
    parts.append(np.ascontiguousarray(block.samples, DTYPES[kind]).tobytes())
    if block.missing is not None:
        parts.append(np.packbits(block.missing, axis=None).tobytes())
    payload = b"".join(parts)
    middle = struct.pack("<HHII", VERSION, 0, len(header), len(payload))
    checksum = zlib.crc32(payload, zlib.crc32(header, zlib.crc32(middle)))
    return b"".join([MAGIC, middle, struct.pack("<I", checksum), header, payload])


def _bytes(values: NDArray[Any], dtype: str) -> bytes:
    return np.ascontiguousarray(values, dtype).tobytes()


def frame_bytes(prefix: Buffer) -> int:
    """Give how long the block is that begins with these `PREFIX_BYTES` bytes.

    Raises
    ------
    WireError
        No block begins here.
    """
    if len(prefix) < PREFIX_BYTES:
        raise WireError(_WHERE, f"{len(prefix)} bytes, expected at least {PREFIX_BYTES}")
    magic, _, _, n_header, n_payload, _ = _PREFIX.unpack_from(prefix)
    if magic != MAGIC:
        raise WireError(_WHERE, f"starts with {magic!r}, expected {MAGIC!r}")
    n: int = PREFIX_BYTES + n_header + n_payload
    return n


def decode(data: Buffer) -> Block:
    """Read a block from its wire form; its arrays are views of the bytes, nothing is copied.

    Raises
    ------
    WireError
        Not a block, an unknown version, cut short, damaged, or inconsistent in itself.
    """
    header_bytes, payload = _check_frame(data)
    try:
        header = msgpack.unpackb(header_bytes, strict_map_key=True, max_array_len=1_000_000)
    except Exception as error:
        raise WireError(_WHERE, f"header cannot be read ({type(error).__name__})") from error
    return _build(_Header(header), _Reader(payload))


def _check_frame(data: Buffer) -> tuple[bytes, Buffer]:
    """Check everything that can be checked before the header is read."""
    if len(data) < _PREFIX.size:
        raise WireError(_WHERE, f"{len(data)} bytes, expected at least {_PREFIX.size}")
    if len(data) > MAX_BYTES:
        raise WireError(_WHERE, f"{len(data)} bytes, allowed are {MAX_BYTES}")
    magic, version, _, n_header, n_payload, checksum = _PREFIX.unpack_from(data)
    if magic != MAGIC:
        raise WireError(_WHERE, f"starts with {magic!r}, expected {MAGIC!r}")
    if version != VERSION:
        raise WireError(_WHERE, f"version {version}, expected {VERSION}")
    if len(data) != _PREFIX.size + n_header + n_payload:
        expected = _PREFIX.size + n_header + n_payload
        raise WireError(_WHERE, f"{len(data)} bytes, expected {expected}")
    body = memoryview(data)[_PREFIX.size :]
    if zlib.crc32(body, zlib.crc32(data[4:16])) != checksum:
        raise WireError(_WHERE, "checksum does not match")
    return bytes(body[:n_header]), body[n_header:]


class _Header:
    """Typed access to the header map."""

    def __init__(self, fields: object) -> None:
        if not isinstance(fields, dict):
            raise WireError(_WHERE, "header is not a map")
        self._fields = fields

    def text(self, name: str) -> str:
        value: str = self._typed(name, str)
        return value

    def count(self, name: str) -> int:
        value: int = self._typed(name, int)
        if not 0 <= value <= MAX_BYTES:
            raise WireError(_WHERE, f"{name} is {value}")
        return value

    def time(self, name: str) -> int:
        value: int = self._typed(name, int)
        if not -(2**63) <= value < 2**63:
            raise WireError(_WHERE, f"{name} is {value}")
        return value

    def flag(self, name: str) -> bool:
        value: bool = self._typed(name, bool)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._typed(name, list)
        if not all(type(value) is str for value in values):
            raise WireError(_WHERE, f"{name} are not all text")
        return tuple(values)

    def _typed(self, name: str, kind: type) -> Any:
        value = self._fields.get(name)
        if type(value) is not kind:
            raise WireError(_WHERE, f"{name} is {type(value).__name__}, expected {kind.__name__}")
        return value


class _Reader:
    """Takes arrays off the front of the payload."""

    def __init__(self, payload: Buffer) -> None:
        self._payload = payload
        self._at = 0

    def take(self, dtype: np.dtype[Any] | str, count: int) -> NDArray[Any]:
        dtype = np.dtype(dtype)
        n_bytes = count * dtype.itemsize
        if self._at + n_bytes > len(self._payload):
            raise WireError(_WHERE, f"payload of {len(self._payload)} bytes ends too early")
        values = np.frombuffer(self._payload, dtype, count, self._at)
        self._at += n_bytes
        return values

    def finish(self) -> None:
        if self._at != len(self._payload):
            raise WireError(
                _WHERE, f"{len(self._payload) - self._at} bytes left over in the payload"
            )


def _build(header: _Header, reader: _Reader) -> Block:
    participants, devices = header.texts("participants"), header.texts("devices")
    n_rows, n, columns = len(participants), header.count("samples"), header.count("columns")
    dtype = DTYPES.get(header.text("dtype"))
    if len(devices) != n_rows or columns < 1 or dtype is None:
        raise WireError(_WHERE, "rows, columns or sample type do not fit together")
    fs_hz, scale, offset = (reader.take("<f8", n_rows) for _ in range(3))
    t0_ns, seq, lengths = (reader.take("<i8", n_rows) for _ in range(3))
    # Compared one by one, because a hostile length could overflow the sum.
    if (lengths < 0).any() or (lengths > n).any() or int(lengths.sum()) != n:
        raise WireError(_WHERE, f"row lengths do not add up to {n} samples")
    irregular = header.flag("irregular")
    t_ns = reader.take("<i8", n) if irregular else None
    if not irregular and not ((fs_hz > 0) & np.isfinite(fs_hz)).all():
        raise WireError(_WHERE, "a regular row without a sampling rate")
    if not (np.isfinite(scale).all() and np.isfinite(offset).all()):
        raise WireError(_WHERE, "scale or offset is not a number")
    samples = reader.take(dtype, n * columns).reshape(n, columns)
    missing = None
    if header.flag("missing"):
        bits = reader.take("u1", (n * columns + 7) // 8)
        missing = np.unpackbits(bits, count=n * columns).astype(bool).reshape(n, columns)
    reader.finish()
    return Block(
        signal=header.text("signal"),
        variant=header.text("variant"),
        channels=header.texts("channels"),
        participants=participants,
        devices=devices,
        fs_hz=fs_hz,
        scale=scale,
        offset=offset,
        t0_ns=t0_ns,
        seq=seq,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        samples=samples,
        t_ns=t_ns,
        missing=missing,
        received_ns=header.time("received_ns"),
    )
