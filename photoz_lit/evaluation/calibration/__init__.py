"""Recalibration of redshift PDFs after the training: their PITs made uniform on galaxies that were not trained on."""
