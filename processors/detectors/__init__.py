"""Detectors: what is reported as a finding (pause, tachycardia...); one file each."""
