import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.monitor import wire
from dashboards.monitor.rings import TraceSlice
from processors.errors import WireError

T0 = 1_700_000_000_123_456_789


def run(samples, start=0):
    return TraceSlice(start, 1, T0, 250.0, 0.0025, 0.5, np.asarray(samples, np.int16))


@given(st.lists(st.integers(-32768, 32767), max_size=30), st.integers(0, 65535), st.booleans())
def test_waveform_rows_come_back_as_they_were(samples, participant, begin):
    rows = [
        wire.encode_wave_row(participant, signal, run(samples, 2**32 + 5), begin=begin)
        for signal in wire.WAVE_SIGNALS
    ]
    (frame,) = wire.decode(wire.encode_waves(rows))
    for signal, row in zip(wire.WAVE_SIGNALS, wire.decode_waves(frame), strict=True):
        assert (row.participant, row.signal, row.begin) == (participant, signal, begin)
        assert (row.position, row.t0_ns, row.fs_hz) == (5, T0, 250.0)
        assert row.scale == pytest.approx(0.0025)
        assert row.offset == 0.5
        assert row.samples.tolist() == samples


def test_the_bytes_of_version_1_stay_as_they_are():
    message = wire.encode_waves([wire.encode_wave_row(7, "ppg", run([1, -2, 3]), begin=True)])
    assert message.hex() == (
        "2800000001020100"  # 40 bytes, version 1, waveforms, 1 row
        "0700010103000000"  # participant 7, PPG, begin, 3 samples
        "15cd853dfe9c9717"  # t0
        "00007a430ad7233b0000003f00000000"  # 250 Hz, scale, offset, position
        "0100feff03000000"
    )


def test_frames_of_a_message_keep_their_order_and_alignment():
    summary = np.zeros(3, wire.SUMMARY)
    summary["participant"] = [4, 5, 6]
    summary["heart_rate"] = [np.nan, 61.5, 200]
    message = (
        wire.encode_json({"type": "x", "name": "김민준"})
        + wire.encode_summary(summary)
        + wire.encode_waves([])
    )
    assert len(message) % 8 == 0
    words, rows, waves = wire.decode(message)
    assert wire.decode_json(words) == {"type": "x", "name": "김민준"}
    assert wire.decode_summary(rows).tobytes() == summary.tobytes()
    assert wire.decode_waves(waves) == []


def test_a_summary_row_has_48_bytes():
    assert wire.SUMMARY.itemsize == 48


def test_json_has_no_word_for_nan():
    with pytest.raises(ValueError, match="JSON"):
        wire.encode_json({"value": float("nan")})


@given(st.integers(0, 300), st.binary(max_size=3))
def test_a_message_cut_short_is_refused_and_not_misread(length, tail):
    whole = wire.encode_json({"type": "a" * 40}) + wire.encode_waves(
        [wire.encode_wave_row(1, "ecg", run(range(50)), begin=False)]
    )
    cut = whole[: min(length, len(whole))] + tail
    try:
        frames = list(wire.decode(cut))
    except WireError:
        return
    assert sum(8 + len(frame.body) for frame in frames) == len(cut)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_frames_or_a_wire_error(data):
    try:
        for frame in wire.decode(data):
            if frame.kind == wire.WAVEFORMS:
                wire.decode_waves(frame)
            elif frame.kind == wire.SUMMARY_ROWS:
                wire.decode_summary(frame)
    except WireError:
        pass


@given(st.binary(max_size=120), st.integers(0, 65535))
def test_arbitrary_waveform_bodies_are_rows_or_a_wire_error(body, n_rows):
    with contextlib.suppress(WireError):
        assert len(wire.decode_waves(wire.Frame(wire.WAVEFORMS, n_rows, body))) == n_rows
