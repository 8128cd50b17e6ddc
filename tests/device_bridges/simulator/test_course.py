"""Courses: distances, the even grid, GPX and GeoJSON, and files that mean harm."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_bridges.simulator import course
from device_bridges.simulator.geojson import read_geojson
from device_bridges.simulator.gpx import read_gpx
from device_bridges.simulator.trace import KINDS, Mark, Stretch, Trace
from processors.errors import InputError


def apart_m(*degrees: float) -> float:
    return float(course.haversine_m(*(np.array([one]) for one in degrees))[0])


def straight(
    length_m: float, grade: float = 0.0, *, at: float = 37.5, n: int = 101, kind: str = "path"
) -> Stretch:
    """Give a stretch due north from a latitude, at one grade."""
    along = np.linspace(0.0, length_m, n)
    latitude = at + np.degrees(along / course.EARTH_RADIUS_M)
    return Stretch(kind, kind, latitude, np.full(n, 128.0), 200.0 + grade * along)


def as_gpx(trace: Trace) -> bytes:
    """Write a trace as the GPX that `read_gpx` understands."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>']
    parts += ['<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1">']
    for mark in trace.marks:
        told = [f"rest_s={mark.rest_s}"] if mark.rest_s else []
        told += [] if math.isnan(mark.pm2_5) else [f"pm2_5={mark.pm2_5}"]
        parts.append(f'<wpt lat="{mark.latitude}" lon="{mark.longitude}"><name>'
                     f"{escape(mark.name)}</name><desc>{' '.join(told)}</desc></wpt>")  # fmt: skip
    for one in trace.stretches:
        told = [
            f"{key}={value}"
            for key, value in (("pace", one.pace), ("pm2_5", one.pm2_5), ("rest_s", one.rest_s))
            if value > 0
        ]
        parts.append(f"<trk><name>{escape(one.name)}</name><desc>{' '.join(told)}</desc>"
                     f"<type>{one.kind}</type><trkseg>")  # fmt: skip
        rows = zip(one.latitude, one.longitude, one.altitude, strict=True)
        parts += [f'<trkpt lat="{a}" lon="{b}"><ele>{c}</ele></trkpt>' for a, b, c in rows]
        parts.append("</trkseg></trk>")
    return "\n".join([*parts, "</gpx>"]).encode()


def sky_bridge() -> Trace:
    path = course.shipped("sky-bridge")
    return read_geojson(path.read_bytes(), path.name)


@pytest.mark.parametrize(
    ("degrees", "expected_m"),
    [
        ((0.0, 0.0, 1.0, 0.0), 111_195.1),  # a degree of the mean sphere: 2 pi R / 360
        ((0.0, 0.0, 0.0, 180.0), 20_015_114.4),  # to the other side: pi R
        ((60.0, 10.0, 60.0, 11.0), 55_597.0),  # a degree of longitude is half as long at 60 deg
        ((37.5, 127.0, 37.5, 127.0), 0.0),
        ((36.12, -86.67, 33.94, -118.4), 2_886_448.4),  # Nashville to Los Angeles, textbook example
    ],
)
def test_distances_are_those_known(degrees: tuple[float, ...], expected_m: float) -> None:
    assert apart_m(*degrees) == pytest.approx(expected_m, rel=2e-5, abs=1e-6)


@given(st.floats(-89, 89), st.floats(-180, 180), st.floats(-89, 89), st.floats(-180, 180))
def test_it_is_as_far_there_as_back(a: float, b: float, c: float, d: float) -> None:
    assert apart_m(a, b, c, d) == pytest.approx(apart_m(c, d, a, b), rel=1e-9, abs=1e-6)
    assert 0 <= apart_m(a, b, c, d) <= math.pi * course.EARTH_RADIUS_M * (1 + 1e-12)


def test_the_grid_is_even_and_as_long_as_the_line() -> None:
    grid = course.grid(Trace((straight(1002.0),)))
    assert len(grid.latitude) == 201
    steps = course.haversine_m(
        grid.latitude[:-1], grid.longitude[:-1], grid.latitude[1:], grid.longitude[1:]
    )
    np.testing.assert_allclose(steps, 5.0, rtol=1e-6)


def test_an_even_slope_keeps_its_grade_to_the_ends() -> None:
    grid = course.grid(Trace((straight(600.0, 0.18),)))
    np.testing.assert_allclose(grid.grade, 0.18, atol=1e-6)


def test_errors_of_recorded_altitude_do_not_become_cliffs() -> None:
    line = straight(1000.0, 0.1, n=201)
    noise = np.random.default_rng(3).normal(0.0, 1.0, 201)
    noisy = Stretch("n", "path", line.latitude, line.longitude, line.altitude + noise)
    grade = course.grid(Trace((noisy,))).grade
    assert np.std(grade - 0.1) < 0.06
    assert np.std(np.diff(noisy.altitude) / 5.0) > 0.2


def test_how_densely_points_lie_does_not_matter() -> None:
    few = course.grid(Trace((straight(1000.0, 0.1, n=3),)))
    many = course.grid(Trace((straight(1000.0, 0.1, n=1001),)))
    m = min(len(few.latitude), len(many.latitude))
    np.testing.assert_allclose(few.latitude[:m], many.latitude[:m], atol=1e-9)
    np.testing.assert_allclose(few.altitude[:m], many.altitude[:m], atol=1e-3)


def test_points_that_repeat_do_no_harm() -> None:
    line = straight(500.0, 0.1)
    again = np.repeat(np.arange(101), 3)
    trace = Trace((Stretch("n", "path", *(getattr(line, name)[again] for name in
                                          ("latitude", "longitude", "altitude"))),))  # fmt: skip
    np.testing.assert_allclose(
        course.grid(trace).altitude, course.grid(Trace((line,))).altitude, atol=1e-6
    )


def test_missing_altitudes_are_drawn_between_their_neighbours() -> None:
    line = straight(500.0, 0.1)
    line.altitude[30:60] = math.nan
    np.testing.assert_allclose(course.grid(Trace((line,))).grade, 0.1, atol=1e-6)


def test_stretches_follow_each_other_with_their_own_pace() -> None:
    first = straight(300.0, kind="ascent")
    second = straight(400.0, at=float(first.latitude[-1]), kind="bridge")
    grid = course.grid(Trace((first, second)))
    assert grid.segments == ("ascent (ascent)", "bridge (bridge)")
    assert (grid.segment[:60] == 0).all()
    assert (grid.segment[61:] == 1).all()
    assert grid.pace[0] == course.PACE["ascent"]
    assert grid.pace[-1] == course.PACE["bridge"]


def test_walkers_rest_where_marks_and_stretches_say() -> None:
    line = straight(300.0)
    deck = straight(20.0, at=float(line.latitude[-1]), kind="rest")
    beside = Mark("spring", float(line.latitude[40]), 128.0002, rest_s=45.0)
    grid = course.grid(Trace((line, deck), (beside,)))
    np.testing.assert_allclose(grid.rest_m, [120.0, 310.0], atol=0.5)
    np.testing.assert_allclose(grid.rest_s, [45.0, course.REST_S])


def test_particles_are_drawn_between_what_is_told() -> None:
    line = straight(1000.0)
    marks = (Mark("a", float(line.latitude[0]), 128.0, pm2_5=40.0),
             Mark("b", float(line.latitude[-1]), 128.0, pm2_5=10.0))  # fmt: skip
    grid = course.grid(Trace((line,), marks))
    assert grid.pm2_5[0] == pytest.approx(40.0)
    assert grid.pm2_5[100] == pytest.approx(25.0, abs=0.1)
    assert (course.grid(Trace((line,))).pm2_5 == course.USUAL_PM2_5).all()


def test_the_shipped_course_has_what_its_name_promises() -> None:
    assert course.names() == ("sky-bridge",)
    grid = course.read_course(course.shipped("sky-bridge"))
    trace = sky_bridge()
    assert {one.kind for one in trace.stretches} == set(KINDS)
    assert 3000 < 5.0 * len(grid.grade) < 4000
    at = {one.kind: grid.segment == k for k, one in enumerate(trace.stretches)}
    assert grid.grade[at["steep"]].mean() > 0.2
    assert grid.grade[at["ascent"]].mean() > 0.08
    assert abs(grid.grade[at["bridge"]].mean()) < 0.02
    assert grid.grade[at["descent"]].mean() < -0.04
    bridge_m = 5.0 * np.flatnonzero(at["bridge"])
    middle = (grid.rest_m > bridge_m[0] + 60) & (grid.rest_m < bridge_m[-1] - 60)
    assert middle.any(), "people stop in the middle of the bridge"
    assert grid.pm2_5[at["bridge"]].mean() < grid.pm2_5[0]


def test_the_shipped_course_comes_back_from_gpx(tmp_path: Path) -> None:
    path = tmp_path / "sky-bridge.gpx"
    path.write_bytes(as_gpx(sky_bridge()))
    there, back = course.read_course(course.shipped("sky-bridge")), course.read_course(path)
    assert back.segments == there.segments
    for name in ("latitude", "longitude", "altitude", "grade", "pace", "segment", "pm2_5",
                 "rest_m", "rest_s"):  # fmt: skip
        np.testing.assert_allclose(getattr(back, name), getattr(there, name), atol=1e-9)


def test_a_recorded_track_of_another_program_is_a_path() -> None:
    data = b"""<gpx version="1.0" xmlns="http://www.topografix.com/GPX/1/0"><metadata><name>no</name>
        </metadata><trk><name>Run</name><type>running</type><link href="x"><type>t</type></link>
        <trkseg><trkpt lat="37.5" lon="127"><ele>10</ele><time>2020-01-01T00:00:00Z</time></trkpt>
        <trkpt lat="37.501" lon="127"/></trkseg></trk></gpx>"""
    (one,) = read_gpx(data, "run.gpx").stretches
    assert (one.name, one.kind) == ("Run", "path")
    assert one.altitude[0] == 10
    assert math.isnan(one.altitude[1])


BOMB = b"""<?xml version="1.0"?><!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<gpx><trk><name>&b;</name></trk></gpx>"""
FETCH = b"""<?xml version="1.0"?><!DOCTYPE gpx [<!ENTITY x SYSTEM "file:///etc/hostname">]>
<gpx><trk><name>&x;</name></trk></gpx>"""


@pytest.mark.parametrize("data", [BOMB, FETCH])
def test_entities_are_not_expanded(data: bytes) -> None:
    with pytest.raises(InputError, match="no document type"):
        read_gpx(data, "hostile.gpx")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no XML"),
        (b"<gpx><trk>", "is no XML"),
        (b"<html/>", "root element gpx"),
        (b'<gpx>\n<wpt lat="91" lon="0"/></gpx>', "x.gpx:2: expected a position on Earth"),
        (b'<gpx><wpt lat="nan" lon="0"/></gpx>', "position on Earth"),
        (b'<gpx><wpt lon="0"/></gpx>', "lat and lon"),
        (b'<gpx><wpt lat="0" lon="0"><ele>1e300</ele></wpt></gpx>', "position on Earth"),
        (b'<gpx><wpt lat="0" lon="0"><desc>rest_s=9e</desc></wpt></gpx>', ""),
        (b'<gpx><wpt lat="0" lon="0"><desc>rest_s=1.2.3</desc></wpt></gpx>', "rest_s to be a num"),
        (b'<gpx><wpt lat="0" lon="0"><desc>pace=7</desc></wpt></gpx>', "pace above 0 and up to 2"),
    ],
)
def test_gpx_that_is_none_is_told_with_its_line(data: bytes, said: str) -> None:
    if not said:
        assert read_gpx(data, "x.gpx").marks[0].rest_s == 9.0
        return
    with pytest.raises(InputError, match=said):
        read_gpx(data, "x.gpx")


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    for read in (read_gpx, read_geojson):
        try:
            read(data, "x")
        except InputError:
            pass
        else:
            pytest.fail("random bytes became a course")


def feature(form: str, coordinates: object, **properties: object) -> bytes:
    one = {"type": "Feature", "geometry": {"type": form, "coordinates": coordinates},
           "properties": properties}  # fmt: skip
    return json.dumps({"type": "FeatureCollection", "features": [one]}).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "JSON"),
        (b"[]", "c.geojson"),
        (feature("Polygon", []), r"features\[0\].geometry"),
        (feature("LineString", [[128, 37, 10]]), "at least 2"),
        (feature("LineString", [[128, 97, 10], [128, 37, 10]]), "less than or equal to 90"),
        (feature("LineString", [[128, 37], [128, 38]], kind="tunnel"), "'ascent'"),
        (feature("Point", [128, 37], rest_s=-1), "rest_s"),
    ],
)
def test_geojson_that_is_none_is_told_with_its_place(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_geojson(data, "c.geojson")


@pytest.mark.parametrize(
    ("stretches", "said"),
    [
        ((), "at least one line"),
        ((straight(6.0),), "10 m to 200000 m"),
        ((straight(300_000.0),), "10 m to 200000 m"),
        ((Stretch("f", "path", np.array([37.0, 37.1]), np.zeros(2), np.full(2, np.nan)),), "slope"),
    ],
)
def test_a_course_that_cannot_be_walked_is_refused(
    stretches: tuple[Stretch, ...], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        course.grid(Trace(stretches))


def test_a_file_of_another_kind_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a course file"):
        course.read_course(tmp_path / "a.kml")
    with pytest.raises(InputError, match="cannot be read"):
        course.read_course(tmp_path / "a.gpx")
