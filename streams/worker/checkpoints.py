"""Where workers keep the snapshots of their partitions: a folder or an object store."""

from __future__ import annotations

import io
import logging
import posixpath
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from processors.errors import InputError
from streams.stores import StoreError
from streams.stores.files import Files

_log = logging.getLogger(__name__)

KEPT: Final = 2  # of each partition: the newest, and one to fall back on
ENDING: Final = ".snapshot"
CHANGE: Final = ".change"


class Checkpoints:
    """Snapshots by partition; the one that has taken the most records is the newest.

    A snapshot is whole, or the change since one that is; then its name says which.

    A worker that was taken for dead may still write: what it writes has taken fewer records than
    its successor's and is not read. A name is there when all of its bytes are.

    Parameters
    ----------
    url
        A folder, or what fsspec takes (``s3://...``).
    """

    def __init__(self, url: str) -> None:
        self._files = Files(url)

    def write(
        self, partition: int, n_taken: int, data: bytes, stands_on: int | None = None
    ) -> None:
        """Keep a snapshot, and delete what is older than the one before it and not needed.

        Parameters
        ----------
        n_taken
            Records that it stands for: the sum of its offsets.
        stands_on
            Those of the whole one of which this is a change.

        Raises
        ------
        StoreError
            The store does not take it.
        """
        folder = self._folder(partition)
        name = posixpath.join(folder, _name(n_taken, stands_on))
        new = posixpath.join(folder, f"{uuid.uuid4().hex}.new")
        try:
            self._files.fs.makedirs(folder, exist_ok=True)
            self._files.write(new, io.BytesIO(data))
            self._files.fs.mv(new, name)
            names = self._names(partition)
            kept = set(names[:KEPT]) | {_foundation(one) for one in names[:KEPT]}
            for old in names:
                if old not in kept:
                    self._files.fs.rm_file(old)
        except OSError as error:
            with suppress(OSError):
                self._files.fs.rm_file(new)
            raise StoreError(self._files.url, f"{name} cannot be written ({error})") from error

    def read(self, partition: int, use: Callable[[bytes, bytes | None], None]) -> bool:
        """Hand the newest snapshot that can be used over; tell whether there was one.

        Parameters
        ----------
        use
            Takes a snapshot and, if it is a change, what it stands on. Raises InputError where it
            cannot use them; the one before is tried then.

        Raises
        ------
        StoreError
            The store cannot be read.
        """
        try:
            for name in self._names(partition):
                try:
                    below = _foundation(name)
                    use(
                        self._files.fs.cat_file(name),
                        self._files.fs.cat_file(below) if below else None,
                    )
                except (InputError, FileNotFoundError) as error:
                    _log.warning("snapshot not used file=%s reason=%s", name, error)
                else:
                    return True
        except OSError as error:
            raise StoreError(self._files.url, f"cannot be read ({error})") from error
        return False

    def _names(self, partition: int) -> list[str]:
        """Give the files of a partition, the newest first."""
        names = self._files.paths(self._folder(partition))
        # Of two that have taken as many, the change is the newer one.
        return sorted((name for name in names if name.endswith((ENDING, CHANGE))), reverse=True)

    def _folder(self, partition: int) -> str:
        return self._files.path(f"partition-{partition:05d}")


def _name(n_taken: int, stands_on: int | None) -> str:
    return (
        f"{n_taken:020d}{ENDING}"
        if stands_on is None
        else f"{n_taken:020d}_{stands_on:020d}{CHANGE}"
    )


def _foundation(name: str) -> str:
    """Give the name of the whole snapshot on which a change stands; empty for a whole one."""
    if not name.endswith(CHANGE):
        return ""
    folder, _, file = name.rpartition("/")
    return f"{folder}/{file.removesuffix(CHANGE).partition('_')[2]}{ENDING}"
