"""Checking a backward pass against its forward pass, for anybody who has written both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .compare import Comparison, compare
from .evaluate import refuse_edit
from .numeric import numeric_gradient


def check_gradient(
    forward: Callable,
    backward: Callable,
    arguments: Mapping[str, object],
    *,
    upstream: object = None,
    wrt: Sequence[str] | None = None,
    method: str = "richardson",
    rtol: float | None = None,
) -> dict[str, Comparison]:
    """Compare what `backward` returns with the numeric gradient of `forward`.

    Args:
        forward: called as forward(*arguments); returns an array, a number or a tuple of them.
        backward: called as backward(upstream, *arguments), with several upstream gradients for a
            forward that returns a tuple, and with none where `upstream` is None. Returns a gradient
            per name in `wrt`, in that order, each of its argument's shape and dtype; a single one
            may come bare.
        arguments: name -> array, in the order of the signature.
        upstream: gradient of the loss with respect to forward's output, or a tuple of them. None
            for a forward that returns a single number.
        wrt: the names that backward returns gradients of. Default: all floating-point arguments.
        method: of `numeric_gradient`.
        rtol: of `compare`. Default: 1e-7 for float64, 1e-5 for a lower precision.

    Returns:
        name -> `Comparison`, printable, true in `.ok` where the gradient is right. Where forward has a
        kink ("richardson" finds them) it says "not differentiable here" and accepts any value between
        the slopes on both sides.

    Raises:
        ValueError: as `numeric_gradient`; if backward returns another number of gradients, another
            shape or dtype, or edits what it was given.
    """
    numeric = numeric_gradient(forward, arguments, upstream=upstream, wrt=wrt, method=method)
    given = {} if upstream is None else {"upstream": upstream}
    if isinstance(upstream, (tuple, list)):
        given = {f"upstream[{i}]": gradient for i, gradient in enumerate(upstream)}
    given |= arguments
    copies = {name: _copy(value) for name, value in given.items()}
    answers = backward(*copies.values())
    for name, value in given.items():
        if isinstance(value, np.ndarray) and value.tobytes() != copies[name].tobytes():
            refuse_edit(name)
    names = list(numeric.values)
    answers = answers if isinstance(answers, (tuple, list)) else (answers,)
    if len(answers) != len(names):
        raise ValueError(
            f"`backward` must return one gradient for each of {', '.join(names)}. "
            f"Received: {len(answers)}. Name what it returns in `wrt`, in its order."
        )
    found = {}
    for name, answer in zip(names, answers, strict=True):
        expected, answer = numeric.values[name], np.asarray(answer)
        if answer.shape != expected.shape or answer.dtype != expected.dtype:
            raise ValueError(
                "A gradient must have the shape and dtype of its argument. "
                f"Received: {answer.shape} {answer.dtype} as the gradient of `{name}`, which is "
                f"{expected.shape} {expected.dtype}. Check the order of what `backward` returns."
            )
        relative = (1e-7 if expected.dtype == np.float64 else 1e-5) if rtol is None else rtol
        error, smooth = numeric.error[name], numeric.smooth[name]
        found[name] = compare(answer, expected, error=error, rtol=relative, smooth=smooth)
    return found


def _copy(value: object) -> object:
    return value.copy() if isinstance(value, np.ndarray) else value
