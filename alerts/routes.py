"""Whom an alarm reaches, step by step: by code, priority, group, place, time of day and rota."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from alerts.duty import Clock, Hours, Role, names, parse_hours
from alerts.rule import PRIORITIES, Rule
from alerts.tables import check_keys, check_word
from registry.participants import Participant

_KEYS: Final = (
    "codes", "priorities", "groups", "places", "days", "from", "until", "recipients",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Route:
    """Recipients that go before those of the code, where all of this fits; empty: any."""

    codes: frozenset[str]
    priorities: frozenset[str]
    groups: frozenset[str]
    places: frozenset[str]
    hours: Hours
    recipients: tuple[str, ...]

    def fits(self, rule: Rule, priority: str, person: Participant, minute: int) -> bool:
        """Tell whether it holds for an alarm of a person at a minute of the week."""
        return (
            (not self.codes or rule.code in self.codes)
            and (not self.priorities or priority in self.priorities)
            and (not self.groups or person.group in self.groups)
            and (not self.places or person.place in self.places)
            and self.hours.holds(minute)
        )


@dataclass(frozen=True, slots=True)
class Routes:
    """All routes and who stands behind each name."""

    routes: tuple[Route, ...]
    roles: Mapping[str, Role]
    clock: Clock

    def recipients(
        self, rule: Rule, priority: str, person: Participant, t_ns: int
    ) -> tuple[tuple[str, ...], ...]:
        """Give who is reached at each step of escalation; nobody in a gap of a rota.

        The first route that fits goes before the recipients of the code.
        """
        minute = self.clock.minute_of_week(t_ns)
        wanted = rule.recipients
        for route in self.routes:
            if route.fits(rule, priority, person, minute):
                wanted = route.recipients
                break
        return tuple(self._behind(name, minute) for name in wanted)

    def _behind(self, name: str, minute: int) -> tuple[str, ...]:
        role = self.roles.get(name)
        return (name,) if role is None else role.on_duty(minute)


def parse_routes(where: str, rows: Any, codes: Iterable[str], roles: Iterable[str]) -> list[Route]:
    """Give the routes of ``[[route]]``; SettingError for words that are not known."""
    codes, roles = list(codes), list(roles)
    found = []
    for number, row in enumerate(rows, 1):
        at = f"{where} route {number}"
        check_keys(at, row, _KEYS)
        for key, known in (("codes", codes), ("priorities", PRIORITIES), ("recipients", roles)):
            for word in row.get(key, ()):
                check_word(f"{at} {key}", word, known)
        sets = {
            key: frozenset(names(at, key, row[key]) if key in row else ())
            for key in ("codes", "priorities", "groups", "places")
        }
        recipients = names(at, "recipients", row.get("recipients"))
        found.append(Route(**sets, hours=parse_hours(at, row), recipients=recipients))
    return found
