"""The page on gradient checking: what it says is what its cells show, and a page without exercises builds and releases."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shutil
import subprocess
import sys
import time
import zipfile

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from unrolled import checking

from autograder import expectation
from autograder.build.lesson import SOURCES, read
from autograder.build.notebook import dumps, instructor, student
from autograder.cli import main
from autograder.course import Course, CourseError
from autograder.grade.release import release
from autograder.grade.run import grade_lesson
from autograder.gradients import check_gradient, describe, numeric_gradient
from autograder.reference import ROOT
from autograder.verify import verify_lesson

NAME = "00_gradient_checking"
SOURCE = SOURCES / f"{NAME}.py"
LESSON = read(SOURCE)
PROSE = " ".join(" ".join(cell.text.split()) for cell in LESSON.cells if cell.kind == "prose")
F64, F32 = np.float64, np.float32


class Page:
    """The page, run.

    Attributes:
        names: what its cells defined.
        printed: what each code cell printed, in order.
        figures: the last values of cells that are figures.
        seconds: of processor time.
    """

    def __init__(self) -> None:
        self.names, self.printed, self.figures = {}, [], []
        start = time.process_time()
        for cell in LESSON.cells:
            if cell.kind in ("setup", "demo"):
                self._run(cell.text)
        self.seconds = time.process_time() - start

    def _run(self, text: str) -> None:
        tree = ast.parse(text)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        heard = io.StringIO()
        with contextlib.redirect_stdout(heard):
            exec(compile(tree, NAME, "exec"), self.names)
            value = eval(compile(ast.Expression(last.value), NAME, "eval"), self.names) if last else None
        if isinstance(value, Figure):
            self.figures.append(value)
        self.printed.append(heard.getvalue())

    def __getitem__(self, name: str):
        return self.names[name]


@pytest.fixture(scope="module")
def page():
    with plt.rc_context():
        return Page()


# The layer, by hand


def test_leaky_integrator_is_its_formula_element_by_element():
    (x, h0, a, W, b), _ = list(checking.draw(3)[0].values()), None
    h = checking.leaky_forward(x, h0, a, W, b)
    for n, t, j in np.ndindex(h.shape):
        before = h0[n, j] if t == 0 else h[n, t - 1, j]
        new = np.tanh(sum(x[n, t, i] * W[i, j] for i in range(4)) / 2 + b[j])  # 2: the root of 4 features
        assert h[n, t, j] == pytest.approx(a[j] * before + new, rel=1e-13)


def test_leaky_integrator_with_nothing_new_fades_by_its_share():
    drawn, _ = checking.draw(3)
    x, h0, a, W, b = drawn.values()
    h = checking.leaky_forward(0 * x, h0, a, W, 0 * b)
    for t in range(h.shape[1]):
        assert h[:, t] == pytest.approx(a ** (t + 1) * h0)


def test_several_kernels_at_once_give_what_each_gives_alone():
    drawn, _ = checking.draw(3)
    kernels = np.stack([drawn["W"], -drawn["W"], 0 * drawn["W"]])
    together = checking.leaky_forward(**{**drawn, "W": kernels})
    for alone, W in zip(together, kernels, strict=True):
        assert np.allclose(alone, checking.leaky_forward(**{**drawn, "W": W}), rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_the_right_backward_pass_equals_a_complex_step(seed):
    drawn, upstream = checking.draw(seed, scale=1 + seed)
    true = numeric_gradient(checking.leaky_forward, drawn, upstream=upstream, method="complex").values
    for name, found in zip(checking.NAMES, checking.leaky_backward(upstream, **drawn), strict=True):
        assert np.abs(found - true[name]).max() < 1e-13 * np.abs(true[name]).max()


@pytest.mark.parametrize("dtype", [F32, F64, np.longdouble])
def test_the_layer_keeps_the_precision_that_it_is_given(dtype):
    drawn, upstream = checking.draw(0)
    drawn = {name: value.astype(dtype) for name, value in drawn.items()}
    assert checking.leaky_forward(**drawn).dtype == dtype
    assert {found.dtype for found in checking.leaky_backward(upstream.astype(dtype), **drawn)} == {np.dtype(dtype)}


def passes(backward, drawn, upstream) -> bool:
    try:
        found = check_gradient(checking.leaky_forward, backward, drawn, upstream=upstream)
    except ValueError as error:
        assert "broadcast" in str(error) or "shape" in str(error) or "size" in str(error) or "operand" in str(error)
        return False
    return all(comparison.ok for comparison in found.values())


HIDES = {
    "no gradient carried back in time": "one step",
    "dW overwritten, not added up": "one step",
    "db averaged over the batch": "batch of one",
    "initial state forgotten": "zero start",
    "bias forgotten": "zero bias",
    "W where its transpose is meant": "symmetric W",
    "divided by the wrong size": "equal sizes",
    "upstream gradient ignored": "upstream all 1",
}


@pytest.mark.parametrize("seed", range(1, 8))
def test_each_mistake_passes_its_own_special_inputs_and_no_others(seed):
    assert HIDES.keys() == checking.MISTAKES.keys()
    for mistake, backward in checking.MISTAKES.items():
        passing = [special for special, given in checking.inputs(seed).items() if passes(backward, *given)]
        assert passing == [HIDES[mistake]], mistake


def test_the_inputs_are_special_in_what_they_say_and_the_courses_in_nothing():
    found = checking.inputs(0)
    for special, (drawn, upstream) in found.items():
        batch, steps, features = drawn["x"].shape
        units = drawn["b"].size
        W = drawn["W"]
        true = {
            "one step": steps == 1,
            "batch of one": batch == 1,
            "zero start": not drawn["h0"].any(),
            "zero bias": not drawn["b"].any(),
            "symmetric W": W.shape[0] == W.shape[1] and np.array_equal(W, W.T),
            "equal sizes": len({batch, steps, features, units}) == 1,
            "upstream all 1": (upstream == 1).all(),
        }
        assert [name for name, holds in true.items() if holds] == [special] * (special != "the course's")
    drawn, upstream = found["the course's"]
    assert len({*drawn["x"].shape, drawn["b"].size}) == 4
    assert all(value.all() for value in (*drawn.values(), upstream))


# What the prose says. Each entry: a phrase of it, and what must be true for it to stand there.


def slope(page, dtype, name, low, high) -> float:
    """Of a curve of the first figure between two steps, both axes logarithmic."""
    chosen = (page["steps"] > low) & (page["steps"] < high)
    return np.polyfit(np.log(page["steps"][chosen]), np.log(page["CURVES"][dtype][name][chosen]), 1)[0]


def at(page, dtype, name, h) -> float:
    return page["CURVES"][dtype][name][np.abs(np.log(page["steps"] / h)).argmin()]


def evaluations_per_element() -> float:
    """Of a central difference, counted by the function that is differentiated."""
    calls = []
    numeric_gradient(lambda W: calls.append(1) or W.sum(), {"W": np.ones((3, 5))}, method="central")
    return len(calls) / 15


def dilution() -> float:
    """|the element left out| / |the gradient|: what the two distributions of section 6 scale with.

    Along ±1 the projection of many elements is nearly normal, so what is left is this over |Z|, whose 99th percentile
    is 2.5758. Along Gaussian directions it is this times the quotient of two normal numbers, which is Cauchy: 1 % of
    its absolute values lie below tan(π/200).
    """
    return 1 / np.sqrt(150_000)


CLAIMS = {
    "They agree to ten digits, and not to sixteen": lambda p: 1e-15 < p["HAND"] < 1e-10 * abs(p["by_chain_rule"]).max(),
    "**wrong: 5 of 5 elements.**": lambda p: "wrong: 5 of 5 elements" in p.printed[2],
    "a ratio of 0.3333 say": lambda p: "cosine 1.0000, norm ratio 0.3333" in p.printed[2],
    "`describe` sees that the batch is 3": lambda p: "averaged over the batch (3)" in p.printed[2],
    "about 2.2e-16 in float64, 1.2e-07 in float32": lambda p: (
        f"{np.finfo(F64).eps:.1e} {np.finfo(F32).eps:.1e}" == "2.2e-16 1.2e-07"
    ),
    "for steps from 1e-16 to 1": lambda p: np.allclose(p["steps"][[0, -1]], [1e-16, 1]),
    "rises with slope 1 for the forward difference": lambda p: abs(slope(p, F64, "forward", 1e-6, 1e-1) - 1) < 0.1,
    "2 for the central one": lambda p: abs(slope(p, F64, "central", 1e-3, 1e-1) - 2) < 0.1,
    "4 for Richardson's": lambda p: abs(slope(p, F64, "Richardson", 3e-3, 1e-1) - 4) < 0.2,
    "rounding, with slope −1, and is the same for all three": lambda p: all(
        abs(slope(p, F64, name, 1e-15, 1e-9) + 1) < 0.1 and 1 / 3 < at(p, F64, name, 1e-12) / at(p, F64, "central", 1e-12) < 3
        for name in ("forward", "central", "Richardson")
    ),
    "errs as the central difference does, by $h^2$": lambda p: (
        abs(at(p, F64, "complex step", 1e-3) / at(p, F64, "central", 1e-3) - 1) < 0.01
    ),
    "right to within a factor of ten": lambda p: all(
        0.1 < p["BEST"][dtype, name][0] / np.finfo(dtype).eps ** (1 / power) < 10
        for dtype in (F64, F32)
        for name, power in (("forward", 2), ("central", 3), ("Richardson", 5))
    ),
    "In float32 a step below 1e-8 is lost altogether": lambda p: all(
        (p["CURVES"][F32][name][p["steps"] < 0.99e-8] == pytest.approx(1, abs=1e-6))
        for name in ("forward", "central", "Richardson")
    ),
    "with $h$ = 1e-5 is good": lambda p: at(p, F64, "central", 1e-5) < 1e-9,
    "with $h$ = 1e-10 it is not": lambda p: at(p, F64, "central", 1e-10) > 1e-7,
    "buy a factor of about a hundred": lambda p: (
        30 < p["BEST"][F64, "central"][1] / p["BEST"][F64, "Richardson"][1] < 300
    ),
    "The order of the methods is the same": lambda p: (
        p["BEST"][F64, "forward"][1] > p["BEST"][F64, "central"][1]
        > p["BEST"][F64, "Richardson"][1] > p["BEST"][F64, "complex step"][1]
    ),
    "the whole right panel lies higher": lambda p: all(
        p["CURVES"][F32][name].min() > p["CURVES"][F64][name].min() for name in p["CURVES"][F64]
    ),
    "Take 20 random networks": lambda p: {len(errors) for errors in p["MEASURED"].values()} == {20},
    "whose largest element is off by 1e-3 of itself": lambda p: (
        np.median(p["MEASURED"][F64, 1e-3]) == pytest.approx(1e-3, rel=0.01)
    ),
    "with the step that everybody copies, 1e-5": lambda p: "step=1e-5" in cell_about("MEASURED"),
    "right or off by 1e-3, you read the same number": lambda p: (
        f"{np.median(p['MEASURED'][F32, 0]):.0e}" == f"{np.median(p['MEASURED'][F32, 1e-3]):.0e}"
    ),
    "In float64 each wrong gradient stands out": lambda p: (
        min(p["MEASURED"][F64, 1e-4]) > 1e4 * max(p["MEASURED"][F64, 0])
    ),
    "the central difference accepts what is off by 1e-3 in all 20 networks": lambda p: (
        p["ACCEPTED"][F32, "central", 1e-3] == 20
    ),
    "gains a digit, and still lets 1e-4 pass every time": lambda p: (
        (p["ACCEPTED"][F32, "richardson", 1e-4], p["ACCEPTED"][F32, "richardson", 1e-3]) == (20, 0)
    ),
    "In float64 both accept the right gradients and nothing else": lambda p: all(
        count == (20 if off == 0 else 0) for (dtype, _, off), count in p["ACCEPTED"].items() if dtype == F64
    ),
    "plants eight mistakes": lambda p: len(p["PASSED"]) == 8,
    "checks each at eight sets of inputs": lambda p: {len(row) for row in p["PASSED"].values()} == {8},
    "Every special set lets at least one mistake pass, one step lets two. Every one of the eight is caught by the last": (
        lambda p: {m: [s for s in row if row[s]] for m, row in p["PASSED"].items()} == {m: [s] for m, s in HIDES.items()}
    ),
    "20 features and 30 units, so that $dW$ has 600 elements": lambda p: p["W"].shape == (20, 30),
    "off by more than 1e-6 *of itself*": lambda p: "1e-6 * np.abs(right)" in cell_about("OWN"),
    "$h$ = 1e-5, for 40 random networks at each of three scales": lambda p: (
        len(p["OWN"]) == 3 and "range(40)" in cell_about("OWN") and "1e-5 * np.eye" in cell_about("OWN")
    ),
    "ten thousand times smaller than its neighbours": lambda p: sum(s.min() < 1e-4 for s in p["element_sizes"]) > 0,
    "the cloud in the figure falls as one over the size": lambda p: abs(cloud_slope(p) + 1) < 0.15,
    "at scale 8 the fixed rule rejects more than half": lambda p: p["OWN"][8] > 20,
    "The course's rule rejects none of the 120": lambda p: (
        sum(p["COURSE"].values()) == 0 and 40 * len(p["COURSE"]) == 120
    ),
    "a single element off by 1e-5 of the largest, and the rule accepts none": lambda p: sum(p["MISSED"].values()) == 0,
    "a kernel of 300 × 500 costs 300,000 evaluations": lambda p: evaluations_per_element() * 300 * 500 == 300_000,
    "a sum over 150,000 elements": lambda p: p["flat"].size == 150_000,
    "2,000 directions of each kind": lambda p: {len(values) for values in p["LEFT"].values()} == {2000},
    "99 of 100 directions leave a relative difference of more than about 1e-3": lambda p: (
        np.quantile(p["LEFT"]["±1"], 0.01) == pytest.approx(dilution() / 2.5758, rel=0.15)
        and f"{dilution() / 2.5758:.0e}" == "1e-03"
        and "1 in 100 below 1e-03" in p.printed[7]
    ),
    "the same can be said of 4e-5 only": lambda p: (
        np.quantile(p["LEFT"]["Gaussian"], 0.01) == pytest.approx(dilution() * np.tan(np.pi / 200), rel=0.6)
        and f"{dilution() * np.tan(np.pi / 200):.0e}" == "4e-05"
        and "1 in 100 below 4e-05" in p.printed[7]
    ),
    "That happens in half of all directions": lambda p: abs(p["ESCAPED"][1] - 1 / 2) < 4 * np.sqrt(1 / 4 / 10_000),
    "each halves what escapes, and four let 1 in 16": lambda p: all(
        abs(share - 2.0**-k) < 4 * np.sqrt(2.0**-k / 10_000) for k, share in p["ESCAPED"].items()
    ),
    "the rough size and four projections": lambda p: expectation.PROJECTIONS == 4,
    "another tensor, nothing like the gradient": lambda p: p["ELSEWHERE"] > 0.5,
    "Take $x$ = 0.001 and vary $h$": lambda p: p["x"] == 0.001,
    "Up to $h$ = 0.001 the answer is 1. Beyond, it falls towards ½": lambda p: (
        p["slopes"]["relu"][p["steps_at_kink"] < 0.00099] == pytest.approx(1)
        and p["slopes"]["relu"][-1] == pytest.approx(0.5 + 0.0005 / 0.1)
        and (np.diff(p["slopes"]["relu"][p["steps_at_kink"] > 0.00101]) < 0).all()
    ),
    "two step sizes *disagree*, which for tanh they hardly do": lambda p: np.ptp(p["slopes"]["tanh, which is smooth"]) < 0.01,
    "Exactly at 0 every $h$ gives ½": lambda p: all(
        p["relu"](h) - p["relu"](-h) == h for h in p["steps_at_kink"]
    ),
    "Any slope from 0 to 1 is a fair answer": lambda p: [p["KINK"][s].ok for s in (0.0, 0.5, 1.0)] == [True] * 3,
    "a slope of 2 it rejects": lambda p: not p["KINK"][2.0].ok,
    "| cosine 1, ratio 1/batch | a mean": lambda p: "averaged over the batch (3)" in p["SAID"]["averaged over the batch"][1],
    "| cosine 1, ratio equal to the batch |": lambda p: "factor 3" in p["SAID"]["not divided by the batch"][1],
    "| ratio 1, cosine far from 1, a square kernel |": lambda p: (
        abs(p["SAID"]["transposed (4 by 4)"][0].cosine) < 0.9
        and p["SAID"]["transposed (4 by 4)"][0].norm_ratio == pytest.approx(1)
        and "transposed" in p["SAID"]["transposed (4 by 4)"][1]
    ),
    "| ratio 1, cosine −1 | a sign |": lambda p: (
        p["SAID"]["sign"][0].cosine == pytest.approx(-1) and "sign" in p["SAID"]["sign"][1]
    ),
    "| last step right, the rest wrong |": lambda p: (
        p["SAID"]["nothing carried back"][0].per_time == [False] * 4 + [True]
        and "last time step is exact" in p["SAID"]["nothing carried back"][1]
    ),
    "| ratio above 1, everything below a squashing function wrong |": lambda p: (
        p["SAID"]["slope of tanh missing"][0].norm_ratio > 1.1
    ),
    "| a single element, or a row |": lambda p: "single element" in p["SAID"]["one index wrong"][1],
    "| all zero |": lambda p: "every value is zero" in p["SAID"]["never computed"][1],
    '"function must not edit its arguments"': lambda p: "function must not edit its arguments" in p["EDITED"],
}  # fmt: skip


def cell_about(name: str) -> str:
    """The text of the cell that defines a name."""
    return next(c.text for c in LESSON.cells if c.kind == "demo" and re.search(rf"(?m)^{name}\b.* = ", c.text))


def cloud_slope(page) -> float:
    """Of the median relative error against the size, both logarithmic, in bins of a factor of ten."""
    sizes, errors = np.concatenate(page["element_sizes"]), np.concatenate(page["relative"])
    exponents = np.floor(np.log10(sizes))
    bins = [e for e in np.unique(exponents) if (exponents == e).sum() > 50]
    medians = [np.median(np.log10(errors[(exponents == e) & (errors > 0)])) for e in bins]
    return np.polyfit([np.median(np.log10(sizes[exponents == e])) for e in bins], medians, 1)[0]


@pytest.mark.parametrize("phrase", CLAIMS)
def test_what_the_prose_says_is_what_the_cells_found(page, phrase):
    assert phrase in PROSE
    assert CLAIMS[phrase](page), phrase


NOT_MEASURED = (
    "takes 20 to 30 minutes",
    "In lesson 04 you write",
    "some 16 digits",
    "over 5 and 35 steps. (There $h$ was 1e-5 for the central difference and 1e-3 for Richardson's.)",  # tested below
)


def test_every_number_in_the_prose_is_claimed():
    """Numbers in scientific notation, with a point, or from 10 on. Formulas, section numbers and years apart."""
    text = PROSE
    for phrase in (*CLAIMS, *NOT_MEASURED):
        assert phrase in text
        text = text.replace(phrase, " ")
    text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$", " ", text)
    text = re.sub(r"section \d(\.\d)?|\(?\b(19|20)\d\d\)?", " ", text)
    assert re.findall(r"(?<![a-z\d])(?:\d+e-?\d+|\d*\.\d+|\d[\d,]*\d)", text) == []


def test_the_table_of_section_2_shows_what_the_curves_hold(page):
    for (dtype, name), (h, error) in page["BEST"].items():
        (line,) = [line for line in page.printed[3].split("\n") if line.startswith(f"{dtype.__name__}  {name}")]
        assert f"{error:.0e}" in line
        assert name == "complex step" or f"{h:.0e}" in line


def language_model(parameters, ids, targets):
    """Summed cross-entropy of a recurrent language model, in plain NumPy and any precision, complex included."""
    E, Wx, Wh, b, Wy, by = parameters
    h, loss = np.zeros((len(ids), len(Wh)), E.dtype), 0
    for t in range(ids.shape[1]):
        h = np.tanh(E[ids[:, t]] @ Wx + h @ Wh + b)
        scores = h @ Wy + by
        odds = np.exp(scores - scores.real.max(axis=1, keepdims=True))
        loss = loss - np.log(odds[np.arange(len(ids)), targets[:, t]] / odds.sum(axis=1)).sum()
    return loss


def test_the_language_models_column_holds_to_a_factor_of_ten_on_another_one():
    """Other sizes and weights than those of the column, so the order of magnitude is what can be held."""
    measured = {}
    for length in (5, 35):
        rng = np.random.default_rng(length)
        ids, targets = rng.integers(0, 12, (2, 2, length))
        shapes = ((12, 6), (6, 9), (9, 9), (9,), (9, 12), (12,))
        parameters = [0.15 * rng.standard_normal(shape) for shape in shapes]
        chosen = [(k, i) for k, p in enumerate(parameters) for i in rng.choice(p.size, min(8, p.size), replace=False)]

        def along(step, dtype, ids=ids, targets=targets, parameters=parameters, chosen=chosen):
            losses = []
            for k, i in chosen:
                moved = [p.astype(np.result_type(dtype, type(step) if step.imag else dtype)) for p in parameters]
                moved[k].flat[i] += step
                losses.append(language_model(moved, ids, targets))
            return np.array(losses)

        def central(h, dtype):
            return (along(h, dtype).real - along(-h, dtype).real) / (2 * h)  # noqa: B023

        true = along(1e-30j, F64).imag / 1e-30
        found = {
            "1e-7": (along(1e-7, F64) - along(0.0, F64)) / 1e-7,
            "1e-9 to 3e-9": central(1e-5, F64),
            "2e-11 to 1e-10": (4 * central(1e-3, F64) - central(2e-3, F64)) / 3,
            "3e-4": min((central(h, F32) for h in (3e-3, 1e-2, 3e-2)), key=lambda g: np.linalg.norm(g - true)),
        }
        for name, value in found.items():
            measured.setdefault(name, []).append(np.linalg.norm(value - true) / np.linalg.norm(true))
    for printed, errors in measured.items():
        assert f'"{printed}"' in cell_about("LANGUAGE_MODEL")
        low, high = float(printed.split(" to ")[0]), float(printed.split(" to ")[-1])
        assert low / 10 < min(errors) and max(errors) < 10 * high, (printed, errors)


def test_the_planted_mistake_of_section_1_is_the_only_one(page):
    found = check_gradient(page["forward"], page["backward"], page["arguments"], upstream=radial_upstream(page))
    assert {name: comparison.ok for name, comparison in found.items()} == {"x": True, "c": True, "s": False}
    mended = cell_about("found").replace(".mean(axis=0)", ".sum(axis=0)")
    names = dict(page.names)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(mended, names)
    assert all(comparison.ok for comparison in names["found"].values())
    assert describe(names["found"]["s"]) is None


def radial_upstream(page):
    return np.random.default_rng(0).standard_normal((3, 5))


# Figures, time, and what may not stand on the page


def test_the_page_has_five_figures_with_titles_and_labelled_axes(page):
    assert len(page.figures) == 5
    for figure in page.figures:
        figure.canvas.draw()
        assert figure.get_suptitle() or figure.axes[0].get_title(loc="left")
        assert figure.axes[0].get_ylabel()
        assert all(axes.get_xlabel() for axes in figure.axes)


def test_the_table_of_mistakes_says_in_words_what_it_shows_in_black(page):
    figure = page.figures[1]
    words = [text.get_text() for text in figure.axes[0].texts]
    black = [patch.get_facecolor()[:3] == (0, 0, 0) for patch in figure.axes[0].patches]
    assert words.count("PASSES") == 8 and words.count("caught") == 56
    assert [word == "PASSES" for word in words] == black


def test_the_page_runs_in_less_than_a_minute(page):
    assert page.seconds < 60


def test_no_line_of_any_answer_stands_on_the_page_or_in_its_module():
    shown = "\n".join(cell.text for cell in LESSON.cells) + (ROOT / "lessons/unrolled/checking.py").read_text(
        encoding="utf-8"
    )
    lines = set()
    for path in (ROOT / "solutions").glob("*.py"):
        for inside in re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", path.read_text(encoding="utf-8"), re.S):
            lines |= {line.split("  #")[0].strip() for line in inside.split("\n")}
    long = {line for line in lines if len(line) > 14}
    assert len(long) > 50
    assert sorted(line for line in long if line in shown) == []


# A page: no exercise, no question

WITHOUT = """# ---
# title:
#   en: "A page"
# automatic_points: 0
# written_points: 0
# ---

# %% [markdown] tags=["lang:en"]
# # A page
"""
JAPANESE = '\n# %% [markdown] tags=["lang:ja"]\n# # ページ\n'
QUESTION = '\n# %% [markdown] tags=["lang:en", "question:elman.think"]\n# Why?\n'


@pytest.mark.parametrize(
    ("text", "languages", "is_page"),
    [
        (WITHOUT, ["en"], True),
        (WITHOUT + JAPANESE, ["en", "ja"], True),
        (WITHOUT + JAPANESE + QUESTION, ["en"], False),
    ],
    ids=["English page", "page in both", "lesson whose question is English"],
)
def test_a_page_exists_in_the_languages_of_its_prose_and_a_lesson_in_those_of_its_question(
    tmp_path, text, languages, is_page
):
    path = tmp_path / "99_page.py"
    path.write_text(text, encoding="utf-8")
    found = read(path)
    assert (found.languages, found.is_page) == (languages, is_page)


def test_a_lesson_with_exercises_is_no_page():
    assert not read(SOURCES / "04_elman.py").is_page
    assert LESSON.is_page


def test_the_committed_notebook_is_what_the_source_builds():
    committed = ROOT / "lessons" / "en" / f"{NAME}.ipynb"
    assert committed.read_text(encoding="utf-8") == dumps(student(instructor(LESSON)))


def test_the_notebook_of_a_page_has_nothing_to_grade_and_nothing_hidden():
    notebook = student(instructor(LESSON))
    assert not [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert len(notebook.cells) == len(LESSON.cells)


@pytest.fixture
def course(released, tmp_path) -> Course:
    """A course of one's own."""
    copy = tmp_path / "course"
    shutil.copytree(released.root, copy)
    return Course(copy)


def test_a_page_can_be_released_and_bundled_and_stays_out_of_the_gradebook(course):
    bundle = release(course, NAME)
    notebook = course.folder("release", NAME) / f"{NAME}.ipynb"
    assert notebook.read_text(encoding="utf-8") == dumps(student(instructor(LESSON)))
    with zipfile.ZipFile(bundle) as archive:
        names = sorted(name for name in archive.namelist() if not name.endswith(".whl"))
        assert names == [f"{NAME}/{NAME}.ipynb", "README.txt"]
        assert len(archive.namelist()) == 3
        readme = archive.read("README.txt").decode()
    assert f"jupyter lab {NAME}/{NAME}.ipynb" in readme and "nothing to hand in" in readme
    assert "key.json" not in readme and "autograder check" not in readme
    with course.gradebook() as gradebook:
        assert [assignment.name for assignment in gradebook.assignments] == ["04_elman"]


def test_the_readme_of_a_lessons_bundle_still_says_how_to_hand_in(released):
    with zipfile.ZipFile(released.root / "bundles" / "04_elman.zip") as archive:
        readme = archive.read("README.txt").decode()
    assert "04_elman.key.json" in readme and "autograder check" in readme and "nothing to hand in" not in readme


@pytest.mark.parametrize("handed_in", [False, True])
def test_grading_a_page_says_in_one_line_that_it_holds_nothing_to_grade(course, capsys, handed_in):
    if handed_in:
        release(course, NAME)
        folder = course.folder("submitted", NAME, "ada")
        folder.mkdir(parents=True)
        shutil.copy(course.folder("release", NAME) / f"{NAME}.ipynb", folder)
    with pytest.raises(CourseError, match="holds nothing to grade"):
        grade_lesson(course, NAME)
    with pytest.raises(SystemExit) as ended:
        main(["grade", "00", "--course", str(course.root)])
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip()
    assert said == f"autograder: {NAME} is a page to read: it holds nothing to grade."
    assert not (course.root / "results" / NAME).exists()


def test_a_page_is_sound(capsys):
    report = verify_lesson(NAME, seeds=1)
    assert (report.sound, report.exercises) == (True, 0)


def test_the_page_needs_no_tensorflow():
    setup = next(cell.text for cell in LESSON.cells if cell.kind == "setup")
    code = f"{setup}\nimport sys\nprint({{'tensorflow', 'keras'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
