"""InfluxDB, the real one: an outage, what it refuses, and how fast it is written to."""

from __future__ import annotations

import contextlib
import time
import zlib

import numpy as np
import pytest

from processors.errors import ContractError
from streams.stores import FEATURES, SeriesRows, StoreError, UnfitError
from streams.stores.influx import BATCH_LINES, InfluxStore
from streams.stores.influx_server import InfluxServer
from streams.stores.spill import LineBatch
from tests.servers.influxdb import influx_server
from tests.streams.stores.back_ends import made_bucket
from tests.streams.stores.stories import FINDINGS, at, feature_rows

WRITTEN_PER_S = 150_000  # DESIGN: points a second of one core, a point being a row of 3 columns


def test_ten_minutes_of_outage_lose_nothing_though_the_sink_is_started_again(tmp_path):
    now_s = [0.0]

    def opened(influx) -> InfluxStore:
        server = InfluxServer(influx.url, influx.org, "vitals", influx.token)
        return InfluxStore(server, tmp_path / "spill", monotonic=lambda: now_s[0])

    (tmp_path / "data").mkdir()
    with influx_server(tmp_path / "data") as one:
        store = opened(one.influx)
        for k in range(0, 700, 5):  # the server is killed at 50 s and comes back at 650 s
            now_s[0] = float(k)
            if k == 50:
                one.kill()
            if k == 300:  # and the sink with it
                store = opened(one.influx)
            if k == 650:
                one.start()
            store.write([feature_rows([k], people=("p1", "p2", "p3"))])
        assert store.delivery.counts.spilled
        while store.delivery.n_waiting:
            now_s[0] += 31.0
            store.catch_up()
        for who in ("p1", "p2", "p3"):
            series = store.series(FEATURES, "hrv", who, at(0), at(1000))
            assert series.t_ns.tolist() == [at(k) for k in range(0, 700, 5)]
            assert np.isfinite(series.values).all()
        store.close()
    assert not list((tmp_path / "spill").glob("*.gz"))


@pytest.fixture
def server(influx, request):
    with contextlib.closing(made_bucket(influx, request.node.name[:40])) as one:
        yield one


def test_what_is_no_line_is_refused_and_said(server):
    with pytest.raises(UnfitError, match="400"):
        server.send(LineBatch("ms", zlib.compress(b"no line at all", wbits=31)))


def test_a_wrong_token_is_said_and_waits_for_somebody_to_mend_it(influx, tmp_path):
    server = InfluxServer(influx.url, influx.org, "vitals", "wrong")
    store = InfluxStore(server, tmp_path)
    store.write([feature_rows([1])])
    assert "401" in str(store.delivery.error)
    assert store.delivery.n_waiting == 1
    with pytest.raises(StoreError, match="401"):
        server.check()


def test_a_check_names_the_version_or_the_bucket_that_is_missing(influx, server):
    assert server.check().startswith("v2.")
    other = InfluxServer(influx.url, influx.org, "nowhere", influx.token)
    with pytest.raises(StoreError, match="nowhere"):
        other.check()


def test_findings_stand_beside_the_series_each_told_once(server):
    store = InfluxStore(server)
    for _ in range(2):
        store.write(FINDINGS)
    flux = (
        "from(bucket: bucket) |> range(start: 0, stop: 2100-01-01T00:00:00Z) |> filter(fn: (r) => "
        'r._measurement == "findings" and r._field == "revision")'
    )
    rows = list(server.query(flux, {}))
    assert sorted(row["code"] for row in rows) == sorted(f.code for f in FINDINGS)
    assert {row["participant"] for row in rows} == {"p1", "p2"}


def test_what_is_no_series_is_not_taken(server):
    with pytest.raises(ContractError, match="rows and findings"):
        InfluxStore(server).write([FINDINGS[0], "text"])


@pytest.mark.bench
def test_points_are_written_at_the_speed_that_is_asked_of_one_core(server):
    rng = np.random.default_rng(1)
    people, columns = [f"P-{k:04d}" for k in range(2_000)], ("rate", "sdnn_ms", "rmssd_ms")

    def rows(k: int) -> SeriesRows:
        values = rng.uniform(40, 180, (2_000, 3))
        return SeriesRows(FEATURES, "hrv", columns, people, np.full(2_000, at(5 * k)), values)

    given = [rows(k) for k in range(100)]
    store = InfluxStore(server)
    store.write(given[:10])
    n = 90 * 2_000
    wall_s, core_s = time.perf_counter(), time.process_time()
    for k in range(10, 100, 15):
        store.write(given[k : k + 15])
    wall_s, core_s = time.perf_counter() - wall_s, time.process_time() - core_s
    print(
        f"\n{n / core_s:,.0f} points (3 values each, batches of {BATCH_LINES} lines) a second of "
        f"one core of the writer; {n / wall_s:,.0f} a second of the clock, the server beside it"
    )
    assert len(store.series(FEATURES, "hrv", "P-1999", at(0), at(999)).t_ns) == 100
    # Of the writer's core: what the clock says depends on what else the machine does.
    assert n / core_s > WRITTEN_PER_S
