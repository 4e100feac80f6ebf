"""Time N(z) of a million PDFs of 400 bins with 1000 bootstraps: ``python research/nz_speed.py``."""

import resource
import time

import numpy as np
from scipy.stats import norm

from photoz_lit.evaluation.nz.distributions import blocks_of, group_galaxies, redshift_distributions
from photoz_lit.evaluation.nz.statistics import nz_table

GALAXIES, DISTINCT, BOOTSTRAPS = 1_000_000, 50_000, 1000
random = np.random.default_rng(0)
edges = np.linspace(0, 4, 401)
z_phot = random.gamma(3, 0.3, DISTINCT) % 3.9
width = 0.03 * (1 + z_phot)
pdf = np.diff(norm.cdf((edges - z_phot[:, None]) / width[:, None]), axis=1).astype(np.float32)
pdf /= pdf.sum(axis=1, keepdims=True)
repeats = GALAXIES // DISTINCT
pdf, z_label, z_phot = (
    np.concatenate([a] * repeats) for a in (pdf, z_phot + width * random.normal(size=DISTINCT), z_phot)
)
magnitude = random.uniform(18, 25, GALAXIES)
start = time.perf_counter()
grouping = group_galaxies(magnitude, z_phot, [18, 20, 22, 24, 25], [0, 0.5, 1, 1.5, 4])
distributions = redshift_distributions(blocks_of(pdf), edges, z_phot, z_label, grouping, BOOTSTRAPS)
table = nz_table(distributions, np.arange(0, 4.01, 0.05))
print(f"{len(table)} groups, {time.perf_counter() - start:.1f} s")
print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB at most")
