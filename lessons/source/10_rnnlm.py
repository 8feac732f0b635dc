# ---
# title:
#   en: "RNNLM: language models"
#   ja: "RNNLM：言語モデル"
# automatic_points: 40
# written_points: 10
# ---

# %% [markdown] tags=["lang:en"]
# # RNNLM: language models
#
# A language model says how likely each word is to come next. Whoever can say that can also say how likely a whole text is,
# can tell which of two sentences sounds right, and can write. In this lesson you build one around a recurrent
# cell: the table of word vectors below it, the scores and the loss above it, the streams in which it reads a
# text, and the draw with which it writes one. You compare it with counting, and with the truth, which
# is known here, because the text is generated.

# %% [markdown] tags=["lang:ja"]
# # RNNLM：言語モデル

# %% tags=["setup"]
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras  # TensorFlow may print lines about CUDA below: they do no harm
import numpy as np
from keras import ops

from autograder import check
from unrolled import corpora, figures, language, ngram, rnnlm, texts

figures.use_style()

# %% [markdown] tags=["lang:en"]
# ## 1. Why
#
# The oldest language model counts. A **trigram** model looks at the last two words, and asks how often each word came
# after them in a text that it has seen. What a trigram model cannot do is remember.
#
# Our text is a corpus of small stories that a grammar tells (`corpora.story_corpus`). The grammar draws every word, so for
# every word we know how likely it *really* was, given all words before it. The next cell counts trigrams in 50,000 words of
# stories (with the smoothing of Kneser and Ney 1995, in its interpolated form, which also has an answer where it has
# counted nothing). Then both read the end of a new story, and for each word you see its **surprise**: minus the
# logarithm of the probability that it was given. Surprise 0 is certainty.

# %% tags=["demo"]
# Shows how much each word of the end of a story surprises the grammar that made it, and a trigram model.
corpus = corpora.story_corpus(70_000, seed=1)
vocabulary, words = corpus.vocabulary, len(corpus.vocabulary)
train, valid, test = corpus.ids[:50_000], corpus.ids[50_000:60_000], corpus.ids[60_000:]
print(
    f"{words:,} words in the vocabulary; {len(np.unique(train)):,} of them occur in the 50,000 words of the training text"
)
trigrams = ngram.KneserNey(3).fit(train, words)

ends = np.flatnonzero(test == vocabulary.index(corpora.STORY_END))
which = np.flatnonzero((np.diff(ends) > 70) & (np.diff(ends) < 110))[0]  # the first story of such a length
first, last = ends[which] + 1, ends[which + 1] + 1
print(f"\nThe story ({last - first} words):\n" + " ".join(vocabulary[k] for k in test[first:last]))
shown = slice(last - 30, last)
nats = {
    "the grammar itself": -np.log(corpus.probabilities[60_000:][shown]),
    "trigrams": -np.log(trigrams.token_probabilities(test[:last])[shown]),
}
rnnlm.word_bars(
    [vocabulary[k] for k in test[shown]],
    nats,
    "Trigrams are surprised where the story must remember: the name, the place",
    "word of the story",
    "surprise (nats)",
)

# %% [markdown] tags=["lang:en"]
# Look at the last sentence. After "at last" comes the hero's name, and then the place, and both were said at the
# start of the story. For the grammar they are certain. The trigram model has no idea who the hero was. What it would
# take is a state that goes along: a recurrent network.
#
# ## 2. Derive
#
# | letter | what | shape |
# |---|---|---|
# | $w_t$ | word number $t$ of a text, an integer from 0 to $V-1$, its *id* | (batch, time) for many |
# | $V$ | size of the vocabulary | one number |
# | $E$ | table of word vectors, a row for each word | (vocabulary, units) |
# | $x_t$ | vector of word $t$ | (batch, units) |
# | $h_t$ | hidden state after word $t$, from any recurrent cell | (batch, units) |
# | $W$, $b$ | output kernel and output bias | (units, vocabulary), (vocabulary,) |
# | $s_t$ | scores of all words as the next one | (batch, vocabulary) |
# | $p_t$ | probabilities of all words as the next one | (batch, vocabulary) |
# | $L$ | loss, in nats per word | one number |
# | $N$ | number of words that count in the loss | one number |
#
# (The vectors $x_t$ and the states $h_t$ may have different lengths. Each function below calls its own "units".)
#
# ### The chain rule
#
# The probability that two things happen is the probability of the first, times that of the second *given the first*:
# $P(a, b) = P(a)\,P(b \mid a)$. Apply it word by word, and the probability of a text is a product:
#
# $$P(w_1, w_2, \dots, w_T) = P(w_1)\,P(w_2 \mid w_1)\,P(w_3 \mid w_1, w_2) \cdots = \prod_{t} P(w_t \mid w_1, \dots, w_{t-1})$$
#
# Nothing has been assumed so far: this holds for every text. So a model that says how likely each word is, *given all
# words before it*, says how likely the text is. An $n$-gram model assumes that only the last $n - 1$ words matter. A
# recurrent model assumes instead that what matters fits into a state (Mikolov and others 2010):
#
# $$x_t = E[w_t] \qquad h_t = \mathrm{cell}(x_t, h_{t-1}) \qquad s_t = h_t W + b \qquad p_t = \mathrm{softmax}(s_t), \quad
# p_{t,k} = \frac{e^{s_{t,k}}}{\sum_j e^{s_{t,j}}}$$
#
# $p_{t,k}$ is the model's $P(w_{t+1} = k \mid w_1, \dots, w_t)$. The **scores** $s_t$ are any numbers. Softmax makes
# probabilities of them: positive numbers that add up to 1.
#
# ### The loss
#
# A good model gives the text that really came a high probability. A product of thousands of numbers below 1 is 0 on
# every computer, so take the logarithm, which makes a sum of it; turn the sign, so that smaller is better; and divide by the number $N$ of words that
# were guessed, so that texts of different lengths compare:
#
# $$L = -\frac1N \log P = \frac1N \sum_t -\log p_{t,\,w_{t+1}}$$
#
# Each term is the surprise of one word. The logarithm is the natural one, and its unit is the **nat** (with base 2: the
# *bit*, and $1$ nat $= 1/\ln 2 \approx 1.44$ bits). A **mask** says which words count: where sentences of different lengths stand in
# one array, the shorter ones are filled up with *padding*, and padding is no text.
#
# ### Perplexity
#
# How good is a loss of 5 nats? Suppose that a model finds $K$ words equally likely at every step, and the right one is
# always among them. Its surprise is $-\log(1/K) = \log K$ every time, so $K = e^L$. For any other model, the
# **perplexity**
#
# $$\text{perplexity} = e^{L} = P(w_1, \dots, w_T)^{-1/N}$$
#
# says *among how many equally likely words it seems to choose*. It is the geometric mean of $1/p$ over the words. 1 is perfect.
# A model that knows nothing, and gives all $V$ words the same score, has the perplexity $V$: with 10,000 words a loss of $\log
# 10000 = 9.2103$ nats. A model can be *worse* than that, if it is sure and wrong.
#
# The mean goes over words, and the exponential comes last. If a batch of 35 words has a mean loss of 2 nats and a batch of 5
# words one of 6, then 40 words have $35 \cdot 2 + 5 \cdot 6 = 100$ nats, and the perplexity is $e^{100/40} = 12.18$.
#
# Two perplexities compare only on the same text *and the same vocabulary*. Who replaces all rare words by one symbol has an easier
# text.
#
# ### The backward pass

# %% tags=["demo"]
# Shows the computation graph of one step of the model: values go right, gradients come back left.
rnnlm.model_graph()

# %% [markdown] tags=["lang:en"]
# The cell has been yours since lesson 04. What is new stands on either side of it. As always, *$d$ of something*,
# $\partial L/\partial$ of it, *has the shape of that something*. From right to left:
#
# 1. **The mean.** $L$ adds up the surprises of the words that count, divided by $N$. If $dL$ comes from above, each of these words gets
#    $dL / N$, and a word that does not count gets 0.
# 2. **The surprise of one word.** Leave $t$ away and call the target $y$. With $Z = \sum_j e^{s_j}$ it is
#    $$-\log p_y = -\log \frac{e^{s_y}}{Z} = \log Z - s_y$$
#    A score $s_k$ stands in $Z$, where $\partial \log Z / \partial s_k = e^{s_k} / Z = p_k$. And if $k$ is the target, it also stands in the second
#    term, with slope $-1$. So, with $[k = y]$ for 1 where $k$ is the target and 0 elsewhere,
#    $$\frac{\partial (-\log p_y)}{\partial s_k} = p_k - [k = y]$$
#    *What the model said, minus what was right.* It adds up to 0 over the vocabulary: what is given to the target is taken from the others.
#    Points 1 and 2 together: $ds_{t,k} = \frac{dL}{N}\,(p_{t,k} - [k = w_{t+1}])$ for a word that counts.
# 3. **The scores** $s_t = h_t W + b$, for each sequence $n$ and step $t$. With $u$ for units and $v$ for the vocabulary, $s_{ntv} = \sum_u h_{ntu} W_{uv} + b_v$.
#    Adding 1 to $h_{ntu}$ moves $s_{ntv}$ by $W_{uv}$, for every $v$. Adding 1 to $W_{uv}$ moves $s_{ntv}$ by $h_{ntu}$, in every sequence and at every
#    step. So
#    $$dh_{ntu} = \sum_v ds_{ntv} W_{uv} \qquad dW_{uv} = \sum_{n,t} h_{ntu}\, ds_{ntv} \qquad db_v = \sum_{n,t} ds_{ntv}$$
# 4. **The cell.** Lessons 04, 08 and 09: $dh_t$ and the carry from step $t+1$ go in; $dx_t$ and the carry to step $t - 1$ come out.
# 5. **The table.** $x_{nt}$ *is* the row $E[w_{nt}]$, copied. A copy hands its gradient on as it is. But the same row may be copied many
#    times: what is used several times gets the *sum* over its uses. Row $k$ gets $dE_k = \sum_{n,t:\ w_{nt} = k} dx_{nt}$, and a word that does not
#    occur gets zeros.
#
# **Large scores.** $e^{800}$ is no longer a number in float64. Softmax does not change if one and the same number is taken from all scores of a word:
# numerator and denominator get the same factor. Take away the largest score; then the largest exponential is $e^0 = 1$, and
# $\log Z$ is the logarithm of a number between 1 and $V$. And compute $\log p_k = s_k - \log Z$ in this form: the logarithm of a $p_k$ that was rounded to 0
# would be $-\infty$.
#
# ### Streams: how a long text is read
#
# A corpus is one text of a million words. Its gradient through a million steps is out of the question, and one sequence at a time is
# slow. So (Zaremba, Sutskever and Vinyals 2014):
#
# * Cut the text into `batch` **streams** of equal length. They are read side by side.
# * Cut the streams into **blocks** of `time` steps. A block is one update. Row $b$ of the next block goes on *exactly where row $b$ of this
#   one stopped*, so the state after the last step is **carried** over, and is the initial state of the next block.
# * The gradient stops at the edge of the block. This is truncated backpropagation through time (lesson 06, $k_1 = k_2 =$ `time`): the
#   state comes from further back than the gradient reaches.
#
# At every step the *target* is the next word of the stream. In the picture a text of 29 letters is cut into 3 streams and blocks of 4 steps.

# %% tags=["demo"]
# Shows a text of 29 letters as streams and blocks, with what passes from one block to the next.
letters = "the_cat_sat_on_the_mat_at_six"
rnnlm.streams_picture(letters, rnnlm.PLACES, rnnlm.PLACES + 1)

# %% [markdown] tags=["lang:en"]
# Each stream has 9 letters (29 divided by 3, rounded down), and two letters at the end of the text are left over. Of the 9 letters of a stream, 8 are
# read; the last one is only a target. The first letter of the text is never a target.
#
# ## 3. Build by hand
#
# Rules for every function of this section:
#
# * **No caching.** All that a function needs is among its arguments, and all it gives is what it returns.
# * **Arguments stay as they are.** Never write into an array that you were given.
# * **Sums, not means**, unless the formula says otherwise.
# * Gradients by a library, and ready-made embeddings, softmaxes and losses, are refused here.
#
# ### Exercise 1: the embedding
#
# `embedding_forward(ids, table)` takes `ids` (batch, time), integers from 0 to vocabulary − 1, and `table` (vocabulary, units). It
# returns `x` (batch, time, units): at each place the row of the word that stands there.
#
# NumPy can index an array with a whole array of integers: try `np.arange(10)[np.array([[3, 1], [4, 4]])]`. Word 0 is a word like all others here.

# %% tags=["exercise:rnnlm.embedding_forward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 2: the embedding, backward
#
# `embedding_backward(dx, ids, table)` gets the upstream gradient `dx` (batch, time, units), and then what `embedding_forward` had. It returns
# `dtable` (vocabulary, units), after point 5 of the derivation.
#
# Mind the words that occur more than once. `dtable[ids] += dx` writes each row *once*, however often the word stands in `ids`, and the other
# uses are lost. `np.add.at(A, ids, B)` adds them all, place by place. Begin with zeros, in an array of your own.

# %% tags=["exercise:rnnlm.embedding_backward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 3: the scores
#
# `affine_forward(h, W, b)` takes `h` (batch, time, units), `W` (units, vocabulary) and `b` (vocabulary,). It returns the scores (batch, time,
# vocabulary): $s_t = h_t W + b$ at every step. They stay scores: nothing is squashed, and no probabilities are made of them.

# %% tags=["exercise:rnnlm.affine_forward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 4: the scores, backward
#
# `affine_backward(dscores, h, W, b)` gets the upstream gradient `dscores` (batch, time, vocabulary), and then what `affine_forward` had. It
# returns a tuple of three arrays, in this order:
#
# `(dh, dW, db)` with shapes (batch, time, units), (units, vocabulary), (vocabulary,).
#
# See point 3. For a sum over two indices at once there are several ways: `np.einsum("btu,btv->uv", A, B)` names the indices, and those that are missing
# behind the arrow are summed over; or merge batch and time with `A.reshape(-1, units)` and use one matrix product; `A.sum(axis=(0, 1))`
# sums over both axes.

# %% tags=["exercise:rnnlm.affine_backward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 5: the loss
#
# `softmax_loss(scores, targets, mask)` takes `scores` (batch, time, vocabulary), `targets` (batch, time), integers, and `mask` (batch, time), `True` where a
# word counts. It returns one number: the mean of $-\log p_{\text{target}}$ *over the words that count*.
#
# * It must be finite and right whatever the size of the scores, even if the target's probability is so small that float64 rounds it to 0. Subtract from the scores *of each word* their own maximum (`keepdims=True` keeps the axis),
#   and compute $\log p = s - \log Z$ as in section 2. One maximum for the whole array is not enough: a word whose own scores are far lower would have a $Z$ of 0.
# * `np.take_along_axis(log_p, targets[..., np.newaxis], axis=-1)` picks at each place the entry of the target. Its last axis has length 1.
# * `A[mask]`, with a mask of booleans, is the list of the entries where it is `True`. Divide by *their* number.

# %% tags=["exercise:rnnlm.softmax_loss"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 6: the loss, backward
#
# `softmax_loss_backward(dloss, scores, targets, mask)` gets the upstream gradient `dloss`, a number, and then what `softmax_loss` had. It returns
# `dscores` (batch, time, vocabulary), after points 1 and 2. Large scores must be harmless here too.
#
# `np.eye(V)[targets]` is an array of one-hot vectors, with a 1 at the target of each place. Words that do not count have a gradient of zeros: multiply by the mask, with an axis
# added at its end, and divide by the number of words that count.

# %% tags=["exercise:rnnlm.softmax_loss_backward"]

# %% [markdown] tags=["lang:en"]
# ### The "hello" figure
#
# There is a figure that many lectures on recurrent networks show (Karpathy 2015): a network with a vocabulary of four letters, h, e, l, o, reads
# "hell" and is to say "ello". Four numbers stand above each letter that it has read, and a high one is to mean *likely*. What would the loss be?

# %% tags=["demo"]
# Shows what the scores of the literature's "hello" figure are worth, and what knowing nothing costs.
targets, everything = np.array([[1, 2, 2, 3]]), np.ones((1, 4), bool)  # e, l, l, o among h, e, l, o


def letter_probabilities(scores):
    """p of each letter at each step, from your loss: exp of minus the loss with that letter as the only target."""
    p = np.zeros((4, 4))
    for t, k in np.ndindex(4, 4):
        only = np.arange(4)[np.newaxis] == t
        p[t, k] = np.exp(-softmax_loss(scores[np.newaxis], np.full((1, 4), k), only))
    return p


published = letter_probabilities(rnnlm.HELLO_SCORES)
loss = softmax_loss(rnnlm.HELLO_SCORES[np.newaxis], targets, everything)
print("scores of the targets              ", *(f"{rnnlm.HELLO_SCORES[t, k]:7.4f}" for t, k in enumerate(targets[0])))
print("probabilities of the targets       ", *(f"{published[t, k]:7.4f}" for t, k in enumerate(targets[0])))
print(
    "the letters with the highest scores", *(f"{rnnlm.HELLO_LETTERS[k]:>7s}" for k in rnnlm.HELLO_SCORES.argmax(axis=1))
)
print(f"mean loss {loss:.4f} nats, perplexity {np.exp(loss):.2f}; choosing blindly among 4 letters: perplexity 4")
uniform = softmax_loss(np.zeros((1, 1, 10_000)), np.array([[17]]), np.ones((1, 1), bool))
print(f"\nequal scores for 10,000 words: loss {uniform:.4f} nats")

# %% [markdown] tags=["lang:en"]
# The targets get the probabilities .1251, .0550, .6841 and .7935. The mean loss is 1.3974 nats, the perplexity 4.04: *slightly worse
# than guessing blindly among the four letters.* The letter with the highest score is right twice of four times: it would
# read "oolo". (One of the figure's hidden states is exactly 1.0, which tanh never reaches.) The numbers are made up, which is fine for a
# picture of how values flow. But they are **scores**. Read as if they were probabilities they would mean nothing:
# some are negative, and they do not add up to 1. In section 5 you train this network.
#
# ### Exercise 7: perplexity
#
# `perplexity(losses, counts)` takes `losses` (batches,), the mean loss of each batch in nats per word, and `counts` (batches,), how many words each
# batch has. It returns the perplexity of the whole text, a number. Section 2 has the example with 35 and 5 words.

# %% tags=["exercise:rnnlm.perplexity"]

# %% tags=["demo"]
# Shows the perplexity of two batches, and three ways to get it wrong.
losses, counts = np.array([2.0, 6.0]), np.array([35, 5])
print(f"your perplexity                       {perplexity(losses, counts):7.2f}")
print(f"exp of the mean of the batches' means {np.exp(losses.mean()):7.2f}")
print(f"mean of the batches' perplexities     {np.exp(losses).mean():7.2f}")
print(f"2 to the power of a loss in nats      {2 ** ((losses * counts).sum() / counts.sum()):7.2f}")

# %% [markdown] tags=["lang:en"]
# The short batch, with 5 words of 40, dominates both wrong means: 54.60 and 205.41 instead of 12.18. (A paper that reports such a number is not easy to
# catch: it is off by another factor for each size of batch.)
#
# ### Exercise 8: streams
#
# `stream_batches(ids, batch, time)` takes a text `ids` (tokens,) and two integers. It returns `(inputs, targets)`, each of shape (blocks,
# batch, time).
#
# * A stream has the length `len(ids) // batch`. What remains at the end of the text is dropped.
# * As many full blocks as there are, *each with all its targets*. The last word of a stream has no successor in the stream.
# * The target of a word is the word after it in its stream.
#
# `A.reshape(batch, length)` cuts a row into pieces that stand below one another: these are the streams. A second `reshape`, of (batch, blocks · time) to
# (batch, blocks, time), cuts each stream into blocks. Then two axes must change places, and `A.swapaxes(0, 1)` does that. (A `reshape` to
# (blocks, batch, time) would give the right shape and a wrong order.)

# %% tags=["exercise:rnnlm.stream_batches"]

# %% tags=["demo"]
# Shows your streams of the text in the picture above.
inputs, targets = stream_batches(np.arange(29), 3, 4)
for k in range(len(inputs)):
    for b in range(3):
        read, said = ("".join(letters[place] for place in row) for row in (inputs[k, b], targets[k, b]))
        print(f"block {k}, stream {b}: reads {read!r}, should say {said!r}")
print("as in the picture:", np.array_equal(inputs, rnnlm.PLACES) and np.array_equal(targets, rnnlm.PLACES + 1))

# %% [markdown] tags=["lang:en"]
# ### Exercise 9: a draw
#
# To write, a model draws a word from its probabilities, reads it, and draws the next. Always taking the likeliest word gives the same text every time,
# and soon one that goes in circles. Two knobs are usual. The **temperature** $T$ divides the scores before the softmax: $p = \mathrm{softmax}(s / T)$. Cold ($T$
# below 1) makes the likely words likelier, hot ($T$ above 1) makes all words more alike; at $T \to 0$ only the best is left, and $T = 1$ is what the model
# learned. (The name comes from physics, where states of energy $-s$ have these probabilities.) **Top-k** draws from the $k$ words with the highest
# scores only (Fan, Lewis and Dauphin 2018), so that none of thousands of unlikely words gets in, of which each is rare and all together are not.
#
# `sample(scores, temperature, top_k, u)` takes the scores of one step (vocabulary,), a positive number, an integer, and a number $u$ with $0 \le u < 1$ that
# somebody else has drawn. So it has no chance in it, and can be checked. It returns the id of the word, one integer.
#
# 1. The `top_k` words with the largest scores stay; all, if `top_k` is 0. *Of words with equal scores, those with the smaller ids count as larger.* So
#    exactly `top_k` words stay, always.
# 2. Their probabilities are $\mathrm{softmax}(s/T)$, over the words that stayed: they add up to 1. Scores may be as large as in exercise 5.
# 3. Lay them side by side from 0 to 1, *in the order of their ids*, each as long as its probability. The word in whose piece $u$ lies is
#    drawn. The left end of a piece belongs to it, the right end does not. A word that went has no piece.
#
# For example: probabilities .1, .2, .3, .4, so that the pieces end at .1, .3, .6 and 1. $u = .25$ draws word 1, and so does $u = .1$. With `top_k=2` words 2 and
# 3 are left, with 3/7 and 4/7.
#
# `np.argsort(-scores, kind="stable")` gives the ids from the largest score down, and keeps equal ones in their order. (Without the minus, and turned
# round with `[::-1]`, it would turn round the equal ones too.) `np.sort` puts ids in order again. `np.cumsum(p)` gives the right ends of the pieces, and
# `np.searchsorted(ends, u, side="right")` counts how many ends are at most $u$.

# %% tags=["exercise:rnnlm.sample"]

# %% tags=["demo"]
# Shows how often each of four words is drawn, by temperature and top-k.
scores = np.log([0.1, 0.2, 0.3, 0.4])
print("                          word 0   word 1   word 2   word 3   (share of 10,000 draws)")
for temperature, top_k in ((1.0, 0), (0.5, 0), (2.0, 0), (1.0, 2), (0.05, 0)):
    share = rnnlm.shares(sample, scores, temperature, top_k, 10_000)
    print(f"temperature {temperature:4.2f}, top_k {top_k}  " + "".join(f"{s:9.3f}" for s in share))

# %% [markdown] tags=["lang:en"]
# At temperature 1/2 the probabilities are squared and made to add up to 1 again: 1, 4, 9 and 16 thirtieths. At 2 they are square roots. At .05 nearly
# always the best word comes.
#
# ## 4. Build in Keras
#
# ### Exercise 10: the model
#
# `RNNLM(vocabulary, embedding, units, cell="lstm", stateful=False, mask_zero=False)` is a `keras.Model`: it can be trained with `fit`, and
# saved. This time you put it together from Keras' own layers. `__init__` is written: it checks the arguments and keeps each as an attribute of the same name. You write
# four methods.
#
# * `build(input_shape)`, where `input_shape` is (batch, time), makes three layers and builds each with the shape of *its* input:
#
#   | attribute | layer | what it needs to know |
#   |---|---|---|
#   | `embedding_layer` | `keras.layers.Embedding` | `vocabulary`, `embedding`, and `mask_zero` |
#   | `recurrent_layer` | `SimpleRNN`, `GRU` or `LSTM` of `keras.layers` for `cell="elman"`, `"gru"`, `"lstm"`; for a cell object `keras.layers.RNN(cell, …)` | `units` (a cell object knows its own), `return_sequences=True`, and `stateful` |
#   | `output_layer` | `keras.layers.Dense` | `vocabulary`; no activation, since scores are wanted |
#
#   Leave everything else as Keras has it. Give each layer `dtype=self.dtype_policy`, so that a model made for float64 computes in float64 throughout. A layer is built by `layer.build(shape)`.
#   The recurrent layer's input has the shape (batch, time, embedding), the output layer's (batch, time, units).
# * `call(ids, mask=None)` returns the scores (batch, time, vocabulary). Hand the mask on to the recurrent layer (`mask=mask`): a padded step leaves the state as it is. With `mask_zero=True`
#   the embedding hangs a mask of its own on the tensor that it returns, and the recurrent layer finds it there, if you hand *that very tensor* on and the mask that was given is `None`.
# * `reset_state()` sets the carried states to zeros. A stateful recurrent layer of Keras has a method of that name, which resets all its states (an LSTM has two). If the model has not been
#   built yet (`self.built` is `False`) there is nothing to do.
# * `get_config()` returns a dictionary of what `__init__` needs: `super().get_config()`, and the six arguments. A cell object cannot be written to a file; `keras.saving.serialize_keras_object(cell)` makes
#   a dictionary of it, which `__init__` understands, and leaves a name as it is.
#
# With `stateful=True` a recurrent layer keeps its last states and begins the next call with them, row by row. So the batch size must stay the same.

# %% tags=["exercise:rnnlm.RNNLM"]

# %% [markdown] tags=["lang:en"]
# ### Do they agree?
#
# The next cell takes the hidden states from the middle of your model, and lets your functions do all the rest: look-up, scores, loss, and the gradients on both sides
# of the cell. Then it reads a text in two blocks with a carried state, and in one go. Then it saves the model to a file and loads it.

# %% tags=["demo"]
# Shows your model beside your functions; blocks beside the whole; a saved model beside the loaded one.
import tempfile

rng = np.random.default_rng(0)
ids = rng.integers(0, 9, (3, 8))
targets, mask = rng.integers(0, 9, (3, 8)), np.arange(8) < np.array([[8], [6], [5]])
keras.utils.set_random_seed(0)
model = RNNLM(9, 5, 4, cell="gru", dtype="float64")
scores = ops.convert_to_numpy(model(ids))
table, kernel, bias = (
    ops.convert_to_numpy(w)
    for w in (model.embedding_layer.embeddings, model.output_layer.kernel, model.output_layer.bias)
)
h = ops.convert_to_numpy(model.recurrent_layer(embedding_forward(ids, table)))
print(
    f"largest difference of the scores                    {np.abs(affine_forward(h, kernel, bias) - scores).max():.1e}"
)
theirs = ops.sparse_categorical_crossentropy(targets, scores, from_logits=True)
difference = softmax_loss(scores, targets, mask) - ops.convert_to_numpy(theirs)[mask].mean()
print(f"difference of the masked loss                       {abs(difference):.1e}")

dh, dW, db = affine_backward(softmax_loss_backward(1.0, scores, targets, mask), h, kernel, bias)
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    with tf.GradientTape() as tape:
        terms = ops.sparse_categorical_crossentropy(targets, model(ids), from_logits=True)
        loss = tf.reduce_sum(terms * mask) / mask.sum()
    variables = [model.output_layer.kernel, model.output_layer.bias, model.embedding_layer.embeddings]
    taped = [ops.convert_to_numpy(tf.convert_to_tensor(g)) for g in tape.gradient(loss, [v.value for v in variables])]
    print(f"largest difference, gradient of the output kernel   {np.abs(taped[0] - dW).max():.1e}")
    print(f"largest difference, gradient of the output bias     {np.abs(taped[1] - db).max():.1e}")
    x = tf.Variable(embedding_forward(ids, table))
    with tf.GradientTape() as tape:
        given = tf.reduce_sum(model.recurrent_layer(x) * dh)  # the cell's backward pass, by the tape
    dtable = embedding_backward(ops.convert_to_numpy(tape.gradient(given, x)), ids, table)
    print(f"largest difference, gradient of the table           {np.abs(taped[2] - dtable).max():.1e}")

carrying = RNNLM(9, 5, 4, cell="gru", stateful=True, dtype="float64")
carrying.build((3, 4))
carrying.set_weights(model.get_weights())
blocks = [ops.convert_to_numpy(carrying(ids[:, start : start + 4])) for start in (0, 4)]
print(
    f"two blocks with a carried state, and one go         {np.abs(np.concatenate(blocks, axis=1) - scores).max():.1e}"
)
with tempfile.TemporaryDirectory() as folder:
    model.save(f"{folder}/model.keras")
    loaded = keras.models.load_model(f"{folder}/model.keras", custom_objects={"RNNLM": RNNLM})
print(
    f"saved and loaded                                    {np.abs(ops.convert_to_numpy(loaded(ids)) - scores).max():.1e}"
)

# %% [markdown] tags=["lang:en"]
# ## 5. Run it
#
# ### "hello", trained
#
# The network of the figure: four letters, three hidden units, an Elman cell. It has to learn one word.

# %% tags=["demo"]
# Shows the "hello" network before and after training, beside the figure of the literature.
keras.utils.set_random_seed(3)
hello = RNNLM(4, 4, 3, cell="elman")
read, said = np.array([[0, 1, 2, 2]]), np.array([[1, 2, 2, 3]])  # h e l l, e l l o
hello.compile(keras.optimizers.Adam(0.05), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
for update in range(201):
    if update % 50 == 0:
        loss = softmax_loss(np.asarray(hello.predict_on_batch(read), float), said, np.ones((1, 4), bool))
        print(f"after {update:3d} updates: loss {loss:.4f} nats, perplexity {np.exp(loss):.3f}")
    hello.train_on_batch(read, said)
learned = letter_probabilities(np.asarray(hello.predict_on_batch(read), float)[0])
rnnlm.hello_figure(
    {"literature": published, "trained": learned},
    "The published scores are worse than guessing; 200 updates make every letter sure",
)

# %% [markdown] tags=["lang:en"]
# Note the third and the fourth step. Both times the network has just read an l. Once the next letter is l and once it is o: only the hidden state tells the two
# apart. A model that sees one letter at a time could at best give each of them one half.
#
# ### Stories
#
# Now the corpus of section 1. The grammar (see `unrolled/corpora/story.py`) has some two thousand words and tells stories of 128 words on average, most of them shorter than 60. Names and places come back, what is taken is put down before the
# end, nouns agree with their verbs across relative clauses, and quotations close. Word frequencies fall off like those of real text.
#
# The best that *any* model can do is known. The grammar's own surprise, averaged over all texts, is its **entropy**; it is computed exactly from the grammar's
# table. No model has a smaller expected loss (Gibbs' inequality: of all $q$, the mean of $-\log q$ under $p$ is smallest for $q = p$). $e$ to the entropy is the least perplexity.
#
# Three models with the same number of parameters, within one in a hundred: Elman, GRU, LSTM. Each is your `RNNLM`, trained by `language.Training` (Adam, Kingma and Ba 2015; truncated backpropagation through
# blocks of 20 steps; the global norm of the gradient limited to 1). Each has the learning rate that did best of a few on other text, halved and more for the last pass. The output bias starts from the
# logarithm of each word's frequency, so that at the start the model says what counting single words says, and need not learn that first.
#
# The notebook has 50,000 words to learn from and goes over them three times, so that it is done within a minute. That is little, and the results are far from what these models can do. What they can do with a million words stands below the figure.

# %% tags=["demo"]
# Shows three models learn the stories, and what the LSTM writes as training goes on. Takes about half a minute.
EMBEDDING, BATCH, TIME = 32, 20, 20
PASSES = {"batch": BATCH, "time": TIME, "epochs": 3, "flat": 2, "decay": 0.4, "clip": 1.0}
plans = {cell: language.Plan(rate=rate, **PASSES) for cell, rate in (("elman", 0.005), ("gru", 0.01), ("lstm", 0.01))}
size = language.parameter_count("lstm", words, 64, EMBEDDING)
units = {cell: language.units_for(cell, size, words, EMBEDDING) for cell in plans}


def story_model(cell, text, seed=1):
    """A model whose output bias says how frequent each word is in a text."""
    keras.utils.set_random_seed(seed)
    model = RNNLM(words, EMBEDDING, units[cell], cell=cell, stateful=True)
    model.build((BATCH, TIME))
    counts = np.bincount(text, minlength=words) + 0.5
    model.output_layer.bias.assign(np.log(counts / counts.sum()))
    return model


writers = {}


def writer(model):
    """The same model for one stream, which reads one word at a time. Made once, then given the weights of the day."""
    if model not in writers:
        writers[model] = RNNLM.from_config({**model.get_config(), "stateful": True})
        writers[model].build((1, 1))
    writers[model].set_weights(model.get_weights())
    writers[model].reset_state()
    return writers[model]


def write(model, count, temperature=1.0, top_k=0, seed=0, start=(corpora.STORY_END,)):
    """Let a model write: read the start, then draw word after word."""
    one, rng, text = writer(model), np.random.default_rng(seed), []
    word = [vocabulary.index(w) for w in start]
    for given in word[:-1]:
        one.predict_on_batch(np.array([[given]]))
    word = word[-1]
    for _ in range(count):
        scores = np.asarray(one.predict_on_batch(np.array([[word]])), float)[0, 0]
        word = sample(scores, temperature, top_k, rng.random())
        text.append(vocabulary[word])
    return " ".join(text)


models, curves, written = {}, {}, {}
for cell, plan in plans.items():
    models[cell] = story_model(cell, train)
    print(f"{cell}: {units[cell]} units, {models[cell].count_params():,} parameters")
    training = language.Training(models[cell], train, plan, valid=valid)
    for epoch in range(plan.epochs + 1):
        training.run(epoch)
        if cell == "lstm":
            written[epoch] = write(models[cell], 24)
    curves[cell] = np.array([row["valid"] for row in training.curve])

print("\nwhat the LSTM writes at temperature 1")
for epoch, text in written.items():
    print(f"after {epoch} passes: {text}")

# %% [markdown] tags=["lang:en"]
# Before the first pass the model knows how frequent each word is, from its bias, and nothing else. After one pass there are pieces of sentences, after two and three whole ones ("many singers inspect the kettle"). It begins in the middle
# of a sentence, because it was given the end of a story in a state of zeros, which it has never met in training.

# %% tags=["demo"]
# Shows perplexities on new text: recurrent models, n-grams, and the grammar's own.
NAMES = {"elman": "Elman", "gru": "GRU", "lstm": "LSTM"}
grams = {order: ngram.KneserNey(order).fit(train, words).perplexity(test) for order in (1, 2, 3, 4, 5)}
table = {f"{order}-gram, Kneser-Ney": value for order, value in grams.items()}
for cell, model in models.items():
    inputs, targets = stream_batches(test, BATCH, TIME)
    losses, counts = rnnlm.perplexity_of_blocks(model, inputs, targets, True, softmax_loss)
    table[NAMES[cell]] = perplexity(losses, counts)
entropy = corpora.story_entropy()
own = np.exp(-np.log(corpus.probabilities[60_000:]).mean())
print("test perplexity, 50,000 words of training   nats above the grammar's entropy")
print(f"{'all words equally likely':28s}{words:10.1f}{np.log(words) - entropy:24.3f}")
for name, value in table.items():
    print(f"{name:28s}{value:10.1f}{np.log(value) - entropy:24.3f}")
print(f"{'the grammar, on this text':28s}{own:10.2f}{np.log(own) - entropy:24.3f}")
print(f"{'the grammar, exactly':28s}{np.exp(entropy):10.2f}{0:24.3f}   (entropy {entropy:.4f} nats)")

best = min(grams, key=grams.get)
rnnlm.perplexity_curves(
    {NAMES[cell]: curve for cell, curve in curves.items()},
    {f"{best}-gram": grams[best], "the grammar": np.exp(entropy)},
    "The recurrent models pass the n-grams, and the grammar is still far",
    "passes over 50,000 words",
)

# %% [markdown] tags=["lang:en"]
# Elman 27, GRU 27, LSTM 26: another seed would move each of them a little, so make nothing of such differences. The large ones say something. The best n-grams stand at 42,
# and longer n-grams bring nothing with so little text. And the grammar itself is at 7.8 on this text (7.1 on average over all texts): of the 5.7 nats between knowing nothing and knowing the grammar, the LSTM has learned all but 1.3.
#
# **With a million words.** The course's benchmark (`make bench BENCH="models"`, which takes more than an hour) trains the three cells on a million words: 350,000 parameters each, one table of vectors for reading
# and for the scores (Press and Wolf 2017), eight passes, for each cell the best of three learning rates, one seed. On 200,000 other words:
#
# | model | perplexity | nats per word above the grammar |
# |---|---:|---:|
# | single words, counted | 183.64 | 3.282 |
# | trigrams, Kneser-Ney | 21.43 | 1.134 |
# | 5-grams, Kneser-Ney | 20.88 | 1.109 |
# | Elman | 15.60 | 0.817 |
# | LSTM | 10.91 | 0.459 |
# | GRU | 10.08 | 0.380 |
# | the grammar itself | 6.89 | 0 |
#
# With enough text all three leave counting behind, and the two with gates leave Elman behind. The GRU is ahead of the LSTM here; other seeds, or more passes, could turn that round. Of the gap, in nats, between the best n-grams and the
# grammar the GRU closes two thirds. The last third is what its state does not hold.
#
# ### What the carried state is worth

# %% tags=["demo"]
# Shows the LSTM's perplexity against the length of the blocks, with the state carried on and thrown away.
lengths = np.array([1, 2, 5, 10, 20, 50])
kept, lost = [], []
for time in lengths:
    inputs, targets = stream_batches(test[:5000], BATCH, int(time))
    for carry, found in ((True, kept), (False, lost)):
        found.append(perplexity(*rnnlm.perplexity_of_blocks(models["lstm"], inputs, targets, carry, softmax_loss)))
print("words in a block   " + "".join(f"{n:8d}" for n in lengths))
print("state carried      " + "".join(f"{p:8.1f}" for p in kept))
print("state thrown away  " + "".join(f"{p:8.1f}" for p in lost))
figure = figures.lines(
    {"state carried from block to block": np.array(kept), "state thrown away": np.array(lost)},
    "With a carried state it does not matter how a text is cut",
    "words in a block",
    "perplexity on new text",
    x=lengths,
)
figure.axes[0].set_ylim(0)
figure.axes[0].set_xscale("log")
figure.axes[0].set_xticks(lengths, lengths)
figure

# %% [markdown] tags=["lang:en"]
# With the state carried on, the block's length does not matter (a few words more or less are counted at the ends of the streams). Thrown away at the edge of every block, it costs: with one word in a block the model is down to guessing from a single word, and
# still with 20 the first words of each block suffer. That the *gradient* stops at the edge of the block of 20 did not keep the model from learning to use a state that comes from further back.
#
# ### What does it remember?
#
# A perplexity is a mean over all words. Which words are hard? `language.token_surprises` gives the surprise of every word of a text, and the next cell sorts them: the hero's name after "at last", the place after
# "comes home to the", the end of a quotation, and everything else. For each kind it prints the perplexity of these words alone.

# %% tags=["demo"]
# Shows perplexities of words of several kinds, for n-grams, recurrent models and the grammar.
fivegrams = ngram.KneserNey(5).fit(train, words)
surprise = {"5-grams": -np.log(fivegrams.token_probabilities(test))[1:]}
surprise |= {NAMES[cell]: language.token_surprises(model, test, TIME) for cell, model in models.items()}
surprise["the grammar"] = -np.log(corpus.probabilities[60_000:])[1:]

text = np.array([vocabulary[k] for k in test])
kinds = {
    'name after "at last"': np.r_[False, False, (text[:-2] == "at") & (text[1:-1] == "last")],
    'place after "home to the"': np.r_[
        [False] * 3, (text[:-3] == "home") & (text[1:-2] == "to") & (text[2:-1] == "the")
    ],
    "end of a quotation": text == "''",
}
kinds["all other words"] = ~np.any(list(kinds.values()), axis=0)
print("perplexity of                  words " + "".join(f"{name:>12s}" for name in surprise))
for kind, where in kinds.items():
    row = [np.exp(nats[where[1:]].mean()) for nats in surprise.values()]
    print(f"{kind:28s}{where.sum():8,d} " + "".join(f"{p:12.1f}" for p in row))

# %% [markdown] tags=["lang:en"]
# The recurrent networks have learned to remember whether a quotation is open: perplexity 2.1 for the LSTM, 2.5 for the GRU and 4.5 for Elman, where the grammar has 1.5 and 5-grams 28. They have *not* learned to remember the name and the place. They are even
# worse at it than 5-grams, which at least know how frequent each name is. There are 58 such names in 10,000 words, so the mean hardly notices; and each hero is another one of some hundred, so that every single name is rare. In two stories of three the name was
# last heard within 20 words, as far as a gradient reaches back here. So the way is not too long: what is missing is text. A perplexity of 26 does not tell you which words are behind it.
#
# Now one quotation, the first in the test text that has been open for more than ten words. May the sentence end with a full stop, or must the quotation close first? (Your `softmax_loss`, with one word as
# the target, gives minus the logarithm of its probability.)

# %% tags=["demo"]
# Shows the next word inside a long quotation: the truth, the LSTM, Elman and 5-grams.
opens, closes = (np.flatnonzero(text == sign) for sign in ("``", "''"))
back = np.array([place - opens[opens < place][-1] if (opens < place).any() else 0 for place in closes])
place = closes[(back > 10) & (back < 20)][0]
begun = test[ends[ends < place][-1] : place]  # from the end of the story before


def scores_after(model, ids):
    """The scores of the next word after a text."""
    one = writer(model)
    for word in ids:
        scores = one.predict_on_batch(np.array([[word]]))
    return np.asarray(scores, float)[0, 0]


def probability(scores, word):
    """p of one word, from your loss."""
    return np.exp(-softmax_loss(scores[np.newaxis, np.newaxis], np.array([[word]]), np.ones((1, 1), bool)))


compared = [vocabulary.index(word) for word in ("''", ".", "and", "but", "in", "slowly", "quietly", "the")]
bars = {
    "the grammar": corpora.story_probabilities(begun)[compared],
    "5-grams": fivegrams.probabilities(begun)[compared],
}
for cell in ("elman", "lstm"):
    scores = scores_after(models[cell], begun)
    bars[NAMES[cell]] = np.array([probability(scores, k) for k in compared])
print("… " + " ".join(vocabulary[k] for k in begun[-22:]) + " ___")
print(" " * 12 + "".join(f"{vocabulary[k]:>9s}" for k in compared))
for name, p in bars.items():
    print(f"{name:12s}" + "".join(f"{q:9.3f}" for q in p))
rnnlm.word_bars(
    [vocabulary[k] for k in compared],
    bars,
    "Is the quotation still open? The LSTM knows, the 5-grams do not",
    "next word",
    "probability",
)

# %% [markdown] tags=["lang:en"]
# Inside a quotation a full stop is impossible: the quotation closes first, and for the grammar that is the likeliest next word (.61). The 5-grams see four words and find the full stop likelier (.07 against .02). Elman cannot decide (.19 against .18). The LSTM finds the end of the
# quotation six times as likely as the full stop (.30 against .05): it still knows, twelve words later, that somebody is speaking.
#
# ### Temperature and top-k
#
# What the LSTM says of the word after "the", early in a story. Your `sample` draws 400 words with evenly spaced $u$, for each panel. Move the slider, if you have one.

# %% tags=["demo"]
# Shows what temperature and top-k do to the next word (a slider for the temperature where there can be one).
opening = [vocabulary.index(word) for word in f"{corpora.STORY_END} once in the".split()]
rnnlm.temperatures(sample, scores_after(models["lstm"], opening), vocabulary, top_k=5)

# %% tags=["demo"]
# Shows what the trained LSTM writes, by temperature and top-k.
for temperature, top_k in ((0.3, 0), (1.0, 0), (1.0, 10), (2.0, 0)):
    text = write(models["lstm"], 32, temperature, top_k, seed=5, start=(corpora.STORY_END, "once", "in", "the"))
    print(f"temperature {temperature}, top_k {top_k}:\n   once in the {text}\n")

# %% [markdown] tags=["lang:en"]
# Cold: the same few words come again and again ("says", "the", "is"). Hot: words that the model finds unlikely one by one, but not all together. Top-k at temperature 1 keeps most of the variety and
# cuts the unlikely end off.
#
# ### How far back? "tom walked in … mary said hi to ___"
#
# In the stories many things go on at once. Here is a text in which *nothing else* matters than one name:
#
# > tom walked in . *then rain fell on the roof and wind sang …* mary said hi to ___
#
# Eight names, and fillers drawn at random. The answer is the one who walked in. It is never the one who says hi, whose name is the nearest. Guessing among the other seven names is right in one case of seven, .14.
# The loss counts only the blank: a mask, as in exercise 5.
#
# Three models of 32 units see 32 new sentences at each of 400 updates: an Elman network on sentences with 0 to 12 fillers, another one with 0 to 40, and an LSTM with 0 to 40. (The LSTM's forget gates start with the bias 3, as in lesson 08. With
# Keras' 1 it had not begun to learn after 400 updates in our trials.) Then each is asked at fixed distances, longer ones than in its training among them. The *distance* is the number of words from the name to the blank.

# %% tags=["demo"]
# Shows how often Elman and LSTM recall the name, against the distance. Takes about 15 s.
runs = {"Elman, 0 to 12 fillers": ("elman", 0.003, 12), "Elman, 0 to 40 fillers": ("elman", 0.003, 40)}
runs |= {"LSTM, 0 to 40 fillers": ("lstm", 0.01, 40)}
remembers = {}
for name, (cell, rate, most) in runs.items():
    keras.utils.set_random_seed(1)
    model = RNNLM(len(rnnlm.RECALL_VOCABULARY), 32, 32, cell=cell)
    model.build((None, None))
    if cell == "lstm":
        start = ops.convert_to_numpy(model.recurrent_layer.cell.bias).copy()
        start[32:64] = 3.0  # i, f, g, o: the second quarter belongs to the forget gate
        model.recurrent_layer.cell.bias.assign(start)
    model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), loss=language.MaskedCrossEntropy())
    model.optimizer.build(model.trainable_variables)  # or TensorFlow traces the first step twice
    rng, losses = np.random.default_rng(1), []
    for _ in range(400):
        sentences = rnnlm.introductions(32, (0, most), rng, time=most + rnnlm.AROUND)
        losses.append(float(model.train_on_batch(sentences.ids, sentences.targets, sample_weight=sentences.blank)))
    print(
        f"{name}: loss at the blank, by 100 updates:",
        *(f"{np.mean(losses[k : k + 100]):.2f}" for k in range(0, 400, 100)),
        flush=True,
    )
    remembers[name] = model

fillers = np.array([0, 8, 16, 32, 48, 80, 120])
exams = [rnnlm.introductions(200, int(count), np.random.default_rng(99), time=128) for count in fillers]
right = {name: np.array([rnnlm.recall_accuracy(model, exam) for exam in exams]) for name, model in remembers.items()}
distances = fillers + rnnlm.AROUND - 1
print("\ndistance (words)       " + "".join(f"{d:7d}" for d in distances))
for name, values in right.items():
    print(f"{name:23s}" + "".join(f"{v:7.2f}" for v in values))
figure = figures.lines(
    right,
    "Who walked in? The LSTM knows at any distance, Elman near by",
    "distance from the name to the blank (words)",
    "share of right names",
    x=distances,
)
figure.axes[0].axhline(1 / 7, color=figures.GREY, linestyle=":")
figure.axes[0].set_ylim(0, 1.05)
figure

# %% [markdown] tags=["lang:en"]
# The Elman network that learned on short distances is right at all distances of its training (7 to 19 words), then becomes less sure, and is still right in more than four of five cases at 127. The one that was trained on distances up to 47 learned nothing: it guesses. The LSTM
# learned on the same long sentences, and then it is right at nearly three times the longest distance that it was trained on.
#
# So there are two questions. *Can the state hold the name?* Elman's can, longer than one might think. *Can the network learn to hold it?* For that a gradient has to come back over all the words between, and in an Elman network it fades (lesson 07). The forget
# gate decides it (lesson 08): nearly open from the start, it lets the gradient through.
#
# ### Word vectors from elsewhere
#
# The table $E$ is learned along with all the rest. But word vectors can also be learned without a language model, as in lesson 02, from text that costs less to read. The next cell learns them
# by skip-gram with negative sampling, from 300,000 words of other stories, and then trains four small language models (GRU) on only 12,000 words. They differ in their table alone:
#
# * **random**: it starts at random and learns, as above;
# * **random, frozen**: it starts at random and stays;
# * **skip-gram, frozen**: it starts from the vectors and stays;
# * **skip-gram, fine-tuned**: it starts from the vectors and goes on learning.
#
# In Keras a layer is frozen by `layer.trainable = False`, before the model is compiled.

# %% tags=["demo"]
# Shows four language models that differ in the start of their table and in whether it learns. Takes about 16 s.
vectors = rnnlm.skip_gram_vectors(corpora.story_corpus(300_000, seed=50).ids, words, EMBEDDING)
near = vectors @ vectors.T / np.outer(*[np.linalg.norm(vectors, axis=1)] * 2)
for word in ("tom", "knight", "sleeps"):
    closest = np.argsort(-near[vocabulary.index(word)])[1:6]
    print(f"nearest to {word}: " + ", ".join(vocabulary[k] for k in closest))

little = language.Plan(rate=0.01, **PASSES)
few, seen = train[:12_000], valid[:5000]
spread = vectors.std()
tables = {
    "random": (np.random.default_rng(4).normal(0, spread, vectors.shape), True),
    "random, frozen": (np.random.default_rng(4).normal(0, spread, vectors.shape), False),
    "skip-gram, frozen": (vectors, False),
    "skip-gram, fine-tuned": (vectors, True),
}
starts, trainings = {}, {}
for name, (start, learns) in tables.items():
    model = story_model("gru", few, seed=2)
    model.embedding_layer.embeddings.assign(start)
    model.embedding_layer.trainable = learns
    trainings[name] = language.Training(model, few, little, valid=seen, progress=False)
    starts[name] = np.array([row["valid"] for row in trainings[name].run()])
    print(f"{name:24s}" + "".join(f"{p:8.1f}" for p in starts[name]) + "   (perplexity after each pass)", flush=True)
rnnlm.perplexity_curves(
    starts,
    {},
    "Vectors from elsewhere give a lead, and learning catches up",
    "passes over 12,000 words",
)

# %% [markdown] tags=["lang:en"]
# Look at the first pass: the vectors give a lead, 50 against 60. After three passes the table that started at random has caught up. Frozen, the vectors are worth much more than random ones (43 against 65), and nearly as much as a table that learns. So
# vectors from elsewhere pay where there is little text for the task, or little time. (Compare lesson 02 for what they say of words: the nearest words are of the same kind.) All four differ from the table above because they have read 12,000 words only.
#
# ### Stopping, and going on
#
# A training of hours will be interrupted one day. To go on *as if nothing had happened* it is not enough to save the weights. The next block needs the carried states; Adam needs its two running means and its count of
# steps; the data need their place in the text. `language.Training` writes all of it to one file, which replaces the last one only when it is complete.
#
# The next cell repeats the run "random" of the last cell, and cuts the power in the middle of its second pass: an exception without warning, after which nothing is written. A new model, with other random
# weights, opens the same folder and goes on. The losses of all blocks must be those of the run that was never interrupted.

# %% tags=["demo"]
# Shows a training that breaks off in the middle of a pass and goes on to the same losses. Takes about 6 s.
with tempfile.TemporaryDirectory() as folder:
    model = story_model("gru", few, seed=2)
    model.embedding_layer.embeddings.assign(tables["random"][0])
    broken = rnnlm.Interrupted(
        model, few, little, valid=seen, folder=folder, save_seconds=0.3, progress=False, after=(1, 17)
    )
    try:
        broken.run()
    except rnnlm.PowerCut:
        print(f"power cut in pass {broken.epoch + 1}, after {len(broken.losses)} blocks in all")
    again = language.Training(story_model("gru", few, seed=77), few, little, valid=seen, folder=folder, progress=False)
    print(f"the new one begins after {len(again.losses)} blocks, with its last checkpoint")
    again.run()
straight = trainings["random"]
print(
    f"largest difference of all {len(straight.losses)} losses: {np.abs(np.subtract(straight.losses, again.losses)).max():.1e} nats"
)
print("valid perplexities, straight  ", [f"{row['valid']:.3f}" for row in straight.curve])
print("valid perplexities, broken off", [f"{row['valid']:.3f}" for row in again.curve])

# %% [markdown] tags=["lang:en"]
# Not one of the 90 losses differs: what broke off and went on is the same training. (If your machine adds up in another order from run to run, the last digits may.) The few blocks between the last checkpoint and the power cut were simply done again.
#
# ### Penn Treebank
#
# The text on which language models were compared for twenty years: a million words of the Wall Street Journal, prepared by Mikolov, with 10,000 different words. It belongs to the Linguistic
# Data Consortium, so it is not part of this course. If you have its three files, set the environment variable `UNROLLED_PTB` to their folder before you start the notebook, and the
# next cell counts n-grams in it. To train on it (or on any text file): `python -m unrolled.language FILE`.

# %% tags=["demo"]
# Shows published perplexities on Penn Treebank; and n-grams on your copy, if you have one.
print("Penn Treebank, perplexity                train    valid     test")
for name, row in rnnlm.PENN_TREEBANK.items():
    print(f"{name:38s}" + "".join(f"{'–':>9s}" if np.isnan(p) else f"{p:9.2f}" for p in row))
folder = os.environ.get("UNROLLED_PTB")
if folder:
    ptb = texts.penn_treebank(folder)
    size = len(ptb.vocabulary)
    print(f"\nyour copy: {len(ptb.train):,} / {len(ptb.valid):,} / {len(ptb.test):,} tokens, {size:,} words")
    counted = ngram.KneserNey(5).fit(ptb.train, size)
    print(
        f"{'5-grams, Kneser-Ney':38s}{'–':>9s}{counted.perplexity(ptb.valid):9.2f}{counted.perplexity(ptb.test):9.2f}"
    )
else:
    print("\n(UNROLLED_PTB is not set: no copy to count in)")

# %% [markdown] tags=["lang:en"]
# The first three rows are from the tutorial's code for the setup of Zaremba, Sutskever and Vinyals (2014), the others from the paper. Look at the *small* one: 38 in training and 116 on new text. It knows much of its text by heart. The paper's remedy is dropout
# between the layers. Numbers in Mikolov and others (2010) are on other text (the New York Times, from the English Gigaword), and cannot be put into this table.
#
# ## 6. What goes wrong
#
# **A state where none should be.** Keras does not know where a text begins. Between two passes, and before and after every look at other text, the carried state must be reset (or put aside and
# put back). Forget it, and the first words of the text go on from the last ones of another. And `fit(shuffle=True)`, its default for arrays, destroys the order of the blocks: every block then starts from the state of a random
# other one. The next cell lets the LSTM read the test text in shuffled order.

# %% tags=["demo"]
# Shows the price of shuffled blocks, where the state is carried on.
inputs, targets = stream_batches(test, BATCH, 10)
order = np.random.default_rng(0).permutation(len(inputs))
for name, (i, t, carry) in {
    "in order, carried": (inputs, targets, True),
    "each from zeros": (inputs, targets, False),
    "shuffled, carried": (inputs[order], targets[order], True),
}.items():
    print(
        f"{name:20s} perplexity {perplexity(*rnnlm.perplexity_of_blocks(models['lstm'], i, t, carry, softmax_loss)):7.1f}"
    )

# %% [markdown] tags=["lang:en"]
# A state from another place of the text is worse than none at all.
#
# **Clipping each variable for itself.** The limit that Pascanu, Mikolov and Bengio (2013) put on the gradient is one on its *global* norm: all variables are shortened by the same factor, and the direction stays. In Keras this is `global_clipnorm`. `clipnorm`
# limits each variable by itself, and `clipvalue` each element, and both change the direction. The next cell lets an optimizer with rate 1 take one step with the gradients (30, 40) and (.3, .4) and the limit 5.

# %% tags=["demo"]
# Shows what three kinds of clipping make of the gradients (30, 40) and (.3, .4).
for option in ("global_clipnorm", "clipnorm", "clipvalue"):
    big, small = keras.Variable([0.0, 0.0]), keras.Variable([0.0, 0.0])
    optimizer = keras.optimizers.SGD(1.0, **{option: 5.0})
    optimizer.apply([ops.array([30.0, 40.0]), ops.array([0.3, 0.4])], [big, small])
    steps = np.concatenate([-ops.convert_to_numpy(v) for v in (big, small)])
    print(
        f"{option:16s} ({steps[0]:.4g}, {steps[1]:.4g}) and ({steps[2]:.4g}, {steps[3]:.4g}), norm of all {np.linalg.norm(steps):.4g}"
    )

# %% [markdown] tags=["lang:en"]
# The small gradient is .01 of the large one. After `clipnorm` it is .1 of it.
#
# **Padding in the mean.** Three sentences of 6, 3 and 2 words in one array: 18 places, 11 words. Who divides by 18 has a smaller loss, and a perplexity that looks better the more padding there is. With `mask_zero=True` Keras leaves padding out of the loss by itself, and
# the mean goes over real words. But the mask is made from the *inputs*. At the last real word the input is a word, so the step counts, even where its target is padding: mark the ends of sentences by a word of their
# own, and do not ask for what comes after it.

# %% tags=["demo"]
# Shows a masked loss, by hand and by Keras, and what padding in the mean makes of it.
read = np.array([[3, 1, 4, 1, 5, 6], [2, 6, 5, 0, 0, 0], [3, 5, 0, 0, 0, 0]])
said = np.array([[1, 4, 1, 5, 6, 7], [6, 5, 7, 0, 0, 0], [5, 7, 0, 0, 0, 0]])  # 7 ends a sentence
keras.utils.set_random_seed(0)
padded = RNNLM(8, 4, 6, mask_zero=True)
padded.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
scores = np.asarray(padded.predict_on_batch(read), float)
real = read > 0
loss = softmax_loss(scores, said, real)
print(f"mean over the {real.sum()} words, yours         {loss:.4f} nats, perplexity {np.exp(loss):.3f}")
print(f"Keras, with mask_zero             {padded.evaluate(read, said, verbose=0):.4f} nats")
divided = loss * real.sum() / real.size
print(f"divided by all {real.size} places            {divided:.4f} nats, perplexity {np.exp(divided):.3f}")

# %% [markdown] tags=["lang:en"]
# More that goes wrong:
#
# * *Softmax twice.* A model that ends in a softmax, with a loss that takes scores: it trains, slowly, and never gets sure, since numbers between 0 and 1 are small differences for a second softmax. Your model returns scores, and the
#   loss has `from_logits=True`.
# * *2 to the power of nats*, means of perplexities: see exercise 7.
# * *Perplexities of different vocabularies.* Turn every rare word into `<unk>`, and the perplexity falls, while the model has learned nothing. By characters instead of words it is another number altogether.
# * *Leaking the target.* If the targets are not shifted, or the recurrent layer reads backwards, the perplexity goes to 1. One that is too good to be true is.
# * *Updating a row once.* Exercise 2: with `dtable[ids] += dx` the frequent words, which occur several times in every block, learn too slowly, and nothing looks wrong but the perplexity.
#
# ## 7. Think
#
# In lesson 02 a CBOW model guessed a word from the words around it, by the mean of their vectors.
#
# Answer in your own words, in about 150 to 300 words.

# %% [markdown] tags=["lang:en", "question:rnnlm.think"]
# Could a CBOW model serve as a language model? Compare with an RNNLM.
#
# 1. What would have to be changed in CBOW so that it gives the probability of a text, and why does it not do so as it is?
# 2. Name two things that an RNNLM can express and the changed CBOW cannot, each with an example of two texts that one of them tells apart and the other does not.
# 3. Name one thing for which CBOW is the better choice, with the reason.
