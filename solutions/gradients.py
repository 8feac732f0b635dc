"""Vanishing and exploding gradients: the reference answers of lesson 07.

    dL/dh_{t-1} = (dL/dh_t · slope_t) Wh^T        one step back, · element by element
    W^n = V diag(lambda^n) V^{-1}                 what many steps back do, where the slopes are 1

Row vectors throughout, as Keras has them: h is (batch, time, units).

Sources: Hochreiter 1991; Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013, "On the difficulty of
training recurrent neural networks"; Saxe, McClelland and Ganguli 2014 and Mezzadri 2007 for orthogonal matrices.
"""

import keras
import numpy as np
from keras import ops


def power_by_eigendecomposition(W, n):
    """Raise a square matrix to a power by way of its eigenvalues.

    W need not be symmetric. Eigenvalues and eigenvectors of a real matrix may be complex, its powers are real.

    Args:
        W: a matrix that has a full set of independent eigenvectors. Shape (units, units).
        n: the power. Integer, 1 <= n.

    Returns:
        W multiplied with itself, n factors in all. Shape (units, units), real.

    Source: Pascanu, Mikolov and Bengio 2013, section 2.1, look at recurrent kernels in this way.
    """
    ### BEGIN SOLUTION
    eigenvalues, V = np.linalg.eig(W)  # (units,), (units, units): eigenvectors are columns
    power = V @ np.diag(eigenvalues**n) @ np.linalg.inv(V)
    return power.real
    ### END SOLUTION


def norm_through_time(dh, slope, Wh):
    """Follow a gradient back through time and return how long it is at every step.

    The loss sees the last state only. Each step is h_t = f(x_t Wx + h_{t-1} Wh + b), and slope holds f' at each of
    them: 1 - h_t^2 for tanh, ones for a linear network, zeros and ones for ReLU.

    Args:
        dh: the gradient of the loss by the last state. Shape (batch, units).
        slope: the slope of the squashing function at every step. Shape (batch, time, units).
        Wh: the recurrent kernel. Shape (units, units).

    Returns:
        norms: the Euclidean norm over units of dL/dh_t, for each example and every step, the last one included.
        Shape (batch, time), in the order of time.

    Source: Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013.
    """
    ### BEGIN SOLUTION
    norms = []
    for t in reversed(range(slope.shape[1])):
        norms.append(np.sqrt((dh**2).sum(axis=1)))  # (batch,)
        dh = (dh * slope[:, t]) @ Wh.T  # (batch, units): the gradient of the state before
    return np.stack(norms[::-1], axis=1)  # (batch, time)
    ### END SOLUTION


def spectral_radius(W):
    """Return the spectral radius of a matrix: the largest modulus among its eigenvalues.

    Args:
        W: shape (units, units). Its eigenvalues may be negative or complex.

    Returns:
        The spectral radius, a real number.

    Source: Pascanu, Mikolov and Bengio 2013.
    """
    ### BEGIN SOLUTION
    eigenvalues = np.linalg.eigvals(W)
    return np.abs(eigenvalues).max()
    ### END SOLUTION


def largest_singular_value(W, v, n):
    """Approach the largest singular value of a matrix by power iteration.

    Each iteration replaces v by W^T W v, scaled to length 1. The length of W v for the v of the last iteration is the
    estimate. It never exceeds the largest singular value, and comes near it with n. That is the most by which W can
    lengthen a vector.

    Args:
        W: shape (units, units).
        v: the vector to start from, of any length but zero. Shape (units,).
        n: number of iterations. Integer, 1 <= n.

    Returns:
        The estimate after n iterations, a number.

    Source: von Mises and Pollaczek-Geiringer 1929 for the iteration; Golub and Van Loan, "Matrix computations".
    """
    ### BEGIN SOLUTION
    for _ in range(n):
        v = W.T @ (W @ v)  # (units,)
        v = v / np.sqrt((v**2).sum())
    return np.sqrt(((W @ v) ** 2).sum())
    ### END SOLUTION


def clip_by_global_norm(gradients, limit):
    """Shorten gradients that are too long, all by the same factor, so that their direction stays.

    The global norm is the length of one vector that holds every element of every gradient. Where it exceeds the limit,
    all gradients are scaled so that it equals the limit. Where it does not, they stay as they are.

    Args:
        gradients: a tuple of arrays of any shapes. They are not changed.
        limit: positive number.

    Returns:
        A tuple of arrays, in the same order and of the same shapes.

    Source: Pascanu, Mikolov and Bengio 2013, algorithm 1.
    """
    ### BEGIN SOLUTION
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    if norm > limit:
        return tuple(g * (limit / norm) for g in gradients)
    return tuple(gradients)
    ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class orthogonal_initializer(keras.initializers.Initializer):
    """Random orthogonal matrices, as a Keras initializer: all their singular values equal `gain`.

    Call with a shape (rows, columns) and a dtype. Returns Q of that shape with Q Q^T = gain^2 I or, if there are more
    rows than columns, Q^T Q = gain^2 I. Every such matrix is equally likely. A QR decomposition of a matrix of
    independent normal numbers alone does not give that, since its signs follow a convention: they are free only once
    each column of Q is multiplied by the sign of its diagonal element of R.

    The seed decides: every call with the same shape and dtype returns the same matrix, another seed gives another.

    Args:
        gain: positive number, the factor on the orthogonal matrix.
        seed: integer.

    Raises:
        ValueError: if `gain` is not a positive number, `seed` not an integer, or a shape has not two dimensions.

    Source: Saxe, McClelland and Ganguli 2014; Mezzadri 2007 for the signs.
    """

    def __init__(self, gain=1.0, seed=0):
        if not isinstance(gain, (int, float)) or isinstance(gain, bool) or not gain > 0:
            raise ValueError(
                f"`gain` must be a positive number. Received: gain={gain!r}. Example: orthogonal_initializer(gain=1.0)."
            )
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise ValueError(
                f"`seed` must be an integer. Received: seed={seed!r}. Example: orthogonal_initializer(seed=1)."
            )
        self.gain = gain
        self.seed = seed

    def __call__(self, shape, dtype=None):
        """Return the matrix. `shape` is (rows, columns), without a dtype it has Keras' default."""
        if len(shape) != 2:
            raise ValueError(
                f"An orthogonal matrix has a shape of two dimensions. Received: shape={tuple(shape)}. "
                "Example: orthogonal_initializer()((8, 8))."
            )
        ### BEGIN SOLUTION
        rows, columns = shape
        longer, shorter = max(rows, columns), min(rows, columns)
        normal = keras.random.normal((longer, shorter), dtype=dtype, seed=self.seed)
        q, r = ops.qr(normal)  # (longer, shorter), (shorter, shorter)
        q = q * ops.sign(ops.diagonal(r))
        if rows < columns:
            q = ops.transpose(q)
        return self.gain * q  # (rows, columns)
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this initializer again."""
        ### BEGIN SOLUTION
        return {"gain": self.gain, "seed": self.seed}
        ### END SOLUTION


def clipping_optimizer(learning_rate, limit):
    """Make a Keras optimizer: plain gradient descent, with gradients clipped by their global norm.

    One step is w - learning_rate · g for each variable w, where the g of all variables have been shortened together
    if their global norm exceeds the limit. No momentum.

    Args:
        learning_rate: positive number.
        limit: positive number, of the global norm of all gradients.

    Returns:
        A `keras.optimizers.Optimizer`.

    Source: Pascanu, Mikolov and Bengio 2013; the documentation of `keras.optimizers.Optimizer`.
    """
    ### BEGIN SOLUTION
    return keras.optimizers.SGD(learning_rate=learning_rate, global_clipnorm=limit)
    ### END SOLUTION
