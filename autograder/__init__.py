"""Unrolled's autograder: gradients checked numerically, answers judged by their values.

For students: `from autograder import check`. For anybody: `from autograder import gradients`.
"""

from autograder.notebook import check

__version__ = "0.1.0"
__all__ = ["check"]
