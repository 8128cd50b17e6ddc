"""From the log into Parquet and back: nothing is lost, nothing doubled, at whatever moment."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.records import NS_PER_S
from streams.stores import StoreError
from streams.stores.waveforms import Folders, Segment, compaction
from streams.stores.waveforms.archive import Archive
from streams.stores.waveforms.compaction import clean, compact
from streams.stores.waveforms.join import by_kind, join
from streams.stores.waveforms.log import LogWriter
from streams.stores.waveforms.pyramid import LEVELS, bins
from tests.streams.stores.waveforms.recordings import T0_NS, blocks_of, chunk, cut, runs, same

ALWAYS = {"from_ns": -(2**62), "until_ns": 2**62}
SEGMENT = Segment(491_000, 1)


def key(each):
    return each.participant, each.signal, str(each.samples.dtype), each.device, each.t0_ns


def log(folders: Folders, chunks, segment=SEGMENT, n_records=1) -> None:
    folders.make()
    writer = LogWriter(folders.log(segment))
    size = -(-len(chunks) // n_records)
    for k in range(0, len(chunks), size):
        kinds = by_kind(blocks_of(chunks[k : k + size]))
        writer.append(join(blocks) for blocks in kinds.values())
    writer.close()


def read(folders: Folders, **span):
    archive = Archive(folders)
    span = {**ALWAYS, **span}
    return [run for who in sorted(archive.participants()) for run in archive.read(who, **span)]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(sorted(found, key=key), sorted(expected, key=key), strict=True):
        assert same(a, b)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs(), st.integers(1, 4))
def test_what_was_recorded_comes_back_equal_from_log_and_parquet(tmp_path_factory, whole, n):
    folders = Folders(tmp_path_factory.mktemp("data"))
    pieces = [piece for run in whole for piece in cut(run, [60] * 10)]
    log(folders, pieces, n_records=n)
    assert_same(read(folders), whole)
    compact(folders, SEGMENT)
    assert not folders.in_logs()
    assert_same(read(folders), whole)


@pytest.mark.parametrize("group", [1, 500, 10**9])
def test_people_are_compacted_in_groups_of_any_size(tmp_path, monkeypatch, group):
    monkeypatch.setattr(compaction, "GROUP_SAMPLES", group)
    whole = [chunk(300, who=f"p{k}", seed=k, missing=k % 3 == 0) for k in range(7)]
    folders = Folders(tmp_path)
    log(folders, [piece for run in whole for piece in cut(run, [100] * 3)], n_records=3)
    done = compact(folders, SEGMENT)
    assert (done.files, done.samples) == (7, 2100)
    assert_same(read(folders), whole)


class Killed(BaseException):
    """The end of the process, as far as the code can tell."""


def test_killed_at_any_step_of_compaction_nothing_is_lost_and_nothing_doubled(
    tmp_path, monkeypatch
):
    whole = [chunk(200, who=f"p{k}", seed=k) for k in range(3)]

    def stop_at(step: int) -> bool:
        """Run a compaction that dies before its step of that number; tell whether it did."""
        left = [step]

        def dying(real):
            def call(*args, **kwargs):
                if left[0] == 0:
                    raise Killed
                left[0] -= 1
                return real(*args, **kwargs)

            return call

        with monkeypatch.context() as patched:
            for owner, name in ((compaction, "write_runs"), (compaction, "sync_folder"),
                                (Path, "rename"), (Path, "unlink"), (Path, "mkdir")):  # fmt: skip
                patched.setattr(owner, name, dying(getattr(owner, name)))
            try:
                compact(folders, SEGMENT)
            except Killed:
                return True
        return False

    for step in range(20):
        folders = Folders(tmp_path / str(step))
        log(folders, whole)
        died = stop_at(step)
        assert_same(read(folders), whole)  # read before anything is tidied up
        clean(folders)
        for segment in folders.in_logs():
            compact(folders, segment)
        assert_same(read(folders), whole)
        assert not folders.in_logs()
        assert [path.name for path in folders.hours.iterdir()] == [SEGMENT.name]
        if not died:
            break
    assert not died
    assert step >= 7


def test_a_span_is_cut_out_to_the_sample_and_joined_over_hours(tmp_path):
    folders = Folders(tmp_path)
    whole = chunk(5000, missing=True)
    for serial, pieces in enumerate(np.array_split(np.arange(5000), 3), 1):
        i, j = int(pieces[0]), int(pieces[-1]) + 1
        log(folders, cut(whole, [i, j - i])[-1:], Segment(491_000, serial))
        if serial < 3:
            compact(folders, Segment(491_000, serial))
    assert_same(read(folders), [whole])
    (found,) = read(folders, from_ns=T0_NS + 1_000_000_001, until_ns=T0_NS + 12 * NS_PER_S)
    assert (found.seq, len(found.samples)) == (251, 3000 - 251)
    np.testing.assert_array_equal(found.samples, whole.samples[251:3000])
    assert not read(folders, from_ns=T0_NS - 9, until_ns=T0_NS)


def test_participants_with_names_like_paths_and_signals_are_kept_apart(tmp_path):
    names = ["a", "a.ecg", "a/../b", "A", "*", "[a]", "김"]
    folders = Folders(tmp_path)
    log(folders, [chunk(10, who=name, seed=k) for k, name in enumerate(names)])
    compact(folders, SEGMENT)
    archive = Archive(folders)
    assert archive.participants() == set(names)
    for k, name in enumerate(names):
        (run,) = archive.read(name, **ALWAYS)
        assert same(run, chunk(10, who=name, seed=k))


def test_a_torn_log_is_compacted_without_its_tail(tmp_path):
    folders = Folders(tmp_path)
    pieces = cut(chunk(300), [100] * 3)
    log(folders, pieces, n_records=3)
    path = folders.log(SEGMENT)
    path.write_bytes(path.read_bytes()[:-7])
    compact(folders, SEGMENT)
    assert [len(run.samples) for run in read(folders)] == [200]


def test_a_damaged_file_of_an_hour_is_named(tmp_path):
    folders = Folders(tmp_path)
    log(folders, [chunk(10)])
    compact(folders, SEGMENT)
    (path,) = folders.hour(SEGMENT).iterdir()
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(StoreError, match="cannot be read"):
        read(folders)


def naive_bins(run, size):
    """Bin by bin, as one would by hand."""
    rows = []
    for i in range(0, len(run.samples), size):
        values = run.samples[i : i + size].astype(float)
        if run.missing is not None:
            values[run.missing[i : i + size]] = np.nan
        for column in values.T:
            there = column[~np.isnan(column)]
            rows.append((there.min(), there.max(), there.mean()) if len(there) else None)
    return rows


@settings(deadline=None, max_examples=50)
@given(runs(), st.sampled_from([1, 7, 64]))
def test_the_pyramid_is_lowest_highest_and_mean_of_what_is_there(whole, size):
    for run in whole:
        made = bins(run.samples, run.missing, size)
        flat = zip(made.low.ravel(), made.high.ravel(), made.mean.ravel(), strict=True)
        for found, expected in zip(flat, naive_bins(run, size), strict=True):
            if expected is None:
                assert np.isnan(found[2])
            else:
                assert found[:2] == expected[:2]
                assert found[2] == pytest.approx(expected[2], rel=1e-5, abs=1e-3)


def test_the_overview_is_the_same_from_the_log_and_from_the_pyramid(tmp_path):
    folders = Folders(tmp_path)
    whole = chunk(100_000, missing=True, offset=0.25)
    log(folders, [whole])
    span = (T0_NS + 60 * NS_PER_S, T0_NS + 300 * NS_PER_S)
    before = [Archive(folders).overview("p1", "ecg", *span, level) for level in range(len(LEVELS))]
    compact(folders, SEGMENT)
    for level, old in enumerate(before):
        new = Archive(folders).overview("p1", "ecg", *span, level)
        assert np.array_equal(new.t_ns, old.t_ns)
        assert np.array_equal(new.low, old.low, equal_nan=True)
        assert np.array_equal(new.high, old.high, equal_nan=True)
        assert np.array_equal(new.mean, old.mean, equal_nan=True)
        assert len(new.t_ns) == pytest.approx(240 * 250 / LEVELS[level], abs=2)
    fine, coarse = before[0], before[1]
    inside = [t for t, u in pairwise(coarse.t_ns) if t >= span[0] and u <= span[1]]
    for t_ns in inside:
        k = int(np.searchsorted(coarse.t_ns, t_ns))
        of = (fine.t_ns >= t_ns) & (fine.t_ns < coarse.t_ns[k + 1])
        assert fine.low[of].min() == coarse.low[k, 0]
        assert fine.high[of].max() == coarse.high[k, 0]


def test_nobody_and_nothing_are_empty(tmp_path):
    archive = Archive(Folders(tmp_path))
    assert archive.participants() == set()
    assert archive.read("nobody", **ALWAYS) == []
    assert len(archive.overview("nobody", "ecg", 0, 1, 0).t_ns) == 0
