"""Lesson 11: every task is learned, with a minimum and a baseline; the searches, the mask and the derivation; its module."""

import wave

import keras
import numpy as np
import pytest
import tensorflow as tf
from unrolled import corpora
from unrolled import shapes as lab

from autograder import exercise as exercises
from autograder import reference
from autograder.build.lesson import SOURCES, read
from autograder.gradients import numeric_gradient
from autograder.reference import ROOT
from solutions import shapes
from solutions.shapes import END, PAD, START
from tests.lesson_cells import Ran, assert_drawn, prose_of

LESSON = read(SOURCES / "11_shapes.py")
QUICK = (
    "# Shows the map",
    "# Shows encoder and decoder as",
    "# Shows greedy decoding and beam search in",
    "# Shows how the length",
)
MINIMA = {  # share of test examples that are right in whole; each is well below what one run gave, and above the baseline
    "frame → its shape": 0.97,
    "sentence → feeling": 0.98,
    "tones → labels, whole sounds": 0.75,
    "clip → every move": 0.75,
    "clip → action": 0.90,
    "clip → caption": 0.80,
    "picture → caption": 0.85,
    "date → ISO date": 0.75,
    "first bar → whole melody": 0.70,
}


@pytest.fixture(scope="module")
def ran():
    """The cells that do not train."""
    slow = [
        line
        for cell in LESSON.cells
        for line in cell.text.split("\n")
        if line.startswith("# Shows") and not line.startswith(QUICK)
    ]
    return Ran(LESSON, reference.load("shapes"), setup=True, without=slow)


@pytest.fixture(scope="module")
def whole():
    """All cells, trainings included."""
    return Ran(LESSON, reference.load("shapes"), setup=True)


@pytest.fixture(scope="module")
def prose():
    return prose_of(LESSON)


def test_points_are_forty_and_ten():
    assert sum(exercises.find(id).points for id in LESSON.exercises) == 40
    assert set(LESSON.exercises) == set(exercises.of_module("shapes"))
    assert "# shapes.think" in (ROOT / "solutions" / "rubrics" / "shapes.md").read_text(encoding="utf-8")


# Every task, beside its baseline


@pytest.mark.full
def test_every_task_reaches_its_minimum_and_leaves_its_baseline_behind(whole):
    outcomes = {outcome.task: outcome for outcome in whole.names["results"]}
    assert outcomes.keys() == MINIMA.keys()
    for task, outcome in outcomes.items():
        assert outcome.right >= MINIMA[task], task
        assert outcome.baseline < outcome.right - 0.15, task


@pytest.mark.full
def test_the_table_shows_what_was_measured(whole):
    for outcome in whole.names["results"]:
        right, baseline = whole.row("all tasks in one table", f"{outcome.task:34s}{outcome.shape}")[:2]
        assert right == pytest.approx(outcome.right, abs=5e-4)
        assert baseline == pytest.approx(outcome.baseline, abs=5e-4)


@pytest.mark.full
def test_sentences_turn_over_at_the_word_that_decides(whole):
    positive = {text: reading[1] for text, reading in whole.names["readings"].items()}
    happily, angrily = positive["he ate the pie happily"], positive["he ate the pie angrily"]
    assert np.allclose(happily[:4], angrily[:4], atol=1e-6) and np.all(np.abs(happily[:4] - 0.5) < 0.2)
    assert happily[-1] > 0.95 and angrily[-1] < 0.05
    assert positive["he ate the pie happily but not angrily"][-1] > 0.95
    assert positive["he ate the pie not happily but angrily"][-1] < 0.05
    assert positive["he ate the pie not happily but angrily"][5] < 0.2  # "not happily"


@pytest.mark.full
def test_single_frames_fail_at_glides_and_only_there(whole):
    single, network = (whole.row("aligned many-to-many", name) for name in ("single frames", "your network"))
    assert min(single[:3]) > 0.97 and min(network) > 0.95
    assert single[3] + single[4] < 1.3  # of two glides that share their frames, hardly more than one is right


@pytest.mark.full
def test_beams_find_more_probable_sequences_than_greedy(whole):
    gains = whole.names["gains"]
    assert 0.03 < (gains[2] > 1e-5).mean() < 0.3  # "about one date in ten"
    assert gains[4].mean() >= gains[2].mean() > 0
    assert gains[4].mean() < 1.5 * gains[2].mean()  # "next to nothing is gained"
    greedy, *beams = (whole.row("greedy decoding and beams", name)[-1] for name in ("greedy", "beam of 2", "beam of 4"))
    assert min(beams) > greedy  # "for some of these it is right where greedy was wrong"
    assert (gains[4] < -1e-5).mean() <= 0.1  # a beam may also lose what greedy finds


@pytest.mark.full
def test_an_unshifted_target_has_a_small_loss_and_speaks_nonsense(whole):
    assert whole.names["falls"][-1] < 0.01
    assert lab.exact(whole.names["alone"], whole.names["new_captions"]).mean() < 0.05


@pytest.mark.full
def test_padding_that_is_read_changes_the_answer_and_the_mask_keeps_it(whole):
    kept, changed = np.array(whole.names["with_mask"]), np.array(whole.names["without_mask"])
    assert np.ptp(kept) < 1e-5
    assert kept[0] == pytest.approx(changed[0], abs=1e-5)
    assert np.ptp(changed) > 0.3


@pytest.mark.full
def test_the_melody_that_is_played_is_the_one_of_the_rules(whole):
    names = whole.names
    assert np.array_equal(names["continued"], names["tunes"][names["chosen"], 4:])
    with wave.open(str(names["path"])) as file:
        assert file.getnframes() == len(names["sound"]) and file.getframerate() == lab.SOUND_RATE


def test_a_few_sentences_are_learned_in_the_short_run_too():
    """The training loop of the lesson, at a tenth of its size."""
    words = lab.Words(corpora.SENTIMENT_VOCABULARY)
    sentences, feelings = corpora.sentiment_sentences(1200, seed=1)
    ids = words.ids(sentences)
    keras.utils.set_random_seed(1)
    layer = shapes.SentimentClassifier(words.size, 16, 2)
    losses = lab.train(lab.model_of(layer, ids), [ids], feelings, passes=4, name="few", ignore=None)
    right = (np.asarray(layer(ids)).argmax(axis=1) == feelings).mean()
    assert right > 0.95 and losses[-1] < 0.3 * losses[0]
    last = lab.states_word_by_word(layer, ids[0, : len(sentences[0])])[0][-1]
    assert np.allclose(last, np.asarray(layer(ids[:1]))[0], atol=1e-5)


# The searches, in the little language


def test_the_garden_path_as_the_prose_works_it_out(ran, prose):
    greedy, best = 0.55 * 0.32 * 0.7, 0.45 * 0.9 * 0.7
    printed = ran.text("greedy decoding and beam search in")
    assert f"a cat sleeps         probability {greedy:.4f}" in printed
    assert f"width 2:  the cat sleeps       probability {best:.4f}" in printed
    assert f"= {greedy:.4f}".replace("0.", ".") in prose and f"= {best:.4f}".replace("0.", ".") in prose


def test_the_little_languages_rows_are_distributions():
    for row in lab.TOY_TABLE.values():
        assert sum(row.values()) == pytest.approx(1)


def test_the_tree_draws_what_the_beam_kept(tmp_path):
    for width in (1, 2, 6):
        figure = lab.draw_beam(shapes.beam_search, width)
        assert_drawn(figure, tmp_path)
        drawn = [text.get_text() for text in figure.axes[0].texts]
        assert drawn.count("sleeps") >= 1 and ("the" in drawn) == (width > 1)
    assert isinstance(lab.beam_tree(shapes.beam_search, live=False), type(figure))


def test_longer_sequences_win_as_alpha_grows(ran):
    lengths = [float(line.split()[-1]) for line in ran.text("how the length").strip().split("\n")]
    assert lengths[0] < lengths[1] < lengths[2]


def test_whole_answers_are_rarer_than_right_words(prose):
    assert f"it is {0.95**11:.2f}".replace("0.", ".") in prose
    assert f"that is {0.99**11:.2f}".replace("0.", ".") in prose


# The derivation


def test_the_slope_of_the_loss_is_probability_minus_one_hot():
    rng = np.random.default_rng(0)
    z, y, m = rng.normal(size=(4, 6)), np.array([3, 0, 5, 2]), np.array([1.0, 1.0, 0.0, 1.0])

    def loss(z):
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return -(m * np.log(p[np.arange(4), y])).sum()

    found = numeric_gradient(loss, {"z": z}, method="complex").values["z"]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert np.allclose(found, m[:, None] * (p - np.eye(6)[y]), rtol=0, atol=1e-12)


def test_gradients_pass_padding_unchanged():
    """However much padding stands between a word and the bridge, the word's gradient is the same; padding gets none."""
    rng = np.random.default_rng(1)
    vectors, upstream = rng.normal(size=(1, 3, 4)), rng.normal(size=(1, 5))
    keras.utils.set_random_seed(2)
    layer = keras.layers.GRU(5, dtype="float64")
    found = []
    for more in (0, 1, 10):
        x = tf.constant(np.pad(vectors, ((0, 0), (0, more), (0, 0)), constant_values=0.7))
        mask = tf.constant([[True] * 3 + [False] * more])
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, mask=mask) * upstream)
        gradient = tape.gradient(loss, x).numpy()
        assert not gradient[:, 3:].any()
        found.append(gradient[:, :3])
    assert np.allclose(found[1], found[0], rtol=0, atol=1e-15) and np.allclose(found[2], found[0], rtol=0, atol=1e-15)


# The lesson's own module


def test_words_become_numbers_and_numbers_words():
    words = lab.Words(("he", "ate", "pie"))
    ids = words.ids([("he", "ate"), ("pie",)], end=True)
    assert ids.tolist() == [[3, 4, END], [5, END, PAD]]
    assert [words.text(row) for row in ids] == ["he ate", "pie"]
    assert lab.Words("abc").text(np.array([4, 5, 3, PAD, 4]), "") == "bca"
    assert words.size == 6
    with pytest.raises(ValueError, match="must.*Received: .*cake"):
        words.ids([("he", "cake")])


def test_right_in_whole_counts_the_end_and_not_the_padding():
    targets = np.array([[3, 4, END, PAD], [3, END, PAD, PAD]])
    assert lab.exact(np.array([[3, 4, END], [3, END, PAD]]), targets).tolist() == [True, True]
    assert lab.exact(np.array([[3, 4, 5], [3, 3, END]]), targets).tolist() == [False, False]


def test_the_baselines_by_hand():
    assert lab.most_frequent(np.array([[1, 2], [3, 4], [3, 4]])).tolist() == [3, 4]
    counts = lab.bag_of_words(np.array([[3, 4, 3, PAD]]), 6)
    assert counts.tolist() == [[1, 0, 0, 2, 1, 0]]
    same = lab.bag_of_words(np.array([[4, 3, 3, PAD]]), 6)
    assert np.array_equal(counts, same)  # order is lost


def test_the_linear_classifier_is_least_squares():
    rng = np.random.default_rng(3)
    x, new = rng.normal(size=(300, 4)), rng.normal(size=(50, 4))
    labels = (x @ [1, -2, 0.5, 0] > 0).astype(int)
    found = lab.linear_classifier(x, labels, new)
    expected = (new @ np.linalg.lstsq(x, np.eye(2)[labels], rcond=None)[0]).argmax(axis=1)
    assert np.array_equal(found, expected)
    assert (found == (new @ [1, -2, 0.5, 0] > 0)).mean() > 0.9


def test_ignored_targets_do_not_count():
    """The loss of a pass without learning, by hand: the mean over all places, with 0 at the ignored ones."""
    rng = np.random.default_rng(4)
    frames, targets = rng.normal(size=(6, 5, 3)).astype(np.float32), rng.integers(0, 4, (6, 5))
    targets[2, 1:] = -1
    layer = shapes.FrameLabeler(3, 4)
    model = lab.model_of(layer, frames)
    p = np.asarray(layer(frames))
    (loss,) = lab.train(model, [frames], targets, passes=1, name="still", rate=0.0, batch=6, ignore=-1)
    right = np.take_along_axis(p, np.maximum(targets, 0)[:, :, None], axis=2)[:, :, 0]
    assert loss == pytest.approx(-np.where(targets == -1, 0, np.log(right)).mean(), rel=1e-4)


def test_a_compiled_step_gives_what_the_layer_gives():
    layer = shapes.Captioner(9, 4)
    layer(np.zeros((1, 3), np.float32), np.array([[3, END]]))
    step = lab.as_step(layer)
    for n in (1, 3, 2):
        words, state = np.arange(3, 3 + n), np.random.default_rng(n).uniform(-1, 1, (n, 4))
        log_p, new = step(words, state)
        expected = layer.step(words, state.astype(np.float32))
        assert np.allclose(log_p, np.asarray(expected[0]), atol=1e-5) and np.allclose(
            new, np.asarray(expected[1]), atol=1e-5
        )
        assert isinstance(log_p, np.ndarray) and isinstance(new, np.ndarray)


def test_a_melody_sounds_at_the_frequencies_of_its_notes(tmp_path):
    degrees, beat = np.array([0, 4, 7]), 0.5
    sound = lab.waveform(degrees, beat)
    assert np.abs(sound).max() <= 1
    for note, frequency in zip(np.split(sound, 3), corpora.degree_frequency(degrees), strict=True):
        spectrum = np.abs(np.fft.rfft(note))
        loudest = spectrum.argmax() / beat
        assert abs(loudest - frequency) <= 1 / beat
    path = lab.write_wav(tmp_path / "melody.wav", sound)
    with wave.open(str(path)) as file:
        read_back = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
        assert (file.getnchannels(), file.getframerate()) == (1, lab.SOUND_RATE)
    assert np.abs(read_back - sound).max() < 1e-4
    with pytest.raises(ValueError, match="must.*Received: .*Example"):
        lab.write_wav(tmp_path / "loud.wav", 2 * sound / np.abs(sound).max())


def test_every_figure_has_a_title_and_can_be_drawn(tmp_path):
    rng = np.random.default_rng(5)
    pictures, captions = corpora.captioned_pictures(5, seed=1)
    clips, moves, _, told = corpora.shape_clips(2, seed=1)
    frames, labels, lengths = corpora.tone_frames(1, seed=1)
    tune = corpora.melodies(1, seed=1)[0]
    reading = (("he", "ate"), np.array([0.5, 0.9]), rng.uniform(-1, 1, (2, 6)))
    outcome = lab.Outcome("a task", "one-to-one", 0.9, 0.2, "a baseline")
    for figure in (
        lab.shape_map(),
        lab.bridge_graph(),
        lab.word_by_word({"one": reading, "two": reading}, "A finding", np.arange(6)),
        lab.pictures_with_captions(
            pictures, [" ".join(caption) for caption in captions], [True] * 4 + [False], "A finding"
        ),
        lab.clip_strip(
            clips,
            [[corpora.CLIP_MOVES[m] for m in row] for row in moves],
            [" ".join(text) for text in told],
            "A finding",
        ),
        lab.tone_figure(frames[0, : lengths[0]], {"right": labels[0, : lengths[0]]}, corpora.TONE_LABELS, "A finding"),
        lab.piano_roll(tune[:4], tune[4:], tune[4:], "A finding"),
        lab.outcome_figure([outcome, outcome], "A finding"),
    ):
        assert_drawn(figure, tmp_path)
    assert "a baseline" in lab.outcome_table([outcome]) and START == 1
