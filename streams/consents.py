"""Whose consent is withdrawn: nothing of them is processed, kept or shown.

It goes by the order in which things come, not by the time of samples: whatever comes after a
withdrawal is let fall, also what was measured before it or by a device whose clock is wrong. It is
neither late nor a dead letter, for both are kept. What was there before is for retention to delete.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from alerts.alarm import Alarm
from processors.records import Block, Control, Finding, finding_id
from streams.intake import take_rows

CONSENT: Final = "consent"
CODE: Final = "consent_withdrawn"


def given_in(control: Control) -> bool | None:
    """Tell whether a ``consent`` control gives consent or withdraws it; None: it says nothing."""
    given = control.values.get("given", math.nan)
    return None if math.isnan(given) else given > 0


def withdrawn_in(alarms: Iterable[Alarm]) -> dict[str, int]:
    """Give who is withdrawn by the open alarms that stand for it, and since when, ns.

    For who starts: an alarm outlives the control, which the bus keeps for some days only.
    """
    return {
        one.participant: one.onset_ns for one in alarms if one.code == CODE and one.state != "ended"
    }


def rows_of(block: Block, may_be: Callable[[str], bool]) -> Block | None:
    """Give the rows of those of whom samples may be used; None where there are none."""
    kept = np.array([may_be(who) for who in block.participants], bool)
    if kept.all():
        return block
    return take_rows(block, kept) if kept.any() else None


class Consents:
    """Who has withdrawn, and when."""

    def __init__(self) -> None:
        self._since_ns: dict[str, int] = {}

    def __contains__(self, participant: object) -> bool:
        """Tell whether the consent of a participant is withdrawn."""
        return participant in self._since_ns

    def take(self, control: Control) -> Finding | None:
        """Note what a ``consent`` control says; give the finding of it, None: nothing is new."""
        given = given_in(control)
        who = control.participant
        if given is None or given == (who not in self._since_ns):
            return None
        since_ns = self._since_ns.setdefault(who, control.t_ns)
        if given:
            del self._since_ns[who]
        return Finding(
            id=finding_id(who, CODE, since_ns),
            revision=0,
            participant=who,
            code=CODE,
            state="offset" if given else "onset",
            onset_ns=since_ns,
            at_ns=control.t_ns,
            t_ns=control.t_ns,
            value=math.nan,
            evidence={},
        )

    def sift(self, block: Block) -> Block | None:
        """Give the rows of those who have not withdrawn; None where there are none."""
        if not self._since_ns or self._since_ns.keys().isdisjoint(block.participants):
            return block
        return rows_of(block, lambda who: who not in self._since_ns)

    def pass_on(self, rows: Sequence[Block | Control]) -> list[Block | Control]:
        """Give the rows of a step that may be used, in their order."""
        kept: list[Block | Control] = []
        for row in rows:
            if isinstance(row, Control):
                if row.kind == CONSENT:
                    self.take(row)
                kept.append(row)
            elif (block := self.sift(row)) is not None:
                kept.append(block)
        return kept

    def snapshot(self) -> dict[str, int]:
        """Give all that it knows, as plain values (`streams.snapshot`)."""
        return dict(self._since_ns)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Know what a snapshot knows, and nothing else."""
        self._since_ns = dict(state)
