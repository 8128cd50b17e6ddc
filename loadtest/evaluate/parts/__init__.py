"""The parts of an evaluation: what is scored, laid beside its goals, and drawn."""
