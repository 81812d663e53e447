"""Unusual numbers: how surprising a count is beside what is usual at this hour of the week, when it began, and what carries it."""
