# ---
# title:
#   en: "word2vec: CBOW and skip-gram"
#   ja: "word2vec：CBOWとスキップグラム"
# automatic_points: 40
# written_points: 10
# ---

# %% [markdown] tags=["lang:en"]
# # word2vec: CBOW and skip-gram
#
# Give every word a short vector, and let the vectors of neighbouring words guess one another. After some minutes of
# text, words that keep the same company lie close together, and a step from one word to another means something: the
# step from *France* to *Paris* also leads from *Italy* to *Rome*. In this lesson you build the two models of
# word2vec (Mikolov et al. 2013), by hand in NumPy and as Keras layers, compute their gradients, and train them.

# %% [markdown] tags=["lang:ja"]
# # word2vec：CBOWとスキップグラム

# %% tags=["setup"]
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras  # TensorFlow may print lines about CUDA below: they do no harm
import numpy as np
from keras import ops

from autograder import check
from unrolled import corpora, figures, word2vec

figures.use_style()


def sigmoid(z):
    """The logistic function σ(z) = 1 / (1 + exp(-z)), element by element. It does not overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))


def softmax(scores):
    """The softmax of the last axis: positive numbers that add up to 1. It does not overflow."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# %% [markdown] tags=["lang:en"]
# ## 1. Why
#
# Lesson 01 described a word by counts: how often it stands beside each word of the vocabulary. Such a description is
# as long as the vocabulary and mostly zeros, and to shorten it you need the whole table at once. Here we *learn*
# short vectors instead, from one window of text at a time.
#
# What is there to be learned? Firth (1957) put it thus: you know a word by the company it keeps. Our text for this
# lesson has 200,000 words in short sentences about pairs of words in four relations: a country and its capital
# (*france*, *paris*), a male and a female word (*prince*, *princess*), the present and the past of a verb (*drink*,
# *drank*), the singular and the plural of a noun (*cat*, *cats*). Half of the pairs of each relation are **held
# out**: their two words never stand in the same sentence. The next cell looks at two held-out pairs.

# %% tags=["demo"]
# Shows a few sentences, and how often the words of two held-out pairs meet other words.
sentences = corpora.relation_sentences(tokens=200_000, seed=0)
held_out = corpora.held_out_pairs(seed=0)
for sentence in sentences[:6]:
    print(" ".join(sentence))
print(f"… {len(sentences):,} sentences, {sum(map(len, sentences)):,} words")
print({name: f"{len(pairs)} of {len(corpora.RELATIONS[name])} pairs held out" for name, pairs in held_out.items()})

words = ["france", "paris", "italy", "rome"]
neighbours = ["paris", "rome", "nation", "border", "mayor", "streets", "french", "franc", "croissants"]
neighbours += ["italian", "lira", "pasta"]
MET = word2vec.company(sentences, words, neighbours)
word2vec.draw_company(MET, words, neighbours, "France and Paris never meet, but they share half of their company")

# %% [markdown] tags=["lang:en"]
# Read the rows. *france* and *italy* share the words of countries (*nation*, *border*), *paris* and *rome* those of
# cities (*mayor*, *streets*). And *france* and *paris* share their topic: *french*, *franc*, *croissants*. (One
# topic word in four is drawn from any country, hence the stray ones.) A word's company has two parts here, one for
# its kind and one for its topic. A good vector should be a sum of two such parts. Then *paris* − *france* is what a
# capital has and a country has not, the same for every pair, although nobody ever told that these two words belong
# together.
#
# ## 2. Derive
#
# A word is an index $w$, a whole number from 0 to $V - 1$. Every word has **two** vectors: a row of $W_{in}$, used
# when the word is given, and a row of $W_{out}$, used when it is to be predicted. When people speak of *the* vector
# of a word, they mean its row of $W_{in}$.
#
# | letter | what | shape |
# |---|---|---|
# | $V$, $U$ | size of the vocabulary; units, the length of a vector | |
# | $W_{in}$, $W_{out}$ | the two tables of vectors | (vocabulary, units) |
# | $w_1 … w_C$ | the context: the words around a place of the text | (batch, context), integers |
# | $t$ | the target: the word at that place | (batch,), integers |
# | $h$ | the vector that predicts | (batch, units) |
# | $s$ | scores, one for each word of the vocabulary | (batch, vocabulary) |
# | $p$ | probabilities | (batch, vocabulary) |
# | $n_1 … n_K$ | negatives: words drawn at random | (batch, negatives), integers |
# | $u_w$ | short for the row $W_{out}[w]$ | (units,) |
# | $L$ | the loss of one example | (batch,) |
#
# ### CBOW
#
# CBOW stands for *continuous bag of words*. It takes the words around a gap and says which word belongs in the gap:
#
# $$h = \frac{1}{C} \sum_{c=1}^{C} W_{in}[w_c] \qquad s_j = h \cdot W_{out}[j] \qquad p_j = \frac{e^{s_j}}{\sum_k e^{s_k}}
# \qquad L = -\log p_t$$
#
# The hidden vector $h$ is a plain mean. There is no activation function. A *bag* of words has no order, and a mean
# has none either. The logarithm is the natural one, so the loss is in nats.
#
# Note what is **not** said here. One reads that word2vec "predicts the next word". It does not: CBOW predicts a word
# *in the middle* from both sides, and skip-gram, below, predicts all the neighbours, before and after, without their
# order. Section 6 puts this to the test.
#
# ### CBOW, backward
#
# We write $dh$ for $\partial L / \partial h$, and so on: *$d$ of something has the shape of that something*. The
# graph shows a context of two words.

# %% tags=["demo"]
# Shows the computation graph of CBOW: values go right, gradients come back left.
word2vec.cbow_graph()

# %% [markdown] tags=["lang:en"]
# Walk it from right to left. What arrives is $dL$, the upstream gradient, one number for each example.
#
# 1. **Softmax and logarithm together.** Written out, $L = -s_t + \log \sum_k e^{s_k}$. The slope of the second term
#    with respect to $s_j$ is $e^{s_j} / \sum_k e^{s_k} = p_j$. The first term gives $-1$, and only where $j$ is the
#    target. So
#    $$ds_j = dL\,(p_j - [j = t])$$
#    where $[j = t]$ is 1 if $j = t$ and 0 otherwise (the graph writes $e_t$ for the row of these numbers). Every
#    word is pushed down by its probability, and the target is pulled up.
# 2. **The scores.** In $s_{nj} = \sum_i h_{ni} W_{out,ji}$ ($n$ runs over the batch, $i$ over units), each factor's
#    gradient is the other factor times what arrives, added up over every entry in which it took part:
#    $$dh_{ni} = \sum_j ds_{nj} W_{out,ji} \qquad\qquad dW_{out,ji} = \sum_n ds_{nj} h_{ni}$$
# 3. **The mean.** Each of the $C$ places went into $h$ with the factor $1/C$. So *each place* receives $dh / C$.
# 4. **The lookup.** $W_{in}[w]$ is the product of a one-hot row with the table: row $w$ once, all others zero times.
#    So the gradient of a place goes to the row that was looked up there. The same word may stand at several places,
#    in one context or in several examples of the batch. Then its row was used several times, and **what is used
#    several times gets the sum**:
#    $$dW_{in}[w] = \sum_{\text{all places where } w \text{ stands}} \text{the gradient of that place}$$
#
# ### Skip-gram
#
# Skip-gram turns the window round. The middle word is given, $h = W_{in}[w]$, and each word around it is predicted
# by itself. A window of $C$ context words makes $C$ examples. Each has a context of one word, so it is CBOW with a
# context of one word, and the two roles exchanged.
#
# ### Negative sampling
#
# The softmax needs the scores of all $V$ words to learn about one. With Mikolov's 692,000 words that is out of the
# question. Negative sampling (Mikolov et al. 2013, "Distributed representations") asks an easier question: *was this
# word there, or did I draw it at random?* For each example draw $K$ words, the negatives, and put the logistic
# function $\sigma(z) = 1 / (1 + e^{-z})$ on every score:
#
# $$L = -\log \sigma(h \cdot u_t) - \sum_{k=1}^{K} \log \sigma(-h \cdot u_{n_k})$$
#
# Write $z_t = h \cdot u_t$ and $z_{n_k} = h \cdot u_{n_k}$ for these scores. $\sigma(z_t)$ is the model's probability that
# the target was really there, and $\sigma(-z_{n_k}) = 1 - \sigma(z_{n_k})$ the probability that a negative was not. Only
# $K + 1$ rows of $W_{out}$ take part: 6 instead of 496 in our vocabulary (495 words and the full stop).
#
# What is drawn? The **noise distribution** is proportional to the counts to the power ¾:
#
# $$P(w) = \frac{\text{count}(w)^{3/4}}{\sum_v \text{count}(v)^{3/4}}$$
#
# The power was found by trial. It draws rare words more often than they occur, and frequent ones less often.
#
# Chance may draw the target itself. Then the loss would call the same word right and wrong at once, so such a draw
# is left out. (The paper's formula is silent on this. The authors' program skips it, and so do we.)
#
# ### Negative sampling, backward

# %% tags=["demo"]
# Shows the computation graph of negative sampling, for the target and one negative.
word2vec.negative_sampling_graph()

# %% [markdown] tags=["lang:en"]
# From right to left:
#
# 1. **The sum** hands $dL$ to every term.
# 2. **The logarithm of σ.** Write $-\log \sigma(z) = \log(1 + e^{-z})$. Its slope is $-e^{-z} / (1 + e^{-z}) =
#    -\sigma(-z) = \sigma(z) - 1$. For a negative, $-\log \sigma(-z) = \log(1 + e^{z})$ has the slope $\sigma(z)$:
#    $$dz_t = dL\,(\sigma(z_t) - 1) \qquad\qquad dz_{n_k} = dL\,\sigma(z_{n_k})$$
#    The first is never positive, the second never negative: a step against the gradient raises the target's score
#    and lowers the others. Both are the same rule, probability minus truth, as in the softmax. A draw that was left
#    out of the loss has no gradient: $dz_{n_k} = 0$.
# 3. **The dot products.** $h$ took part in all of them, so it collects from all; each $u$ took part in one:
#    $$dh = dz_t\,u_t + \sum_k dz_{n_k} u_{n_k} \qquad\qquad du_t = dz_t\,h \qquad\qquad du_{n_k} = dz_{n_k} h$$
# 4. **The lookup** in $W_{out}$: as above. A word may be the target of one example, a negative of another, and drawn
#    twice for a third. All of it adds up in its row.
#
# What do the vectors become? Levy and Goldberg (2014) showed that skip-gram with negative sampling, if it could fit
# everything and drew its negatives by the plain counts, would make $W_{in}[w] \cdot W_{out}[c]$ equal to the
# *pointwise mutual information* of $w$ and $c$ minus $\log K$. Lesson 01 computes that from counts.
#
# ## 3. Build by hand
#
# Rules for every function of this section:
#
# * **No caching.** All that a function needs is among its arguments, and all it gives is what it returns. A backward
#   function that needs $h$ or $p$ computes it again.
# * **Arguments stay as they are.** Never write into an array that you were given.
# * **Sums, not means**, over the batch. If the loss is averaged, its upstream gradient has the division in it
#   already.
# * **Return arrays**, in the order stated, each gradient of the shape of what it belongs to.
#
# `sigmoid(z)` and `softmax(scores)` (of the last axis) are given, in the setup cell above. `W[indices]` looks up
# rows: with `indices` of shape (batch, places) it gives an array (batch, places, units).
#
# Below each answer a cell checks it. The number that it gives back is your points. Where a gradient is wrong it
# shows the worst element beside the *numeric* gradient, measured by nudging the inputs of your own forward pass.
#
# ### Exercise 1: windows
#
# `context_windows(tokens, size)` gets a text as an array of word indices, `tokens` (length,), and a positive integer
# `size`. It returns a tuple of two arrays of integers, in the order of the text:
#
# `(contexts, targets)` with shapes (length − 2 size, 2 size) and (length − 2 size,).
#
# * A target is a word with at least `size` words before it *and* `size` words after it. Words nearer to an end are
#   no targets.
# * Its context is the `size` words before it and then the `size` words after it, in the order in which they stand.
#   The target's place is not in it.
# * The context is a matter of places. If the target's word stands again beside it, it belongs to the context.
#
# For example, `context_windows(np.array([7, 3, 3, 9, 4]), 1)` gives `[[7, 3], [3, 9], [3, 4]]` and `[3, 3, 9]`. A
# loop over the targets, slices, `np.concatenate` and `np.array` will do.

# %% tags=["exercise:word2vec.context_windows"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 2: back through a lookup
#
# Point 4 of the derivation by itself. `embedding_backward(dvectors, indices, vocabulary)` gets the upstream gradient
# of what was looked up, `dvectors` (batch, places, units); which row was looked up at each place, `indices` (batch,
# places), integers; and the number of rows of the table, `vocabulary`. It returns one array, the gradient of the
# table $dW$ (vocabulary, units).
#
# The row of a word is the sum over all places at which it stands; the row of a word that stands nowhere is zero.
# Beware: after `dW[indices] = dvectors`, and also after `dW[indices] += dvectors`, a row that is named several times
# holds *one* contribution. NumPy reads each row once before it writes. `np.add.at(table, where, what)` changes
# `table` in place and adds one after the other. (A loop over words or places does it too, or a product with a
# one-hot matrix.)

# %% tags=["exercise:word2vec.embedding_backward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 3: CBOW forward
#
# `cbow_forward(contexts, targets, W_in, W_out)` gets `contexts` (batch, context) and `targets` (batch,), integers,
# and the two tables (vocabulary, units). It returns the loss of *each* example, one array (batch,), in nats: no sum
# and no mean over the batch. Follow the four formulas of CBOW above. The mean runs over the places of a context. To
# pick one number from each row of `p`, index with two arrays: `p[np.arange(batch), targets]`.

# %% tags=["exercise:word2vec.cbow_forward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 4: CBOW backward
#
# `cbow_backward(dloss, contexts, targets, W_in, W_out)` gets the upstream gradient `dloss` (batch,), which is $dL$
# for each example, and then the arguments of `cbow_forward`. It returns a tuple of two arrays, in this order:
#
# `(dW_in, dW_out)`, both (vocabulary, units).
#
# Follow the four points of the derivation. `dloss[:, np.newaxis]` is a column that multiplies every row by its own
# number. `dW_out` has *every* word's row, not only the targets': the softmax pushes each of them. For the last point
# you may call your own `embedding_backward`, which wants one gradient for each *place*: all places of an example
# receive the same, so repeat it (`np.repeat` along a new axis, or `np.broadcast_to`).

# %% tags=["exercise:word2vec.cbow_backward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 5: the noise distribution
#
# `noise_distribution(counts, power=0.75)` gets how often each word occurs, `counts` (vocabulary,), integers, and the
# exponent. It returns the probabilities (vocabulary,) with which words are drawn as negatives: proportional to the
# counts to that power, and adding up to 1. Any other `power` from 0 must work as well: 1 gives the words' own shares, 0 the
# same probability to all.

# %% tags=["exercise:word2vec.noise_distribution"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 6: negative sampling forward
#
# `negative_sampling_forward(h, targets, negatives, W_out)` gets the predicting vectors `h` (batch, units), whichever
# model they come from; `targets` (batch,) and `negatives` (batch, negatives), integers; and `W_out` (vocabulary,
# units). It returns the loss of each example, one array (batch,).
#
# * A negative that equals *its own example's* target is left out: its term does not count. Another example's target
#   is a good negative.
# * A word that was drawn twice for one example counts twice.
# * The terms are added, not averaged.
#
# A comparison of arrays gives an array of truth values; `np.where(keep, terms, 0)` keeps the terms where it is `True`.
# (A product with it does the same, but only while every term is finite. For scores far from zero `np.log(sigmoid(z))` is
# −∞; `np.logaddexp(0, -z)` is $-\log \sigma(z)$ and stays finite.) A column (`x[:, np.newaxis]`) is compared with every column of a matrix. For the scores, `np.einsum` multiplies and then sums over
# every letter that is missing on the right: `np.einsum("bi,bji->bj", A, B)` gives, for each `b`, the dot products of
# row `b` of `A` with all rows of the matrix `B[b]`.

# %% tags=["exercise:word2vec.negative_sampling_forward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 7: negative sampling backward
#
# `negative_sampling_backward(dloss, h, targets, negatives, W_out)` gets the upstream gradient `dloss` (batch,) and
# the arguments of the forward function. It returns
#
# `(dh, dW_out)` with shapes (batch, units), (vocabulary, units).
#
# Follow the four points of the derivation. What the forward pass left out must be left out of *both* gradients. In
# `dW_out` the targets' shares and the negatives' shares add up, each of them over repeated indices: `np.add.at`
# twice, or your `embedding_backward` (which takes (batch, places) indices; `targets[:, np.newaxis]` is a single
# place).

# %% tags=["exercise:word2vec.negative_sampling_backward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 8: analogies
#
# "*france* is to *paris* as *italy* is to …" If the step from the first word to the second is the same for every
# pair, then the sought word lies at *paris* − *france* + *italy* (Mikolov, Yih and Zweig 2013).
#
# `analogy(a, b, c, W, k)` gets the indices of the three given words (different ones), word vectors `W` (vocabulary,
# units), and how many answers are wanted. It returns the indices of the `k` best words, the best first, shape (k,).
#
# 1. Scale every row of `W` to length 1 first (`np.linalg.norm(W, axis=1, keepdims=True)` gives the lengths), into a
#    new array.
# 2. The sought vector is $b - a + c$, of the scaled rows.
# 3. Rank all words by the cosine between their vector and the sought one.
# 4. The three given words are no answers: give them the cosine `-np.inf` before you rank. `np.argsort` sorts from
#    small to large.

# %% tags=["exercise:word2vec.analogy"]

# %% [markdown] tags=["lang:en"]
# ## 4. Build in Keras
#
# The same two models as layers. Keras derives the backward pass, the sum over repeated rows included. Both layers
# return **scores**, not probabilities: the softmax or the logistic function is part of the loss that follows, which
# is called with `from_logits=True`.
#
# Both layers have two weights, kept as attributes of the same names as their `name`:
#
# | attribute and `name` | shape | `initializer` |
# |---|---|---|
# | `input_embeddings` | (vocabulary_size, units) | `"uniform"` |
# | `output_embeddings` | (vocabulary_size, units) | `"zeros"` |
#
# With zeros in the second table every score starts at 0, so at first every word is as likely as every other. If
# *both* started at zeros, every gradient would be zero, and nothing would ever be learned.
#
# You write three methods. `__init__` is given, and sets `self.vocabulary_size` and `self.units`.
#
# * `build(input_shape)` creates the weights with `self.add_weight(shape=…, initializer=…, name=…)`. That registers
#   them, so that they are trained and saved. The sizes come from `__init__`; `input_shape` is not needed.
# * `call(…)` returns the scores. Use `keras.ops`, here `ops`: `ops.take(table, indices, axis=0)` looks up rows,
#   `ops.mean`, `ops.matmul`, `ops.transpose` and `ops.einsum` do what their NumPy namesakes do. NumPy itself would
#   cut the gradient off. `keras.layers.Embedding` would do the lookup for you: it is not allowed here.
# * `get_config()` returns a dictionary of what `__init__` needs to make the layer again. Start from
#   `super().get_config()` and add `vocabulary_size` and `units`.
#
# ### Exercise 9: CBOW
#
# `CBOW(vocabulary_size, units)` is called with `contexts` (batch, context), integers, and returns the scores of all
# words, (batch, vocabulary_size): the mean of the context's input vectors, times every word's output vector.

# %% tags=["exercise:word2vec.CBOW"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 10: skip-gram
#
# `SkipGram(vocabulary_size, units)` is called with two arrays of integers: `centers` (batch,), the given words, and
# `words` (batch, candidates), for each of them the words to be scored (the one that was there, and the negatives).
# It returns the scores (batch, candidates): the dot products of each centre word's input vector with its own
# candidates' output vectors. The layer knows nothing of targets, so it leaves none out.

# %% tags=["exercise:word2vec.SkipGram"]

# %% [markdown] tags=["lang:en"]
# ### Do the two agree?
#
# The next cell gives your functions and your layers the same tables in float64, and compares losses and gradients.
# Keras' losses are means: `BinaryCrossentropy` averages over the $K + 1$ candidates where negative sampling adds
# them up, so it is multiplied by $K + 1$ here. The negatives are drawn so that none equals its target.

# %% tags=["demo"]
# Shows your functions beside your Keras layers: the largest difference of losses and gradients.
rng = np.random.default_rng(0)
V, U, C, K, N = 30, 8, 4, 5, 16
tables = {"input_embeddings": rng.normal(size=(V, U)), "output_embeddings": rng.normal(size=(V, U))}
some_contexts, some_targets = rng.integers(0, V, (N, C)), rng.integers(0, V, N)
some_negatives = (some_targets[:, None] + rng.integers(1, V, (N, K))) % V  # never the target
candidates = np.concatenate([some_targets[:, None], some_negatives], axis=1)
was_there = np.zeros((N, K + 1))
was_there[:, 0] = 1

W_in, W_out = tables.values()
mean = np.full(N, 1 / N)  # the upstream gradient of a mean over the batch
by_hand = {
    "CBOW": (
        cbow_forward(some_contexts, some_targets, W_in, W_out).mean(),
        *cbow_backward(mean, some_contexts, some_targets, W_in, W_out),
    )
}
centers = some_contexts[:, 0]
dh, dW_out = negative_sampling_backward(mean, W_in[centers], some_targets, some_negatives, W_out)
by_hand["skip-gram"] = (
    negative_sampling_forward(W_in[centers], some_targets, some_negatives, W_out).mean(),
    embedding_backward(dh[:, None], centers[:, None], V),
    dW_out,
)

softmax_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float64")
binary_loss = keras.losses.BinaryCrossentropy(from_logits=True, dtype="float64")
layers = {"CBOW": CBOW(V, U, dtype="float64"), "skip-gram": SkipGram(V, U, dtype="float64")}
losses = {
    "CBOW": lambda: softmax_loss(some_targets, layers["CBOW"](some_contexts)),
    "skip-gram": lambda: (K + 1) * binary_loss(was_there, layers["skip-gram"](centers, candidates)),
}
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    for name, layer in layers.items():
        losses[name]()  # builds the weights
        for weight, value in tables.items():
            getattr(layer, weight).assign(value)
        with tf.GradientTape() as tape:
            loss = losses[name]()
        found = tape.gradient(loss, [layer.input_embeddings, layer.output_embeddings])
        dense = [np.asarray(tf.convert_to_tensor(g)) for g in found]
        for part, mine, theirs in zip(("loss", "dW_in", "dW_out"), by_hand[name], (loss, *dense), strict=True):
            print(f"{name:10s} {part:7s} largest difference {np.abs(np.asarray(theirs) - mine).max():.1e}")

# %% [markdown] tags=["lang:en"]
# ## 5. Run it
#
# First the text. Your `context_windows` cuts windows of `size` words on each side. A window must not reach from one
# sentence into the next: there two held-out words could meet. So three full stops (as many as the window reaches)
# stand between sentences, and windows with a full stop in the middle are thrown away.

# %% tags=["demo"]
# Shows the windows of the corpus, and that no window holds both words of a held-out pair.
SIZE = 3
text = word2vec.encode(sentences, gap=SIZE)
contexts, targets = word2vec.without_stops(*context_windows(text.tokens, SIZE))
print(f"{len(text.words)} words, {len(targets):,} windows; for example:")
for k in (0, 3):
    print("  ", " ".join(text.words[w] for w in contexts[k]), "→", text.words[targets[k]])

whole = np.concatenate([contexts, targets[:, None]], axis=1)
together = sum(
    int(((whole == text.index[a]).any(axis=1) & (whole == text.index[b]).any(axis=1)).sum())
    for pairs in held_out.values()
    for a, b in pairs
)
print(f"windows that hold both words of a held-out pair: {together}")

# %% [markdown] tags=["lang:en"]
# Now CBOW with negative sampling, made of your own functions. `word2vec.train` shuffles the examples, draws
# negatives from your noise distribution, and gives batches of 1,024 to the function below; what comes back goes into
# an Adam update (Kingma and Ba 2015). (The authors used plain stochastic gradient descent, one example at a time.)
# For the many trainings that follow there is a faster function which does the same; first see that it does.


# %% tags=["demo"]
# Shows loss and gradients by your functions and by the fast helper, on the first 1,024 windows.
def your_gradients(W_in, W_out, contexts, targets, negatives):
    """Mean loss of a batch and the gradients of the tables, by the functions of section 3."""
    batch, places = contexts.shape
    h = W_in[contexts].mean(axis=1)
    loss = negative_sampling_forward(h, targets, negatives, W_out)
    dh, dW_out = negative_sampling_backward(np.full(batch, 1 / batch), h, targets, negatives, W_out)
    dplaces = np.repeat(dh[:, np.newaxis] / places, places, axis=1)  # (batch, places, units)
    return loss.mean(), embedding_backward(dplaces, contexts, len(W_in)), dW_out


rng = np.random.default_rng(0)
noise = noise_distribution(text.counts)
W_in, W_out = rng.normal(size=(2, len(text.words), 50))
negatives = rng.choice(len(text.words), (1024, 5), p=noise)
batch = (W_in, W_out, contexts[:1024], targets[:1024], negatives)
print(f"full stops among the negatives: {(negatives == word2vec.STOP).sum()} (their count is 0)")
for name, mine, fast in zip(
    ("loss", "dW_in", "dW_out"), your_gradients(*batch), word2vec.fast_gradients(*batch), strict=True
):
    print(f"{name:7s} largest difference {np.abs(mine - fast).max():.1e}, largest value {np.abs(mine).max():.1e}")

# %% tags=["demo"]
# Shows the training of CBOW by your own functions: 4 passes over 200,000 windows. Takes 5 to 15 s.
settings = word2vec.Settings(seed=0)
print(settings)
cbow = word2vec.train((contexts, targets), noise, settings, gradients=your_gradients, progress="CBOW, your functions")

guess = (1 + settings.negatives) * np.log(2)
figure, axes = figures.panel("The loss falls fast, then creeps", "passes over the text", "loss per example (nats)")
axes.plot(np.arange(1, len(cbow.losses) + 1) / 10, cbow.losses, marker="o", markevery=5)
axes.axhline(guess, color=figures.GREY, linestyle="--", label=f"all scores 0: 6 log 2 = {guess:.2f}")
axes.set_ylim(0, None)
axes.legend()
figure

# %% [markdown] tags=["lang:en"]
# Who are the neighbours of a word now?

# %% tags=["demo"]
# Shows the five nearest neighbours of seven words by the cosine.
for word in ("france", "paris", "franc", "monk", "nun", "drank", "cats"):
    found = word2vec.nearest(text.index[word], cbow.W_in, 5)
    print(f"{word:8s}", " ".join(f"{text.words[w]:12s}" for w in found))

# %% [markdown] tags=["lang:en"]
# A country's neighbours are countries, a capital's are capitals: here the *kind* decides who is near. What a country
# shares with its own capital, the topic, is the smaller part of its vector. So looking at neighbours will not find
# *rome* from *italy*. Arithmetic may.
#
# ### Analogies
#
# Every two held-out pairs of one relation make a question: *a* is to *b* as *c* is to what? We compare your
# `analogy` with three other ways to answer:
#
# * **frequency**: answer the most frequent word among the right answers of this relation (one that is not *b*). This
#   is more than a model is told: it knows which words are answers at all;
# * **neighbour of c**: the nearest word to *c*, without *a* and *b*. Linzen (2016) found that many analogies can be
#   answered so, and then they say nothing about steps;
# * **untrained**: your `analogy`, with random vectors.

# %% tags=["demo"]
# Shows the share of right answers to the analogies of held-out pairs, beside three other ways to answer.
questions = corpora.analogies(seed=0)
random_vectors = np.random.default_rng(1).normal(size=cbow.W_in.shape)


def by_analogy(W):
    """Your analogy with a table, as a function of a, b and c that gives one word."""
    return lambda a, b, c: analogy(a, b, c, W, 1)[0]


ways = {
    "your analogy": by_analogy(cbow.W_in),
    "frequency": word2vec.most_frequent_of_kind(text, questions),
    "neighbour of c": word2vec.nearest_to_c(cbow.W_in),
    "untrained": by_analogy(random_vectors),
}
print(f"{sum(map(len, questions.values()))} questions. Right answers in %:")
print(f"{'':16s}" + "".join(f"{name:>9s}" for name in (*questions, "all")))
SHARES = {name: word2vec.score_analogies(questions, text.index, way) for name, way in ways.items()}
for name, shares in SHARES.items():
    print(f"{name:16s}" + "".join(f"{100 * value:9.1f}" for value in shares.values()))

word2vec.draw_shares(
    SHARES, "The step answers what neither frequency nor nearness can", "right answers (%)", ("asked for: 80 %", 0.8)
)

# %% tags=["demo"]
# Shows the held-out pairs of two relations on the plane of their principal components, and how alike their steps are.
for name, pairs in held_out.items():
    first, second = ([text.index[pair[k]] for pair in pairs] for k in (0, 1))
    mixed = np.roll(second, 1)  # each first word with the second word of another pair
    print(
        f"{name:8s} mean cosine between two steps {word2vec.offset_agreement(cbow.W_in, first, second):.2f}, "
        f"with partners exchanged {word2vec.offset_agreement(cbow.W_in, first, mixed):.2f}"
    )
word2vec.draw_steps(
    cbow.W_in,
    text,
    {name: held_out[name] for name in ("capital", "tense")},
    "The steps of pairs that never met are nearly parallel",
)

# %% [markdown] tags=["lang:en"]
# The left and the right end of each arrow never stood in one sentence. The mean cosine between the steps of two
# different pairs is .90 to .96. Do not take all of that for the pairs: give every country the capital of *another*
# country, and the steps still agree somewhat (.33 to .73), because any step from a country to a capital has the
# kinds in common. The difference between the two numbers is the topic, which cancels in a true pair and does not in
# an exchanged one. (The plane shows 60 % of the variance on the left and 43 % on the right. What lies outside it,
# you do not see.)
#
# ### Five seeds
#
# One training may be luck. The seed decides everything here: the text, which pairs are held out, how the tables
# start, and which negatives are drawn.

# %% tags=["demo"]
# Shows the analogies at five seeds, each with a text and held-out pairs of its own. Takes about 30 s.
FIVE = []
for seed in range(5):
    if seed == 0:
        own_text, trained = text, cbow
    else:
        own_text = word2vec.encode(corpora.relation_sentences(200_000, seed), gap=SIZE)
        own = word2vec.without_stops(*context_windows(own_text.tokens, SIZE))
        trained = word2vec.train(
            own, noise_distribution(own_text.counts), word2vec.Settings(seed=seed), progress=f"seed {seed}"
        )
    asked = corpora.analogies(seed)
    score = [
        word2vec.score_analogies(asked, own_text.index, way)["all"]
        for way in (
            by_analogy(trained.W_in),
            word2vec.most_frequent_of_kind(own_text, asked),
            word2vec.nearest_to_c(trained.W_in),
        )
    ]
    FIVE.append((trained.seconds, *score))
print("seed   trained in   your analogy (%)   frequency (%)   neighbour of c (%)")
for seed, (seconds, *score) in enumerate(FIVE):
    print(f"{seed:4d} {seconds:10.1f} s" + "".join(f"{100 * s:17.1f}" for s in score))

# %% [markdown] tags=["lang:en"]
# All five are far above the 80 % that this course asks for; frequency stays at 11.7 %. That number can be worked
# out: among $n$ possible answers the most frequent word is right in $n$ of $n(n - 1)$ questions (count them: $n - 1$
# in which it is $d$, and one in which it is $b$, so that the second most frequent word is tried). With $n = 10$ that
# is 11.1 %, with $n = 8$ it is 14.3 %. Answering with the neighbour of *c* is right in 3 to 11 %.
#
# Published numbers are lower, on a far harder task. Skip-gram with five negatives answered 59 % of Mikolov's 8,869
# semantic and 10,675 syntactic questions, after 38 minutes on a thousand million words (Mikolov et al. 2013,
# "Distributed representations"). Our text has four relations and little else, and every pair is described by the
# same few sentences. Do not read our 98 to 100 % as a claim about real language.
#
# ### The window, and skip-gram
#
# The window is the model's horizon. In our sentences about countries the topic stands close by (*portugal exports
# sardines*); in those about people it is three words off (*he is the monk with the chapel*), or more. Let the window
# reach two words instead of three. And train skip-gram on the same windows.

# %% tags=["demo"]
# Shows CBOW with a window of 2, of 3, and skip-gram: right answers by relation. Takes about 15 s.
narrow_text = word2vec.encode(sentences, gap=2)
narrow = word2vec.without_stops(*context_windows(narrow_text.tokens, 2))
narrow_cbow = word2vec.train(narrow, noise, settings, progress="CBOW, window 2")
one_pass = word2vec.Settings(seed=0, passes=1)
skip_gram = word2vec.train(
    word2vec.skip_gram_examples(contexts, targets), noise, one_pass, progress="skip-gram, window 3"
)
compared = {"CBOW, window 2": narrow_cbow, "CBOW, window 3": cbow, "skip-gram, window 3": skip_gram}
WINDOWS = {
    name: word2vec.score_analogies(questions, text.index, by_analogy(trained.W_in))
    for name, trained in compared.items()
}
for name, shares in WINDOWS.items():
    print(f"{name:20s}" + "".join(f"{relation:>9s} {100 * share:5.1f}" for relation, share in shares.items()))
word2vec.draw_shares(WINDOWS, "What lies beyond the window cannot be learned", "right answers (%)")

# %% [markdown] tags=["lang:en"]
# With two words on each side, CBOW still answers the capitals and the tenses, and fails at gender (18 %) and number
# (4 %), where every sentence keeps the topic three words away or more. Those words are then known by their kind
# alone, and a guess among the right kind would be right in 14 % and 11 %. Skip-gram does as well as CBOW here, with
# one pass in the place of four: each window gives it up to six examples. Beyond this text, wide windows are known to
# make vectors that are near by topic, and narrow ones vectors that are near by kind (Levy and Goldberg 2014,
# "Dependency-based word embeddings").
#
# ### Frequent words
#
# *the* stands in nearly every sentence and tells you little about its neighbours. Mikolov et al. (2013, "Distributed
# representations") thin such words out *before* windows are cut. With $f(w)$ for the word's share of the text and a
# threshold $t$, a word is kept with the probability
#
# $$P(\text{keep } w) = \sqrt{t / f(w)} \quad \text{(the paper)} \qquad\qquad P(\text{keep } w) = \sqrt{t / f(w)} + t / f(w) \quad \text{(their program)}$$
#
# and always where this is above 1. The two differ. By the paper, thinning starts at $f = t$. The program leaves
# every word alone whose share is below $2.62\,t$: with $x = \sqrt{t/f}$, the equation $x + x^2 = 1$ has the solution
# $x = 0.618$, so $f = t / x^2$. Rare words are never thinned out. As words go, those that are left move closer
# together: **the window reaches further** than its size says.

# %% tags=["demo"]
# Shows the two formulas, and CBOW with a window of 2 on a text thinned out. Takes about 10 s.
T = 0.005
share = text.counts[1:] / text.counts.sum()
print(
    "most frequent words and their share of the text:",
    ", ".join(f"{text.words[k + 1]} {share[k]:.1%}" for k in range(6)),
)
print(f"t = {T}: the formulas touch {np.sum(share > T)} and {np.sum(share > 2.618 * T)} of {len(share)} words")
THINNED = {"no": (len(narrow[1]), WINDOWS["CBOW, window 2"]["all"])}
for formula in ("paper", "code"):
    thin = word2vec.subsample(sentences, T, np.random.default_rng(0), formula)
    thin_text = word2vec.encode(thin, gap=2)
    windows = word2vec.without_stops(*context_windows(thin_text.tokens, 2))
    trained = word2vec.train(
        windows, noise_distribution(thin_text.counts), settings, progress=f"thinned out, {formula}"
    )
    score = word2vec.score_analogies(questions, thin_text.index, by_analogy(trained.W_in))
    THINNED[formula] = (len(windows[1]), score["all"])
left = np.sum(share * word2vec.keep_probability(share, 1e-5))
print(f"with t = 0.00001 one word in {1 / left:.0f} would be left")
print("window 2, thinned out   windows   right answers (%)")
for name, (count, right) in THINNED.items():
    print(f"{name:21s} {count:9,d} {100 * right:15.1f}")
word2vec.draw_subsampling(T, share)

# %% [markdown] tags=["lang:en"]
# A quarter of the text is gone with the paper's formula, a sixth with the program's, so training is faster by as
# much. And the window of two, which failed at gender and number, now finds the topics: from 59 % to more than 97 %.
# In *he is the monk with the chapel* one small word must go missing, *with* or *the*, and the topic is within reach.
# In the paper, thinning out took training from 38 minutes to 14, and the analogies from 59 % to 60 %.
#
# The threshold belongs to the text. The paper's $t = 10^{-5}$ is for a thousand million words and a vocabulary of
# 692,000. From our small vocabulary it would leave one word in 18.
#
# ### The noise distribution
#
# Move the slider, if you have one: what does the exponent of the noise distribution do?

# %% tags=["demo"]
# Shows with which probability words are drawn as negatives, for other exponents (a slider where there can be one).
word2vec.explore_noise(text.counts)

# %% [markdown] tags=["lang:en"]
# With the words' own counts (power 1) the ten most frequent words take a third of all draws, with ¾ a fifth, and
# with power 0 all words are drawn alike. The curves cross: what the frequent words lose, the rare words gain.
# Mikolov et al. (2013) tried both ends and found ¾ better than either; there is no theory behind it.
#
# ## 6. What goes wrong
#
# ### "It predicts the next word"
#
# If CBOW predicted the next word, it would have to tell what comes before from what comes after. The next cell
# shuffles the words of every context, before and after alike, and looks at the loss of your `cbow_forward`.

# %% tags=["demo"]
# Shows the CBOW loss of 1,000 windows as they are, with their words shuffled, and with only the words before.
W = (cbow.W_in, cbow.W_out)
some = slice(0, 1000)
shuffled = np.random.default_rng(0).permuted(contexts[some], axis=1)
moved = np.mean(np.any(shuffled != contexts[some], axis=1))
SHUFFLE = [cbow_forward(c, targets[some], *W).mean() for c in (contexts[some], shuffled, contexts[some, :SIZE])]
print(f"contexts changed by shuffling: {moved:.1%}")
for name, value in zip(("as it stands", "shuffled", "only the words before"), SHUFFLE, strict=True):
    print(f"{name:22s} mean loss {value:.12f} nats")

# %% [markdown] tags=["lang:en"]
# Nearly every context has changed, and not one digit of the loss. The order of the context is not in the model:
# *before* and *after* are the same to it. And asked what comes after three words, without those behind the gap, it
# does badly: 5.6 nats in the place of 1.0. A guess at equal odds among 496 words would cost $\log 496 = 6.2$. (These
# are losses of the full softmax, from tables that negative sampling has trained.) CBOW was trained to fill gaps from
# both sides. It is a model of neighbours.
#
# ### Wrong gradients
#
# With your own right functions you can make the wrong answers. The next cell does, for one batch of 1,024 real
# windows:
#
# * **overwritten**: `dW_in[contexts] = …`, or `+=`, where a word that stands at many places keeps one contribution;
# * **no 1/C**: every place receives the whole $dh$. The authors' program does this: it averages forwards and does
#   not divide backwards. İrsoy, Benton and Stratos (2021) found it, and found that CBOW had been underrated for it;
# * **target among negatives**: draws that equal the target are left in;
# * **power forgotten**: negatives drawn by the counts as they are.

# %% tags=["demo"]
# Shows wrong gradients beside the right one on a batch of real windows: length and direction.
rng = np.random.default_rng(3)
chosen = rng.permutation(len(targets))[:1024]
ctx, tgt = contexts[chosen], targets[chosen]
h = W[0][ctx].mean(axis=1)
drawn = rng.choice(len(noise), (1024, 5), p=noise)
ones = np.full(1024, 1 / 1024)
dh, dW_out = negative_sampling_backward(ones, h, tgt, drawn, W[1])
places = np.repeat(dh[:, None] / ctx.shape[1], ctx.shape[1], axis=1)
right_in = embedding_backward(places, ctx, len(noise))

overwritten = np.zeros_like(right_in)
overwritten[ctx] += places
hit = drawn == tgt[:, None]
as_drawn = np.where(hit, sigmoid(np.einsum("nu,nku->nk", h, W[1][drawn])), 0) / 1024  # what was left out
kept_in = dW_out + embedding_backward(as_drawn[:, :, None] * h[:, None], drawn, len(noise))
by_counts = rng.choice(len(noise), (1024, 5), p=noise_distribution(text.counts, 1))

WRONG = {
    "dW_in, overwritten": (overwritten, right_in),
    "dW_in, no 1/C": (ctx.shape[1] * right_in, right_in),
    "dW_out, target among negatives": (kept_in, dW_out),
}
print(f"{'':34s}length / right length    cosine with the right one")
for name, (wrong, right) in WRONG.items():
    ratio = np.linalg.norm(wrong) / np.linalg.norm(right)
    cosine = (wrong * right).sum() / np.linalg.norm(wrong) / np.linalg.norm(right)
    print(f"{name:34s}{ratio:12.2f}{cosine:22.2f}")
the = text.index["the"]
print(f"\n'the' stands at {(ctx == the).sum()} places of this batch; overwritten, it keeps 1 of them")
print(f"draws that equal their target: {hit.sum()} of {hit.size}")
for name, negatives in (("power 3/4", drawn), ("power forgotten", by_counts)):
    print(
        f"{name:16s} {len(np.unique(negatives)):4d} of {len(noise) - 1} words drawn at least once in {negatives.size:,} draws"
    )

# %% [markdown] tags=["lang:en"]
# *Overwritten*, the direction is almost lost (cosine .27), since a word like *the* stood at 629 places of the batch
# and kept one. Without *1/C* the direction is right and the length is six times too large. Plain gradient descent
# then takes steps six times as long in $W_{in}$ as in $W_{out}$. Adam, which divides every gradient by its own size,
# hides it. A *target among the negatives* happens in 68 of 5,120 draws only, and yet changes the gradient beyond
# recognition: the model is sure of its targets by now ($\sigma(z)$ near 1), so each such draw pushes with full force
# where the other gradients have become small. And with the *power forgotten*, 15 words of 495 were never drawn in
# these 5,120 draws, with ¾ one.
#
# Does a wrong gradient learn at all? The next cell trains with the overwritten rows.


# %% tags=["demo"]
# Shows training with overwritten rows beside the right one. Takes about 5 s.
def overwriting(*batch):
    """As before, but a row that is named several times keeps one contribution."""
    return word2vec.fast_gradients(*batch, add=word2vec.overwrite_rows)


spoilt = word2vec.train((contexts, targets), noise, settings, gradients=overwriting, progress="rows overwritten")
answered = word2vec.score_analogies(questions, text.index, by_analogy(spoilt.W_in))
SPOILT = answered["all"]
print(f"analogies: {100 * SPOILT:.1f} % (right gradient: {100 * SHARES['your analogy']['all']:.1f} %)")
figures.lines(
    {"right": cbow.losses, "rows overwritten": spoilt.losses},
    "With overwritten rows the loss still falls, and nothing warns you",
    "passes over the text",
    "loss per example (nats)",
    x=np.arange(1, len(cbow.losses) + 1) / 10,
)

# %% [markdown] tags=["lang:en"]
# It learns: 85 % of the analogies, from a gradient that is wrong in two tables. The loss falls, only less far. Adam
# helps, because it makes up for the lost length. This is why a falling loss is no proof of a right gradient, and why
# your exercises were checked against numeric ones.
#
# ### "King − man + woman = queen"
#
# In vectors from real text, the word nearest to *b* − *a* + *c* is very often *c* or *b* itself (Linzen 2016;
# Rogers, Drozd and Li 2017). The famous equation holds because the three given words are not allowed as answers. The
# next cell allows them, for your good vectors and for the poorer ones of the narrow window.

# %% tags=["demo"]
# Shows what the nearest word to b - a + c is when the given words are allowed, for two tables of vectors.
ALLOWED = {}
print("                  right, not allowing them   right, allowing them   nearest is b or c")
for name in ("CBOW, window 3", "CBOW, window 2"):
    W_in = compared[name].W_in
    rows = W_in / np.linalg.norm(W_in, axis=1, keepdims=True)
    asked = np.array([[text.index[word] for word in one] for group in questions.values() for one in group])
    a, b, c, d = asked.T
    best = ((rows[b] - rows[a] + rows[c]) @ rows.T).argmax(axis=1)
    ALLOWED[name] = (WINDOWS[name]["all"], np.mean(best == d), np.mean((best == b) | (best == c)))
    print(f"{name:18s}" + "".join(f"{100 * share:20.1f} %" for share in ALLOWED[name]))

# %% [markdown] tags=["lang:en"]
# With the good vectors nothing changes: the right word is nearest anyway, because our text is so plain. With the
# poorer ones the exclusion helps. There *b* or *c* is the nearest word in 41 % of the questions, and a part of the
# 58.6 % comes from forbidding it. So when you read about an analogy, ask which words were not allowed as answers.
#
# Two more. Dividing by the batch size in the gradient *and* in the loss makes the steps smaller than you think.
# Taking $W_{out}$ for the word vectors, or the dot product for the cosine, gives other neighbours.
#
# ## 7. Think
#
# A **language model** gives every text a probability. It does so word by word: the probability of each word *given
# all the words before it*, all multiplied. A **recurrent** language model (you build one in lesson 10) reads the
# words in order, one at a time. It keeps a vector, its state, which it computes anew at each step from the last
# state and the word just read, and from the state it gives the probabilities of the next word.
#
# Answer in your own words, in about 150 to 300 words.

# %% [markdown] tags=["lang:en", "question:word2vec.think"]
# Could a CBOW model serve as a language model? Compare it with a recurrent one.
#
# 1. Take CBOW as you built it, with a full softmax. Why can you not multiply its probabilities over all places of a
#    text and call the product the probability of the text?
# 2. Now change it: let the context be only the $C$ words *before* the target. It is a language model then. Name two
#    things that it cannot know about the words before and that a recurrent model can, each with an example: two
#    beginnings of a sentence that it must treat alike and that should be continued differently.
# 3. With negative sampling instead of the softmax, what is missing to get the probability of a word?
# 4. For which purpose is CBOW, as it is, the better choice? Give a reason.
