"""What crosses a process boundary: events, facts, differences, cells, figures and the topics they travel in.

Pure: the standard library and msgspec only. Nothing here reads a clock, a file or the network.
"""
