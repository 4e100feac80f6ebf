"""Simulated surveys: populations, spectra and fluxes, morphology, stamps, and the stores they are written to."""
