"""What a page may ask the system to do, and how a refusal is told."""

from __future__ import annotations

from typing import Protocol

from dashboards.monitor.hub import Hub
from dashboards.monitor.requests import Acknowledge, Inactivate, Reactivate


class Actions(Protocol):
    """The system behind the page; `streams.embedded` is one.

    All of these are called on the event loop and return at once; what comes of them reaches pages
    through the hub. A LookupError or ValueError is shown to the person as a refusal.
    """

    def acknowledge(self, alarm_id: str, by: str, useful: bool | None) -> None:
        """Note that a person has seen an alarm, and whether it was worth it."""
        ...

    def inactivate(
        self, participant: str, kind: str, code: str, alarm_id: str, seconds: float,
        reason: str, by: str,
    ) -> None:  # fmt: skip
        """Keep alarms of a participant quiet for so long."""
        ...

    def reactivate(self, participant: str, inactivation_id: str, by: str) -> None:
        """End an inactivation now."""
        ...


Action = Acknowledge | Inactivate | Reactivate


def carry_out(hub: Hub, actions: Actions, action: Action, by: str) -> str:
    """Do what a page asks; give why not, empty when it is on its way."""
    try:
        if isinstance(action, Acknowledge):
            if hub.alarm(action.alarm) is None:
                return "this alarm is no longer shown"
            actions.acknowledge(action.alarm, by, action.useful)
            return ""
        participant = hub.participant(action.participant)
        if participant is None:
            return "no such participant"
        if isinstance(action, Inactivate):
            actions.inactivate(
                participant, action.kind, action.code, action.alarm, action.seconds,
                action.reason, by,
            )  # fmt: skip
        else:
            actions.reactivate(participant, action.inactivation, by)
    except (LookupError, ValueError) as error:
        return str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    return ""
