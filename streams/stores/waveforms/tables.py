"""One channel's hour as a Parquet file: a row for each run of samples without a break.

Samples are integers as the device gave them, packed as differences (DELTA_BINARY_PACKED), which
any reader of Parquet undoes. On ECG of mitdb they take 38 % of two bytes a sample; differences
under zstd take 31 % and a third longer to write, and then the column would not hold the samples.

Arrays of several columns are stored column after column: each is smooth, their alternation is not.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from processors.records import NS_PER_S, Block, Chunk
from streams.stores import StoreError
from streams.stores.waveforms.join import rows_of
from streams.stores.waveforms.pyramid import LEVELS, Bins, bins

VERSION: Final = "1"
_SCALARS: Final = ("t0_ns", "seq", "fs_hz", "scale", "offset")
_ARROW: Final = {"i2": pa.int16(), "i4": pa.int32(), "f4": pa.float32()}


def write_runs(path: Path, block: Block) -> int:
    """Write the rows of one participant; they are on the disk on return. Gives the bytes."""
    kind = block.samples.dtype.str[1:]
    element = _ARROW[kind]
    columns = block.samples.shape[1]
    arrays: dict[str, Any] = {"device": pa.array(block.devices, pa.string())}
    for name in _SCALARS:
        arrays[name] = pa.array(getattr(block, name))
    arrays["n"] = pa.array(np.diff(block.offsets))
    rows = [rows_of(block, r, r + 1) for r in range(block.n_rows)]
    arrays["samples"] = _lists([row.samples for row in rows], element)
    if block.missing is None:
        arrays["missing"] = pa.nulls(block.n_rows, pa.list_(pa.bool_()))
    else:
        gone = [row.missing for row in rows if row.missing is not None]
        arrays["missing"] = _lists(gone, pa.bool_())
    for size in LEVELS:
        levels = [bins(row.samples, row.missing, size) for row in rows]
        arrays[f"low_{size}"] = _lists([level.low for level in levels], element)
        arrays[f"high_{size}"] = _lists([level.high for level in levels], element)
        arrays[f"mean_{size}"] = _lists([level.mean for level in levels], pa.float32())
    metadata = {
        "vitals": VERSION,
        "participant": block.participants[0],
        "signal": block.signal,
        "variant": block.variant,
        "channels": "\n".join(block.channels),
        "columns": str(columns),
        "from_ns": str(block.t0_ns.min()),
        "until_ns": str(int(ends_ns(block).max())),
    }
    table = pa.table(arrays).replace_schema_metadata(metadata)
    packed = [] if kind == "f4" else ["samples", *(f"{w}_{s}" for w in ("low", "high")
                                                    for s in LEVELS)]  # fmt: skip
    integers = [f"{name}.list.element" for name in packed]
    leaves = _leaves(table.schema)
    with path.open("wb") as file:
        pq.write_table(
            table,
            file,
            compression={leaf: "none" if leaf in integers else "zstd" for leaf in leaves},
            use_dictionary=["device"],
            column_encoding=dict.fromkeys(integers, "DELTA_BINARY_PACKED"),
            write_statistics=["t0_ns"],
            row_group_size=max(block.n_rows, 1),
        )
        file.flush()
        os.fsync(file.fileno())
    return path.stat().st_size


def ends_ns(block: Block) -> NDArray[np.int64]:
    """Give where each regular row ends: int64 ``[r]``, a sample's length behind the last one."""
    length_ns = np.rint(np.diff(block.offsets) * (NS_PER_S / block.fs_hz))
    return block.t0_ns + length_ns.astype(np.int64)


def read_span(path: Path) -> tuple[int, int]:
    """Tell from when until when a file has samples; only its end is read."""
    _, told = _open(path)
    return int(told["from_ns"]), int(told["until_ns"])


def read_runs(path: Path) -> list[Chunk]:
    """Read what `write_runs` was given, as chunks in the order of time.

    Raises
    ------
    StoreError
        The file is damaged or of a newer version.
    """
    table, told = _read(path, ["device", *_SCALARS, "n", "samples", "missing"])
    columns = int(told["columns"])
    chunks = []
    rows = zip(*(table[name].to_pylist() for name in ("device", *_SCALARS, "n")), strict=True)
    samples = _arrays(table["samples"], columns)
    missing = _arrays(table["missing"], columns)
    for r, (device, t0_ns, seq, fs_hz, scale, offset, _) in enumerate(rows):
        gone = missing[r]
        chunks.append(
            Chunk(
                told["participant"], device, told["signal"], t0_ns, samples[r], fs_hz, seq,
                told["variant"], _channels(told), scale, offset,
                missing=None if gone is None or not gone.any() else gone,
            )
        )  # fmt: skip
    return chunks


def read_bins(path: Path, size: int) -> list[tuple[Chunk, Bins]]:
    """Read one level of the pyramid: for each run what it is, without its samples, and its bins."""
    names = [f"{which}_{size}" for which in ("low", "high", "mean")]
    table, told = _read(path, ["device", *_SCALARS, "n", *names])
    columns = int(told["columns"])
    low, high, mean = (_arrays(table[name], columns) for name in names)
    rows = zip(*(table[name].to_pylist() for name in ("device", *_SCALARS, "n")), strict=True)
    nothing = np.zeros((0, columns), np.int16)
    return [
        (
            Chunk(
                told["participant"], device, told["signal"], t0_ns, nothing, fs_hz, seq,
                told["variant"], _channels(told), scale, offset,
            ),
            Bins(low[r], high[r], mean[r]),
        )
        for r, (device, t0_ns, seq, fs_hz, scale, offset, _) in enumerate(rows)
    ]  # fmt: skip


def _read(path: Path, columns: Sequence[str]) -> tuple[pa.Table, dict[str, str]]:
    file, told = _open(path)
    try:
        return file.read(columns=columns, use_threads=False), told
    except (pa.ArrowException, OSError) as error:
        raise StoreError(str(path), f"cannot be read ({error})") from error


def _open(path: Path) -> tuple[pq.ParquetFile, dict[str, str]]:
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise StoreError(str(path), f"cannot be read ({error})") from error
    metadata = file.schema_arrow.metadata or {}
    told = {key.decode(): value.decode() for key, value in metadata.items()}
    if told.get("vitals") != VERSION:
        problem = f"version {told.get('vitals', 'unknown')}, known is {VERSION}"
        raise StoreError(str(path), problem)
    return file, told


def _channels(told: dict[str, str]) -> tuple[str, ...]:
    return tuple(told["channels"].split("\n")) if told["channels"] else ()


def _lists(arrays: Sequence[NDArray[Any]], element: pa.DataType) -> pa.ListArray:
    """Give ``[n, c]`` arrays as one list each, column after column."""
    flat = [np.ascontiguousarray(array.T).reshape(-1) for array in arrays]
    ends = np.cumsum([0, *map(len, flat)], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(np.concatenate(flat), element))


def _arrays(column: pa.ChunkedArray, columns: int) -> list[Any]:
    """Give the lists of a column as ``[n, c]`` arrays; None for none."""
    lists = column.combine_chunks()
    values = lists.values.to_numpy(zero_copy_only=False)
    ends = lists.offsets.to_numpy().tolist()
    there = lists.is_valid().to_pylist()
    return [
        np.ascontiguousarray(values[i:j].reshape(columns, -1).T) if valid else None
        for i, j, valid in zip(ends[:-1], ends[1:], there, strict=True)
    ]


def _leaves(schema: pa.Schema) -> list[str]:
    return [
        f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
        for field in schema
    ]
