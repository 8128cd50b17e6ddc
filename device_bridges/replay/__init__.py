"""Recordings on disk (WFDB, tables) played as if their devices were sending now."""
