"""Checks of a layer: its outputs, its weights, its gradients."""

from __future__ import annotations

import contextlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from ..compare import Comparison, compare
from ..signature import describe
from . import backends
from .case import LayerCase
from .disconnected import at
from .report import NOT_JUDGED, RIGHT, WRONG
from .run import DEPTH, LayerRun, Refused, all_layers, as_array, flat, same
from .user_code import first_line, of_error

Found = tuple[str, str] | tuple[str, str, dict[str, Comparison]]


def outputs(case: LayerCase) -> Found:
    """Called twice it gives the same, edits nothing, and agrees with the reference."""
    run = case.own
    with run.preserved():
        tensors = run.tensors()
        trained = {name: as_array(v.value) for name, v in run.variables.items() if v.trainable}
        before = _attributes(run)
        first = [as_array(output) for output in flat(run.call(tensors))]
        after = _attributes(run)
        for name, leaf in run.leaves.items():
            if not np.array_equal(as_array(tensors[name]), leaf, equal_nan=leaf.dtype.kind == "f"):
                return WRONG, (
                    f"The layer edits its input `{name}` in place. Whoever called it still needs it as it was. "
                    "Write `x = x + a` for `x += a`, and put nothing into its elements."
                )
        for name, value in trained.items():
            if not same(as_array(run.variables[name].value), value):
                return WRONG, (
                    f"The call changes the trainable weight `{name}`. Only an optimizer should. "
                    "Keep what a call remembers in a weight made with trainable=False."
                )
        second = [as_array(output) for output in flat(run.call(tensors))]
    steady = "the same at every call"
    if not all(same(a, b) for a, b in zip(first, second, strict=True)):
        if not case.pure:
            return WRONG, _why_not_the_same(before, after)
        steady = "they change from call to call only with the state that it keeps in its weights"
    return _against_reference(case, steady)


def _why_not_the_same(before: dict[str, object], after: dict[str, object]) -> str:
    changed = [name for name, value in after.items() if not _equal(before.get(name), value)]
    if changed:
        return (
            f"Called twice with the same inputs, the layer gives different outputs: `self.{changed[0]}` changes "
            "during the call and is kept. Hand the state over as an argument, or keep it in "
            "self.add_weight(trainable=False)."
        )
    return (
        "Called twice with the same inputs, the layer gives different outputs, and no attribute says why: "
        "does it draw random numbers without a seed? Use keras.random with a keras.random.SeedGenerator."
    )


def _against_reference(case: LayerCase, steady: str) -> Found:
    """The verdict on the outputs. `steady` says whether they are the same at every call."""
    reference = case.question.reference
    if reference is None:
        return RIGHT, f"{_capital(steady)}. There is no reference to compare them with.", {}
    rtol = case.question.rtol
    if rtol is None and case.is_half and (case.exact is case.own or not callable(reference)):
        rtol = case.own_digits  # these outputs have no more digits
    if callable(reference):
        run = case.exact
        weights = {name: value for name, value in run.values().items() if name in run.variables}
        try:
            expected = reference(*run.leaves.values(), **weights)
        except Exception as error:
            raise Refused(
                "`reference` must be a function of the inputs, in their order, and of the weights by name. "
                f"Received: one that raises {first_line(error)}{at(of_error(error))}. "
                f"It was called with {', '.join([*run.leaves, *(f'{name}=' for name in weights)])}."
            ) from error
        found = [as_array(output) for output in flat(run.call(run.tensors()))]
    else:
        expected, found = reference, case.plain
    expected = _as_outputs(expected, found)
    comparisons = {}
    for number, (got, wanted) in enumerate(zip(found, expected, strict=False)):
        name = f"outputs[{number}]" if len(expected) > 1 else "outputs"
        if got.shape != wanted.shape:
            return WRONG, f"`{name}` must have the shape {wanted.shape} of the reference. Received: {got.shape}.", {}
        time_axis = 1 if wanted.ndim == 3 else None
        comparisons[name] = compare(
            got.astype(float), wanted.astype(float), rtol=rtol or _rtol(case, got), time_axis=time_axis
        )
    if len(found) < len(expected):
        return WRONG, f"The reference gives {len(expected)} outputs. Received: {len(found)} from the layer.", {}
    bad = [_in_words(name, c, case) for name, c in comparisons.items() if not c.ok]
    if bad:
        return WRONG, f"Other outputs than the reference: {'; '.join(bad)}.", comparisons
    rest, compared = "", len(expected)
    if compared < len(found):
        which = "the first of" if compared == 1 else f"the first {compared} of"
        rest = f" Only {which} {_count(len(found), 'output')} {'was' if compared == 1 else 'were'} compared."
    return RIGHT, f"The same as the reference, and {steady}.{rest}", comparisons


def _as_outputs(expected: object, found: list[np.ndarray]) -> list[np.ndarray]:
    """What a reference gave as a list of arrays. Lists of numbers, however nested, are one array."""
    if not isinstance(expected, (list, tuple)):
        return [np.asarray(expected)]
    leaves = list(expected)
    while any(isinstance(leaf, (list, tuple)) for leaf in leaves):
        leaves = [one for leaf in leaves for one in (leaf if isinstance(leaf, (list, tuple)) else [leaf])]
    if leaves and found and all(np.isscalar(leaf) for leaf in leaves):
        with contextlib.suppress(ValueError):  # rows of different lengths are no array
            array = np.asarray(expected)
            if array.shape == found[0].shape:
                return [array]
    return [np.asarray(one) for one in expected]


def attribute_names(run: LayerRun) -> Iterator[str]:
    """The names of a layer's own attributes, weights left out, and of arrays in its lists and dicts."""
    weights = getattr(run.layer, "variables", ())
    yield from (name for name, value, _ in _held(run) if not any(value is weight for weight in weights))
    yield from _attributes(run)


def weights(case: LayerCase) -> Found:
    """Everything that is learned is registered, has a name of its own, and matters."""
    run = case.exact
    if not hasattr(run.layer, "variables"):
        return NOT_JUDGED, "A plain function has no weights."
    problems = [_unregistered_in_words(name, value) for name, value in _unregistered(case)]
    paths = Counter(v.path for v in getattr(run.layer, "weights", ()))
    twice = [path for path, count in paths.items() if count > 1]
    if twice:
        problems.append(f"two weights have the same name `{twice[0]}`. Give each a name of its own in add_weight")
    idle = (
        [n for n, v in run.variables.items() if v.trainable and not case.moves_outputs(n)]
        if case.pure and case.has_outputs
        else []
    )
    for name in idle:
        problems.append(
            f"the trainable weight `{name}` has no influence on the outputs at these inputs. "
            "Use it in `call`, drop it, or judge the layer at inputs where it matters"
        )
    if problems:
        return WRONG, _sentence(problems)
    nameless = [n for n in run.variables if re.fullmatch(r"variable(_\d+)?", n.rsplit("/", 1)[-1])]
    remark = f" {len(nameless)} of them have no name: give them one in add_weight." if nameless else ""
    count = len(getattr(run.layer, "weights", ()))
    return RIGHT, f"All weights ({count}) are registered, and those that are trained matter.{remark}"


def _unregistered_in_words(name: str, value: object) -> str:
    import keras

    if isinstance(value, keras.Variable) or hasattr(value, "assign"):
        return (
            f"`self.{name}` is a variable that is not among the layer's weights, so it is neither trained nor saved. "
            "Make it with self.add_weight in `build` and keep it in an attribute of its own or in a list"
        )
    return (
        f"`self.{name}` influences the outputs but is not registered as a weight, so it is neither trained nor saved. "
        "Make it with self.add_weight in `build` (trainable=False for a constant), "
        f'or say constants=["{name}"] if it is one that `__init__` makes again'
    )


def _unregistered(case: LayerCase) -> list[tuple[str, object]]:
    """(name, value) of what influences the outputs and is no weight."""
    if not case.pure:
        return []
    run, found = case.exact, []
    known = [thing for variable in run.layer.variables for thing in (variable, variable.value, variable._value)]
    for name, value, put in _held(run):
        if any(value is one for one in known) or name in case.question.constants:
            continue
        with run.preserved():
            before = run.outputs()
            array = as_array(value)
            put(array + np.random.default_rng(4).uniform(0.5, 1.5, array.shape))
            try:
                after = run.outputs()
                differs = not all(same(a, b) for a, b in zip(before, after, strict=True))
            finally:
                put(None)
        if differs:
            found.append((name, value))
    return found


def _held(run: LayerRun) -> Iterator[tuple[str, object, Callable]]:
    """(name, value, put) of tensors and arrays in attributes; put(array) replaces it, put(None) puts it back."""
    import keras

    usual = set(keras.layers.Layer().__dict__)
    for layer in all_layers(run.layer, run.given):
        if not type(layer).__module__.startswith("keras."):
            for name, value in list(layer.__dict__.items()):
                if name not in usual:
                    yield from _held_in(layer.__dict__, name, value, name, DEPTH)


def _held_in(container: object, key: object, value: object, name: str, depth: int) -> Iterator:
    import keras

    if isinstance(value, (list, dict)) and depth:
        items = list(value.items() if isinstance(value, dict) else enumerate(value))
        for inner, item in items:
            yield from _held_in(value, inner, item, f"{name}[{inner!r}]", depth - 1)
    elif isinstance(value, keras.Variable) or backends.current().holds_tensor(value) or isinstance(value, np.ndarray):
        if not backends.is_float(keras.backend.standardize_dtype(value.dtype)):
            return
        kept = as_array(value)

        def put(array: np.ndarray | None) -> None:
            if hasattr(value, "assign"):
                value.assign(kept if array is None else array.astype(kept.dtype))
            elif array is None:
                container[key] = value
            elif isinstance(value, np.ndarray):
                container[key] = array.astype(value.dtype)
            else:
                container[key] = backends.current().tensor(array.astype(kept.dtype))

        yield name, value, put


def gradients(case: LayerCase) -> Found:
    """The backend's own gradients of all weights and inputs are the numeric ones."""
    if not case.pure:
        return NOT_JUDGED, "The outputs are not the same at every call, so they have no numeric gradient."
    if not case.exact.values():
        return NOT_JUDGED, "There is neither a floating-point weight nor a floating-point input."
    if not case.has_outputs:
        return NOT_JUDGED, "It has no floating-point output, and whole numbers have no gradient."
    try:
        analytic = case.analytic
    except Exception as error:
        broken = f" There is a conversion to NumPy{at(case.paths.place)}." if case.paths.uses_numpy else ""
        return WRONG, f"It can't be differentiated: {first_line(error)}{at(of_error(error))}.{broken}"
    numeric, comparisons = case.numeric, {}
    for name, expected in numeric.values.items():
        answer = analytic[name]
        if name in case.question.expected_disconnected or (answer is None and case.fixed(name)):
            continue
        answer = np.zeros_like(expected) if answer is None else answer.astype(expected.dtype)
        comparisons[name] = compare(
            answer,
            expected,
            error=numeric.error[name],
            smooth=numeric.smooth[name],
            rtol=_rtol(case, expected),
            time_axis=1 if name in case.exact.inputs and expected.ndim == 3 else None,
        )
    bad = [_in_words(name, c, case) for name, c in comparisons.items() if not c.ok]
    stops = {case.paths.broken_by(name, choices=False) for name, c in comparisons.items() if not c.ok} - {None}
    bad += [f"on the way stands {_and(sorted(stops))}"] if stops else []
    note = f" ({case.note})" if case.note else ""
    if bad:
        return WRONG, f"Other than the numeric gradient: {'; '.join(bad)}.{note}", comparisons
    if not comparisons:
        return NOT_JUDGED, "Every weight and input is expected to be disconnected.", comparisons
    kinks = sum(int(c.not_smooth.sum()) for c in comparisons.values())
    said = (
        f" {_count(kinks, 'element')} {'stands' if kinks == 1 else 'stand'} at a kink: not differentiable here."
        if kinks
        else ""
    )
    elements = sum(c.size for c in comparisons.values())
    agree = "agrees" if len(comparisons) == 1 else "agree"
    counted = f"{_count(len(comparisons), 'tensor')} ({_count(elements, 'element')})"
    sentence = f"{counted} {agree} with the numeric gradient.{said}{note}"
    return RIGHT, sentence, comparisons


def disconnected(case: LayerCase) -> Found:
    """No operation keeps a gradient from a weight or an input that the outputs depend on."""
    if not case.pure:
        return NOT_JUDGED, "The outputs are not the same at every call."
    if not case.has_outputs:
        return NOT_JUDGED, "It has no floating-point output, and whole numbers have no gradient."
    if not case.exact.values():
        return NOT_JUDGED, "There is neither a floating-point weight nor a floating-point input."
    expected = set(case.question.expected_disconnected)
    names = [name for name in case.exact.values() if name not in expected and not case.fixed(name)]
    try:
        analytic = case.analytic
    except Exception as error:
        if case.paths.uses_numpy:
            return WRONG, f"{_capital(case.paths.broken_by(names[0]))} breaks the gradient. Write it with keras.ops."
        return NOT_JUDGED, f"It can't be differentiated: {first_line(error)}."
    problems: dict[tuple[str, str], list[str]] = {}
    for name in names:
        for problem in _broken(case, name, analytic[name]):
            problems.setdefault(problem, []).append(f"`{name}`")
    if problems:
        return WRONG, _sentence(
            f"{what.format(_and(those), moves='moves' if len(those) == 1 else 'move')}: {blame}"
            for (what, blame), those in problems.items()
        )
    return RIGHT, "A gradient reaches every weight and input that the outputs depend on."


def _broken(case: LayerCase, name: str, gradient: np.ndarray | None) -> Iterator[tuple[str, str]]:
    """(what is wrong with the gradient of {}, what breaks it), if something does."""
    values, error = case.numeric.values[name], case.numeric.error[name]
    if gradient is None or not gradient.any():
        blame = case.paths.broken_by(name)
        if (np.abs(values) > 10 * error).any():
            blame = blame or "an operation that is not known"
            yield "no gradient reaches {}, although the outputs depend on it", f"{blame} breaks it"
        elif blame and case.moves_outputs(name):
            yield "no gradient reaches {}, which {moves} the outputs only in steps", f"{blame} breaks it"
        return
    answer = gradient.astype(values.dtype)
    smooth = case.numeric.smooth[name]
    blame = case.paths.broken_by(name, choices=False)
    if blame and not compare(answer, values, error=error, smooth=smooth, rtol=_rtol(case, values)).ok:
        yield "only a part of the gradient reaches {}", f"{blame} breaks the rest"


def _rtol(case: LayerCase, array: np.ndarray) -> float:
    """Of `compare`: what was asked for, or what the precision is good for."""
    if case.question.rtol is not None:
        return case.question.rtol
    return 1e-7 if array.dtype == np.float64 and case.precise else 1e-5


def _in_words(name: str, comparison: Comparison, case: LayerCase) -> str:
    if not comparison.wrong_count:
        return f"`{name}` can't be judged, its numeric gradient is not finite"
    guess = describe(comparison, sizes=case.exact.sizes)
    off = "" if math.isinf(comparison.relative_error) else f", by {comparison.relative_error:.1e} of the largest"
    return f"`{name}` {guess or f'is wrong in {comparison.wrong_count} of {comparison.size} elements{off}'}"


def _attributes(run: LayerRun) -> dict[str, object]:
    """name -> value of the layer's own attributes, numbers and tensors as arrays."""
    import keras

    usual, found = set(keras.layers.Layer().__dict__), {}
    for layer in all_layers(run.layer, run.given):
        for name, value in layer.__dict__.items():
            if name in usual or isinstance(value, (keras.Variable, keras.layers.Layer)):
                continue
            tensor = backends.current().holds_tensor(value) or isinstance(value, np.ndarray)
            found[name] = as_array(value) if tensor else list(value) if isinstance(value, list) else value
    return found


def _equal(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return same(a, b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))
    try:
        return a is b or bool(a == b)
    except Exception:  # things that can't be compared
        return False


def _sentence(problems: object) -> str:
    return ". ".join(map(_capital, problems)) + "."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _and(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
