"""From the section ``adapt`` to its batches and parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import nn

from photoz_lit.alignment.batches import Batches
from photoz_lit.alignment.oracle import MatchedOracleLabels
from photoz_lit.alignment.part import Alignment, Shapes
from photoz_lit.alignment.settings import AdaptSettings, PartSettings
from photoz_lit.data.degrade import Degradation
from photoz_lit.data.domains import AdaptationSplit
from photoz_lit.data.sample import Sample
from photoz_lit.errors import InputError, nearest
from photoz_lit.settings import Settings
from photoz_lit.targets import find_class

Labels = Literal["source", "target"]
NAMED_FIRST = ("adversary", "calibration")  # parts of networks made before there were parts


def classes_of(adapt: AdaptSettings) -> dict[str, type[Alignment]]:
    """Class of every part, by name.

    Raises
    ------
    InputError : one cannot be found, its options are wrong, or the parts do not go together.
    """
    classes = {}
    for name, part in adapt.parts.items():
        key = f"adapt.parts.{name}"
        classes[name] = find_class(part.target, Alignment, "part of an adaptation", f"{key}._target_")
        _options(classes[name].Options, part, key, adapt)
    batches = batches_of(adapt)
    kinds = list(classes.values())
    if any(kind.labels == "target" for kind in kinds) and len(kinds) > 1:
        raise InputError(
            f"labels of the target field ({adapt.labels}) are learnt: that is the oracle, which has nothing to adapt;"
            " leave out the other parts"
            f" ({', '.join(name for name, kind in classes.items() if kind.labels == 'source')})."
        )
    for name, kind in classes.items():
        if kind.needs_targets and batches is None:
            raise InputError(f"adapt.parts.{name} needs target galaxies; choose adapt.batches.")
    return classes


def batches_of(adapt: AdaptSettings) -> Batches | None:
    """Return how target galaxies are chosen for the batches; None where there are none."""
    if adapt.batches is None:
        return None
    kind = find_class(adapt.batches.target, Batches, "choice of batches", "adapt.batches._target_")
    return kind(_options(kind.Options, adapt.batches, "adapt.batches", adapt))


def labels_of(adapt: AdaptSettings) -> Labels:
    """Return whose labels train the network: the source's or the target's."""
    return "target" if any(kind.labels == "target" for kind in classes_of(adapt).values()) else "source"


def labels_like_source(adapt: AdaptSettings) -> bool:
    """Whether the target's labels that train the network are to be as good as the source's, no better."""
    return any(issubclass(kind, MatchedOracleLabels) for kind in classes_of(adapt).values())


def needs_network(adapt: AdaptSettings) -> bool:
    """Whether a part works on images or features, which forests on magnitudes do not have."""
    return any(kind.labels == "source" for kind in classes_of(adapt).values())


def degradation_of(adapt: AdaptSettings, sample: Sample, split: AdaptationSplit) -> Degradation | None:
    """Return the degradation of source images; None leaves them unchanged."""
    found = [kind.degradation(sample, split) for kind in classes_of(adapt).values()]
    return next((one for one in found if one is not None), None)


def source_weights_of(
    adapt: AdaptSettings, sample: Sample, split: AdaptationSplit
) -> tuple[NDArray[np.float64], dict[str, float]] | None:
    """Return the weights (N,) of galaxies in the redshift loss and how many galaxies they amount to; None: all are 1.

    The training galaxies' mean is 1. ``effective_galaxies`` is (Σ w)² / Σ w² of them (Kish 1965).
    """
    kinds = classes_of(adapt)
    options = {n: _options(kind.Options, adapt.parts[n], f"adapt.parts.{n}", adapt) for n, kind in kinds.items()}
    found = [kind.source_weights(options[name], sample, split) for name, kind in kinds.items()]
    given = [weights for weights in found if weights is not None]
    if not given:
        return None
    weights = np.prod(given, axis=0)
    own = weights[split.train]
    effective = float(own.sum() ** 2 / np.square(own).sum())
    return weights / own.mean(), {"effective_galaxies": effective, "weighted_galaxies": float(len(own))}


def require_magnitudes(adapt: AdaptSettings, sample: Sample) -> None:
    """Refuse fields without magnitudes where a part compares their catalogues.

    Raises
    ------
    InputError : names the band and the store.
    """
    if not any(kind.needs_magnitudes for kind in classes_of(adapt).values()):
        return
    for band in sample.bands:
        column = f"mag_{band}"
        known = sample.catalogue.get(column, pd.Series(np.nan, sample.catalogue.index)).notna().to_numpy()
        for number, view in enumerate(sample.views):
            if not known[sample.part == number].any():
                raise InputError(
                    f"adapt={adapt.name} compares magnitudes, and {view.store.header.field} has none in band '{band}';"
                    " give a catalogue that has them, leave the band out with data.bands, or choose another adapt."
                )


def build_parts(adapt: AdaptSettings, shapes: Shapes) -> nn.ModuleDict:
    """The parts, with fresh weights, in their order."""
    classes = classes_of(adapt)
    options = {n: _options(kind.Options, adapt.parts[n], f"adapt.parts.{n}", adapt) for n, kind in classes.items()}
    return nn.ModuleDict({name: kind(options[name], shapes) for name, kind in classes.items()})


def names_now(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Weights under the names that they have now, also those of networks made before there were parts."""
    return {f"parts.{key}" if key.split(".")[0] in NAMED_FIRST else key: value for key, value in state_dict.items()}


def _options(kind: type[Settings], part: PartSettings, key: str, adapt: AdaptSettings) -> Any:
    """Return the checked options of a part; an error names the key that the user sets."""
    try:
        return kind.model_validate(part.options)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(one) for one in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InputError(f"unknown key '{key}.{name}'{nearest(name, kind.model_fields)}") from error
        if first["type"] == "missing":
            raise InputError(f"{part.target} needs {key}.{name}; give it a value.") from error
        named = _named(adapt.model_extra or {}, first["input"], name) or f"{key}.{name}"
        raise InputError(f"'{named}={first['input']}' is wrong: {first['msg']}.") from error


def _named(shared: Mapping[str, Any], value: object, name: str) -> str | None:
    """Return the key of ``adapt`` that an option refers to: same value, and a name with the same ending."""
    return next((f"adapt.{key}" for key, found in shared.items() if found == value and key.endswith(name)), None)
