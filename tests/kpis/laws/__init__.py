"""Laws that hold for any set of events, whatever way they take."""
