"""Numeric gradients, and their comparison with what somebody derived. Usable on its own.

>>> import numpy as np
>>> from autograder import gradients
>>> def forward(x, W):
...     return np.tanh(x @ W)
>>> def backward(dy, x, W):
...     dz = dy * (1 - forward(x, W) ** 2)
...     return dz @ W.T, x.T @ dz
>>> rng = np.random.default_rng(0)
>>> inputs = {"x": rng.normal(size=(3, 4)), "W": rng.normal(size=(4, 5))}
>>> found = gradients.check_gradient(forward, backward, inputs, rng.normal(size=(3, 5)))
>>> [comparison.ok for comparison in found.values()]
[True, True]
"""

from .compare import Comparison, check_gradient, compare
from .numeric import NumericGradient, numeric_gradient
from .signature import describe

__all__ = ["Comparison", "NumericGradient", "check_gradient", "compare", "describe", "numeric_gradient"]
