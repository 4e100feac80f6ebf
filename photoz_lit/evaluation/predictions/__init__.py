"""The table of predictions of a run, and its files: Parquet, FITS and qp."""
