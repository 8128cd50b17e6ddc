"""One run at a time on a data folder: two would take each other's logs for left behind."""

from __future__ import annotations

import os
from pathlib import Path

from processors.errors import SettingError


class FolderLock:
    """Held from making to `release`; the system lets go of it when the process ends, however.

    Raises
    ------
    SettingError
        Another run has the folder.
    """

    def __init__(self, folder: Path) -> None:
        import fcntl  # not on every system; those that run this have it

        folder.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            problem = "is in use by another vitals run; --data takes another folder"
            raise SettingError(f"data {folder}", problem) from error

    def release(self) -> None:
        os.close(self._handle)
