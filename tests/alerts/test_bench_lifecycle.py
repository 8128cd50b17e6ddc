"""How fast findings become alarms."""

from __future__ import annotations

import pytest

from alerts.lifecycle import AlarmCore
from alerts.policy import load_policy
from processors.records import NS_PER_S, Finding, finding_id

LASTING = ("tachycardia", "bradycardia", "af", "asystole", "lead_off")
POINTS = ("pause", "pvc_couplet", "vt_nonsustained")


def day_of(n_people: int, n_rounds: int) -> list[Finding]:
    """A condition that begins and ends and a point, each minute, for everybody."""
    findings = []
    for r in range(n_rounds):
        for k in range(n_people):
            who, t_ns = f"p{k}", r * 60 * NS_PER_S
            code, spot = LASTING[(r + k) % 5], POINTS[(r + k) % 3]
            key = finding_id(who, code, t_ns)
            end_ns, spot_ns = t_ns + 20 * NS_PER_S, t_ns + 25 * NS_PER_S
            findings += [
                Finding(key, 0, who, code, "onset", t_ns, t_ns, t_ns, 130.0),
                Finding(key, 0, who, code, "offset", t_ns, end_ns, end_ns, 130.0),
                Finding(
                    finding_id(who, spot, spot_ns), 0, who, spot, "point",
                    spot_ns, spot_ns, spot_ns, 3.0,
                ),
            ]  # fmt: skip
    return findings


@pytest.mark.bench
def test_findings_per_second_of_one_core(benchmark):
    findings = day_of(n_people=200, n_rounds=30)
    policy = load_policy()

    def run():
        core = AlarmCore(policy)
        return sum(len(core.apply(finding)) for finding in findings)

    assert benchmark(run) > 1_000
    per_second = len(findings) / benchmark.stats["median"]
    benchmark.extra_info["findings_per_second"] = round(per_second)
    assert per_second > 15_000  # 60,000 on an idle core; half of a quarter is a real loss
