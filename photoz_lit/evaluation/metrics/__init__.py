"""Metrics of point estimates and PDFs, in numpy and over batches and ranks, and the content of ``metrics.json``."""
