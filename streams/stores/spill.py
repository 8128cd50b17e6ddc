"""A bounded folder of batches that a server could not take: first in, first out, on the disk.

::

    spill/0000000000000007.ms.gz     a batch: its number, the precision of its times, as it is sent
    spill/refused/5f0c33aa.ms.gz     one that the server will never take

A batch is there whole or not at all, also after a power cut: it is written under another name, put
on the disk and renamed. One process at a time uses a folder.
"""

from __future__ import annotations

import os
import re
import zlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.stores import StoreError
from streams.stores.waveforms import sync_folder

_NAME: Final = re.compile(r"(\d{16})\.(ms|ns)\.gz")
_UNFINISHED: Final = ".part"
REFUSED: Final = "refused"  # folder beside, of what the server will never take
MOST_REFUSED: Final = 1_000  # batches kept there for somebody to look at


@dataclass(frozen=True, slots=True)
class LineBatch:
    """Lines that are sent together.

    Attributes
    ----------
    precision
        Of their times: ``ms`` or ``ns``.
    body
        The lines, under gzip.
    """

    precision: str
    body: bytes


class Spill:
    """The batches that wait, oldest first.

    Parameters
    ----------
    most_bytes
        What the folder may hold.

    Raises
    ------
    StoreError
        The folder cannot be made or read.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._waiting: deque[tuple[Path, int]] = deque()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.glob(f"*{_UNFINISHED}"):  # of a process that ended while writing
                path.unlink()
            names = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
            self._waiting.extend((path, path.stat().st_size) for path in names)
        except OSError as error:
            raise StoreError(str(folder), str(error)) from error
        self._next = int(self._waiting[-1][0].name[:16]) + 1 if self._waiting else 0
        self.n_bytes = sum(size for _, size in self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, batch: LineBatch) -> None:
        """Keep a batch behind all others; it is on the disk on return.

        Raises
        ------
        StoreError
            The folder or the disk is full: the batch is not kept.
        """
        if self.n_bytes + len(batch.body) > self._most_bytes:
            problem = f"is full ({self._most_bytes / 1e9:.1f} GB wait for the server)"
            raise StoreError(str(self._folder), problem)
        path = self._folder / f"{self._next:016d}.{batch.precision}.gz"
        unfinished = path.with_suffix(_UNFINISHED)
        try:
            with unfinished.open("wb") as file:
                file.write(batch.body)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(path)
            sync_folder(self._folder)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise StoreError(str(self._folder), str(error)) from error
        self._next += 1
        self.n_bytes += len(batch.body)
        self._waiting.append((path, len(batch.body)))

    def set_aside(self, batch: LineBatch) -> None:
        """Keep a batch that the server refuses for somebody to look at, while few are there."""
        folder = self._folder / REFUSED
        name = f"{zlib.crc32(batch.body):08x}.{batch.precision}.gz"  # the same one once
        try:
            folder.mkdir(exist_ok=True)
            if sum(1 for _ in folder.iterdir()) < MOST_REFUSED:
                (folder / name).write_bytes(batch.body)
        except OSError as error:
            raise StoreError(str(folder), str(error)) from error

    def first(self) -> LineBatch:
        """Give the oldest batch; it stays until it is dropped."""
        path, _ = self._waiting[0]
        found = _NAME.fullmatch(path.name)
        try:
            return LineBatch(found[2] if found else "ms", path.read_bytes())
        except OSError as error:
            raise StoreError(str(path), str(error)) from error

    def drop_first(self) -> None:
        """Forget the oldest batch: the server has it. After a crash before, it is sent again."""
        path, size = self._waiting.popleft()
        self.n_bytes -= size
        path.unlink(missing_ok=True)
