"""Read recordings from tables (CSV)."""

from __future__ import annotations

from pathlib import Path

from device_bridges.replay.recording import Recording
from processors.errors import InputError

Mapping = tuple[tuple[str, str], ...]


def check_header(path: Path, mapping: Mapping) -> None:
    """Raise `InputError` where the header of a table does not fit."""
    raise InputError(str(path), "tables cannot be read yet")


def read_table(path: Path, participant: str, mapping: Mapping) -> Recording:
    """Read a table."""
    raise InputError(str(path), "tables cannot be read yet")
