"""Compiled inner loops of the simulator: numba and numpy only; arrays are filled in place."""

import processors.kernels  # noqa: F401 - names the folder of compiled kernels
