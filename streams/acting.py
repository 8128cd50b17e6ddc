"""What persons ask on a page, as acts; and how acts reach the partitions."""

from __future__ import annotations

from collections.abc import Callable

from alerts.act import ACKNOWLEDGE, INACTIVATE, REACTIVATE, Act
from alerts.policy import Policy
from streams.alarm_messages import encode_acts
from streams.bus import Bus, Place
from streams.bus.partitions import partition_of
from streams.bus.topics import ACTS


class Asking:
    """Makes acts of what a page asks (`dashboards.monitor.actions.Actions`).

    What is wrong with it by the policy is said now, to the page that asks; where it is carried
    out can only be found that the alarm has ended meanwhile.

    Parameters
    ----------
    send
        Takes an act and returns at once; a LookupError or ValueError is told to the page.
    whose
        Gives the participant of an open alarm.
    """

    def __init__(
        self, policy: Policy, send: Callable[[Act], None], whose: Callable[[str], str]
    ) -> None:
        self._policy = policy
        self._send = send
        self._whose = whose

    def acknowledge(self, alarm_id: str, by: str, useful: bool | None) -> None:
        """Note that a person has seen an alarm, and whether it was worth it."""
        self._send(Act(ACKNOWLEDGE, by, self._whose(alarm_id), target=alarm_id, useful=useful))

    def inactivate(
        self, participant: str, kind: str, code: str, alarm_id: str, seconds: float,
        reason: str, by: str,
    ) -> None:  # fmt: skip
        """Keep alarms of a participant quiet for so long."""
        self._policy.inactivation_ns(kind, seconds)
        if code:
            self._policy.rule(code)
        self._send(
            Act(
                INACTIVATE, by, participant, target=alarm_id, how=kind, code=code,
                seconds=seconds, reason=reason,
            )
        )  # fmt: skip

    def reactivate(self, participant: str, inactivation_id: str, by: str) -> None:
        """End an inactivation now."""
        self._send(Act(REACTIVATE, by, participant, target=inactivation_id))


async def publish_act(bus: Bus, n_partitions: int, act: Act, at_ms: Callable[[int], int]) -> None:
    """Publish an act: to the partition of its participant, or of a group or place to each.

    Parameters
    ----------
    at_ms
        Gives its place in the order of a partition, whose time is its own. A worker that has gone
        past it by then does it as soon as it comes, and after a death at the same place again.
    """
    value = encode_acts([act])
    concerned = (
        [partition_of(act.participant, n_partitions)] if act.participant else range(n_partitions)
    )
    for partition in concerned:
        await bus.publish(Place(ACTS, partition), value, at_ms(partition))
    await bus.flush()
