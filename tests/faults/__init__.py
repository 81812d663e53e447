"""The fault suite: whatever breaks on the way, the figures are those of an undisturbed run over the same events."""
