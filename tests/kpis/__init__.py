"""Tests of the pure core: laws over random worlds, tables of drawn timelines, every KPI."""
