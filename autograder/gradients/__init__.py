"""Numeric gradients and what to make of them. Usable without the rest of the course. NumPy only, but for two names.

`numeric_gradient` differentiates a function of arrays element by element and says how far it can be
trusted, `projected_gradient` does so along a few random directions of large tensors, `compare`
judges one tensor, `describe` says in a sentence what a wrong one looks like, and `check_gradient`
does it all for a forward and a backward pass:

    import numpy as np
    from autograder.gradients import check_gradient

    def forward(x, W):  # (batch, features), (features, units)
        return np.tanh(x @ W)  # (batch, units)

    def backward(upstream, x, W):
        dz = upstream * (1 - np.tanh(x @ W) ** 2)  # (batch, units)
        return dz @ W.T, x.T @ dz

    rng = np.random.default_rng(0)
    arguments = {"x": rng.standard_normal((3, 4)), "W": rng.standard_normal((4, 5))}
    upstream = rng.standard_normal((3, 5))
    for name, comparison in check_gradient(forward, backward, arguments, upstream=upstream).items():
        print(name, comparison)

    x right: 12 elements, relative error 2.2e-13
    W right: 20 elements, relative error 3.0e-13

`check_layer` judges a Keras layer or a recurrent cell (its gradients, weights, config, mask, precision), and
`layer_gradient` differentiates one numerically. These two import Keras, and only when they are asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .check import check_gradient
from .compare import Comparison, compare
from .numeric import NumericGradient, numeric_gradient
from .projected import ProjectedGradient, project, projected_gradient
from .signature import describe

if TYPE_CHECKING:
    from .layers.check_layer import check_layer
    from .layers.layer_gradient import layer_gradient

__all__ = [
    "Comparison",
    "NumericGradient",
    "ProjectedGradient",
    "check_gradient",
    "check_layer",
    "compare",
    "describe",
    "layer_gradient",
    "numeric_gradient",
    "project",
    "projected_gradient",
]

OF_LAYERS = ("check_layer", "layer_gradient")  # these need Keras


def __getattr__(name: str) -> object:
    if name not in OF_LAYERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".layers.{name}", __name__), name)
