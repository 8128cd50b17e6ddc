"""The wire form of a block: a frame (`streams.frame`) with the magic b"VTLB", version 1.

::

    header:  signal, variant, channels, participants, devices, dtype, samples, columns, irregular,
             missing, received_ns
    payload: fs_hz, scale, offset f8[r]; t0_ns, seq, lengths i8[r];
             t_ns i8[n] if irregular;
             samples [n, c] in the source's own type; missing, one bit each, if there is any

Golden bytes of each version are kept in ``tests/data``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from processors.records import Block
from streams.frame import Buffer, Form, Header, Reader, array_bytes

FORM: Final = Form("block", b"VTLB", 1)
DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "i2": np.dtype("<i2"),
    "i4": np.dtype("<i4"),
    "f4": np.dtype("<f4"),
}


def encode(block: Block) -> bytes:
    """Give the wire form of a block."""
    kind = block.samples.dtype.str[1:]
    if kind not in DTYPES:
        raise FORM.error(f"samples are {block.samples.dtype}, expected int16, int32 or float32")
    header = {
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
    parts = [
        *(array_bytes(values, "<f8") for values in (block.fs_hz, block.scale, block.offset)),
        *(
            array_bytes(values, "<i8")
            for values in (block.t0_ns, block.seq, np.diff(block.offsets))
        ),
    ]
    if block.t_ns is not None:
        parts.append(array_bytes(block.t_ns, "<i8"))
    parts.append(np.ascontiguousarray(block.samples, DTYPES[kind]).tobytes())
    if block.missing is not None:
        parts.append(np.packbits(block.missing, axis=None).tobytes())
    return FORM.seal(header, b"".join(parts))


def decode(data: Buffer) -> Block:
    """Read a block from its wire form; its arrays are views of the bytes, nothing is copied.

    Raises
    ------
    WireError
        Not a block, an unknown version, cut short, damaged, or inconsistent in itself.
    """
    return _build(*FORM.open(data))


def _build(header: Header, reader: Reader) -> Block:
    participants, devices = header.texts("participants"), header.texts("devices")
    n_rows, n, columns = len(participants), header.count("samples"), header.count("columns")
    dtype = DTYPES.get(header.text("dtype"))
    if len(devices) != n_rows or columns < 1 or dtype is None:
        raise FORM.error("rows, columns or sample type do not fit together")
    fs_hz, scale, offset = (reader.take("<f8", n_rows) for _ in range(3))
    t0_ns, seq, lengths = (reader.take("<i8", n_rows) for _ in range(3))
    # Compared one by one, because a hostile length could overflow the sum.
    if (lengths < 0).any() or (lengths > n).any() or int(lengths.sum()) != n:
        raise FORM.error(f"row lengths do not add up to {n} samples")
    irregular = header.flag("irregular")
    t_ns = reader.take("<i8", n) if irregular else None
    if not irregular and not ((fs_hz > 0) & np.isfinite(fs_hz)).all():
        raise FORM.error("a regular row without a sampling rate")
    if not (np.isfinite(scale).all() and np.isfinite(offset).all()):
        raise FORM.error("scale or offset is not a number")
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
