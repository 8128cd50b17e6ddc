"""From the bus into the stores: three lanes, each with topics, a store and offsets of its own.

`lane` is the loop that all share, `last_of_slot` what is kept of what comes all the time; `series`,
`records` and `waveforms` are what the lanes do. A store that is away holds up its own lane only.
"""
