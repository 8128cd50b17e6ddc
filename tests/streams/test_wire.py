"""The wire form of a block: lossless, versioned, and safe against any bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.errors import WireError
from processors.records import Block, Chunk, pack
from streams.wire import decode, encode

GOLDEN = Path(__file__).parents[1] / "data" / "block_v1.bin"


def golden_block() -> Block:
    """The block whose bytes of version 1 are kept in tests/data."""
    missing = np.zeros((5, 2), bool)
    missing[3, 1] = True
    samples = np.array([[0, 1], [-1, 32767], [-32768, 5], [7, 0], [9, 9]], np.int16)
    first = Chunk(
        "P-0001", "strap", "ecg", 10**18, samples, 250.0, 17, "", ("I", "V1"), 0.005, -1.0,
        None, missing,
    )  # fmt: skip
    second = Chunk("김하늘", "strap", "ecg", 10**18 + 5, samples[:2], 360.0, 0, "", ("I", "V1"))
    return pack([first, second], received_ns=10**18 + 7)


def assert_same(found: Block, expected: Block) -> None:
    for name in Block.__slots__:
        left, right = getattr(found, name), getattr(expected, name)
        if isinstance(right, np.ndarray):
            assert left.dtype == right.dtype, name
            np.testing.assert_array_equal(left, right, err_msg=name)
        else:
            assert left == right, name


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    dtype = draw(st.sampled_from([np.int16, np.int32, np.float32]))
    columns = draw(st.integers(1, 3))
    irregular = draw(st.booleans())
    chunks = []
    for r in range(draw(st.integers(1, 4))):
        n = draw(st.integers(0, 9))
        random = np.random.default_rng(draw(st.integers(0, 99)))
        chunks.append(
            Chunk(
                participant=draw(st.text(max_size=8)),
                device=f"d{r}",
                signal="heart_rate",
                t0_ns=draw(st.integers(-(2**60), 2**60)),
                samples=random.integers(-100, 100, (n, columns)).astype(dtype),
                fs_hz=0.0 if irregular else draw(st.floats(0.01, 1000)),
                seq=draw(st.integers(0, 2**62)),
                scale=draw(st.floats(-10, 10)),
                t_ns=np.sort(random.integers(0, 2**60, n)) if irregular else None,
                missing=random.random((n, columns)) < 0.3 if draw(st.booleans()) else None,
            )
        )
    return pack(chunks)


@given(blocks())
def test_what_is_encoded_comes_back(block: Block) -> None:
    assert_same(decode(encode(block)), block)


def test_golden_bytes_of_version_1_are_still_read_and_written() -> None:
    assert_same(decode(GOLDEN.read_bytes()), golden_block())
    assert encode(golden_block()) == GOLDEN.read_bytes()


@given(st.data())
def test_any_damaged_byte_is_refused(data: st.DataObject) -> None:
    good = bytearray(encode(golden_block()))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireError):
        decode(bytes(good))


@given(st.integers(0, 400))
def test_a_block_cut_short_is_refused(length: int) -> None:
    whole = encode(golden_block())
    if length < len(whole):
        with pytest.raises(WireError):
            decode(whole[:length])


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_wire_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(WireError):
        decode(data)


@settings(max_examples=300)
@given(header=st.dictionaries(
    st.sampled_from(["signal", "variant", "channels", "participants", "devices", "dtype", "samples",
                     "columns", "irregular", "missing", "received_ns"]),
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.text(max_size=3),
              st.sampled_from(["i2", "i4", "f4"]), st.lists(st.text(max_size=2), max_size=3)),
), payload=st.binary(max_size=120))  # fmt: skip
def test_a_hostile_header_with_a_right_checksum_is_refused_or_consistent(
    header: dict[str, object], payload: bytes
) -> None:
    import struct
    import zlib

    import msgpack

    packed = msgpack.packb(header)
    middle = struct.pack("<HHII", 1, 0, len(packed), len(payload))
    checksum = zlib.crc32(payload, zlib.crc32(packed, zlib.crc32(middle)))
    frame = b"VTLB" + middle + struct.pack("<I", checksum) + packed + payload
    try:
        block = decode(frame)
    except WireError:
        return
    assert block.offsets[-1] == len(block.samples)


def test_another_version_is_named() -> None:
    data = bytearray(encode(golden_block()))
    data[4] = 9
    with pytest.raises(WireError, match="version 9, expected 1"):
        decode(bytes(data))
