"""Scenario files: where they lie, what they inherit, and how one is laid over another."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from device_bridges.simulator.quantities import not_known
from processors.errors import InputError

SCENARIOS = Path(__file__).with_name("scenarios")


class ScenarioError(InputError):
    """A scenario that cannot be used.

    Attributes
    ----------
    file
        Where it stands.
    key
        Which key or table, ``groups.ward.events #3``; empty: the file as a whole.
    """

    def __init__(self, file: str, key: str, problem: str) -> None:
        super().__init__(f"{file}: {key}" if key else file, problem)
        self.args = (file, key, problem)
        self.file = file
        self.key = key


def names() -> tuple[str, ...]:
    """Name the scenarios that come with the simulator, sorted."""
    return tuple(sorted(path.stem for path in SCENARIOS.glob("*.toml")))


def chain(name_or_path: str | Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Give a file and all that it inherits, the nearest first; raises `ScenarioError`."""
    path = _find(name_or_path, Path(), str(name_or_path), "")
    met: list[Path] = []
    while True:
        if path.resolve() in met:
            circle = " -> ".join(one.stem for one in [*met, path])
            raise ScenarioError(str(path), "inherits", f"scenarios inherit in a circle: {circle}")
        met.append(path.resolve())
        tree = read(path)
        if Path(str(tree.get("course", ""))).suffix:
            tree["course"] = str(path.parent / str(tree["course"]))
        yield path, tree
        parent = tree.get("inherits")
        if not parent:
            return
        path = _find(str(parent), path.parent, str(path), "inherits")


def read(path: Path) -> dict[str, Any]:
    """Give what a TOML file holds; raises `ScenarioError`."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ScenarioError(str(path), "", f"cannot be read ({error.strerror})") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise ScenarioError(str(path), "", f"is not TOML: {error}") from error


def laid_over(base: Mapping[str, Any], over: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Lay a file over what it inherits: table by table; events add to events, a kit is replaced.

    >>> laid_over({"clock": "09:00", "events": [1]}, {"title": "x", "events": [2]})
    {'clock': '09:00', 'events': [1, 2], 'title': 'x'}
    """
    merged = dict(base)
    for key, value in over.items():
        before = base.get(key)
        if key == "events" and isinstance(before, list) and not over.get("replace_events", False):
            merged[key] = [*before, *value]
        elif isinstance(value, dict) and isinstance(before, dict) and at != "sensors":
            merged[key] = laid_over(before, value, key)
        else:
            merged[key] = value
    return merged


def _find(name: str | Path, folder: Path, file: str, key: str) -> Path:
    """Give the path of a scenario that is named by a caller, or in a file of a folder."""
    path = folder / name
    if path.suffix == ".toml" or len(Path(name).parts) > 1:
        return path
    if str(name) not in names():
        raise ScenarioError(file, key, f"no such scenario: {not_known(str(name), names())}")
    return SCENARIOS / f"{name}.toml"
