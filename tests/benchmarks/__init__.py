"""The measurements measure what they say; no number is asserted, only that the counting is right."""
