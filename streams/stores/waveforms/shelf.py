"""Hours of waveforms on a shared folder or an object store, through fsspec.

::

    shelf/20261125T22Z-0001/P-0001.ecg.0.parquet     as in the folder of hours
    shelf/20261125T22Z-0001/_complete                 its files and their sizes, written last

An object store has no rename: what has no ``_complete`` is not there yet. A segment put again is
the same again, for its files follow from its log.
"""

from __future__ import annotations

import json
import os
import posixpath
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import fsspec

from streams.stores import StoreError
from streams.stores.waveforms import HOUR_NS, Folders, Segment, segment_of
from streams.stores.waveforms.compaction import quoted

COMPLETE: Final = "_complete"
CLOCK_HOURS: Final = 24  # a device's clock may be so far off the hour of its segment


class Shelf:
    """Where complete hours are kept; one process puts, any may bring.

    Parameters
    ----------
    url
        A folder, or what fsspec takes (``s3://...``).
    """

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url)
        self._url = url
        self._is_local = "file" in self._fs.protocol

    def put(self, folders: Folders, segment: Segment) -> None:
        """Put a compacted segment here, and delete it there.

        Raises
        ------
        StoreError
            It cannot be put, and is still there.
        """
        source = folders.hour(segment)
        place = self._place(segment)
        sizes = {}
        try:
            self._fs.makedirs(place, exist_ok=True)
            for path in sorted(source.iterdir()):
                with path.open("rb") as given:
                    self._write(posixpath.join(place, path.name), given)
                sizes[path.name] = path.stat().st_size
            text = json.dumps({"files": sizes}).encode()
            self._fs.pipe_file(posixpath.join(place, COMPLETE), text)
        except Exception as error:  # each back end has errors of its own
            raise StoreError(self._url, f"{segment.name} cannot be put ({error})") from error
        # Renamed first: a folder that is half deleted must not be read as an hour.
        condemned = source.with_name(source.name + ".part")
        source.rename(condemned)
        shutil.rmtree(condemned)

    def segments(self) -> list[Segment]:
        """Give the segments that are here whole, oldest first."""
        try:
            self._fs.invalidate_cache(self._root)
            if not self._fs.exists(self._root):
                return []
            names = [
                posixpath.basename(n.rstrip("/")) for n in self._fs.ls(self._root, detail=False)
            ]
            found = sorted(s for name in names if (s := segment_of(name)) is not None)
            return [s for s in found if self._fs.exists(posixpath.join(self._place(s), COMPLETE))]
        except Exception as error:
            raise StoreError(self._url, f"cannot be read ({error})") from error

    def bring(self, folders: Folders, participant: str, from_ns: int, until_ns: int) -> int:
        """Copy a participant's files of a span into folders, for an `Archive`; gives how many.

        By the hour of the segment, and a day more on both sides.
        """
        folders.make()
        first, last = from_ns // HOUR_NS - CLOCK_HOURS, until_ns // HOUR_NS + CLOCK_HOURS
        n = 0
        for segment in self.segments():
            if first <= segment.hour <= last:
                for name in self._files(segment):
                    if name.startswith(f"{quoted(participant)}."):
                        self._copy(segment, name, folders.hour(segment))
                        n += 1
        return n

    def forget(self, before_ns: int) -> int:
        """Delete segments that ended before a time; gives how many."""
        old = [s for s in self.segments() if (s.hour + 1) * HOUR_NS <= before_ns]
        for segment in old:
            # The mark goes first: what is half deleted must not be read as an hour.
            self._fs.rm_file(posixpath.join(self._place(segment), COMPLETE))
            self._fs.rm(self._place(segment), recursive=True)
        return len(old)

    def _files(self, segment: Segment) -> Iterator[str]:
        told = json.loads(self._fs.cat_file(posixpath.join(self._place(segment), COMPLETE)))
        yield from told["files"]

    def _copy(self, segment: Segment, name: str, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        if not (folder / name).exists():
            unfinished = folder / f"{name}.part"
            self._fs.get_file(posixpath.join(self._place(segment), name), str(unfinished))
            unfinished.rename(folder / name)

    def _write(self, name: str, given: Any) -> None:
        with self._fs.open(name, "wb") as file:
            shutil.copyfileobj(given, file)
            if self._is_local:
                file.flush()
                os.fsync(file.fileno())

    def _place(self, segment: Segment) -> str:
        return posixpath.join(self._root, segment.name)
