"""What a person does about alarms, as a thing that can be sent to where the alarms are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ACKNOWLEDGE: Final = "acknowledge"
INACTIVATE: Final = "inactivate"
REACTIVATE: Final = "reactivate"
LIMITS: Final = "limits"
ACTS: Final = (ACKNOWLEDGE, INACTIVATE, REACTIVATE, LIMITS)


@dataclass(frozen=True, slots=True)
class Act:
    """One act of one person.

    Attributes
    ----------
    kind
        One of `ACTS`.
    by
        Who.
    participant, place
        Whom it concerns: one participant, or all who are in a group or place (`EVERYBODY`: all who
        are enrolled). One of the two is given.
    target
        Of an acknowledgement the alarm; of an inactivation the one alarm it is about, if it is
        about one; of a reactivation the inactivation that ends.
    how, code, seconds
        Of an inactivation: its kind, the code it is about (empty: all), how long.
    reason
        In the person's own words.
    useful
        What they say of an alarm that they acknowledge; None for nothing.
    limits
        What changes, by name; None takes an own limit back.
    """

    kind: str
    by: str
    participant: str = ""
    place: str = ""
    target: str = ""
    how: str = ""
    code: str = ""
    seconds: float = 0.0
    reason: str = ""
    useful: bool | None = None
    limits: Mapping[str, float | None] = field(default_factory=dict)
