"""Bootstraps over galaxies and training seeds, and the p-values made of them."""
