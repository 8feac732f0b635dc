# ---
# title:
#   en: "RNN, CNN, Transformer"
#   ja: "RNN・CNN・Transformer"
# automatic_points: 40
# written_points: 10
# ---

# %% [markdown] tags=["lang:en"]
# # RNN, CNN, Transformer
#
# There are three ways to bring an early input to a late output: hand a state on from step to step, look at a window,
# or look everything up at once. In this lesson you build the second and the third, and let all three compete: on
# equal data, with equal numbers of parameters, for equal numbers of updates and for equal time. Each of them wins
# somewhere, and you will be able to say why.

# %% [markdown] tags=["lang:ja"]
# # RNN・CNN・Transformer

# %% tags=["setup"]
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras  # TensorFlow may print lines about CUDA below: they do no harm
import numpy as np
from keras import ops

from autograder import check
from unrolled import compare, corpora, figures

figures.use_style()


def softmax(scores, axis=-1):
    """Turn scores into weights that are positive and add up to 1 along an axis."""
    weights = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


# %% [markdown] tags=["lang:en"]
# ## 1. Why
#
# A recurrent network reads one word after the other. Suppose that a word takes 5 seconds, and that a sentence has 5
# words. Then the sentence takes 25 seconds, and no number of helpers makes it faster: the second word needs the state
# that the first one leaves. If the words could be worked on *independently*, five workers would be done after 5
# seconds. This is the argument that made Transformers (Vaswani and others 2017) what they are. The next cell does
# the arithmetic, with two things that the argument leaves out.
#
# `compare.schedule(durations, after, workers)` hands jobs to workers, each as early as it can begin. `after` says which
# jobs must be done before.

# %% tags=["demo"]
# Shows 5 words at 5 seconds each: one after the other, and all at once with 1, 2 and 5 workers.
free, waiting = [[] for _ in range(5)], compare.chain(5)
plans = {
    "each word waits for the one before, 5 workers": compare.schedule([5] * 5, waiting, workers=5),
    "independent words, 1 worker": compare.schedule([5] * 5, free, workers=1),
    "independent words, 2 workers": compare.schedule([5] * 5, free, workers=2),
    "independent words, 5 workers": compare.schedule([5] * 5, free, workers=5),
}
for name, (_, _, total) in plans.items():
    print(f"{name:45s} {total:4.0f} s")

print("\nNow let a word of attention take 2 s, and 1 s for each word that it looks at, itself included:")
print("        |    work in all     | done with as many workers | done with 5 workers")
print("  words |    RNN   attention |    RNN     attention      |   RNN   attention")
for words in (5, 10, 50, 200):
    look = [2 + k for k in range(1, words + 1)]
    alone = compare.schedule([5] * words, compare.chain(words), workers=words)[2]
    many, five = (compare.schedule(look, [[]] * words, workers)[2] for workers in (words, 5))
    print(
        f"{words:7d} |{5 * words:5d} s {sum(look):9d} s |{alone:5.0f} s {many:11.0f} s      |{alone:5.0f} s {five:8.0f} s"
    )
generated = compare.schedule([2 + k for k in range(1, 6)], compare.chain(5), workers=5)[2]
print(f"\n5 words that are *generated*, attention, 5 workers: {generated:.0f} s")

compare.schedule_figure(plans, 5, "25 seconds become 5, if there are five workers and the words do not wait")

# %% [markdown] tags=["lang:en"]
# What the argument leaves out:
#
# * **The work grows.** In attention each word looks at all words before it and at itself. That is
#   $1 + 2 + \dots + T = T(T+1)/2$ looks for $T$ words. The numbers of the table are chosen so that both ways are equal work at 5 words. At 50 words
#   attention is more than five times the work; with many workers it is still done first, with five it is not.
# * **Generating is sequential for everybody.** Word 2 cannot be looked at before it is written. The independence is
#   there when the whole text is known: in training, and when a given text is read.
#
# Speed is one question. The other is how well a signal survives the way from an early input to a late output. Lesson 07
# showed that it fades or explodes with the number of steps. So count the steps. The next cell draws the shortest
# way through each of the three architectures. Move the slider, if you have one.

# %% tags=["demo"]
# Shows the shortest way from an input to a later output (a slider for the distance where there can be one).
compare.shortest_paths()

# %% [markdown] tags=["lang:en"]
# ## 2. Derive
#
# Vectors are rows, as in Keras. Positions (steps) run from 1 to $T$.
#
# | letter | what | shape |
# |---|---|---|
# | $T$ | length of the sequence | one number |
# | $x_t$ | input of step $t$ | (batch, features) |
# | $K_j$ | slice of the kernel for the input $j$ steps back | (features, filters) |
# | $w$ | width: how many inputs a convolution looks at | one number |
# | $b$ | bias | (filters,) |
# | $q$, $k$ | queries and keys: what each position looks for, and what it offers to be found by | (batch, time, units) |
# | $v$ | values: what is found | (batch, time, features) |
# | $s$ | scores | (batch, query, key) |
# | $p$ | weights of attention: softmax of each row of $s$ | (batch, query, key) |
# | $y$ | outputs | (batch, time, filters or features) |
# | $D$ | distance: how many steps an output is later than an input | one number |
# | $n$ | number of layers | one number |
# | $F$, $U$ | numbers of features and of units (or filters), where parameters are counted | one number each |
#
# ### A causal convolution
#
# Every output looks at the present input and at the $w-1$ inputs before it:
#
# $$y_t = b + \sum_{j=0}^{w-1} x_{t-j} K_j \qquad\qquad x_{t-j} = 0 \text{ where } t - j < 1$$
#
# It is **causal**: no output depends on a later input (van den Oord and others 2016). The same kernel serves every
# step. It is an array (width, features, filters) *from the oldest input on*: `kernel[0]` is $K_{w-1}$, and `kernel[-1]`
# is $K_0$, which meets the present input. Before the first input stand zeros, $w-1$ of them, so that there are as
# many outputs as inputs.
#
# A convolution is linear. Between two of them stands a squashing function, which is a layer of its own.
#
# *Does a convolutional network need inputs of a fixed length?* It is often said, and it is not so. Nothing above
# mentions $T$ but the number of outputs. What needs a fixed length is a dense layer that gets all positions side by side.
# Section 6 measures it.
#
# ### Attention
#
# In a convolution the *distance* decides which weight an input gets. In attention its *content* does. Every position asks a
# query, every position offers a key, and the score says how well the two fit:
#
# $$s_{ti} = \frac{q_t \cdot k_i}{\sqrt{\text{units}}} \qquad\quad p_{ti} = \frac{e^{s_{ti}}}{\sum_{j \le t} e^{s_{tj}}}
# \text{ for } i \le t, \text{ and } 0 \text{ for } i > t \qquad\quad y_t = \sum_{i \le t} p_{ti}\, v_i$$
#
# (the batch is left out). The weights of one query are positive and add up to 1, so an output is a *mean of values*. A
# query sees the keys up to its own position: this is the **causal mask**. Without it, a language model would read off the
# word that it is to guess.
#
# Why the root? Let the numbers in $q_t$ and $k_i$ be independent, with mean 0 and variance 1. Each product of two of
# them has mean 0 and variance 1, and the variances of independent terms add up: $q_t \cdot k_i$ has the variance
# `units`, so its typical size is $\sqrt{\text{units}}$. Divided by that, the scores are of size 1, however many
# units there are. With much larger scores the softmax would pick a single key, and its gradient
# would be nearly 0 (Vaswani and others 2017, section 3.2.1).
#
# One such layer has no notion of *where* a key stands: exchange two earlier positions, with their keys and values, and
# $y_t$ stays as it is. (Several causal layers on top of each other can find positions out: Haviv and others 2022.)
# Transformers add a code of the position to the inputs. Our block does not, and section 5 shows what that costs.
#
# ### The backward pass of attention
#
# As in the other lessons, $L$ is a loss, a single number, and *$d$ of something*, $\partial L / \partial$ of it, *has the
# shape of that something*. The **upstream gradient** $dy$ is given; pass it on to $q$, $k$ and $v$.

# %% tags=["demo"]
# Shows the computation graph of attention: values go right, gradients come back left.
compare.attention_graph()

# %% [markdown] tags=["lang:en"]
# Walk the graph from right to left. The indices: $t$ for queries, $i$ and $j$ for keys, $c$ for units, $f$ for features. Every
# sequence of the batch is by itself, so leave the batch out.
#
# 1. **The product $y = p\,v$.** Entry $(t, f)$ is $\sum_i p_{ti} v_{if}$. Adding 1 to $p_{ti}$ moves it by $v_{if}$, adding 1 to
#    $v_{if}$ moves it by $p_{ti}$. Adding up over every entry that is moved:
#    $$dp_{ti} = \sum_f dy_{tf}\, v_{if} \qquad\qquad dv_{if} = \sum_t p_{ti}\, dy_{tf}$$
#    A value is used by all queries from its own position on. From them its gradient comes.
# 2. **The softmax**, one query at a time, so leave $t$ out too. Write $p_i = e^{s_i} / Z$ with $Z = \sum_j e^{s_j}$. The score
#    $s_j$ is in the numerator of $p_j$, and in $Z$, which stands below all the weights:
#    $$\frac{\partial p_j}{\partial s_j} = p_j - p_j^2 \qquad\qquad \frac{\partial p_i}{\partial s_j} = -p_i\, p_j \quad
#    (i \ne j)$$
#    Adding up over all the weights that $s_j$ moves:
#    $$ds_j = \sum_i dp_i \frac{\partial p_i}{\partial s_j} = p_j \Big( dp_j - \sum_i p_i\, dp_i \Big)$$
#    The sum is the mean of $dp$ with the weights $p$, one number for each query. A score gets a positive gradient if
#    its weight's $dp$ is above that mean: the keys of one query *compete*. Check: the $ds$ of a query add up to 0, as they must,
#    because the same number added to all scores of a query changes nothing.
# 3. **The mask.** A hidden position has $p_{ti} = 0$, so by point 2 its $ds_{ti}$ is 0 by itself. Nothing has to be done.
# 4. **The scores.** $s_{ti} = \frac{1}{\sqrt{\text{units}}} \sum_c q_{tc}\, k_{ic}$. As in point 1, and with the factor of the
#    way forward on the way back:
#    $$dq_{tc} = \frac{1}{\sqrt{\text{units}}} \sum_i ds_{ti}\, k_{ic} \qquad\qquad dk_{ic} = \frac{1}{\sqrt{\text{units}}}
#    \sum_t ds_{ti}\, q_{tc}$$
#
# Each of the four sums is one matrix product for each sequence. Ask which index is summed over, and see which factor must be
# transposed so that this index stands in the middle. The weights $p$ are square, (time, time): the wrong transpose
# *runs*, and is wrong.
#
# ### Counting steps
#
# How many steps does a signal take from an input to the output $D$ positions later, on the shortest way? Count every layer that it
# passes, and every application of a recurrent cell.
#
# * **Recurrent.** The cell at the input's own position reads it: one step. Then the state is handed on $D$ times. The
#   number of steps grows in proportion to $D$: $O(D)$.
# * **Convolution**, a stack of layers of the width $w$. The present input is one of the $w$, so one layer
#   reaches $w - 1$ positions back, two layers twice as far, and so on. You need the smallest number of layers that
#   reaches $D$.
# * **Dilated**, the same with *holes*: in the first layer the inputs looked at are 1 apart, in the second $w$ apart, in
#   the third $w^2$ apart, and so on. A layer with $l$ others below it reaches $(w-1)\, w^l$ back. What do $n$ layers reach together?
#   $$(w-1)(1 + w + w^2 + \dots + w^{n-1}) = w^n - 1$$
#   (multiply out: everything but the first and the last term cancels). You need the smallest $n$ with $w^n - 1 \ge D$, so $n$ grows
#   like $\log_w D$. There is exactly *one* way from an input to an output: it is the number $D$ written to the base $w$, a digit for
#   each layer. (The widget above draws it.)
# * **Attention.** Every earlier position is looked at directly. One step, whatever $D$.
#
# Table 1 of Vaswani and others (2017) says this for the longest way in a sequence of length $T$: $O(T)$, $O(\log_w T)$ with holes,
# $O(1)$ (and their section 4 $O(T/w)$ without holes; they write $n$ for our $T$ and $k$ for our $w$). Their column of *sequential
# operations* gives $O(T)$ for recurrent layers and $O(1)$ for both others. It counts per layer: one convolution can be computed at all
# positions at once. A stack that connects all positions has about $\log_w T$ layers, one after the other.
#
# ### Counting parameters
#
# To compare architectures, give them the same number of parameters: here as formulas in $F$, $U$ and $w$.
#
# * **Elman** (lesson 04): a kernel $(F, U)$, a recurrent kernel $(U, U)$, a bias $(U,)$.
# * **LSTM** (lesson 08): four such sets: input gate, forget gate, candidate, output gate. One bias each, no peepholes.
# * **GRU** (lesson 09), as Keras builds it (`reset_after=True`): three such sets, update gate, reset gate and candidate. But each has
#   *two* biases, one for what comes from the input and one for what comes from the state.
# * **Convolution**: a kernel $(w, F, U)$ and a bias $(U,)$: one for each filter, whatever the width.
# * **Attention**, the block that you build in section 4: three kernels $(F, U)$ for queries, keys and values, an output kernel
#   $(U, F)$, and one bias, which is added to outputs of $F$ numbers.
#
# None of them contains $T$.
#
# ## 3. Build by hand
#
# Rules for every function of this section:
#
# * **No caching.** All that a function needs is among its arguments, and all it gives is what it returns. A
#   backward function that needs $p$ computes it again.
# * **Arguments stay as they are.** Never write into an array that you were given (`+=` on an argument does).
# * **Sums, not means.** If the loss is a mean, its upstream gradient has the division in it already.
# * **By hand**: ready-made convolutions (those of NumPy and SciPy too) and attention, and gradients by a library, are
#   refused.
#
# Below each answer a cell checks it. The number that it gives back is your points. Where a gradient is wrong it shows
# the worst element beside the *numeric* gradient, measured by nudging the inputs of your own forward pass; the
# *cosine* between the two (1: same direction) and the *norm ratio* (1: same length).
#
# ### Exercise 1: a causal convolution
#
# `causal_convolution(x, kernel, bias)` takes `x` (batch, time, features), `kernel` (width, features, filters) and `bias`
# (filters,). It returns $y$ (batch, time, filters).
#
# * The last slice of the kernel meets the present input, the first slice the oldest, as in section 2.
# * The inputs before the first one are zeros. There are as many outputs as inputs.
# * The bias is added once. Nothing is squashed.
#
# `np.pad(A, ((0, 0), (front, back), (0, 0)))` puts zeros in front of and behind the second axis. Slice number $j$ of the kernel
# then meets a stretch of `time` padded inputs: which one? `A @ B` with `A` of three axes and `B` of two multiplies the last axis of
# `A` with the first of `B`, for all positions at once. So a loop over the width is enough.

# %% tags=["exercise:compare.causal_convolution"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 2: attention
#
# `attention_forward(q, k, v)` takes `q` and `k` (batch, time, units), and `v` (batch, time, features). It returns $y$
# (batch, time, features).
#
# * The scores of one sequence are a matrix (query, key). `k.swapaxes(1, 2)` is (batch, units, time), and `@` multiplies
#   matrix by matrix along the batch.
# * The scale is made from the number of *units*, the last axis of `q`. The number of features may be another one.
# * A query sees its own position and all earlier ones. Hide the others *before* the softmax: give them a very negative score, for
#   example $-10^9$, whose exponential is 0 beside any other. A score of 0 does not hide anything, since $e^0 = 1$.
#   `np.triu(A, k=1)` keeps what lies above the diagonal and makes the rest 0 (or `False`, if `A` holds booleans). `np.where(condition, a, b)`
#   takes from `a` where the condition holds, and from `b` elsewhere.
# * `softmax(scores, axis=-1)` is given, in the setup cell above: the weights of each row add up to 1, and large scores do not overflow, since each row's
#   largest score is subtracted first, which changes no weight. Along which axis do the *keys* lie?

# %% tags=["exercise:compare.attention_forward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 3: attention, backward
#
# `attention_backward(dy, q, k, v)` gets the upstream gradient `dy` (batch, time, features), and then the very arguments that
# `attention_forward` had. It returns a tuple of three arrays, in this order:
#
# `(dq, dk, dv)` with shapes (batch, time, units), (batch, time, units), (batch, time, features).
#
# Compute $p$ again, mask and scale included, as in exercise 2. Then follow points 1, 2 and 4 of the derivation. The sum in point 2 runs over
# the keys of a query; `A.sum(axis=-1, keepdims=True)` keeps the axis, so that it subtracts row by row. A sum whose summed index does not stand in the middle needs a transposed factor, for
# example `A.swapaxes(1, 2) @ B`.

# %% tags=["exercise:compare.attention_backward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 4: counting steps
#
# `path_length(architecture, distance, width)` gives the number of steps of section 2, an integer. `architecture` is
# `"recurrent"`, `"convolution"`, `"dilated"` or `"attention"`; `distance` is at least 1 and `width` at least 2. (The lines that refuse other
# arguments are written for you.)
#
# Do the arithmetic in integers. In floating point the logarithm of 125 to the base 5 is a little *above* 3, and rounded up it is 4; but
# distance 124 with width 5 takes exactly 3 dilated layers. The logarithm of 243 to the base 3 comes out a little *below* 5, and rounded
# down it is 4; but 5 layers of width 3 reach 242 steps, so distance 243 takes a sixth. `-(-a // b)` is $a/b$ rounded up, and a `while`
# loop can add layers until they reach far enough.

# %% tags=["exercise:compare.path_length"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 5: counting parameters
#
# `parameter_count(layer, features, units, width)` gives the number of parameters of section 2, an integer. `layer` is `"elman"`,
# `"lstm"`, `"gru"`, `"convolution"` or `"attention"`. Only the convolution has use for `width`.

# %% tags=["exercise:compare.parameter_count"]

# %% [markdown] tags=["lang:en"]
# ### What the two counts say
#
# The next cell uses both. First the steps against the distance.

# %% tags=["demo"]
# Shows your path lengths against the distance, for convolutions of width 3.
distances = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])
steps = {
    name: np.array([path_length(name, int(d), 3) for d in distances])
    for name in ("recurrent", "convolution", "dilated", "attention")
}
print("distance     " + "".join(f"{d:6d}" for d in distances))
for name, counts in steps.items():
    print(f"{name:13s}" + "".join(f"{c:6d}" for c in counts))
figure = figures.lines(
    steps,
    "A thousand steps back: 1,025 through an RNN, 7 through dilated layers, 1 through attention",
    "distance (steps)",
    "steps on the shortest way",
    x=distances,
    log=True,
)
figure.axes[0].set_xscale("log")
figure

# %% [markdown] tags=["lang:en"]
# ## 4. Build in Keras
#
# Keras has convolutions and recurrent layers. The attention block you write yourself: **self-attention**, in which queries, keys and
# values are three different products of the same inputs. The result is added to the inputs themselves, so that the block only has to learn what to
# *add* (Vaswani and others 2017 do the same around each of their layers, with normalization and several heads; we leave both out).
#
# $$q = x\, W_q \qquad k = x\, W_k \qquad v = x\, W_v \qquad\qquad \text{outputs} = x + \mathrm{attention}(q, k, v)\, W_o + b$$
#
# ### Exercise 6: the block
#
# `AttentionBlock(units)`: its `__init__` is written for you, keeps `self.units`, and tells Keras to hand masks on. You write three methods.
#
# * `build(input_shape)`: creates the weights; `input_shape` is (batch, time, features). Use `self.add_weight(shape=…,
#   initializer=…, name=…)`, and keep each as an attribute of the same name.
#
#   | attribute and `name` | shape | `initializer` |
#   |---|---|---|
#   | `query_kernel`, `key_kernel`, `value_kernel` | (features, units) | `"glorot_uniform"` |
#   | `output_kernel` | (units, features) | `"glorot_uniform"` |
#   | `bias` | (features,) | `"zeros"` |
#
# * `call(inputs, mask=None)`: returns one tensor (batch, time, features). `mask` is `None`, or (batch, time) with `True` for the real tokens
#   and `False` for padding, which may stand anywhere. A query sees only keys up to its own position, and no padding. What comes out at
#   padding does not matter, as long as it is a number. The scale is made from `self.units`.
# * `get_config()`: a dictionary of what `__init__` needs to make the layer again. Start from `super().get_config()` and add `units`.
#
# Use `ops` (that is `keras.ops`), since NumPy would cut the gradient off: `ops.matmul`, `ops.swapaxes`, `ops.arange`, `ops.shape`, `ops.where`,
# `ops.logical_and`, and here `ops.softmax(…, axis=-1)` is allowed. For the causal mask, compare a column of positions with a row of positions:
# `steps[:, None]` and `steps[None, :]`. Indexing with `None` also gives the padding mask the axis that it lacks. Which one does it lack, that of
# the queries or that of the keys?
#
# Hide with $-10^4$. Why not with $-10^9$, as by hand? float16 ends at 65,504, and a number beyond becomes infinite. And why not with $-\infty$, which
# by hand would do? By hand every query saw at least itself. Where a sequence begins with padding, all keys of the first queries are hidden, and with
# $-\infty$ for all of them the softmax is $0/0$. This NaN stands at padding only, but the gradients of the kernels are sums over *all* positions,
# padding included, and a second block multiplies the NaN by weights of 0, which is NaN again, at real tokens.
#
# The layer must work in the dtype that it is made with, float64 included, so do not convert to a fixed dtype. (The root of the units as a plain Python number,
# `self.units ** 0.5`, goes with every dtype.) Ready-made attention (`keras.layers.Attention` and its like) is refused.

# %% tags=["exercise:compare.AttentionBlock"]

# %% [markdown] tags=["lang:en"]
# ### Do they agree?
#
# The next cell compares your convolution with `keras.layers.Conv1D(padding="causal")`. Then it compares your block with your functions, outputs and
# gradients: the chain rule through the four products gives the gradients of the kernels, and your `attention_backward` stands in the middle. Last, it compares
# your counts with `count_params` of Keras' layers.

# %% tags=["demo"]
# Shows your functions beside Keras: convolution, block with its gradients, numbers of parameters.
rng = np.random.default_rng(0)
x = rng.normal(size=(3, 9, 5))
kernel, bias = rng.normal(size=(4, 5, 6)), rng.normal(size=6)
convolution = keras.layers.Conv1D(6, 4, padding="causal", dtype="float64")
convolution.build(x.shape)
convolution.set_weights([kernel, bias])
difference = np.abs(ops.convert_to_numpy(convolution(x)) - causal_convolution(x, kernel, bias)).max()
print(f"largest difference, convolution        {difference:.1e}")

block = AttentionBlock(7, dtype="float64")
block.build(x.shape)
Wq, Wk, Wv, Wo, b = (
    ops.convert_to_numpy(getattr(block, name))
    for name in ("query_kernel", "key_kernel", "value_kernel", "output_kernel", "bias")
)
q, k, v = x @ Wq, x @ Wk, x @ Wv
y = attention_forward(q, k, v)
print(f"largest difference, block              {np.abs(ops.convert_to_numpy(block(x)) - (x + y @ Wo + b)).max():.1e}")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    upstream, inputs = rng.normal(size=x.shape), tf.Variable(x)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(block(inputs) * upstream)
    kernels = [block.query_kernel, block.key_kernel, block.value_kernel, block.output_kernel]
    taped = tape.gradient(loss, [inputs, *(weight.value for weight in kernels)])
    dq, dk, dv = attention_backward(upstream @ Wo.T, q, k, v)
    answers = {
        "inputs": upstream + dq @ Wq.T + dk @ Wk.T + dv @ Wv.T,
        "query_kernel": np.einsum("btf,btu->fu", x, dq),
        "key_kernel": np.einsum("btf,btu->fu", x, dk),
        "value_kernel": np.einsum("btf,btu->fu", x, dv),
        "output_kernel": np.einsum("btu,btf->uf", y, upstream),
    }
    for (name, mine), theirs in zip(answers.items(), taped, strict=True):
        print(f"largest difference, gradient of {name:14s}{np.abs(mine - theirs).max():.1e}")

print("\nparameters, 16 features and 24 units, width 3     yours   Keras")
for name, layer in {
    "elman": keras.layers.SimpleRNN(24),
    "lstm": keras.layers.LSTM(24),
    "gru": keras.layers.GRU(24),
    "convolution": keras.layers.Conv1D(24, 3),
    "attention": AttentionBlock(24),
}.items():
    layer.build((None, None, 16))
    print(f"{name:48s}{parameter_count(name, 16, 24, 3):7d} {layer.count_params():7d}")

# %% [markdown] tags=["lang:en"]
# ## 5. Run it
#
# Three small models. All begin with a dense layer from 10 features to 16 and end with one to 8 answers. Between them stands
#
# * a GRU of 24 units, or
# * four dilated convolutions of width 3 with 16 filters, each squashed by ReLU and added to its input: they reach $3^4 - 1 = 80$ steps back, or
# * your `AttentionBlock` with 49 units.
#
# So "attention" is *one* layer here, with one head, without a code of positions, without normalization, and without the feed-forward layers that
# follow attention in a Transformer. What you will see are properties of that layer. A whole Transformer has more, and one of these things, the code
# of positions, is put back at the end of this section.
#
# The sizes are chosen so that all have about the same number of parameters. *About* is to mean within 5 %, and that is checked with your own
# count before anything is compared.

# %% tags=["demo"]
# Shows three models with equal numbers of parameters, within 5 %, and compiles their training. Takes about 10 s.
models = {kind: compare.Contestant(kind, AttentionBlock) for kind in compare.KINDS}
cores = {
    "recurrent": parameter_count("gru", 16, 24, 0),
    "dilated": 4 * parameter_count("convolution", 16, 16, 3),
    "attention": parameter_count("attention", 16, 49, 0),
}
print("                        between the dense layers   in all   (numbers that are learned)")
for kind, contestant in models.items():
    print(f"{contestant.name:24s}{cores[kind]:24d} {contestant.model.count_params():8d}")
    if cores[kind] != contestant.core_parameters:
        raise ValueError(f"Your count for {kind} is {cores[kind]}, the model has {contestant.core_parameters}.")
for name, counts in (
    ("between the dense layers", list(cores.values())),
    ("in all", [contestant.model.count_params() for contestant in models.values()]),
):
    print(f"largest by smallest, {name:25s} {compare.largest_ratio(counts):.3f} (at most 1.05)")


def recall_batch(update):
    """32 new sequences for each update, the same ones for every model."""
    return corpora.recall(32, (1, 40), length=41, seed=(1, update))


for contestant in models.values():
    contestant.warm_up(recall_batch)

# %% [markdown] tags=["lang:en"]
# ### Recall, against the distance
#
# The task. A sequence of 41 steps shows a random one of eight symbols at each step. One of them is *marked* by a further feature. The last step shows no
# symbol, and a feature that *asks*: which symbol was marked? The distance from the mark to the question is drawn for each
# sequence, from 1 to 40. Guessing is right once in eight: .125.
#
# The budget. Every update sees 32 new sequences, the same for all models, with Adam (Kingma and Ba 2015) at the same rate of .01, which was not tuned for each of
# them (a later cell tries two others). First, **equal updates**: 250 each.
# An update does not cost all of them the same, so then **equal time**: those that were done sooner go on until they have used as many
# seconds as the slowest. Compiling and looking at the accuracy are not counted. Seconds are those of your machine, on which the result depends: with a
# GPU, or with longer sequences, they would be others.

# %% tags=["demo"]
# Shows recall for 250 updates each, then for equal time; and the accuracy at distances up to 320. Takes about 30 s.
test = corpora.recall(250, (1, 40), length=41, seed=99)
far = [1, 5, 10, 20, 40, 60, 80, 100, 160, 320]
exams = {d: corpora.recall(200, d, length=max(41, d + 1), seed=(2, d)) for d in far}
equal_updates = {}
print("                        updates   sequences   seconds   right at distances 1 to 40")
for kind, contestant in models.items():
    used = contestant.restart(1).train(recall_batch, updates=250, test=test)
    equal_updates[kind] = used.seconds
    print(
        f"{contestant.name:24s}{used.updates:7d} {used.examples:11d} {used.seconds:9.1f} {contestant.accuracy(*test):12.2f}"
    )
slowest = max(equal_updates.values())
print(f"now all for {slowest:.1f} s:")
right_far = {}
for kind, contestant in models.items():
    used = contestant.train(recall_batch, seconds=slowest, test=test)
    print(
        f"{contestant.name:24s}{used.updates:7d} {used.examples:11d} {used.seconds:9.1f} {contestant.accuracy(*test):12.2f}"
    )
    right_far[kind] = np.array([contestant.accuracy(*exams[d]) for d in far])

figure, (left, right) = compare.panels("Attention has learned to recall before the others have begun", 2)
curves = {kind: np.array([(0, 0, 0.125), *contestant.budget.curve]) for kind, contestant in models.items()}
compare.three_curves(
    {kind: (c[:, 0], c[:, 2]) for kind, c in curves.items()}, left, "updates", "share of right answers", "by updates"
)
compare.three_curves(
    {kind: (c[:, 1], c[:, 2]) for kind, c in curves.items()},
    right,
    "time (seconds)",
    "share of right answers",
    "by time",
)
for axes in (left, right):
    axes.axhline(0.125, color=figures.GREY, linestyle=":", linewidth=1.2)
    axes.set_ylim(0, 1.05)
left.axvline(250, color=figures.GREY, linestyle="-", linewidth=0.8)
left.text(258, 0.03, "equal updates", fontsize=9.5)
compare.legend(figure)

# %% [markdown] tags=["lang:en"]
# Read both panels. After equal updates, attention has long been right everywhere, the GRU has just got there, and the convolutions have hardly
# begun. After equal *time* the order is the same, but the distance is smaller: an update of the convolutions or of attention is
# cheaper than one of the GRU, whose 41 steps wait for each other, so both get more of them. The convolutions are then clearly above guessing, and still
# rising. Would more time settle it? It would narrow the gap again. The fair reading is *who learns this sooner*, and not *who is able to*.
#
# With the seeds 1 to 3 for the first weights the order was the same: attention was right by update 50, the GRU between updates 200 and 250, and the convolutions
# later.
#
# Now the same trained models at distances that they never saw.

# %% tags=["demo"]
# Shows the accuracy of the trained models against the distance, and what the convolution cannot see.
print("distance                " + "".join(f"{d:6d}" for d in far))
for kind, contestant in models.items():
    print(f"{contestant.name:24s}" + "".join(f"{a:6.2f}" for a in right_far[kind]))

x, _ = corpora.recall(100, 100, seed=3)
print("\nlargest change of the last output, over 100 sequences, when the input of one step is erased:")
for back in (79, 80, 81, 82):
    erased = x.copy()
    erased[:, -1 - back] = 0
    moved = [np.abs(c.logits(erased) - c.logits(x))[:, -1].max() for c in models.values()]
    print(
        f"{back:4d} steps back    "
        + "   ".join(f"{c.name} {m:.1e}" for c, m in zip(models.values(), moved, strict=True))
    )

figure, (axes,) = compare.panels("Attention does not care how far back; the convolution cannot see beyond step 80", 1)
compare.three_curves(
    {kind: (np.array(far), a) for kind, a in right_far.items()}, axes, "distance (steps)", "share of right answers", ""
)
axes.set_xscale("log")
axes.set_ylim(0, 1.05)
axes.axvspan(1, 40, color="#EEEEEE", zorder=0)
axes.text(1.05, 0.03, "distances in training", fontsize=9.5)
axes.axvline(80, color=figures.GREY, linestyle="--", linewidth=1.2)
axes.text(83, 0.55, "reach of the\nconvolutions", fontsize=9.5)
axes.axhline(0.125, color=figures.GREY, linestyle=":", linewidth=1.2)
compare.legend(figure)

# %% [markdown] tags=["lang:en"]
# Three different outcomes. **Attention** is right at 320 steps, eight times the longest distance of its training: where the key stands plays no part, it is found by its content,
# in one step. The **GRU** fades: the state passes its gates once for each step, and what it loses at each is little, but adds up. The **convolutions** drop to guessing at once beyond
# the distances that they were trained on. Up to 80 steps they could have learned it, from sequences that have the mark there. Beyond 80, no training helps:
# the second table shows that an input 80 steps back can move their output and one 81 steps back cannot. (Attention's output hardly moves for any of them, but for another reason: the erased
# input is not the marked one, which stands 100 steps back, and gets a weight of practically 0.)
#
# ### Where it looks
#
# The weights of attention can be looked at. A trick: hand your `attention_forward` the *identity matrix* as values. A mean of rows of the identity, with
# weights $p$, is $p$ itself. (The model's dense layer in front comes first.)

# %% tags=["demo"]
# Shows the attention map: where the last step of eight sequences looks, through your attention_forward.
x, _ = corpora.recall(8, (1, 40), length=41, seed=11)
trained = models["attention"].model
inwards = ops.convert_to_numpy(trained.get_layer("inwards")(x))
core = trained.get_layer("core")
query, key = (inwards @ ops.convert_to_numpy(weight) for weight in (core.query_kernel, core.key_kernel))
weights = attention_forward(query, key, np.repeat(np.eye(41)[None], 8, axis=0))
marked = x[:, :, corpora.RECALL_SYMBOLS].argmax(axis=1)
print("weight of the last query on the marked symbol:", weights[np.arange(8), -1, marked].round(2))
others = np.array([np.delete(row, at).max() for row, at in zip(weights[:, -1], marked, strict=True)])
print("largest weight on any other step:             ", others.round(2))
compare.attention_map(weights[:, -1], marked, "The question looks at the marked symbol, wherever it stands")

# %% [markdown] tags=["lang:en"]
# ### At another rate
#
# How much of all this hangs on the learning rate of .01? The next cell begins again at two others, one below and one above.

# %% tags=["demo"]
# Shows recall after 250 updates at two other learning rates. Takes about 15 s.
rates = (0.003, 0.03)
print("rate                    " + "".join(f"{rate:8.3f}" for rate in rates) + "    (share of right answers)")
for contestant in models.values():
    print(f"{contestant.name:24s}", end="", flush=True)
    for rate in rates:
        contestant.restart(1, rate).train(recall_batch, updates=250)
        print(f"{contestant.accuracy(*test):8.2f}", end="", flush=True)
    print()

# %% [markdown] tags=["lang:en"]
# At .003 the GRU is hardly above guessing after 250 updates, where at .01 and .03 it was right. The convolutions are best at .03, and attention is right
# at all three rates. So "the GRU has just got there" is a statement about the rate .01. That attention is first at its own task is not.
#
# ### The same formula as in lesson 03
#
# The modern Hopfield network of lesson 03 had this update, for a state $s$ (a vector here, no scores) and stored patterns as rows of $X$:
# the new state is the mean of the patterns, weighted by the softmax of $\beta\, s X^T$. That is attention: the state is the *query*, and the patterns are both
# *keys and values*, with $\beta = 1/\sqrt{\text{units}}$ (Ramsauer and others 2020). Lesson 03 also gave it an energy, of which the update is one step
# down, of size 1:
#
# $$E(s) = -\tfrac1\beta \log \sum_\mu e^{\beta\, s \cdot x^\mu} + \tfrac12\, s \cdot s \qquad\qquad s' = s - \frac{\partial E}{\partial s}$$
#
# The next cell computes both sides by different ways: your `attention_forward`, and the gradient of that energy, measured by nudging $s$. The
# causal mask is no obstacle: the *last* query sees every key.

# %% tags=["demo"]
# Shows that attention with keys = values = patterns is one modern Hopfield update.
rng = np.random.default_rng(5)
units, count = 16, 6
X, s = rng.normal(size=(count, units)), rng.normal(size=units)
beta = 1 / np.sqrt(units)


def hopfield_energy(state):
    """Lesson 03: the energy of a modern Hopfield network."""
    return -np.log(np.exp(beta * X @ state).sum()) / beta + state @ state / 2


nudge = 1e-5
slope = np.array(
    [(hopfield_energy(s + nudge * e) - hopfield_energy(s - nudge * e)) / (2 * nudge) for e in np.eye(units)]
)
queries = np.zeros((count, units))
queries[-1] = s  # the last query sees all keys
attended = attention_forward(queries[None], X[None], X[None])[0, -1]
print(f"largest difference between attention and a step down the energy: {np.abs(attended - (s - slope)).max():.1e}")
print(f"energy before and after: {hopfield_energy(s):.3f}, {hopfield_energy(attended):.3f}")

# %% [markdown] tags=["lang:en"]
# So attention is a memory that is recalled by content, and this is what our task asks for. A convolution looks up by *place*, a recurrent network has a
# *summary*.
#
# ### Where it would come out otherwise
#
# Recall by a mark is attention's own task. Here are two others, with the same three models, and sequences of 21 steps. Again it is
# 250 updates for each, and then equal time, that of the slowest.
#
#
# * **recall by distance**: nothing is marked; the answer at each step is the symbol of 7 steps before. Only the *place* says which one is meant;
# * **running parity**: the inputs are bits; the answer at each step is whether the ones so far are odd. Every bit counts, up to the very
#   first, and the order of the operations is the sequence itself: a summary of one bit, turned over by every 1. Guessing is right half of the time.
#
# A fourth model takes part, outside the comparison: attention that gets the **code of positions** of Vaswani and others (2017, section 3.5). To the 16 numbers of
# each input, sines and cosines of its position are added, of eight wavelengths. Nothing in the code is learned, so the number of parameters stays.

# %% tags=["demo"]
# Shows two tasks more, for equal updates and for equal time: recall by distance and running parity. Takes about 25 s.
tasks = {
    "recall by distance": (
        lambda update: corpora.recall_by_distance(32, 7, length=21, seed=(3, update)),
        corpora.recall_by_distance(250, 7, length=21, seed=97),
    ),
    "running parity": (
        lambda update: corpora.running_parity(32, length=21, seed=(4, update)),
        corpora.running_parity(250, length=21, seed=96),
    ),
}
positions = compare.Contestant("positions", AttentionBlock)
positions.warm_up(recall_batch)
placed = positions.restart(1).train(recall_batch, updates=250, test=test).curve
share = {"recall by mark": {kind: c[c[:, 0] == 100][0, 2] for kind, c in curves.items()}}
share["recall by mark"]["positions"] = next(right for updates, _, right in placed if updates == 100)
print(f"recall by mark       {positions.name:22s} 250 updates, {positions.accuracy(*test):.2f} right;", end=" ")
print(f"320 steps back: {positions.accuracy(*exams[320]):.2f} (without positions {right_far['attention'][-1]:.2f})")
four = {**models, "positions": positions}
for task, (draw, exam) in tasks.items():
    share[task] = {}
    for kind, contestant in four.items():
        contestant.restart(1).train(draw, updates=250)
        share[task][kind] = contestant.accuracy(*exam)
    slowest = max(contestant.budget.seconds for contestant in four.values())
    print(f"\n{task:24s}  right after 250 updates   after {slowest:.1f} s (updates)")
    for kind, contestant in four.items():
        used = contestant.train(draw, seconds=slowest)
        print(
            f"  {contestant.name:24s}{share[task][kind]:21.2f} {contestant.accuracy(*exam):14.2f} ({used.updates})",
            end="",
        )
        if task == "running parity":
            print(f", on 200 steps {contestant.accuracy(*corpora.running_parity(100, 200, seed=95)):.2f}", end="")
        print()

figure, (axes,) = compare.panels(
    "Each of the three wins what is like itself; a code of positions makes one a draw", 1, 3.6
)
for k, kind in enumerate(four):
    heights = [values[kind] for values in share.values()]
    axes.bar(
        np.arange(3) + 0.21 * (k - 1.5),
        heights,
        0.19,
        color=figures.COLORS[k],
        edgecolor="black",
        hatch=("", "///", "..", "xx")[k],
        label=compare.NAMES[kind],
    )
for k, guess in enumerate((1 / 8, 1 / 8, 1 / 2)):
    axes.plot([k - 0.45, k + 0.45], [guess, guess], color="black", linestyle=":", label="guessing" if k == 0 else None)
axes.set_xticks(range(3), [f"{task}\n({n} updates)" for task, n in zip(share, (100, 250, 250), strict=True)])
axes.set(ylabel="share of right answers", ylim=(0, 1.05))
axes.grid(False, axis="x")
compare.legend(figure)

# %% [markdown] tags=["lang:en"]
# Of the three that are compared, each wins the task that is like itself. With the code of positions it is two winners and a draw. (Recall by mark is shown as it
# was after 100 updates; given more, the GRU gets there too.)
#
# * By **distance**, the convolution is done at once: each of its weights belongs to a place, and one place is all that is asked for. The GRU must shift seven
#   symbols along in its state, and is on the way. Attention without positions is little above guessing and stays there, however long it is trained: all orders
#   of the same inputs look alike to it. (What it does better than guessing is to name the symbol that was shown most often.) With the code of positions
#   it draws level with the convolution. So the failure was one of our bare block, and not one of Transformers.
# * The code has its price. By mark, 320 steps back, attention without it was right, and attention with it is near guessing: it never saw a code of
#   so late a position in training.
# * For **parity** the GRU finds the rule, and then it is right on much longer sequences too, here almost ten times those of its training. A mean over all inputs, which is
#   what attention makes, hardly changes when one bit of many changes, and positions do not help it here. The convolutions would have to learn all patterns of 21 bits.
#   Hahn (2020) proves what is behind this. In softmax attention with a fixed number of layers and heads, what one input can do to an output shrinks in proportion to $1/T$.
#   Parity turns on every single bit, so the model's certainty fades with the length. That is not the same as being unable: Chiang and Cholak (2022) set the weights of a small
#   Transformer by hand so that it decides parity at every length. To *learn* such weights is another matter.
#
# After equal time the order is the same in both tasks.
#
# So the first result does not say that attention is better. It says that it is better at finding something by its content.
#
# ### Who needs less data?
#
# So far every update brought new sequences. Now fix the number of examples, let each model see these over and over, for 200 updates (recall by mark) or 60 (by
# distance), and test on new ones. The sequences have 11 steps, the distances are 1 to 10 (recall by mark) or 5 (by distance).

# %% tags=["demo"]
# Shows the accuracy on new sequences against the number of training examples, for both kinds of recall. Takes about 20 s.
sizes = [8, 64, 512, 4096]
sets = {
    "recall by mark": (200, lambda n, seed: corpora.recall(n, (1, 10), length=11, seed=seed)),
    "recall by distance": (60, lambda n, seed: corpora.recall_by_distance(n, 5, length=11, seed=seed)),
}
learned = {}
print("share of right answers: on the training examples / on new ones")
for task, (updates, draw) in sets.items():
    print(f"{task:20s}" + "".join(f"{contestant.name:>24s}" for contestant in models.values()))
    exam = draw(500, 94)
    for n in sizes:
        x, answers = draw(n, (5, n))

        def from_these(update, x=x, answers=answers, n=n):
            """32 sequences of the fixed set, drawn at random."""
            rows = np.random.default_rng((6, update)).integers(0, n, 32)
            return x[rows], answers[rows]

        print(f"{n:11d} examples", end="", flush=True)
        for kind, contestant in models.items():
            contestant.restart(1).train(from_these, updates=updates)
            known, new = contestant.accuracy(x, answers), contestant.accuracy(*exam)
            learned[task, kind, n] = new
            print(f"{known:17.2f} / {new:4.2f}", end="", flush=True)
        print()

figure, axes = compare.panels("Who needs less data depends on whether the model is like the task", 2)
for ax, task in zip(axes, sets, strict=True):
    compare.three_curves(
        {kind: (np.array(sizes), np.array([learned[task, kind, n] for n in sizes])) for kind in models},
        ax,
        "training examples (sequences)",
        "share of right answers",
        task,
    )
    ax.axhline(0.125, color=figures.GREY, linestyle=":", linewidth=1.2)
    ax.set_xscale("log", base=2)
    ax.set_ylim(0, 1.05)
compare.legend(figure)

# %% [markdown] tags=["lang:en"]
# Look at the pairs. All three fit 8 examples of recall by mark, and it teaches them nothing: they know the examples by heart. With 64 examples attention has
# the rule and the GRU is on the way; with 512 the GRU has it too; the convolutions need thousands. By distance it is the other way round: 64 sequences are enough for the
# convolution (each has six answers). Attention can learn a few sequences nearly by heart, but from 64 on it cannot even fit its examples, since it does not see what they have in
# common. The GRU knows 8 by heart as well. From 512 examples on its share on the training examples is below 1 and no better than on new ones: it is not data that it lacks, it
# needs more *updates*. (All at equal updates, again.) The statement "RNNs need less data than Transformers", or its opposite, says nothing without a task. What saves data is a model that is built like the task.
#
# ### Time and memory, against the length
#
# Two situations. In **training** the whole sequence is known, and the machine may work on all positions at once. In **streaming** the inputs come
# one by one, each output is wanted before the next input, and what is needed later must be kept: the GRU keeps its state, the convolutions keep a window for each layer, attention
# keeps the keys and values of every input so far. (This is what a chat program does when it writes.)
#
# `compare.Contestant.stream()` turns a model into one that takes one step at a time. The next cell first shows that the stream gives the same outputs. Then it
# counts multiply-adds and bytes; and it takes the time, as a ratio to the shortest length. Seconds depend on the machine. Counts do not.

# %% tags=["demo"]
# Shows time of an update against the length; of a streaming step against the position; counted operations and bytes.
x, answers = corpora.recall(2, (1, 40), length=90, seed=8)
for contestant in models.values():
    stream = contestant.stream()
    outputs = np.stack([stream.step(x[:, t]) for t in range(90)], axis=1)
    print(
        f"{contestant.name:24s} stream and whole sequence differ by at most {np.abs(outputs - contestant.logits(x)).max():.0e}"
    )

lengths = np.array([16, 32, 64, 128, 256])
update_time = compare.update_seconds(models, [corpora.recall(32, 10, length=int(n), seed=9) for n in lengths])
places = np.array([4**k for k in range(8)])
costs = {kind: compare.streaming_costs(contestant, places) for kind, contestant in models.items()}

print("\ntime of one update, by that for 16 steps" + "".join(f"{n:9d}" for n in lengths))
for kind, seconds in update_time.items():
    print(f"  {compare.NAMES[kind]:38s}" + "".join(f"{r:9.1f}" for r in seconds / seconds[0]))
for what, name in (("multiply_adds", "multiply-adds of one streaming step after"), ("bytes", "bytes kept after")):
    print(f"{name:42s}" + "".join(f"{n:9d}" for n in places))
    for kind, cost in costs.items():
        print(f"  {compare.NAMES[kind]:40s}" + "".join(f"{c:9d}" for c in cost[what]))

figure, axes = compare.panels("A state costs the same for ever; attention pays for everything it has seen", 3, 3.9)
compare.three_curves(
    {kind: (lengths, s / s[0]) for kind, s in update_time.items()},
    axes[0],
    "length (steps)",
    "time (ratio to 16 steps)",
    "training: one update",
)
compare.three_curves(
    {kind: (places, c["seconds"] / c["seconds"][0]) for kind, c in costs.items()},
    axes[1],
    "inputs before",
    "time (ratio to the first)",
    "streaming: one step",
)
compare.three_curves(
    {kind: (places, c["bytes"]) for kind, c in costs.items()},
    axes[2],
    "inputs before",
    "memory (bytes)",
    "streaming: what is kept",
)
for ax in axes:
    ax.set_xscale("log", base=2 if ax is axes[0] else 10)
    ax.set_yscale("log")
compare.legend(figure)

# %% [markdown] tags=["lang:en"]
# **Training.** The GRU's time grows at every doubling, because its steps wait for one another. The convolutions begin flat: at short lengths the work fits into what
# the machine does at once, and the fixed cost of an update dominates. At the last doubling, from 128 to 256 steps, attention's time grows the most: its matrix of scores is
# length by length, so twice the length is four times the matrix. This was so in every run on our machine (two cores, no GPU); the ratios themselves changed by half and more from run to run. How long
# the flat part is depends on how much a machine can do at once.
#
# **Streaming.** Now the picture turns round. A step of the GRU costs 3,232 multiply-adds and 96 bytes (24 numbers of 4 bytes), after one input or after sixteen thousand. The convolutions keep a window for
# each layer: $2 \cdot 3^n$ rows of 16 numbers for layer $n$ from 0 to 3, together 80 rows, 5,120 bytes, and no more. Attention keeps a key and a value of 49 numbers for each input, 392 bytes, and its step takes 98 more
# multiply-adds with each. Its measured time is flat as long as the fixed cost of a call dominates, and then it rises. For a whole text of length $T$ this makes
# $T(T+1)/2$ looks, as in section 1.
#
# ## 6. What goes wrong
#
# **"Convolutional networks need a fixed input length."** They do not, and neither do the other two. The next cell runs one and the same set of weights on
# sequences of 5, 50 and 500 steps. What does need a fixed length is `Flatten` followed by a dense layer: *that* layer has a weight for each position.
# Take the last output instead, or a mean or a maximum over time.

# %% tags=["demo"]
# Shows the same weights at three lengths, by hand and in Keras; and the layer that does not allow it.
rng = np.random.default_rng(1)
kernel, bias = rng.normal(size=(3, 10, 4)), np.zeros(4)
for steps in (5, 50, 500):
    x = corpora.running_parity(2, length=steps, seed=0)[0]
    print(
        f"{steps:4d} steps: by hand {causal_convolution(x, kernel, bias).shape}, the dilated model {models['dilated'].logits(x).shape}"
    )
fixed = keras.Sequential(
    [keras.Input((50, 10)), keras.layers.Conv1D(4, 3), keras.layers.Flatten(), keras.layers.Dense(1)]
)
pooled = keras.Sequential(
    [keras.Input((None, 10)), keras.layers.Conv1D(4, 3), keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(1)]
)
print(
    f"with Flatten: {fixed.count_params()} parameters, of which {fixed.layers[-1].count_params()} in the dense layer, for 50 steps only"
)
print(f"with a maximum over time: {pooled.count_params()} parameters, for any length: {pooled(x).shape}")
try:
    fixed(x)
except ValueError:
    print(f"with Flatten, {x.shape[1]} steps are refused")

# %% [markdown] tags=["lang:en"]
# **The mask.** Every mistake with the causal mask *runs*. What gives it away: change a late input and see whether an earlier output moves. The next cell
# makes three wrong versions of attention from your right one and does that test. Do it with every model of yours that must not look ahead.
#
# * *no mask*: all positions are seen;
# * *one too many*: the next position is seen as well. The loss falls quickly, since the next word is the answer;
# * *hidden after the softmax*: the right positions are hidden, but the weights that are left do not add up to 1, and the later keys still weigh in
#   through the denominator.

# %% tags=["demo"]
# Shows how to catch a leak: move the last input, and see which outputs move.
rng = np.random.default_rng(2)
q, k, v = (rng.normal(size=(1, 6, 4)) for _ in range(3))


def wrong(kind, q, k, v):
    """Attention with a mistake, made from the right one by handing it too many keys."""
    outputs = []
    for t in range(6):
        seen = {"right": t + 1, "one too many": min(t + 2, 6)}.get(kind, 6)
        asking = np.repeat(q[:, t : t + 1], seen, axis=1)  # of these the last counts: it sees all keys
        values = v * (np.arange(6) <= t)[None, :, None] if kind == "hidden after the softmax" else v
        outputs.append(attention_forward(asking, k[:, :seen], values[:, :seen])[:, -1])
    return np.stack(outputs, axis=1)


moved_k, moved_v = k.copy(), v.copy()
moved_k[:, -1] += 1
moved_v[:, -1] += 1
print("largest change of each output when the last position changes (0 is right for all but the last)")
for kind in ("right", "no mask", "one too many", "hidden after the softmax"):
    change = np.abs(wrong(kind, q, moved_k, moved_v) - wrong(kind, q, k, v)).max(axis=(0, 2))
    print(f"  {kind:26s}" + "".join(f"{c:7.3f}" for c in change))

# %% [markdown] tags=["lang:en"]
# **The scale.** Without the root, the scores grow with the number of units, the softmax picks one key, and by point 2 of the derivation the gradient
# goes: if one weight is 1, then $dp_j$ *is* the mean, and $ds$ is 0. The next cell measures the length of $ds$ for the last of 16
# queries. (Your function returns $dq = ds\,k / \sqrt{\text{units}}$; with random keys of variance 1 the typical size of its numbers is the length of $ds$,
# divided by the root.) Attention without the scale is attention with `q` multiplied by $\sqrt{\text{units}}$.

# %% tags=["demo"]
# Shows the largest weight and the gradient that reaches the scores, with and without the scale, against the number of units.
rng = np.random.default_rng(3)
print("units                        " + "".join(f"{u:8d}" for u in (4, 16, 64, 256, 1024)))
ways = ("scaled", "not scaled")
rows = {f"{what}, {way}": [] for what in ("largest weight", "length of ds") for way in ways}
for units in (4, 16, 64, 256, 1024):
    q, k = rng.normal(size=(2, 64, 16, units))
    v, dy = rng.normal(size=(2, 64, 16, 8))
    for name, factor in zip(ways, (1.0, np.sqrt(units)), strict=True):
        p = attention_forward(factor * q, k, np.repeat(np.eye(16)[None], 64, axis=0))
        dq, _, _ = attention_backward(dy, factor * q, k, v)  # dq = ds k / sqrt(units)
        rows[f"largest weight, {name}"].append(p[:, -1].max(axis=1).mean())
        rows[f"length of ds, {name}"].append(np.sqrt((dq[:, -1] ** 2).mean()) * np.sqrt(units))
for name, values in rows.items():
    print(f"{name:31s}" + "".join(f"{value:8.3f}" for value in values))

# %% [markdown] tags=["lang:en"]
# With the scale both rows stay where they are. Without it one key takes nearly everything, and less than half of the gradient is left at 1,024 units.
#
# More that goes wrong:
#
# * *Unequal comparisons.* "Attention beats the RNN" means little without the number of parameters, the data, the budget and the task. Section 5
#   turned the order of the three round twice by changing the task, and the data table shows that too few examples or too few updates look like a weak model.
# * *A slow learner taken for a weak one.* The convolutions can represent recall by a mark within 80 steps; after 250 updates they had not yet learned it.
# * *Reach taken for use.* That a signal *can* pass does not say that the network has learned to use it: between 41 and 80 steps the convolutions see the mark and make nothing of it, since
#   none of their training had it there.
# * *"Transformers are parallel."* In training, and when a text is read. When they write, they go word by word like everybody else.
# * *Softmax over the wrong axis.* The weights of one *query* add up to 1. With `axis=1` the weights of a key do; the shapes are the same.
#
# ## 7. Think
#
# You have measured all three. In 2017 the title of a paper said that attention is all you need.
#
# Answer in your own words, in about 150 to 300 words.

# %% [markdown] tags=["lang:en", "question:compare.think"]
# When would you still choose an RNN over a Transformer?
#
# 1. Describe two situations of different kinds in which you would, each with the reason, and with a number, a count or a result of this lesson.
# 2. Describe one situation in which you would certainly not, and say why.
# 3. Someone reports that a Transformer beat an RNN on their task. Name two things that you must know before you believe that this is due to the architecture.
