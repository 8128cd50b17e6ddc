"""A folder for fsspec that stops answering when told to, as a network drive may."""

from __future__ import annotations

import threading
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

ANSWERS = threading.Event()
ANSWERS.set()


class HangingFileSystem(LocalFileSystem):
    """A local folder under ``hanging:///path`` that writes nothing while `ANSWERS` is not set."""

    protocol = ("hanging",)

    def open(self, *args: Any, **kwargs: Any) -> Any:
        ANSWERS.wait()
        return super().open(*args, **kwargs)


fsspec.register_implementation("hanging", HangingFileSystem, clobber=True)
