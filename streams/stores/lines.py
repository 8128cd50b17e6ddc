"""Series and findings as line protocol of InfluxDB: what is written twice is there once.

A row is one point: measurement ``features.<name>`` or ``scalars.<name>``, the one tag
``participant``, a field for each column, its time in whole milliseconds. A finding is a point of
``findings`` with the tags ``code`` and ``participant``. So there are as many series as participants
times metrics, and a point follows from what it stands for: written again, it overwrites.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from alerts.lifecycle import stage
from processors.records import Finding
from streams.stores import SeriesRows

NS_PER_MS: Final = 1_000_000
DAY_NS: Final = 86_400_000_000_000
# Of a row whose first column has no value: InfluxDB has no NaN, and a row of none would be lost.
BLANK: Final = "blank"
FINDINGS: Final = "findings"
COLUMNS: Final = "columns"  # measurement: the columns of a name in their order, once a day
# Times outside are refused: 1677 and 2262.
FIRST_NS, LAST_NS = -(2**63) + 2 + NS_PER_MS, 2**63 - 2 - NS_PER_MS

_ESCAPES: Final = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})
_TEXT: Final = str.maketrans({'"': '\\"', "\\": "\\\\"})


def measurement(kind: str, name: str) -> str:
    """Give the measurement of a feature or scalar signal.

    >>> measurement("features", "hrv")
    'features.hrv'
    """
    return f"{kind}.{name}"


def series_lines(rows: SeriesRows) -> Iterator[str]:
    """Give a line for each row, times in milliseconds; rows without any value have one too."""
    finite = np.isfinite(rows.values)
    head = f"{_key(measurement(rows.kind, rows.name))},participant="
    people = _tags(rows.participants)
    times = (rows.t_ns // NS_PER_MS).tolist()
    if finite.all():
        yield from _formatted(head, rows.columns, people, rows.values, times)
        return
    # Rows that have the same columns are formatted together, in the speed of one format.
    packed = np.packbits(finite, axis=1)
    patterns, which = np.unique(packed, axis=0, return_inverse=True)
    for number in range(len(patterns)):
        chosen = np.flatnonzero(which.reshape(-1) == number)
        c = np.flatnonzero(finite[chosen[0]])
        k = chosen.tolist()
        yield from _formatted(
            head,
            [rows.columns[i] for i in c.tolist()],
            [people[i] for i in k],
            rows.values[np.ix_(chosen, c)],
            [times[i] for i in k],
            blank=not finite[chosen[0], 0],
        )


def column_line(rows: SeriesRows, day: int) -> str:
    """Give the line that tells the order of columns from a day on; time in milliseconds."""
    told = ",".join(rows.columns).translate(_TEXT)
    t_ms = day * (DAY_NS // NS_PER_MS)
    return f'{COLUMNS},kind={rows.kind},name={_tag(rows.name)} order="{told}" {t_ms}'


def finding_line(finding: Finding) -> str:
    """Give the line of a finding, its time in nanoseconds.

    Below the millisecond stands a number that follows from its identity: two findings of one code,
    participant and millisecond keep apart.
    """
    numbers = {"value": finding.value, **{f"e_{k}": v for k, v in finding.evidence.items()}}
    fields = [
        f'id="{finding.id.translate(_TEXT)}"',
        f'state="{finding.state}"',
        f"revision={finding.revision}i",
        f"onset_ns={finding.onset_ns}i",
        f"at_ns={finding.at_ns}i",
        *(f"{_tag(k)}={v!r}" for k, v in numbers.items() if math.isfinite(v)),
    ]
    apart = zlib.crc32(f"{finding.id} {stage(finding)}".encode()) % NS_PER_MS
    t_ns = finding.t_ns // NS_PER_MS * NS_PER_MS + apart
    tags = f"code={_tag(finding.code)},participant={_tag(finding.participant)}"
    return f"{FINDINGS},{tags} {','.join(fields)} {t_ns}"


def _formatted(
    head: str, columns: Sequence[str], people: Sequence[str], values: Any, times: Sequence[int],
    *, blank: bool = False,
) -> Iterator[str]:  # fmt: skip
    """Format rows that all have the same columns; the loop over them runs in C."""
    fields = [f"{_key(name).replace('%', '%%')}=%r" for name in columns]
    if blank:
        fields.append(f"{BLANK}=true")
    line = f"{head.replace('%', '%%')}%s {','.join(fields)} %d"
    return map(line.__mod__, zip(people, *values.T.tolist(), times, strict=True))


def tag_value(text: str) -> str:
    """Give what InfluxDB has in place of a text as the value of a tag.

    It has no line breaks in tags, no empty ones, and none that end in a backslash.

    >>> tag_value("P-0001")
    'P-0001'
    """
    text = text.replace("\n", "_").replace("\r", "_")
    return text + "_" if not text or text.endswith("\\") else text


def _tags(names: Sequence[str]) -> list[str]:
    tags = {name: _tag(name) for name in dict.fromkeys(names)}
    return [tags[name] for name in names]


def _tag(text: str) -> str:
    return _key(tag_value(text))


def _key(text: str) -> str:
    return text.translate(_ESCAPES)
