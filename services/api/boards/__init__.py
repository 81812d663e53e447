"""The wall boards: declarations, those that come with deskpulse, what is wrong with one, and how one is laid out for the page."""
