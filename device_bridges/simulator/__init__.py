"""Simulated participants: scripted, reproducible, with the truth of what was planted."""
