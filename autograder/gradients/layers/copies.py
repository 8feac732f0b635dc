"""Checks of a layer that make it again: from its config, from a file, in other precisions."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from . import backends
from .case import ROUGH, LayerCase, near, roughness
from .disconnected import Paths, at
from .report import NOT_JUDGED, RIGHT, WRONG
from .run import all_layers, as_array, flat
from .user_code import first_line, of_error

HALVES = {"mixed_float16": 2.0**-10, "mixed_bfloat16": 2.0**-7}  # policy -> machine epsilon of its compute dtype
DRAWS = 4  # of rounding errors, to see what they do to the outputs
SAFETY = 8.0  # times what those draws did
NOT_THE_SAME = 'A copy made from its config gives other outputs: see the check "config".'
OF_THE_LAYERS_INSIDE = "It is a model made from layers, and dtype policies belong to those. Judge them one by one."
LARGEST_FLOAT16 = 65504.0
MISSING_KERNEL = ("no opkernel", "could not find device", "not implemented for", "unimplemented", "not supported")


def config(case: LayerCase) -> tuple[str, str]:
    """`get_config` holds all that `from_config` needs to make the same layer."""
    layer = case.own.given
    if not hasattr(layer, "get_config"):
        return NOT_JUDGED, "It has no get_config: it is no Keras layer."
    try:
        first = layer.get_config()
    except Exception as error:
        return WRONG, f"get_config fails: {_said(error)}. Return {{**super().get_config(), …}} with every argument."
    lost = [] if case.is_graph else _lost_arguments(layer, first)
    named = " and ".join(f"`{name}`" for name in lost)
    try:
        twin = case.copy()
    except Exception as error:
        if lost:
            return WRONG, f"get_config lacks {named}, so from_config can't make the layer again ({_said(error)})."
        return WRONG, f"from_config fails: {_said(error)}."
    if lost:
        return WRONG, f"get_config lacks {named}: a layer made again has the default instead. Add it."
    second = twin.given.get_config()
    changed = [key for key in first if repr(first[key]) != repr(second.get(key))]
    if changed:
        was, now = repr(first[changed[0]])[:60], repr(second.get(changed[0]))[:60]
        return WRONG, f"The config changes on its way through from_config: `{changed[0]}` was {was} and is {now}."
    if case.pure and not near(twin.outputs(), case.own.outputs(), 1e-12 if case.own.dtype == "float64" else 1e-5):
        return WRONG, (
            "A layer made again from its config, with the same weights, gives other outputs. "
            "Something that `call` uses is neither in get_config nor a weight."
        )
    return RIGHT, "A layer made again from its config has the same config and the same outputs."


def _lost_arguments(layer: object, config: Mapping[str, object]) -> list[str]:
    """Arguments of the constructor that the config does not have and that were not left at their default."""
    lost = []
    parameters = list(inspect.signature(type(layer).__init__).parameters.items())[1:]  # the layer itself left out
    for name, parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or name in config:
            continue
        if parameter.default is parameter.empty:
            lost.append(name)
            continue
        value = vars(layer).get(name, parameter.default)  # by Keras' custom, an attribute of the same name
        if isinstance(value, (bool, int, float, str, tuple, type(None))) and value != parameter.default:
            lost.append(name)
    return lost


def save_load(case: LayerCase) -> tuple[str, str]:
    """A model with the layer in it can be saved, and loaded again with the same outputs."""
    import keras

    run = case.own
    if not isinstance(run.layer, keras.layers.Layer):
        return NOT_JUDGED, "It is no Keras layer."
    leaves = run.leaves
    if len({leaf.shape[0] if leaf.ndim else None for leaf in leaves.values()}) > 1:
        return NOT_JUDGED, "Its inputs have different batch sizes, which a functional model does not take."
    with run.preserved():
        symbols = {n: keras.Input(leaf.shape[1:], dtype=leaf.dtype.name) for n, leaf in leaves.items()}
        try:
            model = keras.Model(list(symbols.values()), flat(run.call(symbols)))
        except Exception as error:
            return WRONG, f"It can't stand in a functional model: {_said(error)}."
        values = [as_array(tensor) for tensor in run.tensors().values()]
        before = [as_array(output) for output in flat(model(values))]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            try:
                model.save(path)
            except Exception as error:
                return WRONG, (
                    f"It can't be saved: {_said(error)}. What get_config returns must be numbers, strings, lists, "
                    "dicts, or what keras.saving.serialize_keras_object makes."
                )
            try:
                loaded = keras.models.load_model(path, custom_objects=case.classes)
            except Exception as error:
                return WRONG, f"It can be saved but not loaded: {_said(error)}."
        after = [as_array(output) for output in flat(loaded(values))]
    if not case.varies and not near(after, before, 1e-12 if run.dtype == "float64" else 1e-5):
        return WRONG, (
            "Saved and loaded, it gives other outputs. What `call` uses must be in a weight or in get_config."
        )
    return RIGHT, "Saved and loaded in a model, it gives the same outputs."


def mixed_precision(case: LayerCase) -> tuple[str, str]:
    """Under the mixed policies it keeps float32 weights and computes in 16 bits, nearly the same."""
    if not hasattr(case.own.given, "get_config"):
        return NOT_JUDGED, "It has no get_config to make a copy in another precision from."
    if case.is_graph:
        return NOT_JUDGED, OF_THE_LAYERS_INSIDE
    if not case.exact.values():
        return NOT_JUDGED, "It has neither floating-point weights nor floating-point inputs."
    if not case.has_outputs:
        return NOT_JUDGED, "It has no floating-point output."
    try:
        full = case.copy("float32", source=case.exact)
    except Exception as error:
        return NOT_JUDGED, f"No copy can be made from its config: {first_line(error)}."
    expected = full.outputs()
    if case.pure and not case.varies and not near(expected, case.exact.outputs(), 1e-4):
        return NOT_JUDGED, NOT_THE_SAME
    judged = []
    beyond = [n for n, v in case.exact.inputs.items() if np.max(np.abs(v), initial=0.0) > LARGEST_FLOAT16]
    for policy, eps in HALVES.items():
        wanted = policy.removeprefix("mixed_")
        if beyond and wanted == "float16":
            continue
        try:
            run = case.copy(policy, source=case.exact)
            raw = flat(run.call(run.tensors()))
        except Exception as error:
            if any(sign in str(error).lower() for sign in MISSING_KERNEL):
                continue
            hint = "A constant of a fixed dtype among its operands? Use dtype=self.compute_dtype, or x.dtype"
            return WRONG, f"Under {policy} it fails: {_said(error)}. {hint}."
        low = [n for n, v in run.variables.items() if str(v.dtype) != "float32"]
        if low:
            return WRONG, f"Under {policy} the weight `{low[0]}` is {run.variables[low[0]].dtype}, not float32."
        import keras

        dtypes = {keras.backend.standardize_dtype(output.dtype) for output in raw} & set(backends_floats())
        if dtypes - {wanted}:
            return WRONG, (
                f"Under {policy} its outputs are {', '.join(sorted(dtypes))} where {wanted} is expected: something in "
                "`call` has a fixed dtype. Use dtype=self.compute_dtype for constants, or ops.cast(…, x.dtype)."
            )
        found = run.outputs()
        allowed = _allowed(case, full, expected, eps)
        for got, value, bound in zip(found, expected, allowed, strict=True):
            if not np.isfinite(got).all() and np.isfinite(value).all():
                return WRONG, f"Under {policy} its outputs are not finite. Is there a number beyond 65504 or near zero?"
            off = float(np.max(np.abs(got - value), initial=0.0))
            if not case.varies and off > bound:
                return WRONG, (
                    f"Under {policy} its outputs are off by {off:.1e} where rounding explains {bound:.1e}. "
                    "Compute sums and exponentials of large numbers in float32 inside of `call`."
                )
        judged.append(policy)
    if beyond:
        return NOT_JUDGED, f"The input `{beyond[0]}` itself is beyond the range of float16 (65504). Give smaller ones."
    if not judged:
        return NOT_JUDGED, "This machine lacks 16-bit versions of the operations it uses."
    return RIGHT, f"Under {' and '.join(judged)}: float32 weights, 16-bit outputs, near those of float32."


def backends_floats() -> tuple[str, ...]:
    """The names of the floating-point dtypes that a layer may return."""
    return "float16", "bfloat16", "float32", "float64"


def _allowed(case: LayerCase, run: object, expected: list[np.ndarray], eps: float) -> list[float]:
    """What rounding every weight and input to 16 bits does to each output, and the rounding of the output itself."""
    rng = np.random.default_rng([case.question.seed, 5])
    moved = [0.0] * len(expected)
    for _ in range(DRAWS):
        noisy = {n: (v * (1 + eps * rng.choice([-1, 1], v.shape))).astype(v.dtype) for n, v in run.values().items()}
        for number, (got, value) in enumerate(zip(run.outputs(noisy), expected, strict=True)):
            moved[number] = max(moved[number], float(np.max(np.abs(got - value), initial=0.0)))
    largest = [float(np.max(np.abs(value), initial=0.0)) for value in expected]
    return [SAFETY * (m + eps * max(size, 1.0)) for m, size in zip(moved, largest, strict=True)]


def dtype(case: LayerCase) -> tuple[str, str]:
    """In float64 it computes in float64 throughout."""
    import keras

    if case.is_graph:
        return NOT_JUDGED, OF_THE_LAYERS_INSIDE
    if not case.has_outputs:
        return NOT_JUDGED, "It has no floating-point output."
    if not hasattr(case.own.given, "get_config") and case.own.dtype != "float64":
        return NOT_JUDGED, f"It was given {case.own.dtype}. Give float64 to have this judged."
    try:
        run = case.exact if case.exact is case.own else case.copy("float64", everywhere=False, source=case.exact)
    except Exception as error:
        return NOT_JUDGED, f"No float64 copy can be made from its config: {first_line(error)}."
    if run is not case.exact and case.pure and not case.varies and not near(run.outputs(), case.exact.outputs(), 1e-4):
        return NOT_JUDGED, NOT_THE_SAME
    inner = [
        layer
        for layer in all_layers(run.layer)
        if backends.is_float(str(getattr(layer, "compute_dtype", ""))) and layer.compute_dtype != "float64"
    ]
    if inner:
        return WRONG, (
            f"In a float64 layer, the layer `{inner[0].name}` inside of it computes in {inner[0].compute_dtype}. "
            "Make it with dtype=self.dtype_policy."
        )
    low = [name for name, variable in run.variables.items() if str(variable.dtype) != "float64"]
    if low:
        return WRONG, f"In a float64 layer the weight `{low[0]}` is {run.variables[low[0]].dtype}. Leave out its dtype."
    if not case.pure:
        return NOT_JUDGED, "The outputs are not the same at every call."
    if any(output.dtype != np.float64 for output in run.outputs()) or roughness(run, case.question.seed) > ROUGH:
        blame = Paths(run).narrowing("float64")
        if blame and " at `" not in blame:
            return NOT_JUDGED, f"Inside of an operation of Keras or {keras.backend.backend()} stands {blame}."
        cause = f": {blame} loses digits" if blame else ", its outputs are rounded to fewer digits somewhere"
        return (
            WRONG,
            f"A float64 layer does not keep float64{cause}. Leave the cast out, or cast to self.compute_dtype.",
        )
    return RIGHT, "In float64 it keeps float64: its outputs have as many digits."


def _said(error: Exception) -> str:
    return f"{first_line(error)}{at(of_error(error))}"
