"""Redshift labels of a deep field: catalogues of spec-z, grism, prism and photo-z, their consensus, a self-organising
map of colours and magnitudes that merges them, and the folder they are written to."""
