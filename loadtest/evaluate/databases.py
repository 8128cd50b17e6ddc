"""The databases that go by name: where they lie, what of them is read, sets of records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from processors.errors import InputError, SettingError

# De Chazal's halves of mitdb (CLINICAL 1.2); thresholds are tuned on DS1 only.
DS1 = "101 106 108 109 112 114 115 116 118 119 122 124 201 203 205 207 208 209 215 220 223 230"
DS2 = "100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 234"
PACED = "102 104 107 217"
SETS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "ds1": frozenset(DS1.split()),
        "ds2": frozenset(DS2.split()),
        "all": frozenset(f"{DS1} {DS2} {PACED}".split()),
    }
)


@dataclass(frozen=True, slots=True)
class Database:
    """Recordings to evaluate.

    Attributes
    ----------
    paths
        Folders, records or tables.
    beats_extension
        Annotations to read beats from where there are no signals.
    chunk_ms
        Usual length of a piece of input. Beats and rates, hours long, come a second at a time.
    streams
        Derived streams that its parts need.
    profile
        Of the rules that it is scored by, unless others are asked for.
    """

    name: str
    says: str
    paths: tuple[Path, ...]
    beats_extension: str = ""
    chunk_ms: int = 40
    streams: tuple[str, ...] = ()
    profile: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    says: str
    folders: tuple[str, ...] = ()
    beats_extension: str = ""
    chunk_ms: int = 40
    streams: tuple[str, ...] = ()
    profile: str = ""


KNOWN: Mapping[str, _Known] = MappingProxyType(
    {
        "mitdb": _Known("MIT-BIH Arrhythmia Database: beats, classes, rhythms"),
        "afdb": _Known("MIT-BIH Atrial Fibrillation Database: rhythms and beats, no signals",
                       (), "qrs", 1000),
        "nsrdb": _Known("MIT-BIH Normal Sinus Rhythm Database: beats, no signals",
                        (), "atr", 1000),
        "cinc2015": _Known("PhysioNet Challenge 2015: alarms of monitors, true and false",
                           profile="cinc2015"),
        "cinc2017": _Known("PhysioNet Challenge 2017: hand-held recordings N, A, O, ~",
                           streams=("ecg_quality",)),
        "vfdb": _Known("MIT-BIH Malignant Ventricular Arrhythmia Database: rhythms"),
        "hrr": _Known("Heart rates and intervals of real activities",
                      ("hrr/hr", "hrr/rr"), "", 1000),
    }
)  # fmt: skip


STRESS = "noise"


def stressed(folder: Path) -> Database:
    """Give the records with noise that were written into a folder."""
    return Database(
        STRESS, "Noise of the MIT-BIH Noise Stress Test Database in records of mitdb", (folder,),
        streams=("ecg_quality",),
    )  # fmt: skip


def database(name: str, data: Path, beats_extension: str) -> Database:
    """Find a database by its name under a folder, or take the name for a path.

    Raises
    ------
    SettingError
        Nothing of that name is there.
    """
    known = KNOWN.get(name)
    path = Path(name)
    if known is None or path.exists():
        if not path.exists() and not path.with_name(f"{path.name}.hea").is_file():
            raise SettingError(
                "NAME", f"expected {', '.join(KNOWN)} or a path, found {name!r}, which is neither"
            )
        short = path.resolve().name
        named = KNOWN.get(short, _Known(str(path)))
        extension = beats_extension or (named.beats_extension if path.is_dir() else "")
        return Database(
            short,
            named.says,
            (path,),
            extension,
            1000 if extension else 40,
            named.streams,
            named.profile,
        )
    folders = tuple(data / each for each in known.folders or (name,))
    for folder in folders:
        if not folder.is_dir():
            raise InputError(
                str(folder), f"no folder of {name}; --data DIR or VITALS_SHARED say where it lies"
            )
    return Database(
        name, known.says, folders, beats_extension or known.beats_extension, known.chunk_ms,
        known.streams, known.profile,
    )  # fmt: skip
