"""Readers of survey archives, the ingest that makes stores of them, and the inspection of stores."""
