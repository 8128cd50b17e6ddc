"""The only mover: intake, engine, stores, configuration, and the programs that join them."""
