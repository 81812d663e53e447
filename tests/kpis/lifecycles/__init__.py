"""Tables of drawn timelines: what each life cycle makes of them."""
