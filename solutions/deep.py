"""Deep recurrent networks: the reference answers of the second half of lesson 09.

A stack of L recurrent layers. Every layer is Elman's, and reads the states of the layer below as its input:

    h^1_t = tanh(x_t Wx + h^1_{t-1} Wh^1 + b^1)                    the lowest layer reads the input
    h^l_t = tanh(h^{l-1}_t Wu^l + h^l_{t-1} Wh^l + b^l)            layer l reads layer l-1, at the same step

A bidirectional network is two layers side by side that read the same input, one from the first step to the last, the
other from the last step to the first.

By hand all layers of a stack have the same number of units, so that states and weights of all layers are one array
each, with the layer as first axis. In Keras each layer may have a size of its own.

Row vectors throughout, as Keras has them: x_t is (batch, features), h^l_t is (batch, units). Functions are cache-free:
what they need is an argument, what they give is an array or a tuple of arrays.

Sources: Schmidhuber 1992; El Hihi and Bengio 1996; Graves, Mohamed and Hinton 2013, for stacks; Schuster and Paliwal
1997, for two directions.
"""

import keras
import numpy as np
from keras import ops


def stacked_forward(x, h0, Wx, Wu, Wh, b):
    """Run a stack of Elman layers over a whole sequence and keep every state of every layer.

    Layers are counted from 0 in these arrays: layer 0 reads x by the kernel Wx; layer l > 0 reads the states of layer
    l - 1 at the same step by the kernel Wu[l - 1]. Every layer has a recurrent kernel Wh[l], a bias b[l] and a state
    before the first step h0[l] of its own. Every layer is squashed by tanh.

    Args:
        x: inputs. Shape (batch, time, features).
        h0: the states before the first step. Shape (layers, batch, units).
        Wx: the kernel of the lowest layer, input to hidden. Shape (features, units).
        Wu: the kernels of the others, layer below to hidden. Shape (layers - 1, units, units).
        Wh: the recurrent kernels. Shape (layers, units, units).
        b: the biases. Shape (layers, units).

    Returns:
        h, the states of all layers after every step. Shape (layers, batch, time, units). h[l, :, 0] belongs to the
        first step of layer l; h0 is not part of it. The output of the stack is h[-1].

    Source: Graves, Mohamed and Hinton 2013, for the stack; the layers here are Elman's.
    """
    ### BEGIN SOLUTION
    h, below = [], x
    for layer in range(len(h0)):
        kernel = Wx if layer == 0 else Wu[layer - 1]
        state, states = h0[layer], []
        for t in range(x.shape[1]):
            state = np.tanh(below[:, t] @ kernel + state @ Wh[layer] + b[layer])  # (batch, units)
            states.append(state)
        below = np.stack(states, axis=1)  # (batch, time, units)
        h.append(below)
    return np.stack(h)
    ### END SOLUTION


def stacked_backward(dh, x, h0, Wx, Wu, Wh, b):
    """Backpropagate through a whole stack, through time and from layer to layer.

    A state is used up to three times: by the loss, by the next step of its own layer, and by the layer above at the
    same step. Its gradient is the sum of what comes back from each.

    Args:
        dh: upstream gradients: of every state of every layer, from the loss alone.
            Shape (layers, batch, time, units).
        x, h0, Wx, Wu, Wh, b: as stacked_forward received them.

    Returns:
        (dx, dh0, dWx, dWu, dWh, db), each with the shape of what it is the gradient of.
        Gradients of the weights are sums over the batch and over time.

    Source: Werbos 1990, through the stack of Graves, Mohamed and Hinton 2013.
    """
    ### BEGIN SOLUTION
    h = stacked_forward(x, h0, Wx, Wu, Wh, b)
    layers, _, time, _ = h.shape
    dh0, dWx, dWu, dWh, db = (np.zeros_like(array) for array in (h0, Wx, Wu, Wh, b))
    from_above = np.zeros_like(h[-1])  # (batch, time, units): nothing stands above the highest layer
    for layer in reversed(range(layers)):
        below, kernel, dkernel = (x, Wx, dWx) if layer == 0 else (h[layer - 1], Wu[layer - 1], dWu[layer - 1])
        dbelow = np.zeros_like(below)
        carry = np.zeros_like(h0[layer])  # (batch, units): nothing comes back from behind the last step
        for t in reversed(range(time)):
            old = h[layer, :, t - 1] if t > 0 else h0[layer]
            total = dh[layer, :, t] + from_above[:, t] + carry
            da = total * (1 - h[layer, :, t] ** 2)  # (batch, units)
            dkernel += below[:, t].T @ da
            dWh[layer] += old.T @ da
            db[layer] += da.sum(axis=0)
            dbelow[:, t] = da @ kernel.T
            carry = da @ Wh[layer].T
        dh0[layer] = carry
        from_above = dbelow
    return from_above, dh0, dWx, dWu, dWh, db
    ### END SOLUTION


def bidirectional(x, lengths, h0, Wx, Wh, b):
    """Read sequences of different lengths in both directions, by an Elman layer for each direction.

    The first axis of h0, Wx, Wh and b is the direction: 0 reads from the first step to the last, 1 reads from the
    last step to the first. Sequence n has lengths[n] steps. What stands behind them in x is padding, and no
    direction reads it: the backward pass of sequence n starts from h0[1, n] at step lengths[n] - 1.

    Args:
        x: inputs. Shape (batch, time, features).
        lengths: the number of steps of each sequence, at least 1 and at most time. Shape (batch,), integers.
        h0: the state of each direction before the step that it reads first. Shape (2, batch, units).
        Wx: the kernels. Shape (2, features, units).
        Wh: the recurrent kernels. Shape (2, units, units).
        b: the biases. Shape (2, units).

    Returns:
        y, the states of both directions side by side. Shape (batch, time, 2 units): y[n, t, :units] is the state of
        direction 0 after it read step t, y[n, t, units:] that of direction 1 after it read the same step t.
        Zero wherever x is padding.

    Source: Schuster and Paliwal 1997.
    """
    ### BEGIN SOLUTION
    batch, time, _ = x.shape
    units = b.shape[1]
    y = np.zeros((batch, time, 2 * units))
    for n in range(batch):
        steps = range(lengths[n])
        state = h0[0, n]
        for t in steps:
            state = np.tanh(x[n, t] @ Wx[0] + state @ Wh[0] + b[0])  # (units,)
            y[n, t, :units] = state
        state = h0[1, n]
        for t in reversed(steps):
            state = np.tanh(x[n, t] @ Wx[1] + state @ Wh[1] + b[1])
            y[n, t, units:] = state
    return y
    ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class StackedRNN(keras.layers.Layer):
    """A stack of Elman layers, as one Keras layer with a mask.

    Layer 1 reads the inputs, layer l > 1 reads the new state of layer l - 1 at the same step:
    h = tanh(below W + h_prev U + b), each layer with its own W, U and b. All states start from zero.

    Args:
        units: list or tuple of positive integers: the size of each layer, the lowest first.
        return_sequences: whether to return the states of the highest layer after every step, or after the last only.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `inputs` (batch, time, features) and, if some steps do not count, `mask` (batch, time), True where a step
    counts. The number of steps is known. Where the mask is False every layer keeps the state that it had. Returns
    (batch, time, units[-1]) with `return_sequences`, else (batch, units[-1]).

    Weights, in three lists with one entry for each layer, the lowest first: `kernels` (inputs of the layer, units of
    the layer), `recurrent_kernels` (units, units), `biases` (units,), called `layer_1_kernel`,
    `layer_1_recurrent_kernel`, `layer_1_bias`, `layer_2_kernel` and so on. They start from Keras' defaults
    "glorot_uniform", "orthogonal" and "zeros".

    Raises:
        ValueError: if `units` is not a list or tuple of positive integers, or `return_sequences` is neither True nor
            False.

    Source: Graves, Mohamed and Hinton 2013, with Elman's layers.
    """

    def __init__(self, units, return_sequences=False, **kwargs):
        good = isinstance(units, (list, tuple)) and len(units) > 0
        if not good or not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in units):
            raise ValueError(
                "`units` must be a list of positive integers, one for each layer. "
                f"Received: units={units!r}. Example: StackedRNN(units=[32, 32])."
            )
        if not isinstance(return_sequences, bool):
            raise ValueError(
                f"`return_sequences` must be True or False. Received: return_sequences={return_sequences!r}. "
                "Example: StackedRNN([32, 32], return_sequences=True)."
            )
        super().__init__(**kwargs)
        self.units = tuple(units)
        self.return_sequences = return_sequences
        self.supports_masking = True

    def compute_mask(self, inputs, previous_mask=None):
        """The mask for the layer that comes next: the same one over the steps, or none where no steps are left."""
        return previous_mask if self.return_sequences else None

    def build(self, input_shape):
        """Create the weights. `input_shape` is (batch, time, features)."""
        ### BEGIN SOLUTION
        self.kernels, self.recurrent_kernels, self.biases = [], [], []
        size = input_shape[-1]  # of what the layer reads
        for number, units in enumerate(self.units, start=1):
            name = f"layer_{number}"
            self.kernels.append(
                self.add_weight(shape=(size, units), initializer="glorot_uniform", name=f"{name}_kernel")
            )
            self.recurrent_kernels.append(
                self.add_weight(shape=(units, units), initializer="orthogonal", name=f"{name}_recurrent_kernel")
            )
            self.biases.append(self.add_weight(shape=(units,), initializer="zeros", name=f"{name}_bias"))
            size = units
        ### END SOLUTION

    def call(self, inputs, mask=None):
        """Return the states of the highest layer. Use `keras.ops`, so that gradients flow and every backend works."""
        ### BEGIN SOLUTION
        batch, time = ops.shape(inputs)[0], inputs.shape[1]
        states = [ops.zeros((batch, units), dtype=self.compute_dtype) for units in self.units]
        outputs = []
        for t in range(time):
            below = inputs[:, t]  # (batch, features)
            for layer, old in enumerate(states):
                from_below = ops.matmul(below, self.kernels[layer])
                from_past = ops.matmul(old, self.recurrent_kernels[layer])
                state = ops.tanh(from_below + from_past + self.biases[layer])
                if mask is not None:
                    state = ops.where(mask[:, t, None], state, old)
                states[layer] = state
                below = state
            outputs.append(states[-1])
        return ops.stack(outputs, axis=1) if self.return_sequences else outputs[-1]
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        ### BEGIN SOLUTION
        return {**super().get_config(), "units": self.units, "return_sequences": self.return_sequences}
        ### END SOLUTION
