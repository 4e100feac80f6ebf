"""Redshift distributions N(z): stacked PDFs, their bootstrap, statistics, and distances between two."""
