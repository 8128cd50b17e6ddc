"""A course as walkers find it: a GPX or GeoJSON file becomes an even grid of distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.geojson import read_geojson
from device_bridges.simulator.gpx import read_gpx
from device_bridges.simulator.plan import CourseGrid
from device_bridges.simulator.trace import Mark, Stretch, Trace
from processors.errors import InputError

COURSES = Path(__file__).with_name("courses")
STEP_M = 5.0  # m, default
SMOOTH_M = 50.0  # m of altitude averaged for the grade: recorded altitudes err by metres (default)
STEEPEST = 0.8  # rise over run beyond which a path is a ladder, or its altitude an error (default)
LONGEST_M = 200_000.0  # m, default: beyond a day's walk
USUAL_PM2_5 = 15.0  # ug/m3 where a file does not say; upper end of "good" in Korea, CLINICAL 3.17
EARTH_RADIUS_M = 6_371_008.8  # m, mean radius of the WGS 84 ellipsoid (IUGG)
_MAX_BYTES = 32 << 20  # of a file

# Share of the walking speed that the ground allows, before the slope (defaults of this project).
PACE = {
    "start": 0.9,
    "stabilisation": 0.9,
    "ascent": 0.95,
    "steep": 0.85,
    "bridge": 0.7,
    "rest": 0.8,
    "descent": 0.9,
    "path": 1.0,
}
REST_S = 120.0  # s on a stretch of the kind "rest" that does not say how long (default)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Line:
    """The vertices of all stretches on end.

    Attributes
    ----------
    at_m
        Distance of each vertex from the start, not decreasing.
    border_m
        Distance at which each stretch ends.
    """

    latitude: Floats
    longitude: Floats
    altitude: Floats
    at_m: Floats
    border_m: Floats


def names() -> tuple[str, ...]:
    """Name the courses that come with the simulator."""
    return tuple(sorted({path.stem for path in COURSES.iterdir() if _is_course(path)}))


def shipped(name: str) -> Path:
    """Give the file of a course that comes with the simulator; LookupError if there is none."""
    for path in sorted(COURSES.iterdir()):
        if path.stem == name and _is_course(path):
            return path
    raise LookupError(name)


def read_course(path: Path, step_m: float = STEP_M) -> CourseGrid:
    """Read a course file, by its suffix: ``.gpx``, ``.geojson`` or ``.json``.

    Raises
    ------
    InputError
        Not readable, neither GPX nor GeoJSON, no line, no altitude, or of an impossible length.
    """
    readers = {".gpx": read_gpx, ".geojson": read_geojson, ".json": read_geojson}
    where = str(path)
    if path.suffix.lower() not in readers:
        raise InputError(where, "expected a course file (.gpx, .geojson, .json)")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(where, f"cannot be read ({error.strerror})") from error
    if len(data) > _MAX_BYTES:
        raise InputError(where, f"expected at most {_MAX_BYTES} bytes, found {len(data)}")
    return grid(readers[path.suffix.lower()](data, where), where, step_m)


def grid(trace: Trace, where: str = "course", step_m: float = STEP_M) -> CourseGrid:
    """Lay an even grid over a trace; raises `InputError` as `read_course` does.

    What is left behind the last whole step is cut off. Altitudes that are missing are drawn
    between their neighbours.
    """
    line = _join(trace.stretches, where)
    length_m = float(line.at_m[-1])
    if not 2 * step_m <= length_m <= LONGEST_M:
        raise InputError(
            where, f"expected {2 * step_m:g} m to {LONGEST_M:g} m of course, found {length_m:.1f} m"
        )
    m = int(length_m // step_m) + 1
    at_m = np.arange(m, dtype=np.float64) * step_m
    altitude = np.interp(at_m, line.at_m, line.altitude)
    segment = np.searchsorted(line.border_m[:-1], at_m, side="right").astype(np.int32)
    rest_m, rest_s = _rests(trace, line)
    return CourseGrid(
        step_m=step_m,
        latitude=np.interp(at_m, line.at_m, line.latitude),
        longitude=np.interp(at_m, line.at_m, line.longitude),
        altitude=altitude,
        grade=_grade(altitude, step_m),
        pace=np.array([_pace(stretch) for stretch in trace.stretches])[segment],
        segment=segment,
        pm2_5=_particles(trace, line, at_m),
        rest_m=rest_m,
        rest_s=rest_s,
        segments=tuple(f"{stretch.name} ({stretch.kind})" for stretch in trace.stretches),
    )


def haversine_m(
    latitude: Floats, longitude: Floats, to_latitude: Floats, to_longitude: Floats
) -> Floats:
    """Give the distance on the sphere between points in degrees, element by element, in m.

    Sinnott 1984, Sky and Telescope 68(2):159. A sphere errs by at most 0.6 % against the ellipsoid.

    >>> pole, equator = np.array([90.0]), np.array([0.0])
    >>> round(float(haversine_m(equator, equator, pole, equator)[0]) / 1000)
    10008
    """
    phi, to_phi = np.radians(latitude), np.radians(to_latitude)
    half_d_lambda = np.radians(to_longitude - longitude) / 2.0
    chord = np.sin((to_phi - phi) / 2.0) ** 2
    chord = chord + np.cos(phi) * np.cos(to_phi) * np.sin(half_d_lambda) ** 2
    distance: Floats = 2.0 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0)))
    return distance


def _is_course(path: Path) -> bool:
    return path.suffix in {".geojson", ".gpx"}


def _join(stretches: Sequence[Stretch], where: str) -> _Line:
    if not stretches:
        raise InputError(where, "expected at least one line with two points, found none")
    latitude, longitude, altitude = (
        np.concatenate([getattr(stretch, name) for stretch in stretches])
        for name in ("latitude", "longitude", "altitude")
    )
    steps = haversine_m(latitude[:-1], longitude[:-1], latitude[1:], longitude[1:])
    at_m = np.concatenate([[0.0], np.cumsum(steps)])
    ends = np.cumsum([len(stretch.latitude) for stretch in stretches]) - 1
    known = np.isfinite(altitude)
    if not known.any():
        raise InputError(where, "expected altitudes, found none: without them there is no slope")
    altitude = np.interp(at_m, at_m[known], altitude[known])
    return _Line(latitude, longitude, altitude, at_m, at_m[ends])


def _grade(altitude: Floats, step_m: float) -> Floats:
    """Give rise over run of the altitude, averaged over `SMOOTH_M`; ends are held."""
    half = max(int(SMOOTH_M / step_m) // 2, 1)
    padded = np.pad(altitude, half, mode="reflect", reflect_type="odd")
    smooth = np.convolve(padded, np.full(2 * half + 1, 1.0 / (2 * half + 1)), mode="valid")
    grade: Floats = np.clip(np.gradient(smooth, step_m), -STEEPEST, STEEPEST)
    return grade


def _pace(stretch: Stretch) -> float:
    return PACE[stretch.kind] if np.isnan(stretch.pace) else stretch.pace


def _nearest_m(line: _Line, mark: Mark) -> float:
    """Give where on the line a mark is: the nearest point of any of its sides, in m."""
    scale = np.cos(np.radians(mark.latitude))  # flat around the mark: sides are short
    x, y = (line.longitude - mark.longitude) * scale, line.latitude - mark.latitude
    dx, dy = np.diff(x), np.diff(y)
    square = dx * dx + dy * dy
    share = np.clip(-(x[:-1] * dx + y[:-1] * dy) / np.where(square > 0, square, 1.0), 0.0, 1.0)
    side = int(np.argmin((x[:-1] + share * dx) ** 2 + (y[:-1] + share * dy) ** 2))
    return float(line.at_m[side] + share[side] * (line.at_m[side + 1] - line.at_m[side]))


def _middles_m(line: _Line) -> Floats:
    middles: Floats = (np.concatenate([[0.0], line.border_m[:-1]]) + line.border_m) / 2.0
    return middles


def _rests(trace: Trace, line: _Line) -> tuple[Floats, Floats]:
    found = [(_nearest_m(line, mark), mark.rest_s) for mark in trace.marks if mark.rest_s > 0]
    for stretch, middle_m in zip(trace.stretches, _middles_m(line).tolist(), strict=True):
        if stretch.kind == "rest" or stretch.rest_s > 0:
            found.append((middle_m, stretch.rest_s if stretch.rest_s > 0 else REST_S))
    found.sort()
    rests = np.array(found, np.float64).reshape(-1, 2)
    return rests[:, 0].copy(), rests[:, 1].copy()


def _particles(trace: Trace, line: _Line, at_m: Floats) -> Floats:
    """Draw fine particles between the marks and the middles of the stretches that tell them."""
    middles = _middles_m(line).tolist()
    told = [(_nearest_m(line, mark), mark.pm2_5) for mark in trace.marks]
    told += [(m, stretch.pm2_5) for m, stretch in zip(middles, trace.stretches, strict=True)]
    told = sorted((m, value) for m, value in told if not np.isnan(value))
    if not told:
        return np.full(len(at_m), USUAL_PM2_5)
    drawn: Floats = np.interp(at_m, [m for m, _ in told], [value for _, value in told])
    return drawn
