"""Judging Keras layers: right ones come out right, and for every check a wrong one is found and named.

The gradients' oracle is the NumPy backward pass of solutions/elman.py, which does not know of Keras. The layers in
`WRONG` are right but for one mistake each; `Affine` and `Cell` are what they are made from.
"""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from autograder.gradients import check_layer, layer_gradient, numeric_gradient
from autograder.gradients.layers.report import LayerCheck, LayerReport
from autograder.gradients.layers.user_code import innermost
from solutions import elman

T, BATCH, FEATURES, UNITS = 6, 3, 4, 5
NUMBERS = np.random.default_rng(7)
X = NUMBERS.standard_normal((BATCH, FEATURES))
SEQUENCE = NUMBERS.standard_normal((BATCH, T, FEATURES))
FIXED = NUMBERS.standard_normal((UNITS, UNITS)).astype("float32")
BACKEND = keras.backend.backend()
STOP = "`detach` (stop_gradient)" if BACKEND == "torch" else "`stop_gradient`"


@pytest.fixture(autouse=True)
def the_same_weights_every_time():
    keras.utils.set_random_seed(11)


class Affine(keras.layers.Layer):
    """y = tanh(x W + b)."""

    def __init__(self, units=UNITS, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, x):
        return ops.tanh(self.affine(x))

    def affine(self, x):
        return ops.matmul(x, self.kernel) + self.bias

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Cell(Affine):
    """An Elman cell that hands its state on to a `step` of its own."""

    def __init__(self, units=UNITS, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = units

    def build(self, input_shape):
        super().build(input_shape)
        self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), name="recurrent_kernel")

    def call(self, x, states):
        h = self.step(self.affine(x) + ops.matmul(states[0], self.recurrent_kernel))
        return h, [h]

    def step(self, z):
        return ops.tanh(z)


class Bilinear(keras.layers.Layer):
    """y = tanh(a W b^T) of two inputs, called by position or by name."""

    def build(self, a_shape, b_shape):
        self.kernel = self.add_weight(shape=(a_shape[-1], b_shape[-1]), name="kernel")

    def call(self, a, b):
        return ops.tanh(ops.sum(ops.matmul(a, self.kernel) * b, axis=-1))


class RunningMean(keras.layers.Layer):
    """The mean of all steps so far, those that are masked left out."""

    supports_masking = True

    def call(self, x, mask=None):
        counts = ops.ones_like(x[..., :1])
        if mask is not None:
            counts = ops.cast(mask, x.dtype)[..., None]
        return ops.cumsum(x * counts, axis=1) / ops.maximum(ops.cumsum(counts, axis=1), 1)


# Wrong layers: (class, inputs, check, what its sentence must hold)


class KeepsTheKernelInAnAttribute(Affine):
    def build(self, input_shape):
        self.kernel = ops.convert_to_tensor(np.random.default_rng(0).standard_normal((FEATURES, UNITS)), self.dtype)
        self.bias = self.add_weight(shape=(self.units,), name="bias")


class HidesArraysInAList(Affine):
    def build(self, input_shape):
        super().build(input_shape)
        self.scales = [np.full((UNITS,), 2.0), np.full((UNITS,), 3.0)]

    def call(self, x):
        return super().call(x) * ops.cast(self.scales[1], x.dtype)


class GivesTwoWeightsOneName(Affine):
    def build(self, input_shape):
        super().build(input_shape)
        self.bias = self.add_weight(shape=(self.units,), name="kernel")


class HasAnIdleWeight(Affine):
    def build(self, input_shape):
        super().build(input_shape)
        self.gain = self.add_weight(shape=(self.units,), name="gain")


class MakesWeightsInCall(Affine):
    def build(self, input_shape):
        pass

    def call(self, x):
        self.kernel = self.add_weight(shape=(FEATURES, UNITS), name="kernel")
        return ops.matmul(x, self.kernel)


class UsesNumpy(Affine):
    def call(self, x):
        return ops.convert_to_tensor(np.tanh(self.affine(x)))


class StopsTheGradient(Affine):
    def call(self, x):
        return ops.tanh(ops.stop_gradient(self.affine(x)))


class StopsHalfOfTheGradient(Affine):
    def call(self, x):
        z = self.affine(x)
        return ops.tanh(z) * ops.stop_gradient(z)


class StopsTheGradientInTime(Cell):
    def call(self, x, states):
        return super().call(x, [ops.stop_gradient(states[0])])


class CastsToInt(Affine):
    def call(self, x):
        return ops.cast(ops.cast(10 * self.affine(x), "int32"), x.dtype)


class Rounds(Affine):
    def call(self, x):
        return ops.round(10 * self.affine(x))


class CastsToFloat32(Affine):
    def call(self, x):
        return ops.cast(ops.tanh(ops.cast(self.affine(x), "float32")), x.dtype)


class HasAFloat32Layer(Affine):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Dense(UNITS)  # without dtype=self.dtype_policy

    def build(self, input_shape):
        self.inner.build(input_shape)

    def call(self, x):
        return ops.cast(self.inner(x), self.compute_dtype)


class ForgetsItsUnits(Affine):
    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)

    def get_config(self):
        return keras.layers.Layer.get_config(self)


class ForgetsAnOption(Affine):
    def __init__(self, slope=1.0, **kwargs):
        super().__init__(**kwargs)
        self.slope = slope

    def call(self, x):
        return self.slope * super().call(x)


class ComputesFromWhatConfigLacks(Affine):
    def __init__(self, units=UNITS, **kwargs):
        super().__init__(units, **kwargs)
        self.shift = float(np.random.default_rng().uniform(1, 2))

    def call(self, x):
        return super().call(x) + self.shift


class CannotBeSaved(Affine):
    def __init__(self, rng=None, **kwargs):
        super().__init__(**kwargs)
        self.rng = rng

    def get_config(self):
        return {**super().get_config(), "rng": np.random.default_rng(0)}


class KeepsState(Affine):
    def call(self, x):
        self.last = super().call(x) + getattr(self, "last", 0.0)
        return self.last


class DrawsWithoutASeed(Affine):
    def call(self, x):
        return super().call(x) + np.random.default_rng().standard_normal()


class TrainsItself(Affine):
    def call(self, x):
        y = super().call(x)
        self.bias.assign(self.bias + 1.0)
        return y


class IgnoresItsMask(RunningMean):
    def call(self, x, mask=None):
        return super().call(x)


class MultipliesByAFloat32Constant(Affine):
    def call(self, x):
        return ops.matmul(super().call(x), ops.convert_to_tensor(FIXED))


class AsksForAValue(Affine):
    def call(self, x):
        z = self.affine(x)
        return ops.tanh(z) if float(ops.sum(z)) > 0 else z


class CountsItsCalls(Affine):
    def call(self, x):
        self.calls = getattr(self, "calls", 0) + 1
        return super().call(x) * self.calls


class ClaimsAWrongGradient(Affine):
    def call(self, x):
        @ops.custom_gradient
        def tanh(z):
            y = ops.tanh(z)

            def backward(*arguments, upstream=None):
                return 2 * (arguments[0] if upstream is None else upstream) * (1 - y**2)

            return y, backward

        return tanh(self.affine(x))


class ReturnsHalf(Affine):
    def call(self, x):
        return super().call(x) / 2


WRONG = [
    (KeepsTheKernelInAnAttribute, X, "weights", "`self.kernel` influences the outputs but is not registered"),
    (HidesArraysInAList, X, "weights", "`self.scales[1]` influences the outputs"),
    (GivesTwoWeightsOneName, X, "weights", "two weights have the same name"),
    (HasAnIdleWeight, X, "weights", "`gain` has no influence"),
    (MakesWeightsInCall, X, "call", "made in `call` at `self.kernel = self.add_weight("),
    (UsesNumpy, X, "disconnected", "NumPy at `return ops.convert_to_tensor(np.tanh(self.affine(x)))`"),
    (StopsTheGradient, X, "disconnected", "{stop} at `return ops.tanh(ops.stop_gradient(self.affine(x)))`"),
    (StopsHalfOfTheGradient, X, "disconnected", "only a part of the gradient reaches `kernel`, `bias` and `x`: {stop}"),
    (StopsTheGradientInTime, SEQUENCE, "disconnected", "no gradient reaches `initial_state`"),
    (StopsTheGradientInTime, SEQUENCE, "gradients", "{stop} at `return super().call(x, [ops.stop_gradient("),
    (CastsToInt, X, "disconnected", "a cast to int32 at `return ops.cast(ops.cast(10 * self.affine(x), "),
    (Rounds, X, "disconnected", "`round`, whose gradient is zero at `return ops.round(10 * self.affine(x))`"),
    (CastsToFloat32, X, "dtype", "a cast to float32 at `return ops.cast(ops.tanh("),
    (HasAFloat32Layer, X, "dtype", "inside of it computes in float32"),
    (ForgetsItsUnits, X, "config", "get_config lacks `units`"),
    (ForgetsAnOption, X, "config", "get_config lacks `slope`"),
    (ComputesFromWhatConfigLacks, X, "config", "gives other outputs"),
    (ComputesFromWhatConfigLacks, X, "save_load", "it gives other outputs"),
    (CannotBeSaved, X, "save_load", "can't be saved"),
    (KeepsState, X, "outputs", "`self.last` changes during the call"),
    (DrawsWithoutASeed, X, "outputs", "random numbers without a seed"),
    (TrainsItself, X, "outputs", "changes the trainable weight `bias`"),
    (IgnoresItsMask, SEQUENCE, "mask", "the mask is ignored"),
    (MultipliesByAFloat32Constant, X, "mixed_precision", "has a fixed dtype"),
    (AsksForAValue, X, "compiled", "Python asks for the value of a tensor at `return ops.tanh(z) if float("),
    (CountsItsCalls, X, "outputs", "`self.calls` changes"),
    (ClaimsAWrongGradient, X, "gradients", "`kernel` looks like a factor 2: is something counted twice?"),
]


def make(kind, **more):
    options = {ForgetsItsUnits: {"units": UNITS}, ForgetsAnOption: {"slope": 2.0}}
    return kind(**options.get(kind, {}), **{"dtype": "float64", **more})


def right_layers():
    layers = keras.layers
    return {
        "Elman cell": (elman.ElmanCell(UNITS, dtype="float64"), SEQUENCE, {}),
        "Elman cell in float32": (elman.ElmanCell(UNITS), SEQUENCE, {}),
        "LSTM cell": (layers.LSTMCell(UNITS, dtype="float64"), SEQUENCE, {}),
        "stacked cells": (layers.StackedRNNCells([layers.GRUCell(2), layers.LSTMCell(3)]), SEQUENCE, {}),
        "Dense": (layers.Dense(UNITS), X, {}),
        "LayerNormalization": (layers.LayerNormalization(dtype="float64"), SEQUENCE, {}),
        "Embedding": (layers.Embedding(7, 3, dtype="float64"), np.array([[1, 2, 2], [6, 0, 1]]), {}),
        "MultiHeadAttention": (layers.MultiHeadAttention(2, 3, dtype="float64"), (SEQUENCE, SEQUENCE[:, ::-1]), {}),
        "GRU": (layers.GRU(UNITS, return_sequences=True, dtype="float64"), SEQUENCE, {}),
        "stateful LSTM": (layers.LSTM(UNITS, stateful=True, dtype="float64"), SEQUENCE, {}),
        "ReLU at zero": (layers.ReLU(dtype="float64"), np.array([[0.0, 1.0, -1.0]]), {}),
        "two inputs": (Bilinear(dtype="float64"), {"a": X, "b": X[:, ::-1]}, {}),
        "a list of inputs": (layers.Add(dtype="float64"), [X, X + 1], {}),
        "batch norm in training": (layers.BatchNormalization(), SEQUENCE, {"call_arguments": {"training": True}}),
        "dropout in training": (layers.Dropout(0.5), X, {"call_arguments": {"training": True}}),
        "mean with a mask": (RunningMean(dtype="float64"), SEQUENCE, {}),
        "own layer": (Affine(), X, {}),
    }


# Right layers


@pytest.mark.parametrize("name", list(right_layers()))
def test_a_right_layer_passes_every_check(name):
    layer, inputs, more = right_layers()[name]
    report = check_layer(layer, inputs, **more)
    assert report.ok, str(report)
    assert {check.status for check in report} <= {"right", "not judged"}
    assert report["outputs"].status == report["config"].status == report["save_load"].status == "right"


@pytest.mark.parametrize("name", ["LSTM cell", "GRU", "MultiHeadAttention", "two inputs", "Embedding"])
def test_gradients_of_all_weights_and_inputs_are_compared(name):
    layer, inputs, more = right_layers()[name]
    found = check_layer(layer, inputs, checks=["gradients"], **more)["gradients"].comparisons
    expected = {
        "LSTM cell": {"kernel", "recurrent_kernel", "bias", "sequences", "initial_state[0]", "initial_state[1]"},
        "GRU": {"kernel", "recurrent_kernel", "bias", "sequences"},
        "MultiHeadAttention": {
            f"{part}/{n}" for part in ("query", "key", "value", "attention_output") for n in ("kernel", "bias")
        }
        | {"query", "value"},
        "two inputs": {"kernel", "a", "b"},
        "Embedding": {"embeddings"},
    }
    assert set(found) == expected[name]


def test_a_kink_is_said_to_be_one_and_not_wrong():
    report = check_layer(keras.layers.ReLU(dtype="float64"), np.array([[0.0, 1.0, -1.0]]), checks=["gradients"])
    assert report.ok
    assert "1 element stands at a kink: not differentiable here" in str(report["gradients"].sentence)
    assert report["gradients"].comparisons["inputs"].not_smooth.tolist() == [[True, False, False]]


def test_one_tensor_is_spoken_of_in_the_singular():
    report = check_layer(keras.layers.ReLU(dtype="float64"), np.array([[2.0, 1.0, -1.0]]), checks=["gradients"])
    assert report["gradients"].sentence.startswith("1 tensor (3 elements) agrees with")

    class Both(keras.layers.Layer):
        def call(self, a, b):
            return ops.round(a) + ops.round(b)

    together = check_layer(Both(dtype="float64"), (X, X), checks=["disconnected"])["disconnected"].sentence
    assert "`a` and `b`, which move the outputs only in steps" in together


# Right layers of every kind


class Total(Affine):
    """One number for the whole batch."""

    def call(self, x):
        return ops.sum(super().call(x))


class SelfByAnotherName(Affine):
    def __init__(this, units=UNITS, **kwargs):  # noqa: N805
        super().__init__(units, **kwargs)


def functional():
    x = keras.Input((FEATURES,))
    return keras.Model(x, keras.layers.Dense(2)(keras.layers.Dense(UNITS, activation="tanh")(x)))


def sequential():
    return keras.Sequential([keras.layers.Dense(UNITS, activation="tanh"), keras.layers.Dense(2)])


IMAGES = NUMBERS.standard_normal((2, 5, 4, 3))
OTHER_RIGHT = {  # name -> (layer, inputs)
    "a convolution": (lambda: keras.layers.Conv2D(2, 2), IMAGES),
    "a recurrent convolution": (lambda: keras.layers.ConvLSTM1D(1, 2, dtype="float64"), IMAGES[:, :3]),
    "LSTM in bfloat16": (lambda: keras.layers.LSTM(3, dtype="mixed_bfloat16"), SEQUENCE),
    "Dense in float16": (lambda: keras.layers.Dense(3, dtype="float16"), X),
    "Dense in mixed float16": (lambda: keras.layers.Dense(3, dtype="mixed_float16"), X),
    "Dense in mixed bfloat16": (lambda: keras.layers.Dense(3, dtype="mixed_bfloat16"), X),
    "a functional model": (functional, X),
    "a sequential model": (sequential, X),
    "bins": (lambda: keras.layers.Discretization(bin_boundaries=[0.0, 1.0]), X),
    "one-hot": (lambda: keras.layers.CategoryEncoding(num_tokens=7, output_mode="one_hot"), np.array([1, 2, 3])),
    "another name for self": (SelfByAnotherName, X),
    "a function": (lambda: lambda x: x * 2, X),
    "a scalar": (Total, X),
    "additive attention": (lambda: keras.layers.AdditiveAttention(), [SEQUENCE, SEQUENCE]),
    "attention": (lambda: keras.layers.Attention(), [SEQUENCE, SEQUENCE + 1]),
    "inputs beyond float16": (lambda: keras.layers.Dense(3), X * 1e6),
}


@pytest.mark.parametrize("name", OTHER_RIGHT)
def test_a_right_layer_of_another_kind_has_nothing_wrong(name):
    layer, inputs = OTHER_RIGHT[name]
    report = check_layer(layer(), inputs)
    wrong = {check.name for check in report.checks if check.status == "wrong"}
    # Keras' own loop over time on JAX cannot broadcast the mask of a state with more than two axes
    keras_fails = {"mask"} if BACKEND == "jax" and name == "a recurrent convolution" else set()
    assert wrong == keras_fails, str(report)


@pytest.mark.parametrize("name", ["LSTM in bfloat16", "Dense in float16", "Dense in mixed bfloat16"])
def test_a_layer_in_16_bits_is_differentiated_as_a_float64_copy(name):
    layer, inputs = OTHER_RIGHT[name]
    found = check_layer(layer(), inputs, checks=["gradients", "dtype"])
    assert "judged on a float64 copy" in found["gradients"].sentence
    assert found["dtype"].status == "right"


def test_a_wrong_gradient_is_found_in_16_bits_too():
    layer = type("InHalf", (ClaimsAWrongGradient,), {})(dtype="mixed_bfloat16")
    assert check_layer(layer, X, checks=["gradients"]).wrong == ["gradients"]


def test_outputs_in_16_bits_are_compared_with_the_digits_that_they_have():
    layer = keras.layers.Dense(3, dtype="mixed_bfloat16")
    layer.build(X.shape)
    expected = X @ ops.convert_to_numpy(layer.kernel)
    assert check_layer(layer, X, reference=expected, checks=["outputs"]).ok
    assert not check_layer(layer, X, reference=2 * expected, checks=["outputs"]).ok


@pytest.mark.parametrize(
    ("name", "checks", "why"),
    [
        ("a functional model", ["mixed_precision", "dtype"], "made from layers"),
        ("bins", ["gradients", "disconnected", "compiled", "mixed_precision", "dtype"], "no floating-point output"),
        ("one-hot", ["gradients", "mixed_precision"], "neither"),
        ("inputs beyond float16", ["mixed_precision"], "`inputs` itself is beyond the range of float16"),
    ],
)
def test_what_does_not_apply_is_not_judged_and_why_is_said(name, checks, why):
    layer, inputs = OTHER_RIGHT[name]
    for check in check_layer(layer(), inputs, checks=checks):
        assert (check.status, why in check.sentence) == ("not judged", True), str(check)


def test_a_mask_of_a_list_of_inputs_that_is_ignored_is_found():
    class Ignores(keras.layers.Layer):
        supports_masking = True

        def call(self, pair, mask=None):
            return ops.cumsum(pair[0] + pair[1], axis=1)

    report = check_layer(Ignores(), [SEQUENCE, SEQUENCE], checks=["mask"])
    assert "the mask is ignored" in report["mask"].sentence


# Wrong layers


@pytest.mark.parametrize(("kind", "inputs", "check", "sentence"), WRONG, ids=lambda v: getattr(v, "__name__", None))
def test_a_wrong_layer_is_found_and_what_is_wrong_is_named(kind, inputs, check, sentence):
    if BACKEND == "torch" and kind is UsesNumpy:  # PyTorch refuses at once
        check, sentence = "call", "A tensor becomes a NumPy array at `return ops.convert_to_tensor(np.tanh("
    if BACKEND == "torch" and check == "compiled":
        pytest.skip("PyTorch is not asked to compile")
    report = check_layer(make(kind), inputs, checks=None if check == "call" else [check])
    assert report[check].status == "wrong", str(report)
    assert sentence.format(stop=STOP).lower() in report[check].sentence.lower(), report[check].sentence


def test_the_line_of_a_broken_gradient_is_the_one_in_this_file():
    sentence = check_layer(make(StopsTheGradient), X, checks=["disconnected"])["disconnected"].sentence
    line = StopsTheGradient.call.__code__.co_firstlineno + 1
    assert f"test_gradients_layer.py, line {line}, in call" in sentence


@pytest.mark.parametrize("kind", [ForgetsAnOption, MultipliesByAFloat32Constant, IgnoresItsMask, CannotBeSaved])
def test_what_is_not_wrong_with_a_wrong_layer_is_called_right(kind):
    layer, inputs = make(kind), SEQUENCE if kind is IgnoresItsMask else X
    report = check_layer(layer, inputs, checks=["outputs", "weights", "gradients", "disconnected", "compiled"])
    assert report.ok, str(report)


@pytest.mark.skipif(BACKEND != "torch", reason="only PyTorch lets a layer edit the tensors that it is given")
def test_a_layer_that_edits_its_input_is_found():
    class Doubles(Affine):
        def call(self, x):
            x.mul_(2)
            return super().call(x)

    sentence = check_layer(make(Doubles), X, checks=["outputs"])["outputs"].sentence
    assert "edits its input `x` in place" in sentence


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the variable is one of TensorFlow")
def test_a_variable_of_tensorflow_is_not_taken_for_a_weight():
    import tensorflow as tf

    class Foreign(Affine):
        def build(self, input_shape):
            super().build(input_shape)
            self.gain = tf.Variable(np.full(UNITS, 1.5))

        def call(self, x):
            return super().call(x) * tf.cast(self.gain, x.dtype)

    sentence = check_layer(Foreign(dtype="float64"), X, checks=["weights"])["weights"].sentence
    assert "`self.gain` is a variable that is not among the layer's weights" in sentence


def test_constants_and_disconnections_that_are_meant_are_accepted_by_name():
    assert check_layer(make(HidesArraysInAList), X, checks=["weights"], constants=["scales[0]", "scales[1]"]).ok
    meant = ["kernel", "bias", "x"]
    report = check_layer(make(StopsTheGradient), X, checks=["gradients", "disconnected"], expected_disconnected=meant)
    assert report.wrong == []


def test_an_exception_in_one_check_is_its_verdict_and_does_not_stop_the_others():
    class Breaks(Affine):
        def get_config(self):
            raise RuntimeError("on purpose")

    report = check_layer(Breaks(dtype="float64"), X, checks=["config", "gradients"])
    assert report["config"].status == "wrong"
    assert "RuntimeError: on purpose" in report["config"].sentence
    assert report["gradients"].status == "right"


def test_the_judges_own_code_is_never_named_as_the_line_at_fault():
    import autograder.gradients.numeric as judge

    assert innermost([(__file__, 1, "call"), (judge.__file__, 1, "numeric_gradient")]).file == __file__


def test_a_layer_that_raises_is_reported_with_the_line_and_nothing_else_is_judged():
    class Raises(Affine):
        def call(self, x):
            raise RuntimeError("my own problem")

    report = check_layer(Raises(), X)
    assert report.wrong == ["call"]
    assert "my own problem" in report["call"].sentence
    assert '`raise RuntimeError("my own problem")`' in report["call"].sentence
    assert {check.status for check in list(report)[1:]} == {"not judged"}


# The reference


def test_outputs_are_compared_with_a_function_of_the_inputs_and_the_weights():
    def reference(x, kernel, bias):
        return np.tanh(x @ kernel + bias)

    assert check_layer(make(Affine), X, reference=reference, checks=["outputs"]).ok
    report = check_layer(make(ReturnsHalf), X, reference=reference, checks=["outputs"])
    assert "`outputs` looks like a factor 1/2" in report["outputs"].sentence


def test_outputs_of_a_cell_are_compared_with_the_solution_of_the_course():
    def reference(x, h0, kernel, recurrent_kernel, bias):
        h = elman.sequence_forward(x, h0, kernel, recurrent_kernel, bias)
        return h, h[:, -1]

    assert check_layer(elman.ElmanCell(UNITS), SEQUENCE, reference=reference, checks=["outputs"]).ok


def test_outputs_are_compared_with_an_array_at_the_layers_own_weights():
    layer = make(Affine)
    layer.build(X.shape)
    expected = np.tanh(X @ ops.convert_to_numpy(layer.kernel))
    assert check_layer(layer, X, reference=expected, checks=["outputs"]).ok
    assert not check_layer(layer, X, reference=expected + 1e-3, checks=["outputs"]).ok
    shape = check_layer(layer, X, reference=expected[:2], checks=["outputs"])["outputs"].sentence
    assert "must have the shape (2, 5)" in shape


def outputs_of(layer, reference):
    return check_layer(layer, X, reference=reference, checks=["outputs"])["outputs"]


class Three(keras.layers.Layer):
    def call(self, x):
        return x, 2 * x, 3 * x


def test_outputs_that_the_reference_lacks_are_said_not_to_be_compared():
    layer = Three(dtype="float64")
    assert "Only the first of 3 outputs was compared" in outputs_of(layer, X).sentence
    assert "Only the first 2 of 3 outputs were compared" in outputs_of(layer, [X, 2 * X]).sentence
    assert "Only" not in outputs_of(layer, [X, 2 * X, 3 * X]).sentence
    assert outputs_of(layer, [X, 2 * X, 2 * X]).status == "wrong"


def test_nested_lists_of_numbers_are_one_array():
    assert outputs_of(Three(dtype="float64"), X.tolist()).status == "right"
    assert outputs_of(keras.layers.Identity(dtype="float64"), X.tolist()).status == "right"
    assert outputs_of(keras.layers.Identity(dtype="float64"), (X + 1).tolist()).status == "wrong"


DROPOUT = pytest.param(
    keras.layers.Dropout(0.5, dtype="float64"),
    {"training": True},
    marks=pytest.mark.skipif(BACKEND == "torch", reason="on PyTorch it draws others without changing its state"),
)


@pytest.mark.parametrize(("layer", "more"), [(keras.layers.LSTM(3, stateful=True), {}), DROPOUT])
def test_a_layer_with_state_is_not_said_to_be_the_same_at_every_call(layer, more):
    report = check_layer(layer, SEQUENCE, call_arguments=more, checks=["outputs"])
    assert "same at every call" not in report["outputs"].sentence
    assert "only with the state that it keeps" in report["outputs"].sentence


def test_a_weight_that_is_idle_at_these_inputs_is_not_said_to_be_idle_everywhere():
    report = check_layer(keras.layers.Dense(3, activation="relu"), 0 * X, checks=["weights"])
    assert "`kernel` has no influence on the outputs at these inputs" in report["weights"].sentence


# Afterwards


class Remembers(keras.layers.Layer):
    """Changes everything that it holds, at every call."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.number, self.items, self.table, self.seen = 0, [], {"last": [0]}, set()
        self.array, self._hidden = np.zeros(2), []

    def call(self, x):
        self.number += 1
        self.items.append(self.number)
        self.table["last"].append(self.number)
        self.seen.add(self.number)
        self.array[0] += 1
        self._hidden.append(1)
        return x * 2

    def held(self):
        table = {key: list(value) for key, value in self.table.items()}
        return self.number, list(self.items), table, set(self.seen), self.array.tolist(), list(self._hidden)


JUDGES = pytest.mark.parametrize("judge", [check_layer, layer_gradient])


@JUDGES
@pytest.mark.parametrize("called", [False, True])
def test_what_a_layer_holds_in_its_attributes_is_as_it_was(judge, called):
    layer = Remembers(dtype="float64")
    if called:
        layer(X)
    before = layer.held()
    judge(layer, X)
    assert layer.held() == before


@JUDGES
def test_weights_that_a_call_changes_are_as_they_were(judge):
    layer = keras.layers.BatchNormalization(dtype="float64")
    layer(X, training=True)
    before = [ops.convert_to_numpy(variable) for variable in layer.variables]
    assert before[2].any()  # the moving mean, which another call would move on
    judge(layer, X, call_arguments={"training": True})
    for was, variable in zip(before, layer.variables, strict=True):
        assert np.array_equal(was, ops.convert_to_numpy(variable))


@JUDGES
def test_a_layer_that_was_not_built_has_the_weights_that_build_gives_it(judge):
    layer = keras.layers.BatchNormalization(dtype="float64")
    judge(layer, X, call_arguments={"training": True})
    assert not ops.convert_to_numpy(layer.moving_mean).any()


@JUDGES
def test_the_state_of_a_stateful_layer_is_as_it_was(judge):
    layer = keras.layers.LSTM(3, stateful=True)
    layer(SEQUENCE)
    before = [ops.convert_to_numpy(state) for state in layer.states]
    assert all(state.any() for state in before)
    judge(layer, SEQUENCE)
    for was, state in zip(before, layer.states, strict=True):
        assert np.array_equal(was, ops.convert_to_numpy(state))


@JUDGES
def test_random_numbers_go_on_as_if_nothing_had_been_judged(judge):
    layer = keras.layers.Dropout(0.5, dtype="float64")
    drawn = []
    for judged in (False, True):
        keras.utils.set_random_seed(5)
        if judged:
            judge(layer, X)
            judge(keras.layers.Lambda(lambda x: x + 0 * keras.random.normal(x.shape, dtype=x.dtype)), X)
        drawn.append(ops.convert_to_numpy(keras.random.normal((3,))))
    assert np.array_equal(*drawn)
    before = ops.convert_to_numpy(layer.seed_generator.state)
    judge(layer, X, call_arguments={"training": True})
    assert np.array_equal(before, ops.convert_to_numpy(layer.seed_generator.state))


def test_a_layer_keeps_its_place_in_a_model_and_gets_no_other():
    layer = keras.layers.Dense(3, dtype="float64")
    layer(X)
    assert check_layer(layer, X, checks=["save_load"]).ok
    assert not hasattr(layer, "output")  # which only a symbolic call defines
    output = layer(keras.Input((FEATURES,), dtype="float64"))
    assert check_layer(layer, X).ok
    assert layer.output is output
    assert len(layer._inbound_nodes) == 1


# The report


def test_a_report_is_read_by_people_and_by_programs():
    report = check_layer(make(ReturnsHalf), X, reference=np.zeros((BATCH, UNITS)), checks=["outputs", "mask"])
    lines = str(report).splitlines()
    assert lines[0].startswith("ReturnsHalf `")
    assert lines[0].endswith(": 0 right, 1 wrong, 1 not judged")
    assert max(map(len, lines)) <= 115
    assert [check.name for check in report] == ["outputs", "mask"]
    assert not report.ok
    assert not check_layer(make(Affine), X, checks=["mask"]).ok  # nothing was judged
    with pytest.raises(KeyError, match="no check 'colour'.*outputs, mask"):
        report["colour"]


@pytest.mark.parametrize(
    ("layer", "inputs", "more", "message"),
    [
        (3, X, {}, "must be a Keras layer"),
        (Affine, X, {}, "made, not only its class"),
        (elman.ElmanCell(UNITS), X, {}, "at least three time steps. Received: inputs of shape"),
        (elman.ElmanCell(UNITS), SEQUENCE[:, :2], {}, "at least three time steps"),
        (make(Affine), X, {"checks": ["colour"]}, "`checks` must name some of"),
    ],
)
def test_wrong_use_is_refused_with_the_rule_what_came_and_the_way_out(layer, inputs, more, message):
    with pytest.raises(ValueError, match=message) as error:
        check_layer(layer, inputs, **more)
    assert "Received" in str(error.value)
    assert "Example" in str(error.value)


def raises(*arrays, **weights):
    raise KeyError("a slip in the reference")


@pytest.mark.parametrize(
    ("inputs", "more", "message"),
    [
        (X, {"reference": raises}, "a slip in the reference"),
        (X, {"upstream": np.zeros((2, 2))}, "`upstream` must hold one array"),
        (X[:0], {}, "at least one example"),
        (keras.Input((FEATURES,)), {}, "symbolic tensor"),
        (X + 1j, {}, "must be real numbers"),
        (X, {"expected_disconnected": ["kernle"]}, "kernle.*It has kernel, bias, x"),
        (X, {"constants": ["unit"]}, "unit.*It has units"),
    ],
)
def test_a_mistake_of_the_caller_is_not_blamed_on_the_layer(inputs, more, message):
    with pytest.raises(ValueError, match=message):
        check_layer(make(Affine), inputs, **more)


def test_a_report_in_a_notebook_is_a_table_that_shows_every_text_as_it_is():
    html = check_layer(lambda x: x, X, checks=["outputs", "mask"])._repr_html_()
    assert html.count("<tr>") == 3
    assert "<td" in html
    assert ">right</td>" in html
    assert ">not judged</td>" in html
    assert "color:inherit" in html
    odd = LayerReport("A<b>", (LayerCheck("outputs", "wrong", "a < b & c"),))._repr_html_()
    assert "A&lt;b&gt;" in odd
    assert "a &lt; b &amp; c" in odd


# Fast numeric gradients


def elman_case():
    cell = elman.ElmanCell(UNITS, dtype="float64")
    states = np.random.default_rng(1).uniform(-0.9, 0.9, (BATCH, UNITS))
    upstream = np.random.default_rng(2).standard_normal((BATCH, T, UNITS))
    return cell, states, upstream


@pytest.mark.parametrize(("method", "bound"), [("central", 3e-9), ("richardson", 1e-10)])  # references.md
def test_numeric_gradients_of_a_cell_are_those_of_the_backward_pass_by_hand(method, bound):
    cell, states, upstream = elman_case()
    found = layer_gradient(cell, SEQUENCE, states=states, upstream=[upstream, None], method=method)
    weights = [ops.convert_to_numpy(weight) for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)]
    dx, dh0, dWx, dWh, db = elman.sequence_backward(upstream, SEQUENCE, states, *weights)
    exact = {"kernel": dWx, "recurrent_kernel": dWh, "bias": db, "sequences": dx, "initial_state": dh0}
    assert list(found.values) == list(exact)
    for name, gradient in exact.items():
        assert np.linalg.norm(found.values[name] - gradient) < bound * np.linalg.norm(gradient)
        assert np.all(np.abs(found.values[name] - gradient) <= 10 * found.error[name])


def test_the_layer_is_called_a_few_times_and_not_for_every_element():
    class Counting(elman.ElmanCell):
        calls = 0

        def call(self, inputs, states, training=False):
            Counting.calls += 1
            return super().call(inputs, states)

    found = layer_gradient(Counting(UNITS, dtype="float64"), SEQUENCE)
    elements = sum(value.size for value in found.values.values())
    assert found.evaluations == 2 * elements + 1
    assert Counting.calls < elements * T / 5


@pytest.mark.parametrize("kind", [UsesNumpy, AsksForAValue])
def test_a_layer_that_can_not_be_traced_is_called_and_the_gradients_are_right(kind):
    layer = make(kind)
    upstream = np.random.default_rng(3).standard_normal((BATCH, UNITS))
    if BACKEND == "torch" and kind is UsesNumpy:  # PyTorch does not call it at all
        with pytest.raises(RuntimeError, match="requires grad"):
            layer_gradient(layer, X, upstream=upstream)
        return
    found = layer_gradient(layer, X, upstream=upstream)
    kernel, bias = (ops.convert_to_numpy(weight) for weight in (layer.kernel, layer.bias))
    z = X @ kernel + bias
    slope = 1.0 if kind is AsksForAValue and z.sum() <= 0 else 1 - np.tanh(z) ** 2
    np.testing.assert_allclose(found.values["kernel"], X.T @ (upstream * slope), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(found.values["x"], (upstream * slope) @ kernel.T, rtol=1e-7, atol=1e-8)


def test_a_function_of_tensors_is_differentiated_too():
    found = layer_gradient(lambda a, b: ops.sin(a) * b, {"a": X, "b": X + 1}, upstream=np.ones(X.shape))
    np.testing.assert_allclose(found.values["a"], np.cos(X) * (X + 1), atol=1e-8)


def test_only_what_is_asked_for_is_moved():
    found = layer_gradient(make(Affine), X, wrt=["bias"])
    assert list(found.values) == ["bias"]
    assert found.evaluations == 2 * UNITS + 1
    with pytest.raises(ValueError, match="`wrt` must name.*Received.*colour.*kernel, bias, x"):
        layer_gradient(make(Affine), X, wrt=["colour"])


@pytest.mark.parametrize(("name", "message"), [("one-hot", "floating-point input"), ("bins", "floating-point output")])
def test_a_layer_with_nothing_to_differentiate_is_refused_and_why_is_said(name, message):
    layer, inputs = OTHER_RIGHT[name]
    with pytest.raises(ValueError, match=f"must have .*{message}") as error:
        layer_gradient(layer(), inputs)
    assert "wrt" not in str(error.value)


def test_evaluating_many_points_at_once_gives_the_same_as_one_by_one():
    arguments = {"x": X, "W": np.random.default_rng(5).standard_normal((FEATURES, UNITS))}
    upstream = np.random.default_rng(6).standard_normal((BATCH, UNITS))
    base = np.concatenate([array.ravel() for array in arguments.values()])
    rows = []

    def many(index, values):
        rows.append(len(index))
        points = np.repeat(base[None], len(index), axis=0)
        points[np.arange(len(index)), index] = values
        x, W = points[:, : X.size].reshape(-1, *X.shape), points[:, X.size :].reshape(-1, FEATURES, UNITS)
        return np.maximum(x @ W, 0).reshape(len(index), -1)

    def one(x, W):
        return np.maximum(x @ W, 0)

    for method in ("central", "richardson"):
        rows.clear()
        at_once = numeric_gradient(one, arguments, upstream=upstream, method=method, many=many)
        singly = numeric_gradient(one, arguments, upstream=upstream, method=method)
        assert sum(rows) >= 2 * base.size
        for name in arguments:
            np.testing.assert_allclose(at_once.values[name], singly.values[name], rtol=0, atol=1e-9)
            assert np.array_equal(at_once.smooth[name], singly.smooth[name])
    with pytest.raises(ValueError, match="`many`.*complex.*Received"):
        numeric_gradient(one, arguments, upstream=upstream, method="complex", many=many)


def test_importing_the_package_does_not_import_keras():
    code = (
        "import sys, autograder.gradients; print('keras' in sys.modules, 'check_layer' in autograder.gradients.__all__)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["False", "True"]
