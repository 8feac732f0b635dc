"""Charts are labelled, drawings are complete, clusters are right, and widgets have a static twin."""

import base64
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from unrolled import clusters, figures, graphs, widgets

VECTORS = np.random.default_rng(0).normal(size=(8, 5))
NAMES = list("abcdefgh")
GROUPS = ["left"] * 4 + ["right"] * 4

CHARTS = {
    "lines": lambda: figures.lines({"one": VECTORS[0], "two": VECTORS[1]}, "Rises", "step", "error"),
    "log lines": lambda: figures.lines({"one": VECTORS[0] ** 2}, "Falls", "step", "error", log=True),
    "error_by_position": lambda: figures.error_by_position(
        [0.1, 0.2, 0.3], list("xyz"), [True, False, True], "Dips", "letter", "error", {"chance": 0.2}
    ),
    "word_map": lambda: figures.word_map(VECTORS, NAMES, GROUPS, "Parts"),
    "dendrogram": lambda: figures.dendrogram(VECTORS, NAMES, GROUPS, "Parts"),
    "influence": lambda: widgets.draw_influence(0.9),
}


@pytest.mark.parametrize("make", CHARTS.values(), ids=CHARTS.keys())
def test_every_chart_has_a_title_and_labelled_axes_and_can_be_drawn(make):
    figure = make()
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    (axes,) = figure.axes
    assert axes.get_title(loc="left") or axes.get_title()
    assert axes.get_xlabel()
    assert axes.get_ylabel()


@pytest.mark.parametrize("make", [graphs.elman_step, graphs.unrolled_network])
def test_every_drawing_has_a_title_and_a_legend_of_both_directions(make):
    figure = make()
    figure.canvas.draw()
    assert figure.axes[0].get_title(loc="left")
    named = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert any("forward" in name for name in named)
    assert any("backward" in name for name in named)


def test_drawing_of_a_step_names_all_five_gradients():
    written = " ".join(text.get_text() for text in graphs.elman_step().axes[0].texts)
    for gradient in ("dx_t", "dh_{t-1}", "dW_x", "dW_h", "db"):
        assert gradient in written


def test_figures_leave_no_figure_open_in_pyplot():
    before = plt.get_fignums()
    for make in CHARTS.values():
        make()
    assert plt.get_fignums() == before


def test_a_figure_shows_as_a_picture_in_a_notebook():
    shell = pytest.importorskip("IPython").core.interactiveshell.InteractiveShell.instance()
    try:
        with plt.rc_context():
            figures.use_style()
            shown, _ = shell.display_formatter.format(CHARTS["lines"]())
        assert base64.b64decode(shown["image/png"]).startswith(b"\x89PNG")
    finally:
        type(shell).clear_instance()


def test_style_holds_inside_an_rc_context():
    with plt.rc_context():
        figures.use_style()
        assert not plt.rcParams["axes.spines.top"]


def test_curves_that_look_alike_in_grey_differ_in_dash_and_marker():
    def lightness(color):
        return float(np.dot(to_rgb(color), [0.2126, 0.7152, 0.0722]))

    looks = list(zip(figures.COLORS, figures.LINESTYLES, figures.MARKERS, strict=True))
    for (c1, d1, m1), (c2, d2, m2) in itertools.combinations(looks, 2):
        assert d1 != d2 and m1 != m2
        assert c1 != c2
    first = sorted(lightness(c) for c in figures.COLORS[:4])
    assert min(np.diff(first)) > 0.02


def test_average_linkage_merges_by_the_mean_of_all_pairs():
    merges = clusters.average_linkage(VECTORS)
    members = {k: [k] for k in range(8)}
    pair = np.linalg.norm(VECTORS[:, None] - VECTORS[None], axis=2)

    def mean_distance(a, b):
        return np.mean([pair[i, j] for i in members[a] for j in members[b]])

    for k, (a, b, distance, size) in enumerate(merges):
        nearest = min(mean_distance(p, q) for p, q in itertools.combinations(members, 2))
        assert distance == pytest.approx(nearest)
        assert mean_distance(int(a), int(b)) == pytest.approx(nearest)
        members[8 + k] = members.pop(int(a)) + members.pop(int(b))
        assert size == len(members[8 + k])
    assert sorted(clusters.leaf_order(merges)) == list(range(8))


def test_leaves_of_a_cluster_stand_together():
    two_heaps = np.concatenate([VECTORS[:4], VECTORS[4:] + 100])[[0, 4, 1, 5, 2, 6, 3, 7]]
    order = clusters.leaf_order(clusters.average_linkage(two_heaps))
    assert {k % 2 for k in order[:4]} in ({0}, {1})


def test_principal_plane_holds_the_largest_eigenvalues_of_the_covariance():
    positions, shares = clusters.principal_plane(VECTORS)
    eigenvalues = np.linalg.eigvalsh(np.cov(VECTORS.T))[::-1]
    assert np.allclose(shares, eigenvalues[:2] / eigenvalues.sum())
    assert np.allclose(positions.var(axis=0, ddof=1), eigenvalues[:2])


@pytest.mark.parametrize("w", [0.5, 0.9, 1.0, 1.1, 1.5])
def test_influence_equals_a_complex_step_through_the_recursion(w):
    def last(h, squash):
        for _ in range(widgets.STEPS):
            h = np.tanh(w * h) if squash else w * h
        return h

    for squash in (False, True):
        numeric = last(widgets.START + 1e-30j, squash).imag / 1e-30
        influence = widgets.influence_of_the_start(w, squash=squash)
        assert influence[-1] == pytest.approx(numeric, rel=1e-9)


def test_widget_is_its_static_twin_where_nobody_can_drag(monkeypatch):
    for name in widgets.FRONT_ENDS:
        monkeypatch.delenv(name, raising=False)
    assert not widgets.is_live()
    figure = widgets.influence_of_the_past()
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    assert figure.get_suptitle()
    assert all(axes.get_xlabel() for axes in figure.axes)
    assert figure.axes[0].get_ylabel()


def test_widget_is_static_where_ipywidgets_is_missing(monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "lesson.ipynb")
    monkeypatch.setattr(widgets.importlib.util, "find_spec", lambda name: None)
    assert isinstance(widgets.influence_of_the_past(), Figure)


def test_widget_has_a_slider_in_front_of_a_person():
    ipywidgets = pytest.importorskip("ipywidgets")
    box = widgets.influence_of_the_past(live=True)
    slider = box.children[0]
    assert isinstance(slider, ipywidgets.FloatSlider)
    assert (slider.min, slider.max) == (0.0, 1.5)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: figures.lines({}, "t", "x", "y"),
        lambda: figures.error_by_position([1], ["a", "b"], [True], "t", "x", "y"),
        lambda: graphs.unrolled_network(1),
        lambda: graphs.computation_graph({}, [graphs.Edge("a", "b")], "t"),
        lambda: clusters.average_linkage(np.ones((1, 2))),
        lambda: widgets.explore(widgets.draw_influence, Figure, "w", (0.0, 1.0, 2.0)),
    ],
)
def test_errors_name_the_rule_and_what_came(wrong):
    with pytest.raises(ValueError, match="must") as error:
        wrong()
    assert "Received: " in str(error.value)
