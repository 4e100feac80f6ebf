"""What stamps show: photometry of their galaxies, seeing, sky and noise."""
