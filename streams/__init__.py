"""The only mover: bus, engine, stores, configuration, and the programs that put them together."""
