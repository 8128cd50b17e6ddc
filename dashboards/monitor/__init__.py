"""The live monitor page: what is known (`hub`), how it travels (`wire`), who may look (`app`)."""
