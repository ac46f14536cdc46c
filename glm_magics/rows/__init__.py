"""A prompt over many rows: as many at once as the account allows, each paid once, none lost."""
