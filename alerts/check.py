"""What is wrong with a policy file: every problem at once, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from alerts.duty import parse_clock, parse_roles, said
from alerts.limits import contradictions, parse_limits
from alerts.policy import (
    CATALOGUE,
    SECTIONS,
    Policy,
    parse_escalations,
    parse_policy,
    read_policy,
    strands_of,
)
from alerts.routes import parse_routes
from alerts.rule import PRIORITIES
from alerts.rule_rows import parse_rule
from alerts.tables import check_keys, check_word, read_table, unknown
from processors.errors import SettingError

# Escalation to nobody is a fault of these: somebody's life may depend on the next recipient.
_MUST_ESCALATE: Final = PRIORITIES[:1]


def check_policy(site: Path | None = None, *, catalogue: Path = CATALOGUE) -> list[str]:
    """Say what is wrong with a policy file; nothing where all is well.

    Raises
    ------
    SettingError
        The file cannot be read at all.
    """
    name = catalogue.name if site is None else str(site)
    problems = [] if site is None else list(_unknown_codes(site, catalogue))
    if problems:
        return problems
    try:
        tree = read_policy(site, catalogue=catalogue)
    except SettingError as error:  # tables that do not fit over each other
        return [str(error)]
    problems = [str(error) for error in _faults(name, tree)]
    if problems:
        return list(dict.fromkeys(problems))
    policy = parse_policy(tree, name)
    return [*_clashes(name, policy), *_nobody(name, policy)]


def _unknown_codes(site: Path, catalogue: Path) -> Iterator[str]:
    """Name codes that the shipped policy does not have: a site's file adds none."""
    known = read_table(catalogue).get("alarm", {})
    for code in read_table(site).get("alarm", {}):
        if code not in known:
            yield str(unknown(f"{site} alarm", code, known))


def _faults(name: str, tree: Mapping[str, Any]) -> Iterator[SettingError]:
    """Give the errors of each part by itself."""
    parts: list[Callable[[], object]] = [
        lambda: check_keys(name, tree, SECTIONS),
        lambda: parse_escalations(name, tree),
        lambda: parse_limits(f"{name} limits", tree.get("limits", {})),
        lambda: parse_clock(f"{name} time", tree.get("time", {})),
        lambda: parse_roles(name, tree.get("roles", {}), tree.get("rota", {})),
    ]
    roles = tree.get("roles", {})
    rows = tree.get("alarm", {})
    for code, row in rows.items():
        parts += [
            partial(_rule, name, tree, code, row),
            partial(_check_roles, f"{name} alarm.{code}", row, roles),
        ]
    parts += [partial(parse_routes, name, [row], rows, roles) for row in tree.get("route", [])]
    failed = False
    for part in parts:
        try:
            part()
        except SettingError as error:
            failed = True
            yield error
    if not failed:
        try:
            parse_policy(tree, name)
        except SettingError as error:
            yield error


def _rule(name: str, tree: Mapping[str, Any], code: str, row: Any) -> None:
    strands = dict.fromkeys(tree["chains"], "")
    parse_rule(f"{name} alarm.{code}", code, 0, row, tree["chains"], strands, {}, 60.0)
    strands_of(name, tree)


def _check_roles(where: str, row: Any, roles: Mapping[str, Any]) -> None:
    for role in row.get("recipients", ()) if isinstance(row, Mapping) else ():
        check_word(f"{where} recipients", role, roles)


def _clashes(name: str, policy: Policy) -> Iterator[str]:
    """Say which limits contradict each other: of everybody, of groups, of participants."""
    limits = policy.limits
    tables: dict[str, Mapping[str, float]] = {"default": {}}
    tables |= {f"group.{k}": o.values for k, o in limits.groups.items()}
    tables |= {f"participant.{k}": o.values for k, o in limits.participants.items()}
    for where, values in tables.items():
        for problem in contradictions({**limits.default, **values}):
            yield f"{name} limits.{where}: {problem}"
    for where, override in limits.participants.items():
        if not (override.by and override.why):
            yield f"{name} limits.participant.{where}: expected by and why, who changed it and why"


def _nobody(name: str, policy: Policy) -> Iterator[str]:
    """Say where a rota has gaps and where escalation has nobody to go on to."""
    used = {role for rule in policy.rules.values() for role in rule.recipients}
    used |= {role for route in policy.routes.routes for role in route.recipients}
    for role in sorted(used):
        for start, end in policy.routes.roles[role].gaps():
            yield f"{name} roles.{role}: nobody is on duty from {said(start)} to {said(end)}"
    for rule in policy.rules.values():
        if rule.priority in _MUST_ESCALATE and rule.enabled and len(set(rule.recipients)) < 2:
            yield f"{name} alarm.{rule.code}: escalation to nobody after {rule.recipients[0]}"
    for number, route in enumerate(policy.routes.routes, 1):
        high = not route.priorities or not route.priorities.isdisjoint(_MUST_ESCALATE)
        urgent = not route.codes or any(
            policy.rules[code].priority in _MUST_ESCALATE for code in route.codes
        )
        if high and urgent and len(set(route.recipients)) < 2:
            yield f"{name} route {number}: escalation to nobody after {route.recipients[0]}"
