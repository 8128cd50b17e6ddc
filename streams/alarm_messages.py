"""The wire forms of alarms: what the alarm core said, and what persons ask of it.

Both are frames (`streams.frame`) with nothing but a header: alarms are few, and no number of them
is computed with. Lists are of maps as `alerts` makes them plain, each with exactly these names.

::

    alarms b"VTLM"   until_ns (up to when all changes have been told),
                     changes (kind, t_ns, alarm), held (participant, suspensions, inactivations),
                     audits
    acts   b"VTLT"   acts

A field more is another version. Golden bytes of each version are kept in ``tests/data``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from alerts.act import ACTS, Act
from alerts.alarm import (
    ACKNOWLEDGED,
    ACTIVE,
    CHANGE_KINDS,
    ENDED,
    AlarmChange,
    alarm_from_plain,
    alarm_to_plain,
)
from alerts.audit import Audit
from alerts.holds import Held, Suspension
from alerts.inactivation import INACTIVATIONS, inactivation_from_plain, inactivation_to_plain
from alerts.rule import PRIORITIES, SOUNDS
from streams.frame import Buffer, Fault, Form

ALARMS: Final = Form("alarms", b"VTLM", 1)
ACT: Final = Form("acts", b"VTLT", 1)


@dataclass(frozen=True, slots=True)
class AlarmNews:
    """What the alarm core of a partition said.

    Attributes
    ----------
    until_ns
        Time of the partition; every change up to it has been told.
    held
        All that holds alarms back or quiet, of those for whom that has changed.
    """

    until_ns: int
    changes: Sequence[AlarmChange] = ()
    held: Sequence[Held] = ()
    audits: Sequence[Audit] = ()


def encode_alarms(news: AlarmNews) -> bytes:
    """Give the wire form of what the alarm core said."""
    header = {
        "until_ns": news.until_ns,
        "changes": [
            {"kind": one.kind, "t_ns": one.t_ns, "alarm": alarm_to_plain(one.alarm)}
            for one in news.changes
        ],
        "held": [
            {
                "participant": one.participant,
                "suspensions": [asdict(each) for each in one.suspensions],
                "inactivations": [inactivation_to_plain(each) for each in one.inactivations],
            }
            for one in news.held
        ],
        "audits": [{**_slots(one), "details": dict(one.details)} for one in news.audits],
    }
    return ALARMS.seal(header, b"")


def decode_alarms(data: Buffer) -> AlarmNews:
    """Read what the alarm core said.

    Raises
    ------
    WireError
        Not alarms, an unknown version, cut short, damaged, or inconsistent in itself.
    """
    header, reader = ALARMS.open(data)
    reader.finish()
    changes = header.maps("changes")
    held, audits = header.maps("held"), header.maps("audits")
    for name, shape, several in (
        ("change", _CHANGE, changes), ("held", _HELD, held), ("audit", _AUDIT, audits),
    ):  # fmt: skip
        for one in several:
            _check(name, one, shape, ALARMS.error)
    return AlarmNews(
        header.time("until_ns"),
        [AlarmChange(o["kind"], o["t_ns"], alarm_from_plain(o["alarm"])) for o in changes],
        [
            Held(
                one["participant"],
                tuple(Suspension(**each) for each in one["suspensions"]),
                tuple(inactivation_from_plain(each) for each in one["inactivations"]),
            )
            for one in held
        ],
        [Audit(**one) for one in audits],
    )


def encode_acts(acts: Iterable[Act]) -> bytes:
    """Give the wire form of acts."""
    return ACT.seal({"acts": [{**_slots(act), "limits": dict(act.limits)} for act in acts]}, b"")


def decode_acts(data: Buffer) -> list[Act]:
    """Read acts; whether they can be carried out is for the alarm core to judge.

    Raises
    ------
    WireError
        Not acts, an unknown version, cut short, damaged, or inconsistent in itself.
    """
    header, reader = ACT.open(data)
    reader.finish()
    acts = header.maps("acts")
    for one in acts:
        _check("act", one, _ACT, ACT.error)
    return [Act(**one) for one in acts]


# What each name of a map may hold.

_Judge = Callable[[Any], bool]


def _check(what: str, found: Mapping[str, Any], shape: Mapping[str, _Judge], fault: Fault) -> None:
    if found.keys() != shape.keys():
        different = sorted(found.keys() ^ shape.keys())
        raise fault(f"{what} does not have the fields of this version: {', '.join(different)}")
    for name, is_right in shape.items():
        if not is_right(found[name]):
            raise fault(f"{what} {name} is {found[name]!r:.60}")


def _slots(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in type(value).__slots__}


def _text(value: Any) -> bool:
    return type(value) is str


def _whole(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _number(value: Any) -> bool:
    return type(value) is float


def _flag(value: Any) -> bool:
    return type(value) is bool


def _answer(value: Any) -> bool:
    return value is None or type(value) is bool


def _one_of(words: Iterable[str]) -> _Judge:
    allowed = frozenset(words)
    return lambda value: type(value) is str and value in allowed


def _texts(value: Any) -> bool:
    return type(value) is list and all(map(_text, value))


def _two_texts(value: Any) -> bool:
    return _texts(value) and len(value) == 2


def _table(of: _Judge) -> _Judge:
    return lambda value: (
        type(value) is dict and all(map(_text, value)) and all(map(of, value.values()))
    )


def _map(shape: Mapping[str, _Judge]) -> _Judge:
    return lambda value: (
        type(value) is dict
        and value.keys() == shape.keys()
        and all(is_right(value[name]) for name, is_right in shape.items())
    )


def _several(shape: Mapping[str, _Judge]) -> _Judge:
    is_one = _map(shape)
    return lambda value: type(value) is list and all(map(is_one, value))


_INACTIVATION: Final[Mapping[str, _Judge]] = {
    **dict.fromkeys(("id", "participant", "code", "alarm_id", "place", "reason", "by"), _text),
    "kind": _one_of(INACTIVATIONS),
    "from_ns": _whole,
    "until_ns": _whole,
}
_SUSPENSION: Final[Mapping[str, _Judge]] = {
    **dict.fromkeys(("code", "finding_id", "signal"), _text),
    **dict.fromkeys(("at_ns", "since_ns", "until_ns"), _whole),
    "own": _flag,
}
_ALARM: Final[Mapping[str, _Judge]] = {
    **dict.fromkeys(("id", "participant", "code", "acknowledged_by", "finding_id"), _text),
    **dict.fromkeys(("onset_ns", "t_ns", "count", "suppressed", "raised_ns", "step"), _whole),
    "revision": _whole,
    "priority": _one_of(PRIORITIES),
    "sounds_as": _one_of(SOUNDS),
    "state": _one_of((ACTIVE, ACKNOWLEDGED, ENDED)),
    "latched": _flag,
    "sounding": _flag,
    "value": _number,
    "reason": _two_texts,
    "rule": _two_texts,
    "reached": _texts,
    "inactivation": lambda value: value is None or _map(_INACTIVATION)(value),
    "useful": _answer,
    "evidence": _table(_number),
    "limits": _table(_number),
}
_CHANGE: Final[Mapping[str, _Judge]] = {
    "kind": _one_of(CHANGE_KINDS),
    "t_ns": _whole,
    "alarm": _map(_ALARM),
}
_HELD: Final[Mapping[str, _Judge]] = {
    "participant": _text,
    "suspensions": _several(_SUSPENSION),
    "inactivations": _several(_INACTIVATION),
}
_AUDIT: Final[Mapping[str, _Judge]] = {
    "t_ns": _whole,
    **dict.fromkeys(("person", "action", "participant", "code", "reason"), _text),
    "details": _table(_text),
}
_ACT: Final[Mapping[str, _Judge]] = {
    **dict.fromkeys(("by", "participant", "place", "target", "how", "code", "reason"), _text),
    "kind": _one_of(ACTS),
    "seconds": _number,
    "useful": _answer,
    "limits": _table(lambda value: value is None or _number(value)),
}
