"""How fast features are stored: 2,000 participants, 10 features of 8 columns, every 5 s."""

from __future__ import annotations

import time
from itertools import count

import numpy as np
import pytest

from processors.records import NS_PER_S
from streams.stores import FEATURES, SeriesRows
from streams.stores.sqlite import SqliteStore

N_PEOPLE, N_FEATURES, N_COLUMNS = 2_000, 10, 8


@pytest.mark.bench
@pytest.mark.benchmark(timer=time.thread_time)  # of one core: the disk and others are not ours
def test_feature_rows_per_second_of_one_writer(benchmark, tmp_path):
    store = SqliteStore(tmp_path / "vitals.sqlite")
    people = [f"P-{k:04d}" for k in range(N_PEOPLE)]
    columns = tuple(f"c{c}" for c in range(N_COLUMNS))
    values = np.random.default_rng(0).random((N_PEOPLE, N_COLUMNS))
    spread_ns = np.arange(N_PEOPLE, dtype=np.int64) * 1_000_003
    step = count()

    def five_seconds():
        t_ns = next(step) * 5 * NS_PER_S + spread_ns
        return store.write(
            SeriesRows(FEATURES, f"feature_{k}", columns, people, t_ns, values)
            for k in range(N_FEATURES)
        )

    rows = benchmark.pedantic(five_seconds, rounds=30, warmup_rounds=1)
    assert rows == N_PEOPLE * N_FEATURES
    per_second = rows / benchmark.stats["mean"]  # the mean holds the check points too
    benchmark.extra_info["rows_per_second"] = round(per_second)
    store.close()
    assert per_second > 50_000
