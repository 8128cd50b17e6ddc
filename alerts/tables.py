"""Tables of a settings file, read strictly: an unknown word is an error naming the nearest."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from processors.errors import SettingError


def seconds(where: str, key: str, value: Any) -> float:
    """Give a duration; SettingError unless it is a finite number from 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise SettingError(f"{where} {key}", f"expected seconds from 0, found {value!r}")
    return float(value)


def check_keys(where: str, row: Any, known: Iterable[str]) -> None:
    """Raise SettingError unless this is a table with known keys only."""
    if not isinstance(row, Mapping):
        raise SettingError(where, f"expected a table, found {row!r}")
    known = list(known)
    for key in row:
        if key not in known:
            raise unknown(where, key, known)


def check_word(where: str, word: str, known: Iterable[str]) -> None:
    """Raise SettingError unless the word is one of those known."""
    known = list(known)
    if word not in known:
        raise unknown(where, word, known)


def unknown(where: str, word: str, known: Iterable[str]) -> SettingError:
    """Give the error for a word that is not known."""
    names = [name for name in known if name]
    nearest = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"known are {', '.join(names)}"
    return SettingError(where, f"{word!r} is unknown; {hint}")


def read_table(path: Path) -> dict[str, Any]:
    """Give what a TOML file holds; SettingError when it cannot be read or is none."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise SettingError(str(path), f"cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(str(path), f"is not TOML: {error}") from error


def lay_over(
    tree: dict[str, Any], over: Mapping[str, Any], path: str, where: str, open_to: Iterable[str]
) -> None:
    """Lay a site's values over the catalogue.

    Names of tables must be there already, but in the sections named in `open_to`; a list of tables
    takes the place of the one below.
    """
    open_to = tuple(open_to)
    for key, value in over.items():
        inside = f"{where}.{key}" if where else key
        if isinstance(value, dict) and key in tree:
            if not isinstance(tree[key], dict):
                raise SettingError(f"{path} {inside}", f"expected a value, found {value!r}")
            lay_over(tree[key], value, path, inside, open_to)
        elif isinstance(value, dict) and key != "worse" and not _is_open(inside, open_to):
            raise unknown(f"{path} {where}".strip(), key, tree)
        else:
            tree[key] = value


def _is_open(inside: str, open_to: Iterable[str]) -> bool:
    return any(inside == name or inside.startswith(name + ".") for name in open_to)
