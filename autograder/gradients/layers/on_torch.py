"""Layers on PyTorch: see `backends` for what these functions do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from .backends import Record, keeping_float64, operation
from .user_code import of_stack

STOPPING = {
    "detach": "`detach` (stop_gradient)",
    "detach_": "`detach` (stop_gradient)",
    "numpy": "a conversion to NumPy",
    "__array__": "a conversion to NumPy",
    "tolist": "a conversion to Python numbers",
    "item": "a conversion to a Python number",
    "round": "`round`, whose gradient is zero",
    "sign": "`sign`, whose gradient is zero",
    "floor": "`floor`, whose gradient is zero",
    "ceil": "`ceil`, whose gradient is zero",
    "trunc": "`trunc`, whose gradient is zero",
}


@contextlib.contextmanager
def double() -> Iterator[None]:
    with keeping_float64():
        yield


def tensor(array: np.ndarray) -> torch.Tensor:
    from keras.src.backend.torch.core import get_device

    return torch.tensor(array, device=get_device())


def holds_tensor(value: object) -> bool:
    return isinstance(value, torch.Tensor)


def own_random() -> contextlib.AbstractContextManager:
    return torch.random.fork_rng()  # from which Dropout draws, whatever its seed


def differentiate(
    function: Callable, arrays: Sequence[np.ndarray], upstream: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    tensors = [tensor(array).requires_grad_() for array in arrays]
    outputs = function([t.view_as(t) for t in tensors])  # no leaves: those may not be edited in place at all
    loss = sum((output.double() * tensor(up)).sum() for output, up in zip(outputs, upstream, strict=True))
    gradients = [None] * len(tensors)
    if loss.requires_grad:
        gradients = torch.autograd.grad(loss, tensors, allow_unused=True)
    return [_array(output) for output in outputs], [None if g is None else _array(g) for g in gradients]


def many(function: Callable, arrays: Sequence[np.ndarray]) -> Callable:
    sizes = [array.size for array in arrays]
    base = tensor(np.concatenate([array.reshape(-1) for array in arrays]).astype(np.float64))
    places = torch.arange(len(base), device=base.device)
    dtypes = [tensor(array[:0] if array.ndim else array).dtype for array in arrays]

    def at(index: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        parts = torch.split(torch.where(places == index, value, base), sizes)
        tensors = [part.reshape(a.shape).to(dtype) for part, a, dtype in zip(parts, arrays, dtypes, strict=True)]
        return torch.cat([output.double().reshape(-1) for output in function(tensors)])

    block = torch.func.vmap(at, chunk_size=512, randomness="same")

    def evaluate(index: np.ndarray, values: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return _array(block(tensor(index), tensor(values)))

    return evaluate


def compiled(function: Callable, arrays: Sequence[np.ndarray]) -> Iterator[tuple[str, Callable]]:
    yield from ()


def record(function: Callable, arrays: Sequence[np.ndarray]) -> Record:
    found = Record()
    kept = []  # tensors, so that their ids stay taken

    class Recorder(TorchFunctionMode):
        def __torch_function__(self, called, types, args=(), kwargs=None):
            result = called(*args, **(kwargs or {}))
            ins = [t for t in _flat([args, kwargs or {}]) if isinstance(t, torch.Tensor)]
            outs = [t for t in _flat(result) if isinstance(t, torch.Tensor)]
            name = getattr(called, "__name__", str(called))
            if ins and outs and name != "__get__":
                kept.extend([*ins, *outs])
                found.operations.append(
                    operation(
                        name,
                        tuple(map(id, ins)),
                        tuple(map(id, outs)),
                        [str(t.dtype).removeprefix("torch.") for t in ins],
                        [str(t.dtype).removeprefix("torch.") for t in outs],
                        of_stack(),
                        STOPPING,
                    )
                )
            return result

    tensors = [tensor(array).requires_grad_() for array in arrays]
    tensors = [t.view_as(t) for t in tensors]
    with Recorder():
        outputs = function(tensors)
    found.sources, found.targets, found.kept = [id(t) for t in tensors], [id(t) for t in outputs], [kept, outputs]
    return found


def _flat(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(item)
    else:
        yield getattr(value, "value", value) if isinstance(value, keras.Variable) else value


def _array(value: torch.Tensor) -> np.ndarray:
    value = value.detach().cpu()
    return value.float().numpy() if value.dtype == torch.bfloat16 else value.numpy()
