# ---
# title:
#   en: "Shapes: one-to-many, many-to-one, many-to-many"
#   ja: "系列の形：一対多・多対一・多対多"
# automatic_points: 40
# written_points: 10
# ---

# %% [markdown] tags=["lang:en"]
# # Shapes: one-to-many, many-to-one, many-to-many
#
# A picture becomes a sentence, a sentence a feeling, a sound a row of labels, a date another date. In this lesson you
# build the four networks that do it, out of parts that you know, and the two searches that make them speak. Then you
# train them on nine small tasks, and compare each with a baseline that has learned next to nothing.

# %% [markdown] tags=["lang:ja"]
# # 系列の形：一対多・多対一・多対多

# %% tags=["setup"]
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras  # TensorFlow may print lines about CUDA below: they do no harm
import numpy as np
from keras import ops

from autograder import check
from unrolled import corpora, figures, shapes

figures.use_style()

PAD, START, END = 0, 1, 2  # numbers that are no words


def check_sizes(layer, **sizes):
    """Refuse sizes that are no positive integers."""
    for name, value in sizes.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            example = ", ".join(f"{key}=32" for key in sizes)
            raise ValueError(
                f"`{name}` must be a positive integer. Received: {name}={value!r}. Example: {layer}({example})."
            )


# %% [markdown] tags=["lang:en"]
# ## 1. Why
#
# The networks of the last lessons said one thing for each thing they read, at the same moment. Most problems do not
# come like that. The date `wed 3 mar 2021` has 14 characters, `2021-03-03` has 10, and what comes first in one comes last in
# the other. A picture is no sequence at all, and its description is one.
#
# An ordinary network takes an input of a fixed size and gives an output of a fixed size. It does not map sequences to
# sequences: with this Sutskever, Vinyals and Le (2014) begin. A recurrent network has a freedom that an ordinary one
# lacks: *when* it reads and *when* it speaks is up to you. Karpathy (2015) drew this as a map of five shapes. Here it
# is, with tasks of this lesson.

# %% tags=["demo"]
# Shows the map of shapes: inputs, states and outputs of the five kinds of tasks.
shapes.shape_map()

# %% [markdown] tags=["lang:en"]
# * **one-to-one**: one input, one output, no recurrence at all. Any network will do.
# * **one-to-many**: one input sets the state, and the network talks on by itself.
# * **many-to-one**: the network reads everything, and answers once, at the end.
# * **many-to-many, aligned**: an output for every input, at once. It cannot wait for what comes later.
# * **many-to-many, encoder and decoder**: read all, then speak. Lengths and order of the two sides are free.
#
# The last one is a many-to-one and a one-to-many, with a state in between.
#
# ## 2. Derive
#
# Vectors are rows, as in Keras. Words are numbers: the numbers from 3 on are the words of a vocabulary, and 0, 1, 2 are
# PAD (padding), START (read before the first word) and END (said after the last one).
#
# | letter | what | shape |
# |---|---|---|
# | $x_t$ | input of step $t$ | (batch, features), or (batch,) for words |
# | $m_t$ | mask: 1 where step $t$ is real, 0 where it is padding | (batch,) |
# | $f$ | one step of a recurrent cell, here a GRU (lesson 09): new state from input and old state | |
# | $h_t$ | state of the reading network, the encoder, after step $t$ | (batch, units) |
# | $T$ | number of steps, padding included | |
# | $s_t$ | state of the speaking network, the decoder, after its step $t$; $s_0$ before the first | (batch, units) |
# | $y_t$ | the word that is to be said at place $t$ | (batch,) |
# | $z_t$ | scores of all words at place $t$: $z_t = s_t W_y + b_y$ | (batch, vocabulary) |
# | $p_t$ | their probabilities, the softmax of $z_t$ | (batch, vocabulary) |
# | $e_k$ | one-hot vector: 1 at place $k$, 0 elsewhere | (vocabulary,) |
#
# ### Reading: sequences of different lengths in one batch
#
# A batch is one array, so short sequences are filled up with padding, and a mask says what is real. At padding the
# state must stay as it is:
#
# $$h_t = m_t\, f(x_t, h_{t-1}) + (1 - m_t)\, h_{t-1}$$
#
# If padding stands behind the words, then $h_T$ *is* the state after the last real word, whatever the length.
# This is what a recurrent layer of Keras does when it is given a `mask`.
#
# ### Speaking: a sequence has a probability
#
# Let $c$ be what is given: a picture, or a sentence of another language. By the definition of conditional probability, the
# probability of a sequence is a product, one factor for each word:
#
# $$p(y_1, \dots, y_n \mid c) = \prod_{t=1}^{n} p(y_t \mid y_1, \dots, y_{t-1}, c)$$
#
# A network for one factor is enough, if its state holds both $c$ and the words so far. So put $c$ into the *first state*,
# and let it read the words that were said:
#
# $$s_0 = \text{made from } c \qquad s_t = f(y_{t-1}, s_{t-1}) \quad (y_0 = \text{START}) \qquad p_t = \mathrm{softmax}(s_t
# W_y + b_y)$$
#
# The last word is END, so the network also decides how long its sentence is. For a picture, $s_0 = \tanh(c\,W + b)$. For a
# source sequence, $s_0 = h_T$: the encoder's last state (Sutskever and others 2014; in Cho and others 2014 the decoder reads it again at every
# step). Vinyals and others (2015) show the picture to the network in a step of its own, before START; here it is the first state. In
# both cases the network sees it exactly once.
#
# **Teacher forcing.** In training we know the right words. So at place $t$ the network reads $y_{t-1}$, the *right* word
# before, whatever it would have said itself. All places are then trained at once. What it reads is the target, *shifted by
# one*: START, $y_1$, …, $y_{n-1}$.
#
# ### The backward pass
#
# The loss of one sequence is the sum over its real places, $L = -\sum_t m_t \log p_t[y_t]$. As in the other lessons *$d$ of something* is
# $\partial L / \partial$ of it, and has its shape. Here is the graph of an encoder with two words and one place of padding, and of a
# decoder that says two words.

# %% tags=["demo"]
# Shows encoder and decoder as one computation graph: values go right and up, gradients come back.
shapes.bridge_graph()

# %% [markdown] tags=["lang:en"]
# Walk it backwards, one sequence at a time.
#
# 1. **From the loss to the scores.** $-\log p[y] = -z[y] + \log \sum_j e^{z[j]}$. The first term has the slope $-1$ at
#    $k = y$ and 0 elsewhere, the second $e^{z[k]} / \sum_j e^{z[j]} = p[k]$. Together, with the mask:
#    $$dz_t = m_t\,(p_t - e_{y_t})$$
#    What is said too loudly is pushed down, the right word up. Padding in the target gives nothing.
# 2. **To the decoder's states.** $z_t = s_t W_y + b_y$, so the place itself sends $dz_t W_y^T$ to $s_t$. The state is used a
#    second time, by the next step, and what that one sends back is the **carry**, as in lesson 04:
#    $$ds_t = dz_t W_y^T + \text{carry}_t \qquad \text{carry}_n = 0 \qquad \text{carry}_{t-1} = \text{what step } t \text{ sends
#    to } s_{t-1}$$
# 3. **The bridge.** After the first step the carry arrives at $s_0$: $ds_0 = \text{carry}_0$. It holds what *all* words said
#    about the beginning. For a picture, $s_0 = \tanh(a)$ with $a = cW + b$, so $da = ds_0 \odot (1 - s_0^2)$, $dW = c^T da$, $db = da$. For an
#    encoder, $dh_T = ds_0$, and this is *all* that the encoder ever gets: no other path leads from the loss to it.
# 4. **Through padding.** From the equation with the mask, with $g_t$ for what the step $f$ sends back to its old state:
#    $$dh_{t-1} = m_t\, g_t + (1 - m_t)\, dh_t$$
#    At padding the gradient passes unchanged, and the weights of $f$ and $x_t$ get nothing. So padding costs the gradient
#    nothing either, however much there is.
# 5. **Through the real steps** of the encoder: backpropagation through time, as before. Many-to-one differs from the aligned shape only in where gradients
#    come in: at the end alone, or at each step.
#
# You need not code this: Keras derives it. But section 6 shows mistakes that cut the bridge, and now you know what
# they cut.
#
# ### Searching: what to say
#
# A trained network gives $p_t$. Which sentence should it say? The best would be the one with the largest
# product. There are $V^n$ sentences of $n$ words from a vocabulary of $V$; all of them cannot be tried.
#
# **Greedy**: at each place say the most probable word, read it, go on. Simple, and not the best. Take this little language, in
# which the last word decides the next one:
#
# | after | comes |
# |---|---|
# | START | a .55, the .45 |
# | a | cat .32, dog .28, bird .22, fish .18 |
# | the | cat .9, dog .1 |
# | cat | sleeps .7, sings .3 |
#
# Greedy says *a* (.55), then *cat* (.32), *sleeps* (.7): $.55 \cdot .32 \cdot .7 = .1232$. But *the cat sleeps* has $.45
# \cdot .9 \cdot .7 = .2835$. *A* was the more probable word and led to where the probability is spread over many words: a garden path.
#
# **Beam search** keeps the `width` best *beginnings*, continues all of them by all words, and keeps the best of
# those. With the logarithms of probabilities, products become sums, and nothing underflows. Sutskever and others (2014, section
# 3.2) describe it so: of all continued beginnings, all but the $B$ most probable are thrown away, and as soon as one has
# said END, it leaves the beam and joins the finished ones. They add that a beam of 1 did well, and that 2 gave most of the benefit.
#
# **Length.** Each further word makes the sum smaller, since logarithms of probabilities are negative. So when finished sequences of different lengths are compared,
# short ones win for being short. That networks say too little is an old complaint, and dividing the sum by the length a common cure (Murray and Chiang 2018). We divide by $n^\alpha$, where
# $n$ is the number of words with END: $\alpha = 0$ leaves the sum alone, $\alpha = 1$ makes it a mean.
#
# ## 3. Build by hand
#
# Rules for the functions of this section: NumPy only; arguments stay as they are; what is returned are arrays, in the
# order stated. Below each answer a cell checks it, and the number that it gives back is your points.
#
# ### Exercise 1: the mask
#
# `padding_mask(lengths, time)` gets `lengths` (batch,), the number of real places of each sequence, and `time`, the number of
# places. It returns the mask, shape (batch, time): True at the real places and False at the padding behind them. A length can be 0, or `time`.
#
# Compare two arrays that NumPy stretches against each other: `np.arange(time)` are the numbers of the places, from 0, and
# `a[:, None]` makes a column of a row.

# %% tags=["exercise:shapes.padding_mask"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 2: greedy decoding
#
# Both searches know the network only as a function `step`:
#
# `log_p, new_state = step(words, state)`
#
# takes the words read last, shape (n,), integers, and the states, shape (n, units), one row for each sequence. It returns the log
# probabilities of the next word, shape (n, vocabulary), and the new states, shape (n, units).
#
# `greedy_decode(step, state, start, end, longest)` gets the first states (batch, units). It returns `(words, scores)`, shapes
# (batch, longest), integers, and (batch,).
#
# * At the first place every sequence reads `start`; afterwards it reads the word that it has just said.
# * It says the most probable word. Among equally probable ones, the smallest number (`argmax` does that).
# * A sequence that has said `end` is finished. `end` is its last word; behind it stand zeros (PAD). The others go on.
# * After `longest` words it is over for all.
# * The score of a sequence is the sum of the log probabilities of its words, `end` included, and of nothing behind it.
#
# All sequences take each step together, finished ones too: what those would say is thrown away. A boolean array
# of who is still running does it, with `np.where(running, …, …)`.

# %% tags=["exercise:shapes.greedy_decode"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 3: beam search
#
# `beam_search(step, state, start, end, longest, width, alpha)` searches for *one* sequence: `state` is (1, units). What was the batch is now the beam. At first there is one
# open beginning: no words, total 0, the given state. For each place, from 1 to `longest`:
#
# 1. Let all open beginnings take a `step`. At the first place they read `start`, later each its own last word. The total of a continuation is the total
#    of its beginning plus the log probability of the word. That makes an array (open, vocabulary).
# 2. Keep the `width` continuations with the largest totals, the largest first, wherever they come from. Of equal totals, the one from the better beginning first, then the smaller word:
#    that is the order of the flattened array, so a *stable* sort keeps it.
# 3. Those that have just said `end` are finished, and so are all that have `longest` words. They leave the beam. The rest are the open beginnings
#    of the next place, each with its words, its total and *its state*: the row of the new state that belongs to the beginning it came from. There may now be fewer than `width`
#    of them; at the next place `width` continuations are kept again. If none is open, stop.
#
# A finished sequence of $n$ words (`end` counts, `start` does not) has the score total$\,/\,n^{\alpha}$. Return `(words, scores)` of the `width` finished
# sequences with the largest scores, the best first: shapes (width, longest), integers, zeros behind the last word, and (width,). There are always enough, as
# `width` is never larger than the vocabulary.
#
# Useful: `np.argsort(-a, axis=None, kind="stable")` sorts a whole array, the largest first, and gives places in the flattened array. `np.divmod(places,
# columns)` turns these into rows (which beginning) and columns (which word). `state[rows]` picks rows, some of them perhaps twice.

# %% tags=["exercise:shapes.beam_search"]

# %% [markdown] tags=["lang:en"]
# ### The garden path
#
# Your two functions in the little language. The figure looks on while your beam search works: it draws the beginnings that were kept. Move the
# slider, if you have one. A width of 1 is greedy; a width of 2 is enough here.

# %% tags=["demo"]
# Shows greedy decoding and beam search in the little language.
said, total = greedy_decode(shapes.toy_step, shapes.toy_start(), START, END, shapes.TOY_LONGEST)
print(f"greedy:   {shapes.TOY_WORDS.text(said[0]):20s} probability {np.exp(total[0]):.4f}")
for width in (1, 2, 4):
    found, scores = beam_search(shapes.toy_step, shapes.toy_start(), START, END, shapes.TOY_LONGEST, width, alpha=0.0)
    print(f"width {width}:  {shapes.TOY_WORDS.text(found[0]):20s} probability {np.exp(scores[0]):.4f}")

shapes.beam_tree(beam_search)

# %% [markdown] tags=["lang:en"]
# ## 4. Build in Keras
#
# The parts are there: `Embedding`, `GRU`, `Dense`. What you write is how they are put together. The four layers have the same plan:
#
# * `__init__` stores the sizes (that stands there already) and **makes the parts**, as attributes of the stated names.
# * `build` is given: it builds the parts, so that a saved layer can be loaded.
# * `call` puts the parts to work.
# * `get_config` returns a dictionary of what `__init__` needs: start from `super().get_config()`, and add the sizes under the names of the arguments.
#
# What you need to know about the parts:
#
# | part | made by | called with |
# |---|---|---|
# | a table of vectors | `keras.layers.Embedding(words, units, dtype=…)` | numbers (batch, time) → vectors (batch, time, units); (batch,) → (batch, units) |
# | a recurrent layer | `keras.layers.GRU(units, dtype=…)` | vectors → the last state (batch, units) |
# | the same, all states | `keras.layers.GRU(units, return_sequences=True, dtype=…)` | vectors → (batch, time, units) |
# | a readout | `keras.layers.Dense(outputs, dtype=…)` | works on the last axis, whatever stands before it. `activation="tanh"` squashes |
#
# A GRU takes `mask=` (batch, time), True where a step is real, and `initial_state=` (batch, units). Without a mask everything is real; without an initial state it starts from zeros.
#
# **`dtype`.** A part does not know whose part it is. Give each `dtype=self.dtype_policy`; otherwise a layer of float64 computes in float32 inside.
#
# **Softmax.** Each layer's `call` returns *probabilities*. Let the readout return scores, and apply `ops.softmax(scores, axis=-1)` once (or give the readout
# `activation="softmax"`, but not both).
#
# ### Exercise 4: many-to-one
#
# `SentimentClassifier(vocabulary_size, units, classes)`. Parts: `embedding` (vectors of `units` numbers), `recurrent` (a GRU of `units` units), `readout` (to `classes` numbers).
#
# `call(ids)` gets sentences (batch, time), padded with 0 behind, and returns the probabilities (batch, classes), read from the state after each sentence's own last word. `ops.not_equal(ids, PAD)`
# is the mask.

# %% tags=["exercise:shapes.SentimentClassifier"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 5: aligned
#
# `FrameLabeler(units, classes)`. Parts: `recurrent` and `readout` (to `classes` numbers). No embedding: frames are vectors already.
#
# `call(frames, mask=None)` gets `frames` (batch, time, features), and perhaps a mask (batch, time). It returns the probabilities (batch, time, classes): at each
# frame those of its label, from the state *after* that frame. Here padding may stand anywhere, also in front, and the state must pass it unchanged. What you return at padding does not matter.
# `self.supports_masking = True` is set for you: with it Keras hands the mask on to the loss.

# %% tags=["exercise:shapes.FrameLabeler"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 6: one-to-many
#
# `Captioner(vocabulary_size, units)`. Parts: `glance` (a `Dense` to `units` numbers, squashed by tanh), `embedding`, `recurrent`, and `readout` (to `vocabulary_size` numbers).
#
# * `initial_state(image)`: from `image` (batch, features) the first state (batch, units), by the part `glance`.
# * `call(image, caption)`: teacher forcing. `caption` (batch, time) holds the words that are to be said, END behind the last, then padding. What the network *reads* at a place is the word before it, and START at the first
#   place. Make that array yourself: `ops.full_like(a, value)` is an array like `a` with one value, `ops.concatenate([…], axis=1)` joins columns. Return the probabilities (batch, time, vocabulary_size). No mask is needed: padding stands behind everything
#   that counts.
# * `step(words, state)`: one step for the searches. `words` (batch,) are the words read last, `state` (batch, units). Return `(log probabilities, new state)`, shapes (batch, vocabulary_size) and (batch, units). A GRU wants a time
#   axis: `words[:, None]` is a sequence of one word, and `h[:, 0]` takes the axis away again. A GRU's output *is* its new state. `ops.log_softmax` is the logarithm of the softmax.

# %% tags=["exercise:shapes.Captioner"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 7: encoder and decoder
#
# `Seq2Seq(source_size, target_size, units)`. Parts: `source_embedding`, `encoder`, `target_embedding`, `decoder`, and `readout` (to `target_size` numbers). Each GRU has `units` units.
#
# * `encode(source)`: `source` (batch, source time), padded with 0 behind. Return the encoder's state after each sequence's own last word (batch, units).
# * `call(source, target)`: the decoder begins where the encoder ended, and reads the target shifted by one, as in exercise 6. Return the probabilities (batch, target time, target_size).
# * `step(words, state)`: as in exercise 6, with the decoder.

# %% tags=["exercise:shapes.Seq2Seq"]

# %% [markdown] tags=["lang:en"]
# ## 5. Run it
#
# Nine tasks, a few seconds of training each. A result counts as right only if it is right *in whole*: every word of a caption, every character of a date, every frame of
# a clip. Beside it stands a baseline, so that you can see what a number is worth. All tests use examples that are not in the training set (new pictures and new ways to write a date, though what there is to say may have been said in training).
#
# ### One-to-one: a frame and its shape
#
# First a task without any sequence. A frame is a picture of 10 × 10 with one of four shapes at any place, in some noise. It is described by 20 numbers: how
# much ink is in each row and each column. A plain network of two dense layers names the shape.

# %% tags=["demo"]
# Shows one-to-one: the shape in a frame, by a network without recurrence.
results = []
clips, moves, actions, told = corpora.shape_clips(3000, seed=1)
new_clips, new_moves, new_actions, new_told = corpora.shape_clips(500, seed=2)
frames, new_frames = shapes.describe(clips), shapes.describe(new_clips)  # (clips, steps, 20)
kinds, new_kinds = (np.array([corpora.CAPTION_SHAPES.index(text[1]) for text in texts]) for texts in (told, new_told))

keras.utils.set_random_seed(1)
plain = keras.Sequential(
    [keras.Input((20,)), keras.layers.Dense(48, activation="relu"), keras.layers.Dense(4, activation="softmax")]
)
shapes.train(plain, [frames[:, 0]], kinds, passes=20, name="shape", ignore=None)
named = np.asarray(plain(new_frames[:, 0])).argmax(axis=1)
results.append(
    shapes.Outcome(
        "frame → its shape",
        "one-to-one",
        (named == new_kinds).mean(),
        (shapes.most_frequent(kinds) == new_kinds).mean(),
        "the most frequent shape",
    )
)
print(shapes.outcome_table(results))

# %% [markdown] tags=["lang:en"]
# ### Many-to-one: the feeling of a sentence
#
# *He ate the pie happily* is positive, *he ate the pie angrily* is negative. The corpus also has sentences such as *he ate the pie not happily but angrily* and *happily but not angrily*: the same words, and the opposite
# meaning. A baseline that counts words and forgets their order must fail there.

# %% tags=["demo"]
# Shows many-to-one: the feeling of sentences, beside a classifier that only counts words.
words = shapes.Words(corpora.SENTIMENT_VOCABULARY)
sentences, feelings = corpora.sentiment_sentences(3000, seed=1)
drawn, drawn_feelings = corpora.sentiment_sentences(2000, seed=2)
unseen = [k for k, sentence in enumerate(drawn) if sentence not in set(sentences)]
ids = words.ids(sentences)
new_ids = words.ids([drawn[k] for k in unseen])
new_feelings = drawn_feelings[unseen]
rng = np.random.default_rng(3)
beginnings = ids * padding_mask(np.array([rng.integers(1, len(text) + 1) for text in sentences]), ids.shape[1])
read, meant = np.concatenate([ids, beginnings]), np.concatenate([feelings, feelings])

keras.utils.set_random_seed(2)
classifier = SentimentClassifier(words.size, 24, 2)
shapes.train(shapes.model_of(classifier, read), [read], meant, passes=5, name="sentiment", ignore=None)
answered = np.asarray(classifier(new_ids)).argmax(axis=1)
counted = shapes.linear_classifier(
    shapes.bag_of_words(ids, words.size), feelings, shapes.bag_of_words(new_ids, words.size)
)
results.append(
    shapes.Outcome(
        "sentence → feeling",
        "many-to-one",
        (answered == new_feelings).mean(),
        (counted == new_feelings).mean(),
        "words counted, order lost",
    )
)
print(f"{len(unseen)} sentences that are not in the training set")
print(shapes.outcome_table(results[-1:]))

# %% [markdown] tags=["lang:en"]
# Now watch it read. The classifier can be asked after every word, as if the sentence ended there. Above: what it says. Below: the whole state, a row for each of 24 units.

# %% tags=["demo"]
# Shows four sentences word by word: the answer so far, and the hidden state.
readings = {}
for text in (
    "he ate the pie happily",
    "he ate the pie angrily",
    "he ate the pie happily but not angrily",
    "he ate the pie not happily but angrily",
):
    (row,) = words.ids([text.split()])
    probabilities, states = shapes.states_word_by_word(classifier, row)
    readings[text] = (text.split(), probabilities[:, 1], states)
    print(f"{text:40s}" + " ".join(f"{p:.2f}" for p in probabilities[:, 1]))
order = np.argsort(readings["he ate the pie happily"][2][-1] - readings["he ate the pie angrily"][2][-1])
shapes.word_by_word(readings, "One word turns the state over, and “not” changes what the next word will do", order)

# %% [markdown] tags=["lang:en"]
# The first four words leave the answer near even and the states of the first two sentences equal; the fifth word decides. In the last two sentences *not* comes before one of the two feelings, and the same word then
# moves the state the other way. That is what a state is for: the meaning of a word depends on what was read before.
#
# ### Aligned: tones to phonemes
#
# A sound is cut into frames of 20 ms, each described by how loud it is in 24 bands of frequency. Every frame gets a label, at once. Three sounds are steady: one frame tells. Two are glides, *rise* and *fall*: the upper tone moves between the same two
# frequencies, upwards or downwards, so a frame from the middle of one could be from the other. The baseline sees single frames: one-to-one.

# %% tags=["demo"]
# Shows aligned many-to-many: a label for every tone frame, beside a network that sees one frame at a time.
sounds, labels, lengths = corpora.tone_frames(1500, seed=1)
new_sounds, new_labels, new_lengths = corpora.tone_frames(300, seed=2)
real, new_real = (padding_mask(n, corpora.TONE_TIME) for n in (lengths, new_lengths))

keras.utils.set_random_seed(3)
listener = FrameLabeler(48, len(corpora.TONE_LABELS))
shapes.train(shapes.model_of(listener, sounds), [sounds], labels, passes=7, name="tones", ignore=corpora.NO_TONE)
heard = np.asarray(listener(new_sounds, mask=new_real)).argmax(axis=2)

single = keras.Sequential(
    [keras.Input((24,)), keras.layers.Dense(48, activation="relu"), keras.layers.Dense(6, activation="softmax")]
)
shapes.train(single, [sounds[real]], labels[real], passes=4, name="single frames", ignore=None, batch=256)
guessed = np.where(new_real, np.asarray(single(new_sounds.reshape(-1, 24))).argmax(axis=1).reshape(heard.shape), -1)

print("share of frames with the right label")
print("                  " + "".join(f"{name:>8s}" for name in corpora.TONE_LABELS) + "     all")
for name, found in (("single frames", guessed), ("your network", heard)):
    shares = [(found == k)[new_labels == k].mean() for k in range(6)]
    print(f"{name:18s}" + "".join(f"{s:8.3f}" for s in shares) + f"{(found == new_labels)[new_real].mean():8.3f}")
results.append(
    shapes.Outcome(
        "tones → labels, whole sounds",
        "aligned many-to-many",
        np.all((heard == new_labels) | ~new_real, axis=1).mean(),
        np.all((guessed == new_labels) | ~new_real, axis=1).mean(),
        "single frames, no recurrence",
    )
)
shown = next(n for n in range(300) if {3, 4} <= set(new_labels[n]))
k = new_lengths[shown]
shapes.tone_figure(
    new_sounds[shown, :k],
    {"right": new_labels[shown, :k], "your network": heard[shown, :k], "single frames": guessed[shown, :k]},
    corpora.TONE_LABELS,
    "In the middle of a glide, a single frame does not tell which way it goes",
)

# %% [markdown] tags=["lang:en"]
# The steady sounds need no memory. Of the two glides, the single frames call nearly all of one kind by the name of the other: they cannot do better than choose one of the two. And one wrong frame spoils a whole sound. Your network errs too, mostly by a frame where one
# glide follows the other: both have the same frequency at the border, and it cannot wait for the next frame. (A network that reads in both directions could: lesson 09.)
#
# ### Three shapes on one clip
#
# Now the clips, all their 12 frames. One shape moves by a pixel from frame to frame (what leaves on one side comes back on the other). Three questions about the same clip have three shapes:
#
# * **Label every frame** (aligned): which way has the shape come since the last frame? A single frame cannot tell.
# * **Name the action once** (many-to-one): does it *cross*, *return*, *turn* or *wait*? That is your `FrameLabeler` too, with a target at the last frame only.
# * **Caption the clip** (encoder and decoder): *a circle goes left and turns up*. A GRU reads the clip, and your `Captioner` takes its last state for the image.
#
# The second and the third question build on what was learned before: they read, for each frame, the probabilities of the four shapes (from the first network) and of the five moves (from the frame labels).

# %% tags=["demo"]
# Shows one clip, three shapes: every frame labelled, the action named once, the clip captioned. Takes about 20 s.
keras.utils.set_random_seed(4)
clip_input = keras.Input(frames.shape[1:])
features = keras.layers.Dense(40, activation="relu")(clip_input)  # of every frame
watcher = keras.Model(clip_input, FrameLabeler(40, len(corpora.CLIP_MOVES))(features))
shapes.train(watcher, [frames], moves, passes=10, name="moves", ignore=None)
seen_moves = np.asarray(watcher(new_frames)).argmax(axis=2)


def found_in(frames):
    """What the two trained networks see in each frame: 4 probabilities of shapes, 5 of moves."""
    shape = np.asarray(plain(frames.reshape(-1, 20))).reshape(*frames.shape[:2], 4)
    return np.concatenate([shape, np.asarray(watcher(frames))], axis=2)


found, new_found = found_in(frames), found_in(new_frames)
namer = FrameLabeler(24, len(corpora.CLIP_ACTIONS))
only_last = np.full(moves.shape, -1)
only_last[:, -1] = actions
shapes.train(shapes.model_of(namer, found), [found], only_last, passes=6, name="actions", ignore=-1)
seen_actions = np.asarray(namer(new_found))[:, -1].argmax(axis=1)

clip_words = shapes.Words(corpora.CLIP_VOCABULARY)
captions, new_captions = clip_words.ids(told, end=True), clip_words.ids(new_told, end=True)
found_input, caption_input = keras.Input(found.shape[1:]), keras.Input(captions.shape[1:], dtype="int32")
reader, teller = keras.layers.GRU(64), Captioner(clip_words.size, 64)
film = keras.Model([found_input, caption_input], teller(reader(found_input), caption_input))
shapes.train(film, [found, captions], captions, passes=8, name="clip captions", rate=0.015)
first_state = np.asarray(teller.initial_state(reader(new_found)))
told_by, _ = greedy_decode(shapes.as_step(teller), first_state, START, END, captions.shape[1])

results += [
    shapes.Outcome(
        "clip → every move",
        "aligned many-to-many",
        np.all(seen_moves == new_moves, axis=1).mean(),
        np.all(shapes.most_frequent(moves) == new_moves, axis=1).mean(),
        "the most frequent answer",
    ),
    shapes.Outcome(
        "clip → action",
        "many-to-one",
        (seen_actions == new_actions).mean(),
        (shapes.most_frequent(actions) == new_actions).mean(),
        "the most frequent answer",
    ),
    shapes.Outcome(
        "clip → caption",
        "encoder and decoder",
        shapes.exact(told_by, new_captions).mean(),
        shapes.exact(np.repeat(shapes.most_frequent(captions)[None], 500, axis=0), new_captions).mean(),
        "the most frequent answer",
    ),
]
print(shapes.outcome_table(results[-3:]))
picked = [int(np.flatnonzero((new_actions == k) & (new_kinds == kind))[0]) for k, kind in ((2, 0), (1, 3), (3, 2))]
shapes.clip_strip(
    new_clips[picked],
    [[corpora.CLIP_MOVES[move] for move in seen_moves[n]] for n in picked],
    [f"{corpora.CLIP_ACTIONS[seen_actions[n]]}   |   “{clip_words.text(told_by[n])}”" for n in picked],
    "One clip, three questions: a label for each frame, a name, a sentence",
)

# %% [markdown] tags=["lang:en"]
# ### One-to-many: captions of drawn shapes
#
# Two shapes in a picture of 16 × 16, one above the other or beside it, and a sentence of seven words. There are 128 different captions. A dense layer turns the 256 pixels into features,
# and your `Captioner` says the rest.

# %% tags=["demo"]
# Shows one-to-many: captions for pictures that the network has never seen.
pictures, descriptions = corpora.captioned_pictures(4000, seed=1)
new_pictures, new_descriptions = corpora.captioned_pictures(400, seed=2)
caption_words = shapes.Words(corpora.CAPTION_VOCABULARY)
captions, new_captions = caption_words.ids(descriptions, end=True), caption_words.ids(new_descriptions, end=True)

keras.utils.set_random_seed(5)
pixels = keras.Input((256,))
caption_input = keras.Input(captions.shape[1:], dtype="int32")
look, captioner = keras.layers.Dense(96, activation="relu"), Captioner(caption_words.size, 64)
model = keras.Model([pixels, caption_input], captioner(look(pixels), caption_input))
shapes.train(model, [pictures.reshape(-1, 256), captions], captions, passes=12, name="captions")
first_state = np.asarray(captioner.initial_state(look(new_pictures.reshape(-1, 256))))
said, _ = greedy_decode(shapes.as_step(captioner), first_state, START, END, captions.shape[1])
right = shapes.exact(said, new_captions)
results.append(
    shapes.Outcome(
        "picture → caption",
        "one-to-many",
        right.mean(),
        shapes.exact(np.repeat(shapes.most_frequent(captions)[None], 400, axis=0), new_captions).mean(),
        "the most frequent answer",
    )
)
print(shapes.outcome_table(results[-1:]))
for n in np.flatnonzero(~right)[:3]:
    print(f"said: {caption_words.text(said[n]):45s} right: {caption_words.text(new_captions[n])}")
shapes.pictures_with_captions(
    new_pictures[:8],
    [caption_words.text(row) for row in said[:8]],
    right[:8],
    "Said word by word, from one glance at the picture",
)

# %% [markdown] tags=["lang:en"]
# ### Encoder and decoder: dates
#
# Dates from 1970 to 2029, written in five ways, character by character, and translated to ISO 8601. Reading and writing are of different length and order. All that the decoder gets to know about the source is one state of 96 numbers. This is the longest
# training of the lesson.

# %% tags=["demo"]
# Shows dates translated by encoder and decoder. Takes about 25 s.
written, iso = corpora.date_pairs(7500, seed=1)
characters, digits = shapes.Words(corpora.DATE_CHARACTERS), shapes.Words(corpora.ISO_CHARACTERS)
source, target = characters.ids(written), digits.ids(iso, end=True)
new_source, new_target = source[7000:], target[7000:]
source, target = source[:7000], target[:7000]

keras.utils.set_random_seed(6)
translator = Seq2Seq(characters.size, digits.size, 96)
dates = shapes.model_of(translator, source, target)
half_way = shapes.Keep(after=6)  # the weights of then, for the comparison of searches below
shapes.train(dates, [source, target], target, passes=10, name="dates", batch=128, keep=half_way)
step = shapes.as_step(translator)
translated, _ = greedy_decode(step, np.asarray(translator.encode(new_source)), START, END, target.shape[1])
forced = np.asarray(translator(new_source, new_target)).argmax(axis=2)
results.append(
    shapes.Outcome(
        "date → ISO date",
        "encoder and decoder",
        shapes.exact(translated, new_target).mean(),
        shapes.exact(np.repeat(shapes.most_frequent(target)[None], 500, axis=0), new_target).mean(),
        "the most frequent answer",
    )
)
print(shapes.outcome_table(results[-1:]))
print(f"single characters that are right with teacher forcing: {(forced == new_target).mean():.4f}")
for n in range(6):
    print(
        f"{characters.text(new_source[n], ''):22s} → {digits.text(translated[n], '')}   right: {digits.text(new_target[n], '')}"
    )

# %% [markdown] tags=["lang:en"]
# ### Encoder and decoder: a melody continued
#
# A melody of our little grammar has four bars of four notes, and the first bar decides the rest: the second bar is the first one a degree higher, the third is the first one backwards, the fourth closes on the tonic, in one of two ways. The encoder hears the first bar; the decoder goes
# on. It is tested on first bars that it has never heard.

# %% tags=["demo"]
# Shows melodies continued: encoder and decoder; one of them can be heard.
import tempfile
from pathlib import Path

from IPython.display import Audio, display

tunes = corpora.melodies(len(corpora.melody_motifs()), seed=1)
notes = shapes.Words([str(degree) for degree in range(corpora.MELODY_NOTES)])
first_bars = notes.ids([[str(note) for note in tune[:4]] for tune in tunes])
rest = notes.ids([[str(note) for note in tune[4:]] for tune in tunes], end=True)

keras.utils.set_random_seed(7)
player = Seq2Seq(notes.size, notes.size, 64)
tune_model = shapes.model_of(player, first_bars, rest)
shapes.train(tune_model, [first_bars[200:], rest[200:]], rest[200:], passes=25, name="melodies", batch=64)
played, _ = greedy_decode(
    shapes.as_step(player), np.asarray(player.encode(first_bars[:200])), START, END, rest.shape[1]
)
right = shapes.exact(played, rest[:200])
repeated = np.concatenate([np.tile(first_bars[:200], 3), np.full((200, 1), END)], axis=1)
results.append(
    shapes.Outcome(
        "first bar → whole melody",
        "encoder and decoder",
        right.mean(),
        shapes.exact(repeated, rest[:200]).mean(),
        "the first bar, over and over",
    )
)
print(f"trained on {len(tunes) - 200} melodies")
print(shapes.outcome_table(results[-1:]))
chosen = int(np.flatnonzero(right)[0])
continued = played[chosen, :12] - 3  # the numbers from 3 on are the notes from 0 on
sound = shapes.waveform(np.concatenate([tunes[chosen, :4], continued]))
path = shapes.write_wav(Path(tempfile.gettempdir()) / "unrolled_melody.wav", sound)
display(Audio(filename=str(path)))
shapes.piano_roll(tunes[chosen, :4], continued, tunes[chosen, 4:], "It heard one bar, and knew how to go on")

# %% [markdown] tags=["lang:en"]
# ### Greedy against beam
#
# Where a network is sure, all searches agree. So take one that is not: the translator of dates as it was after six of its ten passes. For 150 dates, compare greedy decoding with beams of 2 and 4. Two things
# are measured: how often the found sequence is *more probable to the network* than the greedy one, and how often it is *right*.

# %% tags=["demo"]
# Shows greedy decoding and beams of three widths for a translator that is not sure.
trained = dates.get_weights()
dates.set_weights(half_way.weights)
first_states = np.asarray(translator.encode(new_source[:150]))
greedy_words, greedy_scores = greedy_decode(step, first_states, START, END, target.shape[1])
print("               more probable   less probable   mean log probability   right")
print(
    f"greedy         {'–':>13s}   {'–':>13s}   {greedy_scores.mean():20.3f}   {shapes.exact(greedy_words, new_target[:150]).mean():5.3f}"
)
gains = {}
for width in (2, 4):
    found = [beam_search(step, state[None], START, END, target.shape[1], width, 0.0) for state in first_states]
    best = np.array([sequences[0] for sequences, _ in found])
    totals = np.array([scores[0] for _, scores in found])
    gains[width] = totals - greedy_scores
    more, less = (gains[width] > 1e-5).mean(), (gains[width] < -1e-5).mean()
    print(
        f"beam of {width}      {more:13.3f}   {less:13.3f}   {totals.mean():20.3f}   {shapes.exact(best, new_target[:150]).mean():5.3f}"
    )
dates.set_weights(trained)

# %% [markdown] tags=["lang:en"]
# A beam of 2 finds a more probable sequence for about one date in ten, and for some of these it is right where greedy was wrong: a first doubtful character does not decide everything any more. From 2 to 4 next to nothing is gained. It is the same with the translations of
# Sutskever and others (2014), where a beam of 2 gave most of the benefit. Note what the table does not say: nowhere is a search asked for the *right* sequence, only for a probable one.
#
# ### All tasks

# %% tags=["demo"]
# Shows all tasks in one table and one figure: right in whole, beside the baselines.
print(shapes.outcome_table(results))
shapes.outcome_figure(results, "Nine tasks, five shapes: each network leaves its baseline behind")

# %% [markdown] tags=["lang:en"]
# ## 6. What goes wrong
#
# **Padding read as words.** The trained classifier, with and without its mask, on the same sentence with more and more padding behind it.

# %% tags=["demo"]
# Shows what padding does to an answer when it is read as if it were words.
(row,) = words.ids([["he", "ate", "the", "pie", "happily"]])
amounts = [0, 1, 2, 4, 8, 16, 32]
with_mask, without_mask = [], []
for more in amounts:
    padded = np.pad(row[None], ((0, 0), (0, more)))
    with_mask.append(float(np.asarray(classifier(padded))[0, 1]))
    state = np.asarray(classifier.recurrent(classifier.embedding(padded), mask=ops.convert_to_tensor(padded >= 0)))
    state = state if state.ndim == 2 else state[:, -1]
    scores = np.asarray(classifier.readout(state))[0]
    without_mask.append(float(np.exp(scores[1]) / np.exp(scores).sum()))
print("padding       " + "".join(f"{more:7d}" for more in amounts))
print("with mask     " + "".join(f"{p:7.3f}" for p in with_mask))
print("without mask  " + "".join(f"{p:7.3f}" for p in without_mask))
figures.lines(
    {"with mask": np.array(with_mask), "padding read": np.array(without_mask)},
    "Padding that is read changes the answer",
    "places of padding behind the sentence",
    "p(positive)",
    x=np.array(amounts),
)

# %% [markdown] tags=["lang:en"]
# With a few zeros behind it the sentence keeps its answer; from eight on the answer has turned over, though nothing was said. With the mask it does not move.
#
# **Targets that are not shifted.** If the network reads at each place the very word that it is to say, the loss falls beautifully: it learns to copy. When it is left alone there is nothing to copy. Your layer shifts by itself, so the next cell makes
# the mistake by handing it captions from which the first word was taken away: shifted by one, they are the targets.

# %% tags=["demo"]
# Shows what happens when the target is not shifted: a beautiful loss, and captions that are wrong.
keras.utils.set_random_seed(9)
ahead = np.concatenate([captions[:, 1:], np.zeros_like(captions[:, :1])], axis=1)
look_ahead, copier = keras.layers.Dense(96, activation="relu"), Captioner(caption_words.size, 64)
copying = keras.Model([pixels, caption_input], copier(look_ahead(pixels), caption_input))
falls = shapes.train(copying, [pictures.reshape(-1, 256), ahead], captions, passes=2, name="not shifted")
first_state = np.asarray(copier.initial_state(look_ahead(new_pictures.reshape(-1, 256))))
alone, _ = greedy_decode(shapes.as_step(copier), first_state, START, END, captions.shape[1])
print("loss after each pass: " + ", ".join(f"{loss:.4f}" for loss in falls))
print(f"right when it speaks by itself: {shapes.exact(alone, new_captions).mean():.3f}")
print(f"for example: {caption_words.text(alone[0])}   (right: {caption_words.text(new_captions[0])})")

# %% [markdown] tags=["lang:en"]
# A loss near zero after two passes, and not one caption is right.
#
# **Teacher forcing flatters.** With the right word before it, a network is nearly always right about the next one. Speaking by itself it reads its own mistakes. And a sequence of $n$ words, each right with probability $q$ by itself, is
# right in whole only with $q^n$: for $n = 11$ and $q = .99$ that is .90, for $q = .95$ it is .57. So the share of single words says little about whole answers.
#
# **No length normalisation.** The next cell searches in 200 random languages of five words and END, with a beam of 4, and looks at the length of what is found.

# %% tags=["demo"]
# Shows how the length of the best sequence depends on alpha, in 200 random languages.
rng = np.random.default_rng(0)
found_lengths = {alpha: [] for alpha in (0.0, 0.5, 1.0)}
for _ in range(200):
    scores = rng.normal(0, 1, (8, 8))
    scores[:, [PAD, START]] = -30
    table = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    for alpha, found in found_lengths.items():
        best, _ = beam_search(
            lambda read, state, table=table: (table[read], state), np.zeros((1, 1)), START, END, 10, 4, alpha
        )
        found.append((best[0] != PAD).sum())
for alpha, found in found_lengths.items():
    print(f"alpha = {alpha:.1f}: mean length {np.mean(found):.2f}")

# %% [markdown] tags=["lang:en"]
# Without a correction the search prefers the shortest sequences, two words with END. With $\alpha = 1$ it runs nearly to the limit of ten: a mean over many words hides a bad one. So $\alpha$ is a knob, to be set by
# sentences whose right answers you know.
#
# More that goes wrong:
#
# * *Finished sequences continued.* What has said END is complete. If it is continued, END is just another word.
# * *States that do not move with their beams.* After the sort, row 1 may continue what was row 3. Its state must come along, and so must its words.
# * *Stopping at the first END.* The first sequence to finish is often a short one, and not the best.
# * *The wider the better?* A wider beam comes nearer to the most probable sequence, and that need not be the best one. In translation wider beams often made things worse, because the most probable sequence was too short (Murray and Chiang 2018).
# * *A decoder that starts from zero.* Everything runs, the loss falls to that of a language model of the targets, and every source gets the same answer. The bridge of section 2 is cut.
# * *Softmax twice.* Probabilities lie between 0 and 1, so a second softmax makes them all nearly alike. The loss stalls at a high value.
# * *One state for everything.* An encoder has to put a whole source into a state of fixed size. Sutskever and others (2014, section 3.3) found that reading the source *backwards* helped theirs: BLEU rose from 25.9 to 30.6, and
#   perplexity fell from 5.8 to 4.7. They explain it by the beginning of the source coming nearer to the beginning of the target. Attention (lesson 12) lets the decoder look back at all of the encoder's states instead.
#
# ## 7. Think
#
# You have translated dates through a state of 96 numbers.
#
# Answer in your own words, in about 150 to 300 words.

# %% [markdown] tags=["lang:en", "question:shapes.think"]
# A company translates long letters with an encoder and a decoder like yours.
#
# 1. Short letters come out well, long ones lose what stood at their beginning. Give two reasons, one for reading and one for learning, in terms of states and gradients.
# 2. In training almost every single word is right, but letters written by the network itself go wrong after the first error. Why, and what in the training makes it so? Name one thing that could be done.
# 3. With a beam of 2 the letters get a little better. With a beam of 50 they get shorter. Explain both.
