"""The command `deskpulse`."""
