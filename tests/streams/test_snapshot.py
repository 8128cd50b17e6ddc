"""An engine that goes on from its snapshot is the engine that never stopped, to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from processors.errors import WireError
from processors.records import Block, Control, pack
from processors.registry import discover
from streams.engine import Engine, EngineOutput
from streams.frame import Form
from streams.snapshot import SnapshotError, pack_snapshot, unpack_snapshot
from tests.scenes import cut, even_bounds, scene, steps

STEP_MS = 400
Step = tuple[int, list[Block | Control]]


@cache
def troubled() -> list[Step]:
    """Give the scene over a bad link: steps swapped, doubled and lost, a device that takes over."""
    what = scene()
    ecg = next(chunk for chunk in what.chunks if chunk.participant == "calm")
    second = replace(ecg, device="spare")
    given_ = list(steps(what, even_bounds(STEP_MS)))
    found: list[Step] = []
    random = np.random.default_rng(5)
    late: list[Block | Control] = []
    for k, (until_ns, rows) in enumerate(given_):
        kind = random.integers(0, 12)
        now = [*late, *rows] if kind else [*rows[::-1], *late]
        late = []
        if kind == 1:
            now, late = now[:1], now[1:]  # comes with the next step, behind it
        if kind == 2:
            now += rows
        if kind == 3:
            now = now[2:]
        if k % 3 == 0 and (piece := cut(second, until_ns - 10**8, until_ns)):
            now.append(pack([piece]))
        found.append((until_ns, now))
    return found


def said(output: EngineOutput) -> list[object]:
    """Give all that an engine said as plain values; NaN equals NaN."""
    return [
        *((b.name, b.slots.tolist(), b.t_ns.tolist(), repr(b.values.tolist()))
          for b in (*output.features, *output.derived)),
        *output.findings,
        *((c.participant, c.seq, c.samples.tolist()) for c in output.late),
        *(bad.reason for bad in output.rejected),
    ]  # fmt: skip


def play(engine: Engine, what: list[Step], first: int, last: int) -> Iterator[list[object]]:
    for k, (until_ns, rows) in enumerate(what[first:last], first):
        if k == 100:
            engine.release("slow")
        yield said(engine.feed(rows)) + said(engine.tick(until_ns))


def revived(engine: Engine) -> Engine:
    state, about = unpack_snapshot(pack_snapshot(engine.snapshot(), {"offset": 7}))
    fresh = Engine()
    assert fresh.restore(state) == ()
    assert about == {"offset": 7}
    return fresh


@cache
def uninterrupted() -> tuple[list[list[object]], bytes]:
    engine = Engine()
    found = list(play(engine, troubled(), 0, len(troubled())))
    return found, pack_snapshot(engine.snapshot(), {})


@pytest.mark.parametrize("every", [1, 7, 50])
def test_however_often_it_is_revived_nothing_changes(every: int) -> None:
    expected, state = uninterrupted()
    n = len(expected) if every > 1 else 60
    engine, found = Engine(), []
    for first in range(0, n, every):
        found += play(engine, troubled(), first, min(first + every, n))
        engine = revived(engine)
    assert found == expected[:n]
    if n == len(expected):
        assert pack_snapshot(engine.snapshot(), {}) == state


def test_a_snapshot_between_samples_and_time_goes_on_too() -> None:
    expected, _ = uninterrupted()
    engine = Engine()
    found = list(play(engine, troubled(), 0, 90))
    until_ns, rows = troubled()[90]
    fed = said(engine.feed(rows))
    engine = revived(engine)
    found.append(fed + said(engine.tick(until_ns)))
    found += play(engine, troubled(), 91, 120)
    assert found == expected[:120]


def test_the_troubled_scene_holds_chunks_and_loses_some() -> None:
    """Otherwise the laws above would say nothing about what is held and given up."""
    engine = Engine()
    held = 0
    for until_ns, rows in troubled():
        engine.feed(rows)
        held += bool(engine.snapshot()["intake"]["held"])
        engine.tick(until_ns)
    assert held > 5
    totals = engine.channels.totals()
    assert min(totals[name] for name in ("gaps", "lost", "duplicates", "late")) > 0


def test_a_processor_of_another_version_begins_anew_and_is_named() -> None:
    engine = Engine()
    list(play(engine, troubled(), 0, 20))
    state = engine.snapshot()
    qrs = state["processors"]["qrs"]
    qrs["state"] = np.zeros(len(qrs["state"]), [("other", np.int8)])
    del state["processors"]["pause"]
    fresh = Engine()
    assert sorted(fresh.restore(state)) == ["pause", "qrs"]
    list(play(fresh, troubled(), 20, 30))


def test_a_snapshot_with_another_account_of_channels_is_refused() -> None:
    engine = Engine([])
    state = engine.snapshot()
    state["channels"]["table"] = np.zeros(0, [("other", np.int8)])
    with pytest.raises(SnapshotError, match="another version"):
        Engine([]).restore(state)


def test_a_snapshot_without_anybody_can_be_restored() -> None:
    assert revived(Engine()).roster.n_slots == 0


PLAIN = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.text(max_size=3),
        st.binary(max_size=3),
        hnp.arrays(st.sampled_from([np.int8, np.int64, np.float32]), hnp.array_shapes(min_side=0)),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=3), PLAIN, max_size=4))
def test_plain_values_and_arrays_come_back_with_their_layout(state):
    assert layout(unpack_snapshot(pack_snapshot(state, {}))[0]) == layout(state)


def layout(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {key: layout(one) for key, one in value.items()}
    return [layout(one) for one in value] if isinstance(value, list) else value


def test_nothing_of_the_memory_between_aligned_fields_is_written() -> None:
    inner = np.dtype([("d", np.int8), ("e", np.int64)], align=True)
    dtype = np.dtype([("a", np.int8), ("b", np.float64), ("c", inner, (2,))], align=True)
    dirty = np.full(3 * dtype.itemsize, 77, np.uint8).view(dtype)
    clean = np.full(3 * dtype.itemsize, 11, np.uint8).view(dtype)
    for name in ("a", "b"):
        clean[name] = dirty[name]
    for name in ("d", "e"):
        clean["c"][name] = dirty["c"][name]
    found = [pack_snapshot({"x": records}, {}) for records in (dirty, clean)]
    assert found[0] == found[1]
    back = unpack_snapshot(found[0])[0]["x"]
    assert back.dtype == dtype
    assert back["c"]["e"].tobytes() == dirty["c"]["e"].tobytes()


@given(st.data())
def test_a_damaged_snapshot_is_refused(data):
    good = bytearray(pack_snapshot({"a": np.arange(9)}, {}))
    good[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireError):
        unpack_snapshot(bytes(good))


@given(st.binary(max_size=50), st.binary(max_size=50), st.integers(0, 500))
def test_a_hostile_snapshot_with_a_right_checksum_is_refused(about, body, n):
    data = Form("snapshot", b"VTLK", 1).seal({"about": about, "bytes": n}, body)
    with pytest.raises((SnapshotError, WireError)):
        unpack_snapshot(data)


def test_every_processor_is_in_the_snapshot() -> None:
    assert set(Engine().snapshot()["processors"]) == {make.name for make in discover()}
