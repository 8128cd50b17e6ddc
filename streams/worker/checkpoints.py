"""Where workers keep the snapshots of their partitions: a folder or an object store."""

from __future__ import annotations

import logging
import os
import posixpath
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import fsspec

from processors.errors import InputError
from streams.stores import StoreError

_log = logging.getLogger(__name__)

KEPT: Final = 2  # of each partition: the newest, and one to fall back on
ENDING: Final = ".snapshot"


class Checkpoints:
    """Snapshots by partition; the one that has taken the most records is the newest.

    A worker that was taken for dead may still write: what it writes has taken fewer records than
    its successor's and is not read. A name is there when all of its bytes are.

    Parameters
    ----------
    url
        A folder, or what fsspec takes (``s3://...``).
    """

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url)
        self._url = url
        self._is_local = "file" in _protocols(self._fs)

    def write(self, partition: int, n_taken: int, data: bytes) -> None:
        """Keep a snapshot, and delete what is older than the one before it.

        Parameters
        ----------
        n_taken
            Records that it stands for: the sum of its offsets.

        Raises
        ------
        StoreError
            The store does not take it.
        """
        folder = self._folder(partition)
        name = posixpath.join(folder, f"{n_taken:020d}{ENDING}")
        new = posixpath.join(folder, f"{uuid.uuid4().hex}.new")
        try:
            self._fs.makedirs(folder, exist_ok=True)
            with self._fs.open(new, "wb") as file:
                file.write(data)
                if self._is_local:
                    file.flush()
                    os.fsync(file.fileno())
            self._fs.mv(new, name)
            for old in self._names(partition)[KEPT:]:
                self._fs.rm_file(old)
        except OSError as error:
            with suppress(OSError):
                self._fs.rm_file(new)
            raise StoreError(self._url, f"{name} cannot be written ({error})") from error

    def read(self, partition: int, use: Callable[[bytes], None]) -> bool:
        """Hand the newest snapshot that can be used over; tell whether there was one.

        Parameters
        ----------
        use
            Raises InputError where it cannot use the bytes; the one before is tried then.

        Raises
        ------
        StoreError
            The store cannot be read.
        """
        try:
            for name in self._names(partition):
                try:
                    use(self._fs.cat_file(name))
                except InputError as error:
                    _log.warning("snapshot not used file=%s reason=%s", name, error)
                else:
                    return True
        except OSError as error:
            raise StoreError(self._url, f"cannot be read ({error})") from error
        return False

    def _names(self, partition: int) -> list[str]:
        """Give the files of a partition, the newest first."""
        folder = self._folder(partition)
        self._fs.invalidate_cache(folder)
        if not self._fs.exists(folder):
            return []
        names = self._fs.ls(folder, detail=False)
        return sorted((name for name in names if name.endswith(ENDING)), reverse=True)

    def _folder(self, partition: int) -> str:
        return posixpath.join(self._root, f"partition-{partition:05d}")


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
