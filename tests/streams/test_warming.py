"""What has been warmed up is not compiled later, when a signal first comes or somebody stops."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own, in which nothing was loaded before: kernels that processors call.
PLAY = """
import importlib, pkgutil
import processors.detectors, processors.features
from numba.core.dispatcher import Dispatcher
from streams.warming import warm_up

warm_up()
names = ["processors.kernels.recovery_verdict", "processors.kernels.recovery_curve"]
for package in (processors.detectors, processors.features):
    names += [f"{package.__name__}.{one.name}" for one in pkgutil.iter_modules(package.__path__)]
for name in names:
    for called, one in vars(importlib.import_module(name)).items():
        if isinstance(one, Dispatcher) and not one.targetoptions.get("no_cpython_wrapper"):
            if not one.signatures:
                print(f"{name}.{called}")
"""


def test_no_kernel_is_left_to_be_compiled_after_warming_up():
    done = subprocess.run(
        [sys.executable, "-c", PLAY], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.split() == []
