"""The subcommands of ``vitals`` that simulate, load and judge."""
