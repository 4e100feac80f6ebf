"""LightningModules, and the estimators that fit and apply them."""

from photoz_lit.modules.cnn import BaselineCNN, MultimodalCNN, PhotoZModule

__all__ = ["BaselineCNN", "MultimodalCNN", "PhotoZModule"]
