"""Giving back what is stored of one participant, in files that other programs read.

Every format gives everything: what it cannot hold itself is written as CSV beside it, and said.

| format | waveforms | everything else |
|---|---|---|
| `csv` | CSV, integers as the device gave them | CSV |
| `parquet` | Parquet, with the pyramid | Parquet |
| `wfdb` | a record for each run; integers only | CSV; findings also as annotations |
| `edf` | EDF+D, gaps between data records; 16 bits only | CSV; findings also as annotations |
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from streams.export.content import Content


def _csv(content: Content, out: Path) -> list[str]:
    from streams.export.tables import write_csv

    return write_csv(content, out)


def _parquet(content: Content, out: Path) -> list[str]:
    from streams.export.tables import write_parquet

    return write_parquet(content, out)


def _wfdb(content: Content, out: Path) -> list[str]:
    from streams.export.wfdb_files import write_wfdb

    return write_wfdb(content, out)


def _edf(content: Content, out: Path) -> list[str]:
    from streams.export.edf import write_edf

    return write_edf(content, out)


# Writes into a folder that is there; gives sentences on what the format does not hold.
FORMATS: Final[dict[str, Callable[[Content, Path], list[str]]]] = {
    "csv": _csv,
    "parquet": _parquet,
    "wfdb": _wfdb,
    "edf": _edf,
}
