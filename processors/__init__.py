"""What the engine computes: the vocabulary, numba kernels, features and detectors; arrays in, arrays out."""
