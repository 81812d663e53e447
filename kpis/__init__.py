"""What the numbers are: life cycles, measures, cells, windows and formulas. Pure: no clock, no file, no network."""
