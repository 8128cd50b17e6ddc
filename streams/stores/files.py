"""Files below a URL, through fsspec: a folder of this machine, or an object store."""

from __future__ import annotations

import os
import posixpath
import shutil
from typing import IO

import fsspec


class Files:
    """Files below one place; errors are those of the back end.

    Parameters
    ----------
    url
        A folder, or what fsspec takes (``s3://...``).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.fs, self._root = fsspec.core.url_to_fs(url)
        protocol = self.fs.protocol
        self._is_local = "file" in ((protocol,) if isinstance(protocol, str) else protocol)

    def path(self, *names: str) -> str:
        """Give what the back end calls a file or folder here."""
        return posixpath.join(self._root, *names)

    def write(self, path: str, given: IO[bytes]) -> None:
        """Write a file; of a folder of this machine it is on the disk on return."""
        with self.fs.open(path, "wb") as file:
            shutil.copyfileobj(given, file)
            if self._is_local:
                file.flush()
                os.fsync(file.fileno())

    def paths(self, folder: str) -> list[str]:
        """Give what is in a folder now; nothing where there is no such folder."""
        self.fs.invalidate_cache(folder)
        if not self.fs.exists(folder):
            return []
        return [str(name) for name in self.fs.ls(folder, detail=False)]
