"""The wire forms of what is not a block: controls, people, findings, rows of features.

All are frames (`streams.frame`), columnar, many at once. Names travel in the header, numbers in the
payload; ``r`` counts the controls, findings or rows.

::

    controls b"VTLC"  header:  participants, kinds, columns (names of the values of each)
                      payload: t_ns i8[r]; values f8, all of them one after the other
    people   b"VTLP"  header:  t_ns, simulated; ids, names, groups, places
                      payload: numbers f8[r, 8] as in `_NUMBERS`, NaN where not known
    findings b"VTLF"  header:  participants, codes, states, evidence (names of each)
                      payload: revision i4[r]; onset_ns, at_ns, t_ns i8[r]; value f8[r];
                               evidence f8, all one after the other
    series   b"VTLS"  header:  participants (each once), and of each of the k features kinds, names,
                               columns, rows
                      payload: of each feature who i4[r], t_ns i8[r], values f8[r, c]
    dead     b"VTLD"  header:  topic, partition, offset, reason
    letter            payload: what could not be used, as it came
    progress b"VTLG"  header:  worker, until_ms

The identity of a finding is not sent: it follows from participant, code and onset. Golden bytes of
each version are kept in ``tests/data``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from processors.records import STATE_WORDS, Control, Finding, finding_id
from registry.participants import Participant
from streams.frame import Buffer, Form, array_bytes
from streams.stores import FEATURES, SCALARS, SeriesRows

CONTROLS: Final = Form("controls", b"VTLC", 1)
FINDINGS: Final = Form("findings", b"VTLF", 1)
SERIES: Final = Form("series", b"VTLS", 1)
DEAD_LETTER: Final = Form("dead letter", b"VTLD", 1)
PEOPLE: Final = Form("people", b"VTLP", 1)
PROGRESS: Final = Form("progress", b"VTLG", 1)

# What is known of a person as a number, in the order of the wire.
_NUMBERS: Final = (
    "age_years", "heart_rate_max", "heart_rate_rest", "event", "posture", "beta_blocker",
    "sensitive", "spo2_low",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What could not be used, and why.

    Attributes
    ----------
    topic, partition, offset
        Where it lies; offset -1: rows of one or more records there, `value` holds only them.
    value
        As it came.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Who takes part.

    Attributes
    ----------
    t_ns
        From when on, in the time of their devices: their limits hold from then on.
    simulated
        They do not exist; pages say so.
    """

    people: Sequence[Participant]
    t_ns: int
    simulated: bool = False


def encode_controls(controls: Sequence[Control]) -> bytes:
    """Give the wire form of controls."""
    header = {
        "participants": [control.participant for control in controls],
        "kinds": [control.kind for control in controls],
        "columns": [list(control.values) for control in controls],
    }
    payload = array_bytes(np.array([control.t_ns for control in controls], np.int64), "<i8")
    values = [float(value) for control in controls for value in control.values.values()]
    return CONTROLS.seal(header, payload + array_bytes(np.array(values, np.float64), "<f8"))


def decode_controls(data: Buffer) -> list[Control]:
    """Read controls; whether kinds and values make sense is for the engine to judge.

    Raises
    ------
    WireError
        Not controls, an unknown version, cut short, damaged, or inconsistent in itself.
    """
    header, reader = CONTROLS.open(data)
    participants, kinds = header.texts("participants"), header.texts("kinds")
    columns = header.lists_of_texts("columns")
    if not len(participants) == len(kinds) == len(columns):
        raise CONTROLS.error("participants, kinds and columns do not fit together")
    t_ns = reader.take("<i8", len(kinds)).tolist()
    values = [reader.take("<f8", len(names)).tolist() for names in columns]
    reader.finish()
    return [
        Control(who, t, kind, dict(zip(names, row, strict=True)))
        for who, t, kind, names, row in zip(participants, t_ns, kinds, columns, values, strict=True)
    ]


def encode_people(enrolment: Enrolment) -> bytes:
    """Give the wire form of who takes part."""
    people = enrolment.people
    header = {
        "t_ns": enrolment.t_ns,
        "simulated": enrolment.simulated,
        "ids": [one.id for one in people],
        "names": [one.name for one in people],
        "groups": [one.group for one in people],
        "places": [one.place for one in people],
    }
    numbers = [[_known(getattr(one, name)) for name in _NUMBERS] for one in people]
    return PEOPLE.seal(header, array_bytes(np.array(numbers, np.float64), "<f8"))


def decode_people(data: Buffer) -> Enrolment:
    """Read who takes part.

    Raises
    ------
    WireError
        Not people, an unknown version, cut short, damaged, or inconsistent in itself.
    """
    header, reader = PEOPLE.open(data)
    ids, names, groups, places = (
        header.texts(name) for name in ("ids", "names", "groups", "places")
    )
    if not len(ids) == len(names) == len(groups) == len(places):
        raise PEOPLE.error("ids, names, groups and places do not fit together")
    numbers = reader.take("<f8", len(ids) * len(_NUMBERS)).reshape(len(ids), len(_NUMBERS))
    reader.finish()
    people = []
    for who, name, group, place, row in zip(
        ids, names, groups, places, numbers.tolist(), strict=True
    ):
        known: dict[str, Any] = {
            column: None if math.isnan(value) else value
            for column, value in zip(_NUMBERS, row, strict=True)
        }
        if known["posture"] is not None:
            if not known["posture"].is_integer():
                raise PEOPLE.error(f"posture is {known['posture']}")
            known["posture"] = int(known["posture"])
        if known["beta_blocker"] is not None:
            known["beta_blocker"] = bool(known["beta_blocker"])
        known["event"], known["sensitive"] = bool(known["event"]), bool(known["sensitive"])
        people.append(Participant(id=who, name=name, group=group, place=place, **known))
    return Enrolment(people, header.time("t_ns"), header.flag("simulated"))


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)


def encode_findings(findings: Sequence[Finding]) -> bytes:
    """Give the wire form of findings."""
    header = {
        "participants": [finding.participant for finding in findings],
        "codes": [finding.code for finding in findings],
        "states": [finding.state for finding in findings],
        "evidence": [list(finding.evidence) for finding in findings],
    }
    evidence = [float(value) for finding in findings for value in finding.evidence.values()]
    parts = [
        array_bytes(np.array([finding.revision for finding in findings], np.int64), "<i4"),
        *(
            array_bytes(np.array([getattr(finding, name) for finding in findings], np.int64), "<i8")
            for name in ("onset_ns", "at_ns", "t_ns")
        ),
        array_bytes(np.array([finding.value for finding in findings], np.float64), "<f8"),
        array_bytes(np.array(evidence, np.float64), "<f8"),
    ]
    return FINDINGS.seal(header, b"".join(parts))


def decode_findings(data: Buffer) -> list[Finding]:
    """Read findings.

    Raises
    ------
    WireError
        Not findings, an unknown version, cut short, damaged, or inconsistent in itself.
    """
    header, reader = FINDINGS.open(data)
    participants, codes = header.texts("participants"), header.texts("codes")
    states, evidence = header.texts("states"), header.lists_of_texts("evidence")
    n = len(participants)
    if not n == len(codes) == len(states) == len(evidence):
        raise FINDINGS.error("participants, codes, states and evidence do not fit together")
    if not set(states) <= set(STATE_WORDS):
        raise FINDINGS.error(f"states are {', '.join(sorted(set(states)))}")
    revision = reader.take("<i4", n).tolist()
    onset_ns, at_ns, t_ns = (reader.take("<i8", n).tolist() for _ in range(3))
    value = reader.take("<f8", n).tolist()
    found = [
        Finding(
            id=finding_id(participants[k], codes[k], onset_ns[k]),
            revision=revision[k],
            participant=participants[k],
            code=codes[k],
            state=states[k],
            onset_ns=onset_ns[k],
            at_ns=at_ns[k],
            t_ns=t_ns[k],
            value=value[k],
            evidence=dict(zip(names, reader.take("<f8", len(names)).tolist(), strict=True)),
        )
        for k, names in enumerate(evidence)
    ]
    reader.finish()
    return found


def encode_series(series: Iterable[SeriesRows]) -> bytes:
    """Give the wire form of rows of features and scalar signals."""
    series = list(series)
    who: dict[str, int] = {}
    parts = []
    for rows in series:
        numbers = [who.setdefault(name, len(who)) for name in rows.participants]
        parts += [
            array_bytes(np.array(numbers, np.int64), "<i4"),
            array_bytes(rows.t_ns, "<i8"),
            array_bytes(rows.values, "<f8"),
        ]
    header = {
        "participants": list(who),
        "kinds": [rows.kind for rows in series],
        "names": [rows.name for rows in series],
        "columns": [list(rows.columns) for rows in series],
        "rows": [len(rows.participants) for rows in series],
    }
    return SERIES.seal(header, b"".join(parts))


def decode_series(data: Buffer) -> list[SeriesRows]:
    """Read rows of features and scalar signals.

    Raises
    ------
    WireError
        Not series, an unknown version, cut short, damaged, or inconsistent in itself.
    """
    header, reader = SERIES.open(data)
    participants, kinds, names = (header.texts(name) for name in ("participants", "kinds", "names"))
    columns, counts = header.lists_of_texts("columns"), header.counts("rows")
    if not len(kinds) == len(names) == len(columns) == len(counts):
        raise SERIES.error("kinds, names, columns and rows do not fit together")
    if not set(kinds) <= {FEATURES, SCALARS}:
        raise SERIES.error(f"kinds are {', '.join(sorted(set(kinds)))}")
    series = []
    for kind, name, wide, n in zip(kinds, names, columns, counts, strict=True):
        who = reader.take("<i4", n)
        if n and not 0 <= int(who.min()) <= int(who.max()) < len(participants):
            raise SERIES.error(f"rows of {name} name a participant who is not there")
        t_ns = reader.take("<i8", n)
        values = reader.take("<f8", n * len(wide)).reshape(n, len(wide))
        people = [participants[k] for k in who.tolist()]
        series.append(SeriesRows(kind, name, wide, people, t_ns, values))
    reader.finish()
    return series


def encode_dead_letter(letter: DeadLetter) -> bytes:
    """Give the wire form of a dead letter."""
    header = {
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "reason": letter.reason,
    }
    return DEAD_LETTER.seal(header, letter.value)


def decode_dead_letter(data: Buffer) -> DeadLetter:
    """Read a dead letter.

    Raises
    ------
    WireError
        Not a dead letter, an unknown version, cut short, damaged, or inconsistent in itself.
    """
    header, reader = DEAD_LETTER.open(data)
    return DeadLetter(
        header.text("topic"),
        header.count("partition"),
        header.time("offset"),
        header.text("reason"),
        bytes(reader.rest()),
    )


def encode_progress(worker: str, until_ms: int) -> bytes:
    """Give the wire form of how far a worker is with a partition."""
    return PROGRESS.seal({"worker": worker, "until_ms": until_ms}, b"")


def decode_progress(data: Buffer) -> tuple[str, int]:
    """Read which worker has a partition, and up to which of its times it has worked.

    Raises
    ------
    WireError
        Not progress, an unknown version, cut short, damaged, or inconsistent in itself.
    """
    header, reader = PROGRESS.open(data)
    reader.finish()
    return header.text("worker"), header.time("until_ms")
