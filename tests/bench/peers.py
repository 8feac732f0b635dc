"""Other gradient checkers on the same layer, each in its own framework: how long, and what they notice.

The layer is an Elman network over whole sequences: batch 3, time 6, 4 features, 5 units, float64. A checker is given all five
tensors (inputs, initial state, kernel, recurrent kernel, bias) and their 137 elements. `off` plants a mistake: that much of the
largest element of the kernel's gradient is added to one element of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BATCH, TIME, FEATURES, UNITS = 3, 6, 4, 5
NAMES = ("x", "h0", "Wx", "Wh", "b")
PLANTED = 1e-4  # relative to the largest element


@dataclass(frozen=True)
class Peer:
    """One checker's figures.

    Attributes:
        name: of the tool and its mode.
        seconds: the best of a few checks of a right gradient.
        accepts: does it accept the right gradient?
        finds: does it notice the planted mistake, at its default tolerances?
    """

    name: str
    seconds: float
    accepts: bool
    finds: bool


def inputs(seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The five tensors, and the upstream gradient."""
    rng = np.random.default_rng(seed)
    shapes = ((BATCH, TIME, FEATURES), (BATCH, UNITS), (FEATURES, UNITS), (UNITS, UNITS), (UNITS,))
    scales = (1, 0.5, 0.5, 0.5, 0.5)
    arrays = {n: s * rng.standard_normal(shape) for n, shape, s in zip(NAMES, shapes, scales, strict=True)}
    return arrays, rng.standard_normal((BATCH, TIME, UNITS))


def measure(name: str, check: Callable[[float], bool], repetitions: int = 3) -> Peer:
    """Time a checker. `check(off)` tells whether it accepts a gradient with a mistake of that size in it."""
    accepts, times = check(0.0), []
    for _ in range(repetitions):
        start = time.perf_counter()
        check(0.0)
        times.append(time.perf_counter() - start)
    return Peer(name, min(times), accepts, not check(PLANTED))


def ours() -> list[Peer]:
    """`check_gradient`, element by element and by Richardson's extrapolation, and along projections."""
    from autograder import gradients
    from solutions.elman import sequence_backward, sequence_forward

    arrays, upstream = inputs()

    def backward(off: float) -> Callable:
        def with_mistake(upstream: np.ndarray, *arguments: np.ndarray) -> tuple[np.ndarray, ...]:
            answers = sequence_backward(upstream, *arguments)
            answers[2][1, 2] += off * np.abs(answers[2]).max()
            return answers

        return with_mistake

    def whole(method: str) -> Callable[[float], bool]:
        def check(off: float) -> bool:
            found = gradients.check_gradient(sequence_forward, backward(off), arrays, upstream=upstream, method=method)
            return all(comparison.ok for comparison in found.values())

        return check

    def projected(off: float) -> bool:
        answers = dict(zip(NAMES, backward(off)(upstream, *arrays.values()), strict=True))
        found = gradients.projected_gradient(
            sequence_forward, arrays, upstream=upstream, rng=np.random.default_rng(1), method="richardson"
        )
        return all(
            gradients.compare(
                gradients.project(answers[n], found.directions[n]), found.values[n], error=found.error[n]
            ).ok
            for n in NAMES
        )

    return [
        measure("ours, NumPy, central", whole("central")),
        measure("ours, NumPy, Richardson", whole("richardson")),
        measure("ours, NumPy, 4 projections a tensor", projected),
    ]


def torch_gradcheck() -> list[Peer]:
    """`torch.autograd.gradcheck`, slow and fast."""
    import torch

    arrays, _ = inputs()
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays.values()]

    def planted(off: float) -> Callable:
        def hook(gradient):
            if gradient is None:
                return None
            where = (torch.arange(gradient.numel()) == 7).reshape(gradient.shape)
            return gradient + off * gradient.abs().max() * where

        return hook

    def layer(off: float) -> Callable:
        def forward(x, h, Wx, Wh, b):
            if off:
                Wx = Wx * 1.0
                Wx.register_hook(planted(off))
            states = []
            for t in range(TIME):
                h = torch.tanh(x[:, t] @ Wx + h @ Wh + b)
                states.append(h)
            return torch.stack(states, 1)

        return forward

    def check(fast: bool) -> Callable[[float], bool]:
        return lambda off: torch.autograd.gradcheck(layer(off), tensors, fast_mode=fast, raise_exception=False)

    return [
        measure("torch.autograd.gradcheck, slow", check(False)),
        measure("torch.autograd.gradcheck, fast", check(True)),
    ]


def tensorflow_compute_gradient() -> list[Peer]:
    """`tf.test.compute_gradient`. It judges nothing: as in its documentation, an error below 1e-4 is taken for right."""
    import tensorflow as tf

    arrays, upstream = inputs()
    tensors = [tf.constant(array) for array in arrays.values()]

    @tf.custom_gradient
    def planted(W, off):
        def back(g):
            where = tf.reshape(tf.one_hot(7, FEATURES * UNITS, dtype=g.dtype), g.shape)
            return g + off * tf.reduce_max(tf.abs(g)) * where, tf.zeros_like(off)

        return tf.identity(W), back

    def check(off: float) -> bool:
        def layer(x, h, Wx, Wh, b):
            Wx = planted(Wx, tf.constant(off, tf.float64))
            states = []
            for t in range(TIME):
                h = tf.tanh(x[:, t] @ Wx + h @ Wh + b)
                states.append(h)
            return tf.stack(states, 1)

        theirs, numeric = tf.test.compute_gradient(layer, tensors)
        return max(float(np.abs(a - n).max()) for a, n in zip(theirs, numeric, strict=True)) < 1e-4

    return [measure("tf.test.compute_gradient", check, repetitions=1)]


def jax_check_grads() -> list[Peer]:
    """`jax.test_util.check_grads`, one random direction, in double precision."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    from jax.test_util import check_grads

    arrays, _ = inputs()

    @jax.custom_vjp
    def planted(W, off):
        return W

    def back(off, g):
        return g + off * jnp.abs(g).max() * (jnp.arange(g.size) == 7).reshape(g.shape), jnp.zeros_like(off)

    planted.defvjp(lambda W, off: (W, off), back)

    def check(off: float) -> bool:
        def layer(x, h, Wx, Wh, b):
            Wx = planted(Wx, jnp.array(off))
            states = []
            for t in range(TIME):
                h = jnp.tanh(x[:, t] @ Wx + h @ Wh + b)
                states.append(h)
            return jnp.stack(states, 1)

        try:
            check_grads(layer, tuple(map(jnp.array, arrays.values())), order=1, modes=("rev",))
        except AssertionError:
            return False
        return True

    return [measure("jax.test_util.check_grads", check)]


def every() -> list[Peer]:
    """All checkers that are installed; ours first."""
    found = ours()
    for peers in (torch_gradcheck, jax_check_grads, tensorflow_compute_gradient):
        try:
            found += peers()
        except ImportError:
            continue
    return found
