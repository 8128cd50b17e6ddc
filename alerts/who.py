"""The participant as the alarm core knows them."""

from __future__ import annotations

from dataclasses import dataclass, field

from registry.participants import Participant


@dataclass(slots=True)
class Who:
    """One participant and what has been changed for them alone.

    Attributes
    ----------
    person
        Group and place decide about limits and recipients.
    limits
        Changed while it runs, by name; they go before those of the policy.
    """

    person: Participant
    limits: dict[str, float] = field(default_factory=dict)
