"""Hopfield networks: the reference answers of lesson 03.

    W = (1/N) sum_μ ξ^μ ξ^μᵀ, zero diagonal          Hebb's rule
    field = s W + b                                    what the others, and the bias, say to each unit
    E = -½ s W sᵀ - b · s                             the energy
    new = softmax(β state patternsᵀ) patterns         the modern update

Units are +1 or -1, as floating-point numbers. Row vectors throughout: a state is (units,), several states are
(batch, units). Functions are cache-free: what they need is an argument, what they give is an array or a tuple
of arrays.

Sources: Hopfield 1982, "Neural networks and physical systems with emergent collective computational
abilities"; Amit, Gutfreund, Sompolinsky 1985, "Storing infinite numbers of patterns in a spin-glass model of
neural networks"; Ramsauer et al. 2020, "Hopfield networks is all you need".
"""

import keras
import numpy as np
from keras import ops


def hebb(patterns):
    """Store patterns by Hebb's rule: units that are equal in a pattern pull each other.

    W_ij = (1/N) times the sum over the patterns of ξ_i ξ_j, where N is the number of units. No unit acts on
    itself: the diagonal is zero.

    Args:
        patterns: what to store, +1 and -1. Shape (count, units).

    Returns:
        W, the weights, symmetric. Shape (units, units).

    Source: Hopfield 1982.
    """
    ### BEGIN SOLUTION
    N = patterns.shape[1]
    W = patterns.T @ patterns / N  # (units, units)
    np.fill_diagonal(W, 0)
    return W
    ### END SOLUTION


def energy(s, W, b):
    """Compute the energy of states: E = -½ sum_ij s_i W_ij s_j - sum_i b_i s_i.

    Args:
        s: the states, +1 and -1. Shape (batch, units).
        W: the weights, symmetric with a zero diagonal. Shape (units, units).
        b: the bias of each unit. Shape (units,).

    Returns:
        E, one for each state. Shape (batch,).

    Source: Hopfield 1982.
    """
    ### BEGIN SOLUTION
    pairs = np.einsum("ni,ij,nj->n", s, W, s)  # (batch,)
    return -0.5 * pairs - s @ b
    ### END SOLUTION


def synchronous_step(s, W, b):
    """Update all units at once.

    A unit becomes +1 where its field s W + b is positive and -1 where it is negative. Where the field is exactly
    zero the unit keeps its state.

    Args:
        s: the states, +1 and -1. Shape (batch, units).
        W: the weights, symmetric with a zero diagonal. Shape (units, units).
        b: the bias of each unit. Shape (units,).

    Returns:
        The new states. Shape (batch, units).

    Source: Little 1974, "The existence of persistent states in the brain".
    """
    ### BEGIN SOLUTION
    field = s @ W + b  # (batch, units)
    return np.where(field == 0, s, np.sign(field))
    ### END SOLUTION


def recall(s, W, b, order, sweeps):
    """Update one unit after the other, so that each sees what those before it have become.

    A sweep visits every unit once, in the given order. A unit becomes +1 where its field is positive and -1 where
    it is negative. Where the field is exactly zero it keeps its state. It ends after a sweep that changes no unit of
    any state in the batch, and after `sweeps` sweeps at the latest.

    Args:
        s: the states to start from, +1 and -1. Shape (batch, units). All take the same order.
        W: the weights, symmetric with a zero diagonal. Shape (units, units).
        b: the bias of each unit. Shape (units,).
        order: the units in the order in which a sweep visits them. Shape (units,), integers.
        sweeps: the largest number of sweeps. A positive integer.

    Returns:
        The last states. Shape (batch, units). `s` itself is left as it was.

    Source: Hopfield 1982.
    """
    ### BEGIN SOLUTION
    s = s.copy()
    for _ in range(sweeps):
        before = s.copy()
        for i in order:
            field = s @ W[:, i] + b[i]  # (batch,)
            s[:, i] = np.where(field == 0, s[:, i], np.sign(field))
        if np.array_equal(s, before):
            break
    return s
    ### END SOLUTION


def capacity_curve(patterns, counts, order, sweeps):
    """Measure how much of what was stored comes back, as more and more is stored.

    For each number in `counts`, store that many patterns by Hebb's rule, the first ones. Start at each of the
    stored patterns, without a bias, and recall for at most `sweeps` sweeps. The error is the fraction of all
    their bits that have changed.

    Args:
        patterns: +1 and -1. Shape (patterns, units).
        counts: how many patterns to store each time. Shape (loads,), integers.
        order: the units in the order in which a sweep visits them. Shape (units,), integers.
        sweeps: the largest number of sweeps. A positive integer.

    Returns:
        error, between 0 and 1, for each number in `counts`. Shape (loads,).

    Source: Amit, Gutfreund, Sompolinsky 1985.
    """
    ### BEGIN SOLUTION
    b = np.zeros(patterns.shape[1])
    error = []
    for count in counts:
        stored = patterns[:count]  # (count, units)
        last = recall(stored, hebb(stored), b, order, sweeps)
        error.append(np.mean(last != stored))
    return np.array(error)  # (loads,)
    ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class Hopfield(keras.layers.Layer):
    """A Hopfield network as a layer: noisy patterns in, cleaner ones out.

    Args:
        units: positive integer, the number of units.
        steps: positive integer, how many synchronous steps a call takes. Default: 1.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `states` (batch, units), +1 and -1. Returns the states after `steps` synchronous steps: a unit becomes
    the sign of its field, which is the states times the kernel, and keeps its state where the field is zero.

    Weights: `kernel` (units, units), which starts from "zeros". It is not trainable: `store` sets it.

    Raises:
        ValueError: if `units` or `steps` is not a positive integer.

    Source: Hopfield 1982.
    """

    def __init__(self, units, steps=1, **kwargs):
        for name, value in (("units", units), ("steps", steps)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"`{name}` must be a positive integer. Received: {name}={value!r}. "
                    "Example: Hopfield(units=100, steps=5)."
                )
        super().__init__(**kwargs)
        self.units = units
        self.steps = steps

    def build(self, input_shape):
        """Create the weight. `input_shape` is (batch, units)."""
        ### BEGIN SOLUTION
        self.kernel = self.add_weight(
            shape=(self.units, self.units), initializer="zeros", trainable=False, name="kernel"
        )
        ### END SOLUTION

    def store(self, patterns):
        """Set the kernel by Hebb's rule, with 1/N and a zero diagonal. For a layer that is built.

        `patterns` is an array (count, units), +1 and -1. What was stored before is forgotten. Returns nothing.
        """
        ### BEGIN SOLUTION
        patterns = ops.convert_to_tensor(patterns, dtype=self.compute_dtype)
        products = ops.matmul(ops.transpose(patterns), patterns) / self.units  # (units, units)
        self.kernel.assign(products * (1 - ops.eye(self.units, dtype=self.compute_dtype)))
        ### END SOLUTION

    def call(self, states):
        """Return the states after `steps` steps. Use `keras.ops`, so that every backend works."""
        ### BEGIN SOLUTION
        for _ in range(self.steps):
            field = ops.matmul(states, self.kernel)  # (batch, units)
            states = ops.where(ops.equal(field, 0), states, ops.sign(field))
        return states
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        ### BEGIN SOLUTION
        return {**super().get_config(), "units": self.units, "steps": self.steps}
        ### END SOLUTION


def modern_update_forward(state, patterns, beta):
    """Take one step of a modern Hopfield network: a mean of the patterns, weighted by likeness.

    new = softmax(β state patternsᵀ) patterns, the softmax over the patterns. Units are real numbers. It must not
    overflow, however large β is.

    Args:
        state: the states. Shape (batch, units).
        patterns: the stored patterns, one in each row. Shape (count, units).
        beta: the inverse temperature β, a positive number. A large one picks the most alike pattern.

    Returns:
        new, the new states. Shape (batch, units).

    Source: Ramsauer et al. 2020, equation 3. There patterns are columns.
    """
    ### BEGIN SOLUTION
    scores = beta * state @ patterns.T  # (batch, count)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p @ patterns  # (batch, units)
    ### END SOLUTION


def modern_update_backward(dnew, state, patterns, beta):
    """Carry a gradient back through one step of a modern Hopfield network.

    The patterns are used twice: to weigh, and as what is weighed.

    Args:
        dnew: the upstream gradient of the new states. Shape (batch, units).
        state, patterns, beta: as modern_update_forward received them.

    Returns:
        (dstate, dpatterns), each with the shape of what it is the gradient of. dpatterns is a sum over the batch.

    Source: the chain rule, through equation 3 of Ramsauer et al. 2020.
    """
    ### BEGIN SOLUTION
    scores = beta * state @ patterns.T  # (batch, count)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    dp = dnew @ patterns.T  # (batch, count)
    dscores = p * (dp - (p * dp).sum(axis=1, keepdims=True))
    dstate = beta * dscores @ patterns
    dpatterns = p.T @ dnew + beta * dscores.T @ state
    return dstate, dpatterns
    ### END SOLUTION
