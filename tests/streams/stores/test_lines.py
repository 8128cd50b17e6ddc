"""Line protocol: what is written is what it says, and identities follow from what is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streams.stores import SeriesRows
from streams.stores.lines import column_line, finding_line, series_lines, tag_value
from tests.streams.stores.stories import FINDINGS, told

T_NS = 1_700_000_000_123_999_999


def rows(values, who=("p1",), columns=("rate", "source")):
    values = np.array(values, np.float64)
    return SeriesRows("features", "heart_rate", columns, who, np.full(len(who), T_NS), values)


def test_a_row_is_one_line_with_its_time_in_whole_milliseconds():
    (line,) = series_lines(rows([[61.5, 0.0]]))
    assert line == "features.heart_rate,participant=p1 rate=61.5,source=0.0 1700000000123"


def test_a_value_that_is_missing_has_no_field_and_a_missing_first_one_is_told():
    nan, people = np.nan, ("a", "b", "c", "d")
    lines = sorted(series_lines(rows([[1, nan], [nan, 2], [nan, nan], [1, 2]], people)))
    head, tail = "features.heart_rate,participant=", "1700000000123"
    assert lines == [
        f"{head}a rate=1.0 {tail}",
        f"{head}b source=2.0,blank=true {tail}",
        f"{head}c blank=true {tail}",
        f"{head}d rate=1.0,source=2.0 {tail}",
    ]


@pytest.mark.parametrize(
    ("name", "tag"),
    [("a b", "a\\ b"), ("a,b=c", "a\\,b\\=c"), ("100%d", "100%d"), ("a\nb", "a_b"), ("", "_")],
)
def test_names_of_people_cannot_break_a_line(name, tag):
    (line,) = series_lines(rows([[1.0, 2.0]], (name,)))
    assert line == f"features.heart_rate,participant={tag} rate=1.0,source=2.0 1700000000123"
    assert "\n" not in tag_value(name)


def test_the_columns_are_told_in_their_order_once_a_day():
    line = column_line(rows([[1.0, 2.0]]), 19675)
    assert line == 'columns,kind=features,name=heart_rate order="rate,source" 1699920000000'


def test_findings_of_one_millisecond_keep_apart_and_repetitions_do_not():
    one = told("pause", "point", 30.0001, 33)
    other = told("pause", "point", 30.0002, 33)
    times = {finding_line(f).rsplit(" ", 1)[1] for f in (one, other, one)}
    assert len(times) == 2
    assert {t[:13] for t in times} == {str(one.t_ns // 1_000_000)}
    assert finding_line(one) == finding_line(replace(one))


def test_a_finding_has_its_evidence_and_no_number_that_is_none():
    line = finding_line(FINDINGS[3])
    assert line.startswith("findings,code=pause,participant=p1 id=")
    assert "e_rr_s=3.2" in line
    assert "value" not in line
    assert "unknown" not in line
