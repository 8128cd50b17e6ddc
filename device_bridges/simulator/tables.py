"""The tables that the parts of the simulator hand to each other.

One state drives everything::

    people + events ─▶ body (each second) ─▶ heart (each beat) ─▶ waves (each sample) ─▶ devices
                                   └──────────── slow signals ────────────────────────────▲

Everything is columnar over all people and follows from the seed and the time since the start, so
steps of any length give the same samples. Times are seconds since the start of the scenario.
"""

from __future__ import annotations

import numpy as np

SECONDS_KEPT = 16  # seconds of body state kept; second k lies in column k % SECONDS_KEPT
BEATS_KEPT = 16  # beats kept; beat number b lies in column b % BEATS_KEPT

# Labels of beats, as in the streams of the processors (ARCHITECTURE, "beat_labels").
N, S, V, F, Q = 1, 2, 3, 4, 5

# Shapes of beats (`Beats.shape`).
NORMAL, NO_P, ATRIAL, VENTRICULAR_A, VENTRICULAR_B, FUSION = 0, 1, 2, 3, 4, 5
N_SHAPES = 6

UPRIGHT, SITTING, SUPINE = 0, 1, 2  # posture

# Who somebody is: drawn once from the seed.
PERSON = np.dtype(
    [
        ("seed", np.uint64),  # of all this person's random numbers
        ("age_years", np.float64),
        ("male", np.float64),  # 1 or 0
        ("weight_kg", np.float64),
        ("rate_rest", np.float64),  # /min
        ("rate_max", np.float64),  # /min
        ("respiratory_share", np.float64),  # swing of the RR with breath at rest, share of the RR
        ("slow_share", np.float64),  # SD of the 0.1 Hz and slower swings, share of the RR
        ("breath_rest", np.float64),  # /min
        ("fitness_mets", np.float64),  # metabolic equivalents at rate_max
        ("tau_on_s", np.float64),  # heart rate at the start of effort
        ("tau_off_s", np.float64),  # heart rate after it
        ("walking_speed", np.float64),  # m/s on level ground
        ("wave_start_s", np.float64),  # when the person sets out on the course; NaN: stays
        ("course_start_m", np.float64),  # where on the course; the whole group need not be at 0
        ("body", np.int32),  # morphology: row of the shape tables
        ("ecg_gain", np.float64),
        ("ecg_noise_mv", np.float64),
        ("wander_mv", np.float64),
        ("ppg_gain", np.float64),
        ("pulse_delay_s", np.float64),  # from R to the foot of the pulse at the finger
        ("spo2_rest", np.float64),
        ("glucose_base", np.float64),
        ("systolic_rest", np.float64),
        ("diastolic_rest", np.float64),
        ("skin_temperature", np.float64),
        ("place", np.int32),  # index of the place of those who are on no course
        ("posture_after_stop", np.int32),
    ],
    align=True,
)

# The body in one second; valid from that second on, until the next.
SECOND = np.dtype(
    [
        ("rate", np.float64),  # sinus rate, /min, before variability and ectopy
        ("breath_rate", np.float64),  # /min; 0: no breath
        ("breath_phase", np.float64),  # cycles since the start, at the beginning of the second
        ("effort", np.float64),  # share of the heart-rate reserve that is asked for now
        ("speed", np.float64),  # m/s
        ("cadence", np.float64),  # steps/min; 0: standing
        ("step_phase", np.float64),  # steps since the start, at the beginning of the second
        ("posture", np.int32),
        ("distance_m", np.float64),
        ("latitude", np.float64),
        ("longitude", np.float64),
        ("altitude", np.float64),
        ("spo2", np.float64),
        ("glucose", np.float64),
        ("systolic", np.float64),
        ("diastolic", np.float64),
        ("body_temperature", np.float64),
        ("skin_temperature", np.float64),
        ("pm2_5", np.float64),
        ("pm10", np.float64),
        ("air_temperature", np.float64),
        ("humidity", np.float64),
    ],
    align=True,
)

# One beat of the kept ones.
BEAT = np.dtype(
    [
        ("r_s", np.float64),  # R time; -inf: before the first beat
        ("rr_s", np.float64),  # from the beat before
        ("qt_scale", np.float32),  # stretch of what comes after the QRS
        ("fill", np.float32),  # size of the pulse that follows: 0 none, 1 usual
        ("shape", np.int8),  # NORMAL ... FUSION
        ("label", np.int8),  # N, S, V, F
        ("event", np.int32),  # row of the event that made it; -1: none
    ],
    align=True,
)

# What is kept of every beat for the truth.
LOGGED_BEAT = np.dtype(
    [
        ("slot", np.int32),
        ("event", np.int32),
        ("r_s", np.float64),
        ("rr_s", np.float32),
        ("label", np.int8),
        ("shape", np.int8),
    ],
    align=True,
)
