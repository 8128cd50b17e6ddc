"""Bridges: what devices and recordings hold, as chunks of samples."""
