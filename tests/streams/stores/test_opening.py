"""The store is the one that the settings name."""

from __future__ import annotations

import contextlib

import pytest
from pydantic import SecretStr

from processors.errors import SettingError
from streams.config import Settings
from streams.stores import FEATURES, Store
from streams.stores.opening import open_stores
from tests.streams.stores.back_ends import made_schema
from tests.streams.stores.stories import FINDINGS, at, feature_rows


def read(store: Store) -> list[str]:
    return [finding.code for finding in store.findings()]


def test_without_servers_it_is_a_file_of_the_data_folder(tmp_path):
    given = Settings(data=tmp_path / "new")
    with contextlib.closing(open_stores(given)) as store:
        store.write(FINDINGS)
    assert (tmp_path / "new" / "vitals.sqlite").is_file()
    with contextlib.closing(open_stores(given)) as store:
        assert read(store) == ["tachycardia", "pause", "asystole"]


def test_with_both_servers_it_is_both(influx, postgres_url, tmp_path):
    influx.make_bucket("opening")
    given = Settings(
        data=tmp_path,
        influx_url=influx.url,
        influx_org=influx.org,
        influx_bucket="opening",
        influx_token=SecretStr(influx.token),
        postgres_url=made_schema(postgres_url, "opening"),
    )
    with contextlib.closing(open_stores(given)) as store:
        store.write([*FINDINGS, feature_rows([1])])
        assert read(store) == ["tachycardia", "pause", "asystole"]
        assert store.series(FEATURES, "hrv", "p1", at(0), at(9)).t_ns.tolist() == [at(1)]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "lacks"),
    [
        ({"influx_url": "http://127.0.0.1:1"}, "postgres_url"),
        ({"postgres_url": "postgresql://127.0.0.1:1/x"}, "influx_url"),
    ],
)
def test_one_server_alone_is_not_enough(given, lacks):
    with pytest.raises(SettingError, match=lacks):
        open_stores(Settings(**given))
