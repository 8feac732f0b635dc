"""The same judge on JAX and on PyTorch: the tests of test_gradients_layer.py, in a process of their own.

Keras chooses its backend when it is imported, so one process can test only one.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

LAYER_TESTS = Path(__file__).with_name("test_gradients_layer.py")
QUICK = " or ".join(
    [
        "what_is_wrong_is_named",
        "edits_its_input",
        "those_of_the_backward_pass_by_hand",
        "at_the_layers_own_weights",
        "what_the_reference",
        *(f"(passes_every_check and {name})" for name in ("Dense", "two", "own")),
    ]
)


def run_layer_tests(backend, *selection):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: `pip install {backend}` to test layers on it")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *selection, str(LAYER_TESTS)]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    root = LAYER_TESTS.parent.parent
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    assert done.stdout.count("PASSED") > 30  # they were not left out


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_wrong_layers_are_named_and_gradients_are_right_as_on_tensorflow(backend):
    run_layer_tests(backend, "-k", QUICK)


@pytest.mark.full
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_layer_is_judged_as_on_tensorflow(backend):
    run_layer_tests(backend)


def test_a_backend_that_can_not_differentiate_is_refused(monkeypatch):
    import keras

    from autograder.gradients.layers import backends

    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(ValueError, match="one of the backends tensorflow, jax, torch. Received: 'openvino'"):
        backends.current()


def test_keeping_float64_is_over_afterwards():
    from keras.src.backend.common import dtypes

    from autograder.gradients.layers.backends import keeping_float64

    before = dict(dtypes.BIT64_TO_BIT32_DTYPE)
    with keeping_float64():
        assert dtypes.result_type("float64", "float64") == "float64"
    assert before == dtypes.BIT64_TO_BIT32_DTYPE
