"""Scores of what the live engine says of recordings, against reference annotations.

Counts are those of EC57 and of docs/accuracy.md, and equal those of the reference scorer, which
stands outside this project. Positions are samples of the record; spans are half-open.
"""
