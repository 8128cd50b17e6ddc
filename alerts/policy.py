"""The policy of a site: how loud each finding is, for whom, and by which limits.

The shipped one is ``alerts/catalogue.toml``; its head explains the keys. A site's own file of the
same form says what it builds on (``extends``) and gives only what is different.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from alerts.duty import Clock, parse_clock, parse_roles
from alerts.inactivation import INACTIVATIONS
from alerts.limits import Limits, parse_limits
from alerts.routes import Routes, parse_routes
from alerts.rule import PRIORITIES, Escalation, Rule
from alerts.rule_rows import nanoseconds, parse_rule
from alerts.tables import check_keys, check_word, lay_over, read_table, seconds, unknown
from processors.errors import SettingError
from processors.signals import SIGNALS
from registry.participants import Participant

CATALOGUE: Final = Path(__file__).with_name("catalogue.toml")
SHIPPED: Final = "catalogue"
SECTIONS: Final = (
    "extends", "defaults", "time", "chains", "escalation", "inactivation", "limits", "roles",
    "rota", "route", "alarm",
)  # fmt: skip
# Sections to which a site adds names of its own.
OPEN: Final = ("limits.group", "limits.participant", "roles", "rota", "inactivation", "time")
_ESCALATION: Final = ("first_s", "every_s", "realarm_s")
_DEFAULTS: Final = ("late_after_s", "hold_s")


@dataclass(frozen=True, slots=True)
class Policy:
    """All of it.

    Attributes
    ----------
    rules
        By code, in the order of the file.
    escalations
        By priority.
    late_after_ns
        What becomes known longer ago than this makes findings only.
    limits
        Of everybody, of groups, of participants.
    routes
        Who is reached.
    longest_s
        By kind of inactivation: how long at most.
    waits, holders
        By strand: the codes whose findings can still change its alarms; the strands of those of
        them that can hold its alarms back.
    """

    rules: Mapping[str, Rule]
    escalations: Mapping[str, Escalation]
    late_after_ns: int
    limits: Limits
    routes: Routes
    longest_s: Mapping[str, float]
    waits: Mapping[str, frozenset[str]]
    holders: Mapping[str, tuple[str, ...]]

    def rule(self, code: str) -> Rule:
        """Give the row of a code.

        Raises
        ------
        SettingError
            There is none; the text names the nearest.
        """
        try:
            return self.rules[code]
        except KeyError:
            raise unknown("alarm", code, self.rules) from None

    def recipients(
        self, rule: Rule, priority: str, person: Participant, t_ns: int
    ) -> tuple[tuple[str, ...], ...]:
        """Give who is reached at each step of escalation; nobody in a gap of a rota."""
        return self.routes.recipients(rule, priority, person, t_ns)

    def inactivation_ns(self, kind: str, wanted_s: float) -> int:
        """Give the length of an inactivation.

        Raises
        ------
        SettingError
            An unknown kind, or a length that is not above 0 or longer than allowed.
        """
        check_word("inactivation", kind, INACTIVATIONS)
        longest_s = self.longest_s[kind]
        if not 0 < wanted_s <= longest_s:
            raise SettingError(kind, f"expected up to {longest_s:g} s, found {wanted_s:g} s")
        return nanoseconds(wanted_s)


def load_policy(site: Path | None = None, *, catalogue: Path = CATALOGUE) -> Policy:
    """Read a policy.

    Parameters
    ----------
    site
        A file of the same form. It may change any value and add roles, rotas, routes and limits,
        and no codes.

    Raises
    ------
    SettingError
        A file that cannot be read, an unknown key or code (the nearest is named), a value of the
        wrong type or out of range, or two codes with one rank in a chain.
    """
    return parse_policy(
        read_policy(site, catalogue=catalogue), catalogue.name if site is None else str(site)
    )


def read_policy(site: Path | None = None, *, catalogue: Path = CATALOGUE) -> dict[str, Any]:
    """Give a policy file laid over what it extends, parsed and not yet checked."""
    over = [] if site is None else [(str(site), read_table(site))]
    path = site
    while over and path is not None:
        name = over[-1][1].pop("extends", SHIPPED)
        if name == SHIPPED:
            break
        path = path.parent / str(name)
        if len(over) > 9:
            raise SettingError(f"{path} extends", "goes round in a circle, or through 10 files")
        over.append((str(path), read_table(path)))
    tree = read_table(catalogue)
    for name, table in reversed(over):
        lay_over(tree, table, name, "", OPEN)
    return tree


def parse_policy(tree: Mapping[str, Any], name: str = "catalogue") -> Policy:
    """Make a policy of a parsed file; raises as `load_policy` does."""
    check_keys(name, tree, SECTIONS)
    defaults = tree.get("defaults", {})
    check_keys(f"{name} defaults", defaults, _DEFAULTS)
    hold_s = seconds(f"{name} defaults", "hold_s", defaults.get("hold_s", 60.0))
    late_s = seconds(f"{name} defaults", "late_after_s", defaults.get("late_after_s", 900.0))
    escalations = parse_escalations(name, tree)
    strands = strands_of(name, tree)
    rules = {
        code: parse_rule(
            f"{name} alarm.{code}", code, index, row, tree["chains"], strands, escalations, hold_s
        )
        for index, (code, row) in enumerate(tree.get("alarm", {}).items())
    }
    _check_ranks(name, rules.values())
    waits = _waits(rules.values())
    return Policy(
        rules,
        escalations,
        nanoseconds(late_s),
        parse_limits(f"{name} limits", tree.get("limits", {})),
        _routes(name, tree, rules),
        _longest(f"{name} inactivation", tree.get("inactivation", {})),
        waits,
        {
            strand: tuple(sorted({rules[code].strand for code in codes} - {strand}))
            for strand, codes in waits.items()
        },
    )


def parse_escalations(name: str, tree: Mapping[str, Any]) -> dict[str, Escalation]:
    """Give ``[escalation]`` by priority."""
    escalations = {}
    for priority, times in tree.get("escalation", {}).items():
        where = f"{name} escalation.{priority}"
        check_word(where, priority, PRIORITIES)
        check_keys(where, times, _ESCALATION)
        escalations[priority] = Escalation(**{k: seconds(where, k, v) for k, v in times.items()})
    return escalations


def strands_of(name: str, tree: Mapping[str, Any]) -> dict[str, str]:
    """Give the strand of each chain: its own, or one for all of a signal with an override."""
    chains: Mapping[str, str] = tree["chains"]
    for chain, signal in chains.items():
        check_word(f"{name} chains.{chain}", signal, ("", *SIGNALS))
    overridden = {
        chains.get(row.get("chain", ""), "")
        for row in tree.get("alarm", {}).values()
        if row.get("overrides") is True
    }
    return {
        chain: f"all of {signal}" if signal and signal in overridden else chain
        for chain, signal in chains.items()
    }


def _waits(rules: Iterable[Rule]) -> dict[str, frozenset[str]]:
    """Give by strand the codes that belong to it and those that can hold its alarms back."""
    rules = list(rules)
    codes: dict[str, set[str]] = {}
    signals: dict[str, set[str]] = {}
    for rule in rules:
        codes.setdefault(rule.strand, set()).add(rule.code)
        signals.setdefault(rule.strand, set()).add(rule.signal)
    for strand, of in signals.items():
        codes[strand] |= {
            rule.code
            for rule in rules
            if rule.suspends and of != {""} and rule.suspends in {"all", "own", *of}
        }
    return {strand: frozenset(of) for strand, of in codes.items()}


def _routes(name: str, tree: Mapping[str, Any], rules: Mapping[str, Rule]) -> Routes:
    clock: Clock = parse_clock(f"{name} time", tree.get("time", {}))
    roles = parse_roles(name, tree.get("roles", {}), tree.get("rota", {}))
    for rule in rules.values():
        for role in rule.recipients:
            check_word(f"{name} alarm.{rule.code} recipients", role, roles)
    routes = parse_routes(name, tree.get("route", []), rules, roles)
    return Routes(tuple(routes), roles, clock)


def _longest(where: str, table: Mapping[str, Any]) -> dict[str, float]:
    check_keys(where, table, INACTIVATIONS)
    return {kind: seconds(where, kind, table.get(kind, 0.0)) for kind in INACTIVATIONS}


def _check_ranks(name: str, rules: Iterable[Rule]) -> None:
    taken: dict[tuple[str, int], str] = {}
    for rule in rules:
        other = taken.setdefault((rule.chain, rule.rank), rule.code)
        if other != rule.code:
            raise SettingError(
                f"{name} alarm.{rule.code} rank", f"{rule.chain} {rule.rank} is that of {other}"
            )
