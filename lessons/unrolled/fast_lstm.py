"""An LSTM layer for the TensorFlow backend whose gradient is the backward pass of lesson 08, written by hand.

It computes what `keras.layers.LSTM` computes, with the same weights in the same order. Only what needs the step before
stays in the loops:

    forward       a_t = (x_t Wx + b) + h_{t-1} Wh        x Wx + b is one product for all steps, before the loop
    backward      da_t = slopes_t ⊙ [dc, dc, dh, dc]     the slopes of all steps are computed before the loop
    afterwards    dWx, dWh, db, dx                       one product each, for all steps

Sources: Gers, Schmidhuber and Cummins 2000, for the step; Werbos 1990, for the way back; Appleyard, Kočiský and Blunsom
2016, "Optimizing performance of recurrent neural networks on GPUs", for products that are taken out of the loop.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import keras

NO_SECOND = "FastLSTM has no second derivative. Use keras.layers.LSTM, with the same weights, where you need one."


@keras.saving.register_keras_serializable(package="unrolled")
class FastLSTM(keras.layers.LSTM):
    """`keras.layers.LSTM` with its gradient written by hand, for the TensorFlow backend.

    Weights, states, `return_sequences`, `return_state`, `go_backwards`, `stateful`, `unroll` and `initial_state` are
    those of `keras.layers.LSTM`; weights copy over as they are.

    Args:
        units: positive integer, the size of both states.
        **settings: as of `keras.layers.LSTM`. `activation`, `recurrent_activation`, `dropout` and `recurrent_dropout`
            must keep their defaults.

    Raises:
        ValueError: on another backend, for a setting that it does not have, or for a mask in the call.
    """

    def __init__(self, units: int, **settings: Any) -> None:
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                "FastLSTM is written for Keras' TensorFlow backend. "
                f"Received: the backend {keras.backend.backend()}. Use keras.layers.LSTM, which has the same weights."
            )
        super().__init__(units, **settings)
        fixed = {"activation": "tanh", "recurrent_activation": "sigmoid"}
        fixed |= {"dropout": 0, "recurrent_dropout": 0}
        given = {**self.get_config(), **{name: getattr(self, name).__name__ for name in list(fixed)[:2]}}
        for name, value in fixed.items():
            if given[name] != value:
                raise ValueError(
                    f"FastLSTM has no other `{name}` than {value!r}. Received: {name}={given[name]!r}. "
                    "Use keras.layers.LSTM for that, or a Dropout layer before and after this one."
                )

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> tuple:
        """Run over all steps: (batch, time, features) → last output, all outputs (batch, time, units), both states."""
        import tensorflow as tf

        if any(part is not None for part in keras.tree.flatten(mask)):
            raise ValueError(
                "FastLSTM takes no mask: every step counts. Received: a mask, such as Embedding(mask_zero=True) makes. "
                "Leave it out and weight the loss, or use keras.layers.LSTM, which has the same weights."
            )
        x = tf.transpose(sequences, (1, 0, 2))  # (time, batch, features)
        x = tf.reverse(x, (0,)) if self.go_backwards else x
        cell = self.cell
        bias = cell.bias if self.use_bias else tf.zeros(4 * self.units, x.dtype)
        weights = [tf.cast(tf.convert_to_tensor(w), x.dtype) for w in (cell.kernel, cell.recurrent_kernel, bias)]
        h, c = lstm(x, *initial_state, *weights, unroll=self.unroll)
        return h[-1], tf.transpose(h, (1, 0, 2)), [h[-1], c]


def lstm(x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, unroll: bool = False) -> tuple[Any, Any]:
    """Run an LSTM over sequences, as a TensorFlow function with a gradient of its own.

    Args:
        x: the inputs, steps first. Shape (time, batch, features), time at least 1.
        h0, c0: both states before the first step. Shape (batch, units).
        Wx: the kernel. Shape (features, 4 units), columns in the order i, f, g, o.
        Wh: the recurrent kernel. Shape (units, 4 units), columns in the same order.
        b: the bias. Shape (4 units,), in the same order.
        unroll: write the steps out, one after the other, in place of a loop. The number of steps must be known.

    Returns:
        (h, c): the hidden state after every step, (time, batch, units), and the last cell state, (batch, units).
    """
    import tensorflow as tf

    @tf.custom_gradient
    def run(x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any) -> tuple[tuple[Any, Any], Any]:
        steps, units = tf.shape(x)[0], Wh.shape[0]
        projected = _product(x, Wx, b)  # (time, batch, 4 units)
        i_f, g, o, c = (_forward_unrolled if unroll else _forward_loop)(projected, h0, c0, Wh)
        tanh_c = tf.tanh(c)
        h = o * tanh_c  # (time, batch, units)

        def gradient(dh: Any, dc: Any) -> tuple[Any, ...]:
            h_prev, c_prev = tf.concat([h0[None], h[:-1]], 0), tf.concat([c0[None], c[:-1]], 0)
            i, f = tf.split(i_f, 2, axis=2)
            # da = slopes * [dc, dc, dc, dh], where dc already has its share through h: dh * to_c
            slope = i_f * (1 - i_f)
            slope_i, slope_f = tf.split(slope, 2, axis=2)
            slopes = tf.concat([g * slope_i, c_prev * slope_f, i * (1 - g * g), tanh_c * o * (1 - o)], 2)
            to_c = o * (1 - tanh_c * tanh_c)
            back = _backward_unrolled if unroll else _backward_loop
            da, dh0, dc0 = back(dh, dc, slopes, to_c, f, tf.transpose(Wh))
            flat = tf.reshape(da, (-1, 4 * units))  # all steps of all rows
            dx = _product(da, tf.transpose(Wx))
            dWx = tf.matmul(tf.reshape(x, (-1, Wx.shape[0])), flat, transpose_a=True)
            dWh = tf.matmul(tf.reshape(h_prev, (-1, units)), flat, transpose_a=True)
            found = (dx, dh0, dc0, dWx, dWh, tf.reduce_sum(flat, 0))
            return tuple(tf.raw_ops.PreventGradient(input=one, message=NO_SECOND) for one in found)

        return (h, c[steps - 1]), gradient

    return run(x, h0, c0, Wx, Wh, b)


def _product(x: Any, W: Any, b: Any = None) -> Any:
    """(time, batch, m) @ (m, n) + (n,) as one product of two matrices → (time, batch, n)."""
    import tensorflow as tf

    shape = tf.shape(x)
    out = tf.matmul(tf.reshape(x, (-1, W.shape[0])), W)
    out = tf.reshape(out if b is None else tf.nn.bias_add(out, b), (shape[0], shape[1], W.shape[1]))
    out.set_shape((x.shape[0], x.shape[1], W.shape[1]))
    return out


def _forward_step(projected: Any, h: Any, c: Any, Wh: Any) -> tuple[Any, ...]:
    """One step, from the inputs' part (batch, 4 units) → the gates i and f side by side, g, o, and the new c and h."""
    import tensorflow as tf

    units = Wh.shape[0]
    a = projected + tf.matmul(h, Wh)  # (batch, 4 units)
    a_if, a_g, a_o = tf.split(a, [2 * units, units, units], axis=1)
    i_f, g, o = tf.sigmoid(a_if), tf.tanh(a_g), tf.sigmoid(a_o)
    i, f = tf.split(i_f, 2, axis=1)
    c = f * c + i * g
    return i_f, g, o, c, o * tf.tanh(c)


def _backward_step(given: Sequence[Any], carry_h: Any, carry_c: Any, WhT: Any) -> tuple[Any, Any, Any]:
    """One step back, from its dh, slopes, to_c and f → da, and the carries of both states to the step before."""
    import tensorflow as tf

    dh, slopes, to_c, f = given
    dh += carry_h
    dc = carry_c + dh * to_c
    da = slopes * tf.concat([dc, dc, dc, dh], 1)
    return da, tf.matmul(da, WhT), dc * f


def _forward_unrolled(projected: Any, h0: Any, c0: Any, Wh: Any) -> tuple[Any, ...]:
    """As `_forward_loop`, with the steps written out."""
    import tensorflow as tf

    h, c, kept = h0, c0, []
    for one in tf.unstack(projected):
        *values, h = _forward_step(one, h, c, Wh)
        c = values[-1]
        kept.append(values)
    return tuple(tf.stack(values) for values in zip(*kept, strict=True))


def _backward_unrolled(dh: Any, dc: Any, slopes: Any, to_c: Any, f: Any, WhT: Any) -> tuple[Any, Any, Any]:
    """As `_backward_loop`, with the steps written out."""
    import tensorflow as tf

    carry_h, carry_c, kept = tf.zeros_like(dc), dc, []
    for given in reversed(list(zip(*(tf.unstack(v) for v in (dh, slopes, to_c, f)), strict=True))):
        da, carry_h, carry_c = _backward_step(given, carry_h, carry_c, WhT)
        kept.append(da)
    return tf.stack(kept[::-1]), carry_h, carry_c


def _forward_loop(projected: Any, h0: Any, c0: Any, Wh: Any) -> tuple[Any, ...]:
    """The steps. Returns for all of them the gates i and f side by side, g, o and c, steps first."""
    import tensorflow as tf

    steps, units = tf.shape(projected)[0], Wh.shape[0]
    given = _array(projected).unstack(projected)
    kept = [tf.TensorArray(projected.dtype, steps, element_shape=(h0.shape[0], n * units)) for n in (2, 1, 1, 1)]

    def step(t: Any, h: Any, c: Any, *kept: Any) -> tuple[Any, ...]:
        *values, h = _forward_step(given.read(t), h, c, Wh)
        return t + 1, h, values[-1], *(array.write(t, v) for array, v in zip(kept, values, strict=True))

    _, _, _, *kept = tf.while_loop(lambda t, *_: t < steps, step, (0, h0, c0, *kept), maximum_iterations=steps)
    return tuple(array.stack() for array in kept)


def _backward_loop(dh: Any, dc: Any, slopes: Any, to_c: Any, f: Any, WhT: Any) -> tuple[Any, Any, Any]:
    """The steps from the last to the first. Returns da of all steps, (time, batch, 4 units), dh0 and dc0."""
    import tensorflow as tf

    steps = tf.shape(dh)[0]
    given = [_array(v).unstack(v) for v in (dh, slopes, to_c, f)]
    da = _array(slopes)

    def step(t: Any, carry_h: Any, carry_c: Any, da: Any) -> tuple[Any, ...]:
        da_t, carry_h, carry_c = _backward_step([array.read(t) for array in given], carry_h, carry_c, WhT)
        return t - 1, carry_h, carry_c, da.write(t, da_t)

    _, dh0, dc0, da = tf.while_loop(
        lambda t, *_: t >= 0, step, (steps - 1, tf.zeros_like(dc), dc, da), maximum_iterations=steps
    )
    return da.stack(), dh0, dc0


def _array(like: Any) -> Any:
    import tensorflow as tf

    return tf.TensorArray(like.dtype, tf.shape(like)[0], element_shape=like.shape[1:])


# Beside another layer


def both_ways(layer: keras.layers.Layer, x: Any) -> Any:
    """Compile a forward and a backward pass of a layer, for the loss sum(h²).

    Args:
        layer: a recurrent layer, built, that gives all outputs.
        x: the inputs that it will be called with. Shape (batch, time, features).

    Returns:
        A TensorFlow function without arguments: () → all outputs, and the gradients of x and of the weights.
    """
    import tensorflow as tf

    x = tf.constant(x)

    def run() -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            h = layer(x)
            loss = tf.reduce_sum(h * h)
        return [h, *tape.gradient(loss, [x, *(v.value for v in layer.trainable_variables)])]

    return tf.function(run)


def loop_operations(function: Any) -> list[Counter[str]]:
    """Count the operations in one round of each loop of a function that `both_ways` made.

    Returns:
        For the forward and then the backward loop, how often each kind of operation stands in its body. Constants and
        mere names for values are left out.
    """
    graph = function.get_concrete_function().graph
    bodies = [op.get_attr("body").name for op in graph.get_operations() if op.type in ("While", "StatelessWhile")]
    library = {one.signature.name: one for one in graph.as_graph_def().library.function}
    unseen = ("Const", "Identity", "NoOp")
    return [Counter(node.op for node in library[body].node_def if node.op not in unseen) for body in bodies]


def seconds_in_turn(functions: Sequence[Callable[[], Any]], rounds: int = 15) -> list[float]:
    """Call functions in turn, once to warm up and then `rounds` times; the median seconds of each."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds + 1):
        for own, function in zip(times, functions, strict=True):
            begin = time.perf_counter()
            function()[0].numpy()
            own.append(time.perf_counter() - begin)
    return [statistics.median(own[1:]) for own in times]
