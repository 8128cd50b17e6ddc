"""The frame that all wire forms share: versioned, checksummed, little-endian.

::

    offset  size  what
         0     4  magic, says what is inside
         4     2  version
         6     2  reserved, 0
         8     4  length of the header
        12     4  length of the payload
        16     4  CRC-32 of bytes 4..16, header and payload
        20        header: msgpack map of names and counts
                  payload: arrays, one after the other

A reader refuses anything else with `WireError`; it never trusts a length it has not checked against
the bytes at hand.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgpack
import numpy as np
from numpy.typing import NDArray

from processors.errors import WireError

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_ROWS: Final = 1_000_000
_PREFIX = struct.Struct("<4sHHIII")
PREFIX_BYTES: Final = _PREFIX.size
Buffer = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Form:
    """One wire form: its magic, its version, and what it is called in messages."""

    name: str
    magic: bytes
    version: int

    def seal(self, header: Mapping[str, object], payload: bytes) -> bytes:
        """Give the frame of a header and a payload."""
        packed = msgpack.packb(header)
        middle = struct.pack("<HHII", self.version, 0, len(packed), len(payload))
        checksum = zlib.crc32(payload, zlib.crc32(packed, zlib.crc32(middle)))
        return b"".join([self.magic, middle, struct.pack("<I", checksum), packed, payload])

    def open(self, data: Buffer) -> tuple[Header, Reader]:
        """Check a frame and give what is in it; nothing of the payload is copied.

        Raises
        ------
        WireError
            Not of this form, an unknown version, cut short or damaged.
        """
        packed, payload = self._check(data)
        try:
            fields = msgpack.unpackb(packed, strict_map_key=True, max_array_len=MAX_ROWS)
        except Exception as error:
            raise self.error(f"header cannot be read ({type(error).__name__})") from error
        return Header(fields, self.error), Reader(payload, self.error)

    def length(self, prefix: Buffer) -> int:
        """Give how long the frame is that begins with these `PREFIX_BYTES` bytes.

        Raises
        ------
        WireError
            None begins here.
        """
        if len(prefix) < PREFIX_BYTES:
            raise self.error(f"{len(prefix)} bytes, expected at least {PREFIX_BYTES}")
        magic, _, _, n_header, n_payload, _ = _PREFIX.unpack_from(prefix)
        if magic != self.magic:
            raise self.error(f"starts with {magic!r}, expected {self.magic!r}")
        n: int = PREFIX_BYTES + n_header + n_payload
        return n

    def error(self, problem: str) -> WireError:
        return WireError(self.name, problem)

    def _check(self, data: Buffer) -> tuple[bytes, Buffer]:
        """Check everything that can be checked before the header is read."""
        if len(data) > MAX_BYTES:
            raise self.error(f"{len(data)} bytes, allowed are {MAX_BYTES}")
        expected = self.length(data)
        _, version, _, n_header, _, checksum = _PREFIX.unpack_from(data)
        if version != self.version:
            raise self.error(f"version {version}, expected {self.version}")
        if len(data) != expected:
            raise self.error(f"{len(data)} bytes, expected {expected}")
        body = memoryview(data)[PREFIX_BYTES:]
        if zlib.crc32(body, zlib.crc32(data[4:16])) != checksum:
            raise self.error("checksum does not match")
        return bytes(body[:n_header]), body[n_header:]


Fault = Callable[[str], WireError]


class Header:
    """Typed access to the header map."""

    def __init__(self, fields: object, fault: Fault) -> None:
        self._fault = fault
        if not isinstance(fields, dict):
            raise fault("header is not a map")
        self._fields = fields

    def text(self, name: str) -> str:
        value: str = self._typed(name, str)
        return value

    def count(self, name: str) -> int:
        value: int = self._typed(name, int)
        if not 0 <= value <= MAX_BYTES:
            raise self._fault(f"{name} is {value}")
        return value

    def time(self, name: str) -> int:
        value: int = self._typed(name, int)
        if not -(2**63) <= value < 2**63:
            raise self._fault(f"{name} is {value}")
        return value

    def flag(self, name: str) -> bool:
        value: bool = self._typed(name, bool)
        return value

    def blob(self, name: str) -> bytes:
        value: bytes = self._typed(name, bytes)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        return self._texts(name, self._typed(name, list))

    def lists_of_texts(self, name: str) -> list[tuple[str, ...]]:
        """Give a list of lists of text."""
        return [self._texts(name, one) for one in self._typed(name, list)]

    def maps(self, name: str) -> list[dict[str, Any]]:
        """Give a list of maps; what is in them is for the reader to check."""
        values: list[dict[str, Any]] = self._typed(name, list)
        if not all(type(value) is dict for value in values):
            raise self._fault(f"{name} are not all maps")
        return values

    def counts(self, name: str) -> list[int]:
        values: list[int] = self._typed(name, list)
        if not all(type(value) is int and 0 <= value <= MAX_BYTES for value in values):
            raise self._fault(f"{name} are not all counts")
        return values

    def _texts(self, name: str, values: object) -> tuple[str, ...]:
        if not isinstance(values, list) or not set(map(type, values)) <= {str}:
            raise self._fault(f"{name} are not all text")
        return tuple(values)

    def _typed(self, name: str, kind: type) -> Any:
        value = self._fields.get(name)
        if type(value) is not kind:
            raise self._fault(f"{name} is {type(value).__name__}, expected {kind.__name__}")
        return value


class Reader:
    """Takes arrays off the front of the payload."""

    def __init__(self, payload: Buffer, fault: Fault) -> None:
        self._payload = payload
        self._fault = fault
        self._at = 0

    def take(self, dtype: np.dtype[Any] | str, count: int) -> NDArray[Any]:
        dtype = np.dtype(dtype)
        n_bytes = count * dtype.itemsize
        if self._at + n_bytes > len(self._payload):
            raise self._fault(f"payload of {len(self._payload)} bytes ends too early")
        values = np.frombuffer(self._payload, dtype, count, self._at)
        self._at += n_bytes
        return values

    def rest(self) -> Buffer:
        """Take all that is left."""
        at, self._at = self._at, len(self._payload)
        return self._payload[at:]

    def finish(self) -> None:
        if self._at != len(self._payload):
            raise self._fault(f"{len(self._payload) - self._at} bytes left over in the payload")


def array_bytes(values: NDArray[Any], dtype: str) -> bytes:
    """Give the bytes of an array in a type of the wire."""
    return np.ascontiguousarray(values, dtype).tobytes()
