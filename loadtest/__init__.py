"""Scenarios and load; never imported by the product."""
