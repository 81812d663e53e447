"""The wall board in a headless Chromium."""
