"""Engines that make tiles: on this machine, on a Dask cluster, or as jobs of Slurm."""
