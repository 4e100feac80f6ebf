"""What stamps show: photometry of the galaxies in them."""
