"""Find recordings on disk and read them: WFDB records, beat annotations, tables (CSV).

::

    found = find_recordings([Path("mitdb"), Path("walk.csv")])      # reads headers only
    for source in found.sources:
        recording = read_recording(source)                          # reads the samples
        for chunk in recording.chunks(0, chunk_ns): ...             # see recording.py

PATH is a record (with or without ``.hea``), any file of a record, a CSV or CSV.gz file, or a folder
(its files, not those of its subfolders). Each record is found once. A reference annotation file is
opened only when `beats_extension` names it, and then records give ``rr`` and no waveforms.
Errors are `InputError`; what is damaged but usable is in `Recording.warnings`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from device_bridges.replay.columns import Mapping
from device_bridges.replay.recording import Recording
from device_bridges.replay.tables import check_header, read_table
from device_bridges.replay.wfdb_files import read_beats, read_record, shown
from processors.errors import InputError, SettingError

_TABLE_ENDINGS = (".csv", ".csv.gz")


@dataclass(frozen=True, slots=True)
class Source:
    """A recording that was found and not yet read.

    Attributes
    ----------
    path
        The header of a record, or the table.
    participant
        The record's name, unique among the sources found together (a repeat gets ``-2``).
    beats_extension
        Extension of the annotation file to read beats from; empty for signals.
    mapping
        How the columns of a table are to be read; empty for tables that say it themselves.
    """

    path: Path
    participant: str
    beats_extension: str = ""
    mapping: Mapping = ()

    @property
    def is_table(self) -> bool:
        return _is_table(self.path)


@dataclass(frozen=True, slots=True)
class Found:
    """What `find_recordings` gives.

    Attributes
    ----------
    sources
        In the order named.
    notes
        What of a folder was passed over, one sentence each.
    faults
        What was named and cannot be used.
    """

    sources: tuple[Source, ...]
    notes: tuple[str, ...] = ()
    faults: tuple[InputError, ...] = ()


def find_recordings(
    paths: Sequence[Path], *, beats_extension: str = "", mapping: Mapping = ()
) -> Found:
    """Find the recordings that paths name; folders are sorted by name.

    Parameters
    ----------
    mapping
        Of `tables.parse_mapping`, for tables whose header has other names.

    Raises
    ------
    InputError
        A path is not there, or none of them names a recording that can be used.
    SettingError
        `beats_extension` is no extension.
    """
    if not re.fullmatch(r"\w*", beats_extension):
        raise SettingError("--beats", f"expected an extension like qrs, found {beats_extension!r}")
    sources: dict[Path, Source] = {}
    notes: list[str] = []
    faults: list[InputError] = []
    for path in paths:
        try:
            members, passed_over = _members(path, beats_extension, mapping)
        except InputError as fault:
            if not _is_there(path):
                raise
            faults.append(fault)
            continue
        notes.extend(passed_over)
        for source in members:
            sources.setdefault(source.path.resolve(), source)
    if faults and not sources:
        raise faults[0]
    return Found(tuple(_unique(sources.values())), tuple(notes), tuple(faults))


def read_recording(source: Source) -> Recording:
    """Read what a source names.

    Raises
    ------
    InputError
        The file cannot be read as what it claims to be.
    """
    if source.is_table:
        return read_table(source.path, source.participant, source.mapping)
    stem = source.path.with_name(source.path.name.removesuffix(".hea"))
    if source.beats_extension:
        return read_beats(stem, source.beats_extension, source.participant)
    return read_record(stem, source.participant)


def _members(path: Path, beats_extension: str, mapping: Mapping) -> tuple[list[Source], list[str]]:
    """Give the recordings that a path names, and notes on what was passed over."""
    try:
        if path.is_dir():
            return _in_folder(path, beats_extension, mapping)
        return [_named(path, beats_extension, mapping)], []
    except OSError as e:
        raise InputError(str(path), f"cannot be read ({e.strerror})") from e


def _is_there(path: Path) -> bool:
    """Tell whether there is such a file, folder or record: else the path was mistyped."""
    return path.exists() or path.with_name(f"{path.name}.hea").exists()


def _named(path: Path, beats_extension: str, mapping: Mapping) -> Source:
    """Give the recording that a path outside of any folder argument names."""
    if _is_table(path):
        if not path.is_file():
            raise InputError(str(path), "no such file")
        check_header(path, mapping)
        return Source(path, _table_name(path), mapping=mapping)
    header = _header_of(path)
    source = Source(header, header.name.removesuffix(".hea"), beats_extension)
    if beats_extension and not _annotations(source).is_file():
        raise InputError(shown(_annotations(source)), "no such annotation file")
    return source


def _header_of(path: Path) -> Path:
    """Give the header of the record that a stem, a header or another file of the record names."""
    if path.name.endswith(".hea") and path.is_file():
        return path
    for stem in (path.name, path.stem):
        header = path.with_name(f"{stem}.hea")
        if header.is_file():
            return header
    if not path.exists():
        raise InputError(
            str(path), "no such file, folder or record (a record is NAME.hea with its signal files)"
        )
    for header in sorted(path.parent.glob("*.hea")):  # a signal file may have another name
        if re.search(
            rf"^\s*{re.escape(path.name)}\s", header.read_text("ascii", "ignore"), re.MULTILINE
        ):
            return header
    raise InputError(
        shown(path),
        "expected a file of a WFDB record, a .csv or .csv.gz table or a folder, found none of them",
    )


def _in_folder(
    folder: Path, beats_extension: str, mapping: Mapping
) -> tuple[list[Source], list[str]]:
    """Give the recordings of a folder, and a note for each file that only looked like one."""
    found: list[Source] = []
    faults: list[InputError] = []
    headers = sorted(folder.glob("*.hea"))
    parts = set(_segment_names(headers))
    for header in headers:
        source = Source(header, header.name.removesuffix(".hea"), beats_extension)
        if source.participant in parts:
            continue
        if beats_extension and not _annotations(source).is_file():
            faults.append(InputError(shown(_annotations(source)), "no such annotation file"))
        elif not beats_extension and _has_no_signals(header):
            faults.append(
                InputError(
                    shown(header), "no signals; --beats EXT reads beat annotations beside it"
                )
            )
        else:
            found.append(source)
    for table in sorted(path for path in folder.iterdir() if _is_table(path)):
        try:
            check_header(table, mapping)
            found.append(Source(table, _table_name(table), mapping=mapping))
        except InputError as e:
            faults.append(e)
    if not found:
        raise faults[0] if faults else InputError(
            str(folder), "expected WFDB records (.hea) or tables (.csv, .csv.gz), found none"
        )  # fmt: skip
    return found, [f"{fault}; left out" for fault in faults]


def _segment_names(headers: Iterable[Path]) -> Iterator[str]:
    """Give the names of records that are only segments of others."""
    for header in headers:
        lines = _content_lines(header)
        if lines and "/" in lines[0].split()[0]:
            yield from (line.split()[0] for line in lines[1:])


def _has_no_signals(header: Path) -> bool:
    lines = _content_lines(header)
    return bool(lines) and lines[0].split()[1:2] == ["0"]


def _content_lines(header: Path) -> list[str]:
    text = header.read_text("ascii", "ignore")
    return [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]


def _annotations(source: Source) -> Path:
    return source.path.with_name(f"{source.participant}.{source.beats_extension}")


def _is_table(path: Path) -> bool:
    return path.name.lower().endswith(_TABLE_ENDINGS)


def _table_name(path: Path) -> str:
    return re.sub(r"\.csv(\.gz)?$", "", path.name, flags=re.IGNORECASE)


def _unique(sources: Iterable[Source]) -> Iterator[Source]:
    """Number the repeats of a name: 100, 100-2."""
    taken: set[str] = set()
    for source in sources:
        name, k = source.participant, 1
        while name in taken:
            k += 1
            name = f"{source.participant}-{k}"
        taken.add(name)
        yield replace(source, participant=name)
