"""The figures made anew from the events, beside those that are live."""
