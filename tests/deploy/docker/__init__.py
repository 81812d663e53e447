"""Tests of the image and of what it is started with."""
