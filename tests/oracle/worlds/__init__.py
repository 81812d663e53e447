"""Small worlds: what the figures must be where a pencil is enough."""
