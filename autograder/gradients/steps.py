"""How far to move a number."""

from __future__ import annotations

import math


def step_size(size: float, eps: float, order: int) -> float:
    """The step for a difference formula of the given order, a power of two.

    Relative to the gradient, a formula of order p is off by about eps/h + (h/c)^p, where c is the
    length over which the function bends. That is smallest, and flat, around h = c eps^(1/(p+1)). No
    array tells what c is: where tanh, sigmoid and softmax are around it is 1, for a power or a
    logarithm it is the size s of the numbers themselves. A step r times too long costs r^p, one too
    short costs r. So the best bet is c = s^(p/(p+1)) for s < 1 and s^(1/(p+1)) for s > 1: whichever
    is true, at most a factor max(s, 1/s)^(p/(p+1)) is lost. For a central difference in float64
    that is h = 6e-6 at s = 1, and a relative error of some 1e-7 at worst for s from 1e-6 to 1e6.
    (The usual eps^(1/3) max(1, |x|) loses every digit of the derivatives of x^3 and log x at 1e-6,
    and of sin x at 1e6.)

    A power of two is added to most numbers without rounding, so both sides move equally far.

    Args:
        size: s, the typical size of the numbers. Positive.
        eps: machine epsilon of the arithmetic.
        order: p, 2 for a central difference, 4 for its Richardson extrapolation.

    Returns:
        h > 0.

    Source: Press et al., Numerical Recipes, section 5.7, for eps^(1/(p+1)).
    """
    digits = math.log2(eps)
    bits = math.log2(size)
    exponent = (digits + min(bits, order * bits)) / (order + 1)
    exponent = max(exponent, digits * 2 / 3 + max(bits, 0.0))  # beyond 1e6: x + h stays clear of x
    return 2.0 ** round(exponent)
