"""What others reach, and the goals of this project, as CLINICAL 1.5 and 6 have them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit for a figure on the development records, and the best of others.

    Attributes
    ----------
    limit
        Of a figure in the unit of the table; NaN: none.
    at_most
        It is an upper limit.
    baseline
        Figure of others on the same records, and who.
    """

    limit: float = math.nan
    at_most: bool = False
    baseline: str = ""


_EPL = "EP Limited analyser"  # the open-source ECG analyser in C, run by us
_PUBLISHED = MappingProxyType(
    {
        # CLINICAL 1.5: measured on DS1, channel 0, from 5:00; goals of CLINICAL 6, last column.
        ("mitdb", "qrs_se"): Goal(99.80, baseline=f"99.69 {_EPL}, 99.66 gqrs"),
        ("mitdb", "qrs_ppv"): Goal(99.80, baseline=f"99.65 {_EPL}, 99.66 gqrs"),
        ("mitdb", "qrs_worst"): Goal(98.5, baseline=f"94.86 {_EPL} (+P of 108)"),
        ("mitdb", "veb_se"): Goal(94.0, baseline=f"92.56 {_EPL}"),
        ("mitdb", "veb_ppv"): Goal(97.0, baseline=f"95.47 {_EPL}"),
        ("mitdb", "detection_median_ms"): Goal(250.0, True, f"375 {_EPL}, 405 Kim 2025 (mean)"),
        ("mitdb", "detection_p99_ms"): Goal(1000.0, True, f"1310 {_EPL} (worst record)"),
        ("mitdb", "label_median_ms"): Goal(650.0, True, f"615 to 655 {_EPL}"),
        ("mitdb", "jitter_ms"): Goal(4.0, True),
        ("mitdb", "af_ppv"): Goal(65.0, baseline="47 Zhou 2015 (all 48 records)"),
        # 13 development records.
        ("afdb", "live_acc"): Goal(96.9, baseline="96.52 Petrenas 2015, 96.36 Zhou 2015"),
        ("afdb", "claimed_acc"): Goal(97.6, baseline="97.46 Petrenas, 97.31 Zhou (whole record)"),
        ("afdb", "live_acc_without"): Goal(baseline="97.44 Zhou, 97.28 Petrenas"),
        ("afdb", "claimed_acc_without"): Goal(baseline="98.21 Zhou (centred)"),
        ("afdb", "delay_median_s"): Goal(30.0, True, "24 Petrenas, 45 Zhou (25 records)"),
        ("afdb", "false_runs_per_24_h"): Goal(2.5, True, "7.1 Zhou, 9.2 Petrenas"),
        ("nsrdb", "false_runs_per_24_h"): Goal(0.1, True),
        ("nsrdb", "high_false_per_day"): Goal(0.0, True, "5.6 a bed and day (Drew 2014)"),
        ("cinc2017", "auc"): Goal(0.95),
        ("motion", "auc"): Goal(0.95),
        ("noise", "auc"): Goal(0.95),
        ("noise", "suppressed"): Goal(90.0),
        ("noise", "clean_lost"): Goal(1.0, True),
        ("vfdb", "vf_or_vt_se"): Goal(90.0, baseline="96.2 Li 2014 (trained, 5 s)"),
        ("vfdb", "vf_or_vt_sp"): Goal(97.0, baseline="96.2 Li 2014 (trained, 5 s)"),
        ("vfdb", "vf_se"): Goal(85.0, baseline="95.2 random forest (8 s), 81.0 Arafat 2011"),
        ("vfdb", "vf_sp"): Goal(97.0, baseline="97.3 random forest (8 s), 98.5 Arafat 2011"),
        ("vfdb", "vf_or_vt_delay_median_s"): Goal(6.0, True),
        ("cinc2015", "challenge_score"): Goal(82.0, baseline="81.39 Plesinger 2015 (real time)"),
    }
)


def goal(database: str, figure: str) -> Goal:
    """Give the goal of a figure; of another database there is none."""
    return _PUBLISHED.get((database, figure), Goal())
