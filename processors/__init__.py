"""What the engine computes: vocabulary, numba kernels, features, detectors; arrays in and out."""
