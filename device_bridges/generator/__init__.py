"""Made-up participants with believable ECG, PPG and heart rate."""
