"""Figures of a run in the style of a paper; each function returns a ``matplotlib`` Figure."""
