"""Stages for RAIL (LSST DESC): train on images of a store or on a catalogue, and estimate PDFs as a ``qp`` ensemble.

``docs/rail.md`` shows them in Python and in a pipeline of ``ceci``. Needs ``pip install 'photoz-lit[rail]'``.
"""

from photoz_lit.extras import require_extra

require_extra("rail", "photoz_lit.rail")

from photoz_lit.rail.catalogue_stages import PhotozLitCatalogueForestEstimator, PhotozLitCatalogueForestInformer  # noqa: E402
from photoz_lit.rail.handles import RunHandle, StoreHandle  # noqa: E402
from photoz_lit.rail.image_stages import PhotozLitImageEstimator, PhotozLitImageInformer  # noqa: E402

__all__ = [
    "PhotozLitCatalogueForestEstimator",
    "PhotozLitCatalogueForestInformer",
    "PhotozLitImageEstimator",
    "PhotozLitImageInformer",
    "RunHandle",
    "StoreHandle",
]
