"""A store that is away when a monitor starts is read when it is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.policy import load_policy
from registry.participants import Participant
from streams.monitor.past import RETRY_S, Past
from streams.stores import StoreError
from streams.stores.retention import DAY_NS
from streams.stores.sqlite import SqliteStore
from tests.streams.stores.stories import FINDINGS, at


def test_the_store_is_opened_when_it_is_there_and_not_asked_for_all_the_time(tmp_path):
    path = tmp_path / "vitals.sqlite"
    attempts, now_s = [], [100.0]

    def open_store():
        attempts.append(now_s[0])
        if len(attempts) == 1:
            raise StoreError("postgres", "is away")
        return SqliteStore(path) if path.is_file() else None

    past = Past(open_store, load_policy(), lambda: 0, lambda: now_s[0])
    assert past.known() == ([], [])
    with pytest.raises(StoreError, match="is away"):
        past.burden(7.0)
    assert past.history("p1").findings == ()
    assert attempts == [100.0]
    now_s[0] += RETRY_S
    assert past.known() == ([], [])
    store = SqliteStore(path)
    store.write([Participant("p1", "Kim")])
    store.close()
    now_s[0] += RETRY_S
    assert [one.name for one in past.known()[0]] == ["Kim"]
    assert past.burden(7.0) is not None
    assert past.screening(None)
    assert list(past.history("p1").findings) == []
    past.close()
    assert len(attempts) == 3


def test_the_newest_day_is_today_though_a_clock_is_ahead(tmp_path):
    store = SqliteStore(tmp_path / "vitals.sqlite")
    store.write(FINDINGS)
    store.write([replace(FINDINGS[0], id="x", t_ns=at(0) + 4 * DAY_NS)])
    past = Past(lambda: store, load_policy(), lambda: at(100))
    assert past.screening(None)["day"] == "2023-11-14"
    past.close()
