"""Hours of waveforms on a shared folder or an object store, through fsspec.

::

    shelf/20261125T22Z-0001/P-0001.ecg.0.parquet     as in the folder of hours
    shelf/20261125T22Z-0001/_complete                 its files, sizes and sums; written last

An object store has no rename: what has no ``_complete`` is not there yet. A segment put again is
the same again, for its files follow from its log; another one of that name is of a sink that did
not know the first, and gets the next number.
"""

from __future__ import annotations

import io
import json
import posixpath
import shutil
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from processors.records import Chunk
from streams.stores import StoreError
from streams.stores.files import Files
from streams.stores.waveforms import HOUR_NS, Folders, Segment, segment_of
from streams.stores.waveforms.archive import Archive, joined_runs
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
        self._files = Files(url)

    def put(self, folders: Folders, segment: Segment) -> None:
        """Put a compacted segment here, and delete it there.

        Raises
        ------
        StoreError
            It cannot be put, and is still there.
        """
        source = folders.hour(segment)
        paths = sorted(source.iterdir())
        told = {path.name: [path.stat().st_size, zlib.crc32(path.read_bytes())] for path in paths}
        try:
            here = segment
            while (other := self._told(here)) not in (None, told):
                here = replace(here, serial=here.serial + 1)
            if other is None:
                place = self._place(here)
                self._files.fs.makedirs(place, exist_ok=True)
                for path in paths:
                    with path.open("rb") as given:
                        self._files.write(posixpath.join(place, path.name), given)
                text = json.dumps({"files": told}).encode()
                self._files.write(posixpath.join(place, COMPLETE), io.BytesIO(text))
        except Exception as error:  # each back end has errors of its own
            raise StoreError(self._files.url, f"{segment.name} cannot be put ({error})") from error
        # Renamed first: a folder that is half deleted must not be read as an hour.
        condemned = source.with_name(source.name + ".part")
        source.rename(condemned)
        shutil.rmtree(condemned)

    def segments(self) -> list[Segment]:
        """Give the segments that are here whole, oldest first."""
        try:
            paths = self._files.paths(self._files.path())
            names = [posixpath.basename(path.rstrip("/")) for path in paths]
            found = sorted(s for name in names if (s := segment_of(name)) is not None)
            return [
                s for s in found if self._files.fs.exists(posixpath.join(self._place(s), COMPLETE))
            ]
        except Exception as error:
            raise StoreError(self._files.url, f"cannot be read ({error})") from error

    def participants(self) -> set[str]:
        """Give everybody of whom something is here."""
        names = (name for segment in self.segments() for name in self._told(segment) or ())
        return {unquote(name.split(".")[0]) for name in names}

    def bring(
        self, folders: Folders, participant: str, from_ns: int, until_ns: int, signal: str = ""
    ) -> int:
        """Copy a participant's files of a span into folders, for an `Archive`; gives how many.

        By the hour of the segment, and a day more on both sides.

        Parameters
        ----------
        signal
            Only those of one signal; empty: of all.
        """
        folders.make()
        first, last = from_ns // HOUR_NS - CLOCK_HOURS, until_ns // HOUR_NS + CLOCK_HOURS
        n = 0
        for segment in self.segments():
            if first <= segment.hour <= last:
                for name in self._told(segment) or ():
                    if name.startswith(f"{quoted(participant)}.{signal and signal + '.'}"):
                        self._copy(segment, name, folders.hour(segment))
                        n += 1
        return n

    def forget(self, before_ns: int) -> int:
        """Delete segments that ended before a time; gives how many."""
        old = [s for s in self.segments() if (s.hour + 1) * HOUR_NS <= before_ns]
        for segment in old:
            # The mark goes first: what is half deleted must not be read as an hour.
            self._files.fs.rm_file(posixpath.join(self._place(segment), COMPLETE))
            self._files.fs.rm(self._place(segment), recursive=True)
        return len(old)

    def _told(self, segment: Segment) -> dict[str, Any] | None:
        """Give the files of a segment and what is told of each; None where it is not here whole."""
        try:
            text = self._files.fs.cat_file(posixpath.join(self._place(segment), COMPLETE))
        except FileNotFoundError:
            return None
        files: dict[str, Any] = json.loads(text)["files"]
        return files

    def _copy(self, segment: Segment, name: str, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        if not (folder / name).exists():
            unfinished = folder / f"{name}.part"
            self._files.fs.get_file(posixpath.join(self._place(segment), name), str(unfinished))
            unfinished.rename(folder / name)

    def _place(self, segment: Segment) -> str:
        return self._files.path(segment.name)


class ShelvedArchive:
    """Waveforms of which older hours lie on a shelf: what is asked for is brought first.

    Parameters
    ----------
    here
        Those that are not on the shelf yet.
    brought
        Where copies may lie, of this process alone.
    """

    def __init__(self, here: Archive, shelf: Shelf, brought: Folders) -> None:
        self._here = here
        self._shelf = shelf
        self._brought = brought

    def participants(self) -> set[str]:
        return self._here.participants() | self._shelf.participants()

    def read(
        self, participant: str, signal: str = "", *, from_ns: int, until_ns: int
    ) -> list[Chunk]:
        """As `Waveforms.read`."""
        # First what is here: an hour that is shelved meanwhile is brought then.
        found = self._here.read(participant, signal, from_ns=from_ns, until_ns=until_ns)
        self._shelf.bring(self._brought, participant, from_ns, until_ns, signal)
        shelved = Archive(self._brought)
        found += shelved.read(participant, signal, from_ns=from_ns, until_ns=until_ns)
        return joined_runs(found)
