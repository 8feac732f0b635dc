"""Judging any Keras layer, of this course or not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from . import backends, calls, copies, values
from .case import LayerCase, Question
from .disconnected import at
from .report import NOT_JUDGED, WRONG, LayerCheck, LayerReport
from .run import Refused
from .user_code import first_line, of_error, original

CHECKS = {
    "outputs": values.outputs,
    "weights": values.weights,
    "gradients": values.gradients,
    "disconnected": values.disconnected,
    "config": copies.config,
    "save_load": copies.save_load,
    "compiled": calls.compiled,
    "mask": calls.mask,
    "mixed_precision": copies.mixed_precision,
    "dtype": copies.dtype,
}


def check_layer(
    layer: object,
    inputs: object,
    *,
    reference: Callable | np.ndarray | None = None,
    states: object = None,
    mask: np.ndarray | None = None,
    call_arguments: Mapping[str, object] | None = None,
    upstream: object = None,
    seed: int = 0,
    checks: Sequence[str] | None = None,
    expected_disconnected: Sequence[str] = (),
    constants: Sequence[str] = (),
    rtol: float | None = None,
) -> LayerReport:
    """Judge a Keras layer or a recurrent cell.

    The layer is called, differentiated, made again, saved, compiled. Afterwards its weights, its attributes and the
    global seed of Keras are as they were before. One that was not built is built. A stateful layer is judged from its
    initial state. A layer that is not float64 is differentiated as a float64 copy, made from its config with the
    same weights, because float32 shows coarse mistakes only. Where no copy can be made it is judged as it is, with
    the tolerance that its precision deserves. Weights that are all the same number (zeros, ones) are moved by random
    numbers while they are judged, because mistakes hide behind them.

    Checks, all by default:
        "outputs": the same at every call, inputs not edited, equal to the reference.
        "weights": registered, named, of influence; nothing else of influence is kept in attributes.
        "gradients": the backend's own, of all weights and inputs, against numeric ones.
        "disconnected": the operation and the line that let no gradient through.
        "config": get_config and from_config make the same layer.
        "save_load": in a model, in a .keras file.
        "compiled": by tf.function and XLA, or by jax.jit. Not on PyTorch.
        "mask": masked steps have no influence on the others.
        "mixed_precision": under "mixed_float16" and "mixed_bfloat16".
        "dtype": a float64 layer keeps float64.

    Args:
        layer: a `keras.layers.Layer`, built or not, or a cell as `keras.layers.RNN` takes it, which is run under it.
        inputs: its first argument, an array or a structure of arrays. A tuple holds its positional arguments, a dict
            its keyword arguments. A cell takes (batch, time, features) with at least three time steps. Whole
            numbers are not differentiated.
        reference: what the outputs must be: an array (or a list of them, for the first outputs), or a function of
            the inputs, in their order, and of the weights by name.
        states: initial states of a cell or of a recurrent layer. None: random ones for a cell.
        mask: passed on as `mask`, boolean. Shape (batch, time).
        call_arguments: further keyword arguments, for example {"training": True}.
        upstream: the gradient of the loss with respect to the output, or a list of them. None: drawn.
        seed: of all that is drawn.
        checks: the names of those to do.
        expected_disconnected: names of weights and inputs that rightly get no gradient.
        constants: names of attributes that hold constants.
        rtol: of `compare`. Default: 1e-7 for float64, 1e-5 for a lower precision.

    Returns:
        A `LayerReport`: printable, true in `.ok` where nothing is wrong.

    Raises:
        ValueError: for something that is no layer, unknown checks, unknown names, inputs that are no real numbers or
            do not suit a cell, an `upstream` of another shape, and a `reference` that raises.
    """
    names = list(CHECKS) if checks is None else [checks] if isinstance(checks, str) else list(checks)
    if not names or not set(names) <= set(CHECKS):
        raise ValueError(
            f"`checks` must name some of {', '.join(CHECKS)}. Received: {checks!r}. "
            'Example: checks=["outputs", "gradients"].'
        )
    question = Question(
        layer, inputs, states, mask, call_arguments, reference, upstream, seed, expected_disconnected, constants, rtol
    )
    title = f"{type(layer).__name__} `{getattr(layer, 'name', '')}`".removesuffix(" ``")
    with backends.current().double(), contextlib.ExitStack() as until:
        try:
            case = LayerCase(question, until)
        except Refused:
            raise
        except Exception as error:
            found = [LayerCheck("call", WRONG, _why_no_call(error))]
            found += [LayerCheck(name, NOT_JUDGED, "The layer can't be called.") for name in names]
            return LayerReport(title, tuple(found))
        _refuse_unknown_names(case)
        if upstream is not None and case.has_outputs:
            _ = case.upstream  # refused here if it has a wrong shape
        case.nudge()
        return LayerReport(title, tuple(_done(name, case) for name in names))


def _refuse_unknown_names(case: LayerCase) -> None:
    known = {
        "expected_disconnected": list(case.exact.values()),
        "constants": list(dict.fromkeys(values.attribute_names(case.exact))),
    }
    for argument, names in known.items():
        given = getattr(case.question, argument)
        unknown = [name for name in given if name not in names]
        if isinstance(given, str) or unknown:
            names = [name for name in names if not name.startswith("_")]  # private ones are accepted, not proposed
            what = "weights and inputs" if argument == "expected_disconnected" else "attributes"
            raise Refused(
                f"`{argument}` must be a list of names of {what} of the layer. Received: {given!r}. "
                f"It has {', '.join(names) or 'none'}."
            )


def _done(name: str, case: LayerCase) -> LayerCheck:
    """Do one check. What it raises is its verdict."""
    try:
        return LayerCheck(name, *CHECKS[name](case))
    except Refused:
        raise
    except Exception as error:
        return LayerCheck(name, WRONG, f"The layer raises {first_line(error)}{at(of_error(error))}.")


def _why_no_call(error: Exception) -> str:
    error = original(error)
    text, where = str(error).lower(), at(of_error(error))
    if "cannot add new elements of state" in text:
        return (
            f"A weight or a layer is made in `call`{where}. "
            "Make weights in `build`, with self.add_weight, and layers in `__init__`."
        )
    if "numpy" in text or "tracerarrayconversion" in type(error).__name__.lower():
        return f"A tensor becomes a NumPy array{where}. Write `call` with keras.ops. ({first_line(error)})"
    return f"It can't be called: {first_line(error)}{where}."
