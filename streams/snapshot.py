"""What an engine knows as bytes, and back: the layout of arrays is written beside them.

A snapshot is plain: maps, lists, text, bytes, integers, arrays, None. It is one frame
(`streams.frame`), b"VTLK", whose payload is compressed with zstd.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, Final

import msgpack
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from processors.errors import InputError
from streams.frame import Buffer, Form

SNAPSHOT: Final = Form("snapshot", b"VTLK", 1)
MAX_STATE_BYTES: Final = 2**31 - 1
_ARRAY: Final = 1
# Level 1 packs the state of 250 people, 6 MB, in about 10 ms; higher levels save little.
_LEVEL: Final = 1


class SnapshotError(InputError):
    """A snapshot cannot be used by this version: another layout, or not a snapshot."""


def pack_snapshot(state: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """Give the bytes of a state.

    Parameters
    ----------
    about
        Small things that can be read without the state: text, numbers, lists and maps of them.
    """
    packed = pack_value(state)
    body = pa.Codec("zstd", compression_level=_LEVEL).compress(packed, asbytes=True)
    return SNAPSHOT.seal({"about": msgpack.packb(about), "bytes": len(packed)}, body)


def unpack_snapshot(data: Buffer) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read (state, about); arrays are views of the bytes.

    Raises
    ------
    SnapshotError, WireError
        Not a snapshot, an unknown version, cut short or damaged.
    """
    header, reader = SNAPSHOT.open(data)
    try:
        about = msgpack.unpackb(header.blob("about"), strict_map_key=False)
        body = reader.rest()
        n = header.count("bytes")
        packed = pa.Codec("zstd").decompress(body, decompressed_size=n, asbytes=True)
        state = msgpack.unpackb(packed, strict_map_key=False, ext_hook=_unpack_array, **_NO_LIMITS)
    except (ValueError, OSError, TypeError, KeyError) as error:
        raise SnapshotError("snapshot", f"cannot be read ({error})") from error
    if not isinstance(state, dict) or not isinstance(about, dict):
        raise SnapshotError("snapshot", "is not a map")
    return state, about


def pack_value(value: Any) -> bytes:
    """Give the bytes of a plain value; equal bytes, equal value."""
    packed: bytes = msgpack.packb(value, default=_pack_array)
    return packed


def same_layout(what: str, found: NDArray[Any], expected: np.dtype[Any]) -> NDArray[Any]:
    """Give a copy of a table of a snapshot, if it has the layout of this version.

    Raises
    ------
    SnapshotError
        It has another.
    """
    if found.dtype != expected:
        raise SnapshotError(f"snapshot: {what}", "has the layout of another version")
    return found.astype(expected)


_NO_LIMITS: Final = {
    f"max_{kind}_len": MAX_STATE_BYTES for kind in ("bin", "ext", "str", "array", "map")
}


def _pack_array(value: object) -> msgpack.ExtType:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"a snapshot cannot hold {type(value).__name__}")
    if value.dtype.names:
        value = without_padding(value)
    layout = np.lib.format.dtype_to_descr(value.dtype)
    head = msgpack.packb([repr(layout), list(value.shape)])
    return msgpack.ExtType(_ARRAY, len(head).to_bytes(4, "little") + head + value.tobytes())


def without_padding(records: NDArray[Any]) -> NDArray[Any]:
    """Give a copy, field by field: between aligned fields lies what memory held before."""
    clean = np.zeros(records.shape, records.dtype)
    _copy_fields(records, clean)
    return clean


def _copy_fields(source: NDArray[Any], target: NDArray[Any]) -> None:
    for name in source.dtype.names or ():
        if source[name].dtype.names:
            _copy_fields(source[name], target[name])
        else:
            target[name] = source[name]


def _unpack_array(code: int, data: bytes) -> NDArray[Any]:
    if code != _ARRAY:
        raise ValueError(f"unknown extension {code}")
    n_head = int.from_bytes(data[:4], "little")
    text, shape = msgpack.unpackb(data[4 : 4 + n_head])
    dtype = np.lib.format.descr_to_dtype(ast.literal_eval(text))
    return np.frombuffer(data, dtype, offset=4 + n_head).reshape(shape)
