"""GPX 1.0 and 1.1 as a course: tracks or routes are stretches, waypoints are marks.

The ``type`` of a track says the kind of its ground (`KINDS`); where it is something else, the track
is a path. Waypoints tell what GPX has no element for in ``desc``: ``rest_s=120 pm2_5=18``.
"""

from __future__ import annotations

import math
import re
from xml.parsers import expat

import numpy as np

from device_bridges.simulator.trace import KINDS, Mark, Stretch, Trace
from processors.errors import InputError

_POINTS = {"trkpt": "trk", "rtept": "rte", "wpt": "wpt"}
_TEXTS = {"name", "type", "desc", "ele"}
_HIGHEST = {"rest_s": 86_400.0, "pm2_5": 1000.0, "pace": 2.0}
_TOLD = re.compile(rf"({'|'.join(_HIGHEST)})\s*=\s*([0-9.]+)")


class _UnfitError(ValueError):
    """What the file holds is no GPX; the text says why."""


class _Reader:
    """Takes the elements of a file one after the other."""

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self.marks: list[Mark] = []
        self._open: list[str] = []
        self._line: dict[str, str] = {}
        self._point: dict[str, str] = {}
        self._points: list[tuple[float, float, float]] = []
        self._text: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        if not self._open and name != "gpx":
            raise _UnfitError(f"expected the root element gpx, found {name}")
        self._open.append(name)
        self._text = []
        if name in {"trk", "rte"}:
            self._line, self._points = {}, []
        elif name in _POINTS:
            self._point = dict(attributes)

    def text(self, text: str) -> None:
        self._text.append(text)

    def end(self, _tag: str) -> None:
        name = self._open.pop()
        inside = self._open[-1] if self._open else ""
        if name in _TEXTS:
            told = "".join(self._text).strip()
            if inside in {"trk", "rte"}:
                self._line[name] = told
            elif inside in _POINTS:
                self._point[name] = told
        elif name == "wpt":
            self._end_mark()
        elif name in _POINTS:
            self._points.append(_position(self._point))
        elif name in {"trk", "rte"} and len(self._points) > 1:
            self._end_stretch()

    def _end_mark(self) -> None:
        latitude, longitude, _ = _position(self._point)
        told = _told(self._point)
        name = self._point.get("name", "")
        self.marks.append(Mark(name, latitude, longitude, told.get("rest_s", 0.0),
                               told.get("pm2_5", math.nan)))  # fmt: skip

    def _end_stretch(self) -> None:
        latitude, longitude, altitude = np.array(self._points, np.float64).T.copy()
        told = _told(self._line)
        kind = self._line.get("type", "").lower()
        self.stretches.append(
            Stretch(
                self._line.get("name") or f"stretch {len(self.stretches) + 1}",
                kind if kind in KINDS else "path",
                latitude,
                longitude,
                altitude,
                told.get("pace", math.nan),
                told.get("pm2_5", math.nan),
                told.get("rest_s", 0.0),
            )
        )


def read_gpx(data: bytes, where: str) -> Trace:
    """Read a GPX file.

    A document type is refused, and with it every entity: nothing can be expanded or fetched.

    Raises
    ------
    InputError
        No XML, no GPX, a document type, a point without a usable position; says the line.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except _UnfitError as error:
        raise InputError(f"{where}:{parser.CurrentLineNumber}", str(error)) from error
    except expat.ExpatError as error:
        raise InputError(f"{where}:{error.lineno}", f"is no XML: {error}") from error
    return Trace(tuple(reader.stretches), tuple(reader.marks))


def _refuse(*_: object) -> None:
    raise _UnfitError("expected no document type: GPX has none, and entities are not expanded")


def _position(point: dict[str, str]) -> tuple[float, float, float]:
    try:
        latitude, longitude = float(point["lat"]), float(point["lon"])
        altitude = float(point.get("ele") or math.nan)
    except (KeyError, ValueError):
        raise _UnfitError("expected a point with lat and lon in degrees, and ele in m") from None
    on_earth = abs(latitude) <= 90 and abs(longitude) <= 180
    if not on_earth or not (math.isnan(altitude) or -500 <= altitude <= 9000):
        raise _UnfitError(f"expected a position on Earth, found {latitude} {longitude} {altitude}")
    return latitude, longitude, altitude


def _told(element: dict[str, str]) -> dict[str, float]:
    found = {}
    for key, word in _TOLD.findall(element.get("desc", "")):
        try:
            found[key] = float(word)
        except ValueError:
            raise _UnfitError(f"expected {key} to be a number, found {word!r}") from None
        if not 0 < found[key] <= _HIGHEST[key]:
            raise _UnfitError(f"expected {key} above 0 and up to {_HIGHEST[key]:g}, found {word}")
    return found
