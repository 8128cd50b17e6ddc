"""Features: what is measured continuously (QRS, RR, heart rate, signal quality); one file each."""
