"""What a target field's calibration is off by, learnt from the alignment with the source."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from photoz_lit.data.pixels import stretch, unstretch


class FieldCalibration(nn.Module):
    """A flux scale and a background per band of every target field; the source's images stay as they are.

    Zero points of two fields differ by per cents and their sky levels by a fraction of the noise: two numbers per band,
    which a network without knowledge of the field can only make itself blind to. No label takes part: their gradient
    comes from whatever aligns the features.

    Parameters
    ----------
    n_targets : target fields.
    n_bands : bands.

    Attributes
    ----------
    log_scale : ln of the factor on linear flux, (n_targets, bands).
    background : taken from linear flux [flux unit of the field], (n_targets, bands).
    """

    def __init__(self, n_targets: int, n_bands: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(n_targets, n_bands))
        self.background = nn.Parameter(torch.zeros(n_targets, n_bands))

    def forward(self, image: Tensor, domain: Tensor) -> Tensor:
        """Calibrate stretched images.

        Parameters
        ----------
        image : (B, bands, H, W) after the stretch.
        domain : (B,) number of the field, 0 is the source.
        """
        target = domain > 0
        if not target.any():
            return image
        row = domain[target] - 1
        scale, sky = self.log_scale[row].exp()[:, :, None, None], self.background[row][:, :, None, None]
        calibrated = image.clone()
        calibrated[target] = stretch((unstretch(image[target].float()) - sky) * scale).to(image.dtype)
        return calibrated
