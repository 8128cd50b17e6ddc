"""Opens the store that the settings name."""

from __future__ import annotations

from typing import Final

from streams.config import Settings
from streams.stores import Store

FILE: Final = "vitals.sqlite"


def open_stores(settings: Settings) -> Store:
    """Open what everything else reads and writes; close it when done.

    Raises
    ------
    SettingError
        The file cannot be used.
    """
    from streams.stores.sqlite import SqliteStore

    return SqliteStore(settings.data / FILE)
