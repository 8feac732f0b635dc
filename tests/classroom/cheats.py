"""Cells that loop, warn, or try to cheat."""

ENDLESS = """
def sequence_forward(x, h0, Wx, Wh, b):
    t = 0
    while t < x.shape[1]:
        h0 = step_forward(x[:, 0], h0, Wx, Wh, b)
    return h0
"""

WARNS = """
import sys, warnings
warnings.warn("this is deprecated")
print("INFO: something", file=sys.stderr)
np.log(np.zeros(1))
"""

PATCHES_NUMPY = """
class Equal(float):
    __eq__ = __le__ = __ge__ = lambda self, other: True
np.allclose = np.array_equal = np.isclose = lambda *a, **k: True
np.testing.assert_allclose = lambda *a, **k: None
np.max = np.abs = lambda *a, **k: Equal(0)
def step_backward(dh, x, h_prev, Wx, Wh, b):
    return tuple(np.zeros(s.shape) for s in (x, h_prev, Wx, Wh, b))
"""

READS_SOLUTIONS = """
import glob, importlib, os, sys
found = []
for folder in ("..", "../..", "../../..", "/*", "/*/*", "/*/*/*"):  # the whole disk would take its time limit
    for name in ("solutions/*.py", "elman.py", "gradebook.db"):
        found += [p for p in glob.glob(f"{folder}/{name}") if "exercises" not in p]
for path in found:
    try:
        exec(open(path).read(), globals())
    except Exception as error:
        print(path, error)
try:
    from solutions.elman import *
except ImportError as error:
    print(error)
print("found", found, os.environ)
"""

PRINTS_A_GRADE = """
import autograder, autograder.notebook
check = autograder.check = autograder.notebook.check = lambda *a, **k: 40.0
from autograder import judge, result, subject
judge.judge = lambda exercise, *a, **k: result.Result(exercise.id, 40.0, 40.0, "right", "")
subject.observe = lambda *a, **k: []
print(40.0)
40.0
"""

WRAPS_KERAS = """
class ElmanCell(keras.layers.SimpleRNNCell):
    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)

    def get_config(self):
        return {"units": self.units, "dtype": self.dtype_policy}
"""
