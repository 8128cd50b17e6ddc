"""Opens the store for the commands that only read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.stores.sqlite import SqliteStore


def open_store(folder: Path) -> SqliteStore:
    """Open the store of a folder, which a monitor may be writing to.

    Raises
    ------
    SettingError
        There is none, or it cannot be read.
    """
    # Imported here: --help can do without.
    from processors.errors import SettingError
    from streams.stores.sqlite import SqliteStore

    path = folder / "vitals.sqlite"
    if not path.is_file():
        raise SettingError("--data", f"there is no store in {folder}; vitals run makes one")
    return SqliteStore(path)
