"""Checks of a layer that call it in other ways: compiled, and with a mask."""

from __future__ import annotations

import inspect

import numpy as np

from . import backends
from .case import LayerCase, near
from .copies import _said
from .report import NOT_JUDGED, RIGHT, WRONG
from .run import as_array, flat, same

AGREES = 1e-9  # relative, between compiled and eager in float64


def compiled(case: LayerCase) -> tuple[str, str]:
    """Compiled it gives the same as called, at other values too."""
    run, backend = case.exact, backends.current()
    if not case.pure:
        return NOT_JUDGED, "The outputs are not the same at every call, so there is nothing to compare with."
    if not case.has_outputs:
        return NOT_JUDGED, "It has no floating-point output."
    values = run.values()
    names, arrays = list(values), list(values.values())
    rng = np.random.default_rng([case.question.seed, 7])
    others = [(-array - rng.uniform(0.1, 0.5, array.shape)).astype(array.dtype) for array in arrays]
    negative = dict(zip(names, others, strict=True))
    fixed = {name: values[name] for name in names if case.fixed(name)}  # variances must not turn negative
    others = [fixed.get(name, other) for name, other in negative.items()]
    judged = []
    tolerance = AGREES if run.dtype == "float64" and case.precise else case.own_digits
    with run.preserved():
        for name, function in backend.compiled(run.function(names), arrays):
            for point in (arrays, others):
                expected = run.outputs(dict(zip(names, point, strict=True)))
                try:
                    found = function(point)
                except Exception as error:
                    if case.paths.error is not None:
                        return WRONG, f"{name} can't trace it: {case.paths.why_not_traced()}."
                    return WRONG, f"{name} can't compile it: {_said(error)}."
                if not near(found, expected, tolerance):
                    if case.varies:
                        return NOT_JUDGED, f"It draws random numbers, and {name} draws others from the same seed."
                    return WRONG, (
                        f"Compiled by {name} it gives other outputs than called. Does `call` depend on Python values "
                        "(a counter, an attribute, random numbers of NumPy) that are frozen when it is compiled?"
                    )
            judged.append(name)
    if not judged:
        return NOT_JUDGED, "Not tried on PyTorch."
    return RIGHT, f"Compiled by {' and by '.join(judged)} it gives the same outputs."


def mask(case: LayerCase) -> tuple[str, str]:
    """What stands at masked steps has no influence on the outputs at the others."""
    run = case.exact
    if run.is_cell:
        return NOT_JUDGED, "Masking a cell is the business of `keras.layers.RNN`."
    parameters = list(inspect.signature(getattr(run.layer, "call", run.layer)).parameters)
    wanted = [name for name in parameters if name == "mask" or name.removesuffix("_mask") in run.inputs]
    wanted = [name for name in wanted if name == "mask" or name.endswith("_mask")]
    if not wanted and not getattr(run.layer, "supports_masking", False):
        return NOT_JUDGED, "It does not say that it supports masking: no `mask` in call, no supports_masking."
    if not case.pure:
        return NOT_JUDGED, "The outputs are not the same at every call."
    timed = {n: a for n, a in run.inputs.items() if a.ndim >= 3 and n.split("[")[0] != "initial_state"}
    if not timed:
        return NOT_JUDGED, "It has no floating-point input of shape (batch, time, features)."
    shape = next(iter(timed.values())).shape[:2]
    timed = {name: array for name, array in timed.items() if array.shape[:2] == shape}
    if shape[1] < 3:
        return NOT_JUDGED, "A mask needs at least three time steps to tell anything."
    rng = np.random.default_rng([case.question.seed, 8])
    seen = case.question.mask
    if seen is None:
        seen = np.ones(shape, bool)
        seen[:, -1] = np.arange(shape[0]) % 2 == 0
        seen[np.arange(shape[0]), 1 + np.arange(shape[0]) % (shape[1] - 2)] = False
    seen = np.asarray(seen, bool)
    changed = {}
    for name, array in timed.items():
        kept = seen.reshape(*shape, *(1,) * (array.ndim - 2))
        changed[name] = np.where(kept, array, rng.standard_normal(array.shape))
    extra = {name: backends.current().tensor(seen) for name in wanted}
    listed = [name for name in run.leaves if name.endswith("]") and name.split("[")[0] != "initial_state"]
    if "mask" in extra and listed:  # a layer that takes a list of inputs takes a list of masks
        if set(listed) != set(timed):
            return NOT_JUDGED, "Its inputs are a list, and not all of them have the steps that a mask is for."
        extra["mask"] = [extra["mask"]] * len(listed)
    found = []
    with run.preserved():
        for tensors in (run.tensors(), run.tensors(changed)):
            if not wanted:
                for name in timed:
                    _attach(tensors[name], seen)
            found.append([as_array(output) for output in flat(run.call_purely(tensors, **extra))])
    for before, after in zip(*found, strict=True):
        if before.shape[:2] == shape:
            before, after = before[seen], after[seen]
        if not same(before, after) and not np.allclose(before, after, rtol=0, atol=1e-12 * np.max(np.abs(before))):
            return WRONG, (
                "What stands at masked steps changes the outputs at steps that are not masked: the mask is ignored. "
                "Keep the old state where the mask is False (keras.ops.where), or leave such steps out of sums."
            )
    return RIGHT, "What stands at masked steps has no influence on the outputs at the others."


def _attach(tensor: object, mask: np.ndarray) -> None:
    """Give a tensor its mask as the layers before would."""
    from keras.src.backend.common.masking import set_keras_mask

    set_keras_mask(tensor, backends.current().tensor(mask))
