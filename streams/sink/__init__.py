"""From the bus into the stores: four lanes, each with topics, a store and offsets of its own.

`lane` is the loop that all share; `series`, `records`, `strips` and `waveforms` are what the lanes
do. A store that is away holds up its own lane only.
"""
