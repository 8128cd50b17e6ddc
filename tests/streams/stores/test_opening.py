"""The store is the one that the settings name."""

from __future__ import annotations

import contextlib

from streams.config import Settings
from streams.stores import Store
from streams.stores.opening import open_stores
from tests.streams.stores.stories import FINDINGS


def read(store: Store) -> list[str]:
    return [finding.code for finding in store.findings()]


def test_without_servers_it_is_a_file_of_the_data_folder(tmp_path):
    given = Settings(data=tmp_path / "new")
    with contextlib.closing(open_stores(given)) as store:
        store.write(FINDINGS)
    assert (tmp_path / "new" / "vitals.sqlite").is_file()
    with contextlib.closing(open_stores(given)) as store:
        assert read(store) == ["tachycardia", "pause", "asystole"]
