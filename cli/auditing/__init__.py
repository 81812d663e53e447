"""The audit: every figure computed again from the events, and compared with what is served, beside live traffic."""
