"""The only door between the judge and a student's object: arrays go in, arrays and text come out.

`observe` runs beside student code, in the student's notebook or in the sandbox. `encode` and `decode`
carry what it saw across the trust boundary as JSON with raw numbers: nothing that can execute, nothing
whose size is not known before it is read.
"""

from __future__ import annotations

import base64
import json
import math
import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from autograder import delegation
from autograder.exercise import Case, Exercise, Malformed

MAX_BYTES = 16 * 2**20  # of one exercise's answers, encoded
MAX_TEXT = 2_000  # characters of one text
MAX_VALUES = 200  # values of one case
DTYPES = ("float64", "float32", "float16", "int64", "int32", "bool")


@dataclass(frozen=True)
class Problem:
    """Why there is no value to judge.

    Attributes:
        kind: "missing" (not defined), "blank" (still the stub), "malformed" (not the stated form), "error"
            (an exception), "forbidden" (it used what it may not), or, from the grader, "cell" (the cell that should
            define it failed), "limit" and "not_reached".
        message: one sentence for the student.
        signature: what two occurrences of the same mistake have in common.
    """

    kind: str
    message: str
    signature: str = ""


@dataclass(frozen=True)
class Observation:
    """What one case gave.

    Attributes:
        values: name -> array or text, as the probe named them.
        problem: why values are missing.
        edited: inputs that the object changed in place.
        unstable: values that differed between two calls with equal inputs.
    """

    values: dict[str, np.ndarray | str] = field(default_factory=dict)
    problem: Problem | None = None
    edited: tuple[str, ...] = ()
    unstable: tuple[str, ...] = ()


def observe(exercise: Exercise, namespace: Mapping[str, object], cases: Sequence[Case]) -> list[Observation]:
    """Call the object that `namespace` holds under the exercise's name, twice per case.

    Returns:
        One Observation per case. Never raises for what the student's object does, SystemExit included.
    """
    if exercise.object not in namespace:
        message = f"`{exercise.object}` is not defined. Run the cell that defines it, then check again."
        return [Observation(problem=Problem("missing", message))] * len(cases)
    target = namespace[exercise.object]
    if not callable(target):
        message = f"`{exercise.object}` must be callable. Received: a {type(target).__name__}."
        return [Observation(problem=Problem("malformed", message))] * len(cases)
    return [_observe_case(exercise, target, case) for case in cases]


def _observe_case(exercise: Exercise, target: object, case: Case) -> Observation:
    inputs = {name: array.copy() for name, array in case.inputs.items()}
    again = {name: array.copy() for name, array in case.inputs.items()}
    try:
        with delegation.blocked(exercise.forbidden):
            values = _inert(exercise.probe(target, inputs))
            repeated = values if exercise.kind == "layer" else _inert(exercise.probe(target, again))
    except delegation.Forbidden as hit:
        return Observation(problem=Problem("forbidden", str(hit), hit.name))
    except NotImplementedError as error:
        return Observation(problem=Problem("blank", _open_stub(exercise.object, error)))
    except Malformed as malformed:
        return Observation(problem=Problem("malformed", str(malformed), str(malformed)))
    except KeyboardInterrupt:  # somebody waits no longer: the student, or the grader
        raise
    except BaseException as error:
        return Observation(problem=_explain(error))
    edited = tuple(name for name in inputs if not np.array_equal(inputs[name], case.inputs[name]))
    unstable = tuple(name for name in values if not _same(values[name], repeated.get(name)))
    return Observation(values, None, edited, unstable)


def _open_stub(name: str, error: NotImplementedError) -> str:
    """Which stub is still there: the exercise's own, or one that its answer calls."""
    raised_in = traceback.extract_tb(error.__traceback__)[-1].name
    if raised_in in (name, "build", "call", "get_initial_state", "get_config"):
        where = "" if raised_in == name else f" in `{raised_in}`"
        return f"`{name}` still raises NotImplementedError{where}. Replace the stub with your answer."
    return f"`{name}` calls `{raised_in}`, which still raises NotImplementedError. Answer that one first."


def _explain(error: BaseException) -> Problem:
    """An exception as a sentence: what, where in the student's own code, and why."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.startswith(("<ipython", "/tmp/ipykernel")) or "ipykernel_" in f.filename]
    try:
        text = _first_line(str(error))
    except BaseException:
        text = "(an exception that cannot be shown)"
    where = f" in line {own[-1].lineno} of `{own[-1].name}`: {(own[-1].line or '').strip()[:120]}" if own else ""
    name = type(error).__name__
    return Problem("error", f"{name}: {text}{where}", f"{name}: {_without_details(text)}")


def _first_line(text: str) -> str:
    """The line that says why. Keras puts it below one that only says where."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in text.split("\n")]
    said = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    return (said[0] if said else "")[:300]


def _without_details(text: str) -> str:
    """An error's text without what changes from run to run: addresses, counted names, and what stands in quotes."""
    return re.sub(r"_\d+|0x[0-9a-f]+|'[^']*'|\"[^\"]*\"|<[^>]*>", "…", text)[:160]


def _inert(values: Mapping[str, object]) -> dict[str, np.ndarray | str]:
    return {name: value if isinstance(value, str) else as_array(name, value) for name, value in values.items()}


def as_array(name: str, value: object) -> np.ndarray:
    """The value as a plain array of numbers.

    Raises:
        Malformed: with what is wrong, in a sentence, if it is not one.
    """
    if value is None:
        raise Malformed(f"`{name}` is None. Stated: an array. Is it computed, and returned?")
    if isinstance(value, (bool, int, float, np.generic)):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        kind = f"{type(value).__module__.split('.')[0]} {type(value).__name__}".removeprefix("builtins ")
        raise Malformed(f"`{name}` must be a NumPy array. Received: a {kind}. Build it from NumPy operations.")
    if value.dtype == object and any(element is None for element in value.ravel()[:MAX_VALUES]):
        raise Malformed(f"`{name}` holds None. Is every value computed, and returned?")
    if value.dtype.name not in DTYPES:
        raise Malformed(f"`{name}` must hold real numbers. Received: dtype {value.dtype}.")
    native = value.dtype.newbyteorder("=")
    return np.array(value, native, order="C", subok=False)  # a plain copy: no view into what the student can change


def _same(first: object, second: object) -> bool:
    """Are two calls' values equal, up to rounding? Parallel sums may add in another order."""
    if isinstance(first, str) or isinstance(second, str):
        return first == second
    if second is None or first.shape != second.shape:
        return False
    first, second = first.astype(np.float64), second.astype(np.float64)
    with np.errstate(all="ignore"):
        close = abs(first - second) <= 1e-9 * abs(first).max(initial=0.0)
    return bool((close | (first == second) | ((first != first) & (second != second))).all())


def encode(observations: Sequence[Observation]) -> str:
    """Observations as JSON text, bounded."""
    return json.dumps([_to_plain(observation) for observation in observations])


def _to_plain(observation: Observation) -> dict[str, object]:
    values = {}
    for name, value in observation.values.items():
        if isinstance(value, str):
            values[name] = _printable(value)
        else:
            values[name] = _plain_array(value)
    problem = observation.problem
    return {
        "values": values,
        "problem": problem and [problem.kind, problem.message, problem.signature],
        "edited": list(observation.edited),
        "unstable": list(observation.unstable),
    }


def _plain_array(array: np.ndarray) -> dict[str, object]:
    data = base64.b64encode(array.tobytes()).decode("ascii")
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}


def encode_inputs(cases: Sequence[Case]) -> str:
    """The inputs of some cases as JSON text, for the sandbox."""
    return json.dumps([{name: _plain_array(array) for name, array in case.inputs.items()} for case in cases])


def decode_inputs(plain: list[dict]) -> list[dict[str, np.ndarray]]:
    """The inputs that `encode_inputs` wrote."""
    return [{name: _array(value) for name, value in case.items()} for case in plain]


def decode(text: str, count: int) -> list[Observation]:
    """Read what `encode` wrote, trusting none of it.

    Args:
        text: from the sandbox.
        count: how many cases were asked for.

    Raises:
        ValueError: when it is anything else than `count` well-formed observations.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"An answer may have {MAX_BYTES} bytes. Received: {len(text)}.")
    try:
        plain = json.loads(text)
        if not isinstance(plain, list) or len(plain) != count:
            raise ValueError(f"{count} observations were asked for")
        return [_from_plain(item) for item in plain]
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise ValueError(f"The answer that came back could not be read: {str(error)[:200]}") from None


def _from_plain(item: dict) -> Observation:
    values: dict[str, np.ndarray | str] = {}
    if len(item["values"]) > MAX_VALUES:
        raise ValueError(f"at most {MAX_VALUES} values")
    for name, value in item["values"].items():
        values[_printable(name)[:100]] = _printable(value) if isinstance(value, str) else _array(value)
    problem = None
    if item["problem"] is not None:
        kind, message, signature = (_printable(str(part)) for part in item["problem"])
        if kind not in ("missing", "blank", "malformed", "error", "forbidden"):
            raise ValueError("an unknown kind of problem")
        problem = Problem(kind, message, signature)
    names = {
        key: tuple(_printable(str(name))[:100] for name in item[key][:MAX_VALUES]) for key in ("edited", "unstable")
    }
    return Observation(values, problem, names["edited"], names["unstable"])


def _printable(text: str) -> str:
    """A text cut to its bound, without what no file can hold."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode("utf-8")


def _array(value: dict) -> np.ndarray:
    if value["dtype"] not in DTYPES:
        raise ValueError(f"dtype {str(value['dtype'])[:20]!r} is not accepted")
    shape = tuple(value["shape"])
    if len(shape) > 8 or not all(type(size) is int and 0 <= size <= 2**31 for size in shape):
        raise ValueError("a shape is a few non-negative integers")
    raw = base64.b64decode(value["data"], validate=True)
    dtype = np.dtype(value["dtype"])
    if len(raw) != math.prod(shape) * dtype.itemsize:
        raise ValueError("a shape that does not fit the data")
    return np.frombuffer(raw, dtype).reshape(shape)
