"""Cutout stores, splits and LightningDataModules."""
