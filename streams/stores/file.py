"""The file of the SQLite store: made, checked and opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from processors.errors import SettingError
from streams.stores.schema import migrate

BUSY_S = 10.0  # s to wait for another process that writes
CACHE_KIB = 65_536  # of the writing connection; a minute of features of 2,000 participants fits
CHECKPOINT_PAGES = 8_000  # 32 MB of log between check points


def connect(path: Path, *, query_only: bool = False) -> sqlite3.Connection:
    """Open one more connection.

    Threads are kept apart by the caller: one that writes, under a lock, and one for each thread
    that reads; another thread may only close them.
    """
    connection = sqlite3.connect(path, BUSY_S, isolation_level=None, check_same_thread=False)
    if query_only:
        connection.execute("pragma query_only = 1")
    return connection


def open_file(path: Path) -> sqlite3.Connection:
    """Open the connection that writes, on a file that is there, ours, up to date and writable.

    Raises
    ------
    SettingError
        What is wrong with the folder or the file.
    """
    where = f"store {path}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(where, f"the folder cannot be made ({error.strerror})") from error
    try:
        connection = connect(path)
    except sqlite3.Error as error:
        raise SettingError(where, f"cannot be opened ({error})") from error
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.execute(f"pragma cache_size = -{CACHE_KIB}")
        connection.execute(f"pragma wal_autocheckpoint = {CHECKPOINT_PAGES}")
        migrate(connection, where)
        # A file that can only be read opens all the same; only writing tells.
        connection.execute("begin immediate")
        connection.execute("rollback")
    except sqlite3.Error as error:
        connection.close()
        raise SettingError(where, f"cannot be used ({error})") from error
    except SettingError:
        connection.close()
        raise
    return connection
