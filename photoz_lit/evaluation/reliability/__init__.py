"""How far a galaxy's redshift can be trusted: its PDF's peaks, its distance from the training, its stamp."""
