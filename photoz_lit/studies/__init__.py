"""A study: its jobs, the rows of its results, and one file with the test galaxies of every job."""
