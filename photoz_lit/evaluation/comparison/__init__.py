"""Runs and studies beside each other: their table, their files, adaptation studies, and published numbers."""
