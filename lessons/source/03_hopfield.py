# ---
# title:
#   en: "Hopfield: memory as energy"
#   ja: "ホップフィールドネットワーク：エネルギーとしての記憶"
# automatic_points: 40
# written_points: 10
# ---

# %% [markdown] tags=["lang:en"]
# # Hopfield: memory as energy
#
# Join units with links that work both ways, and give the whole an energy that can only fall. Then the valleys of
# that energy are memories: start anywhere on the slope, and you come to rest at the nearest one. That is the
# network of Hopfield (1982). In this lesson you build it, measure how much it can hold, use it on two puzzles, and
# build its modern form, which is the attention of lesson 12. At the end you say what it cannot do.

# %% [markdown] tags=["lang:ja"]
# # ホップフィールドネットワーク：エネルギーとしての記憶

# %% tags=["setup"]
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras  # TensorFlow may print lines about CUDA below: they do no harm
import numpy as np
from keras import ops

from autograder import check
from unrolled import corpora, figures, widgets
from unrolled import hopfield as memory

figures.use_style()

# %% [markdown] tags=["lang:en"]
# ## 1. Why
#
# In lesson 02 every word had a vector, kept as a row of a matrix. To get it you had to know the row's *number*. Your
# own memory has no numbers. A few notes bring back a song, half a face brings back a name: a *part of the content*
# is the address of the rest. This is called a **content-addressable memory**.
#
# The networks so far could not do it for another reason too: in them everything flowed one way, from input to
# output. Here the output of every unit goes back, as input, to all the others. This is the first network of the
# course with loops, that is, the first *recurrent* one.
#
# The next cell shows what you will have built by the end of section 3. Six pictures are stored in one matrix of weights. The
# network is given damaged ones and left alone.

# %% tags=["demo"]
# Shows six stored pictures, damaged in three ways, and what the network makes of them.
stored = corpora.draw_pictures()
given = corpora.flip_units(stored, 0.3, seed=1)
given[:2, 200:] = -1  # the lower half is white
given[:2, :200] = stored[:2, :200]
given[2:4] = np.where((np.arange(400) % 20 < 11), stored[2:4], 1.0)  # the right side is black
rested = memory.complete(stored, given)
for name, before, after, true in zip(corpora.UNLIKE_PICTURES, given, rested, stored, strict=True):
    print(f"{name:9s} wrong units of 400: {np.sum(before != true):4d} given, {np.sum(after != true)} at rest")

memory.picture_grid(
    {"stored": stored, "given": given, "at rest": rested},
    corpora.UNLIKE_PICTURES,
    "One matrix of weights holds six pictures and mends damaged ones",
)

# %% [markdown] tags=["lang:en"]
# Nobody said where the damage was, nor which picture was meant. How can a network whose units know nothing but the
# sum of what the others say do that? And how many pictures fit?
#
# ## 2. Derive
#
# A unit is either +1 or −1, here black or white. A state of the whole network is a row vector, and several states are a
# matrix with one row for each.
#
# | letter | what | shape |
# |---|---|---|
# | $N$, $P$ | number of units, number of stored patterns | |
# | $s$ | a state; $s_i$ is +1 or −1 | (units,), or (batch, units) for several |
# | $W$ | weights; $W_{ij}$ joins units $i$ and $j$ | (units, units) |
# | $b$ | bias of each unit, its own inclination | (units,) |
# | $h$ | field: what all others, and the bias, say to each unit | as $s$ |
# | $E$ | energy of a state | one number for each state |
# | $\xi^\mu$ | stored pattern number $\mu$, from 1 to $P$; $\xi^\mu_i$ is +1 or −1 | (units,); all of them (count, units) |
# | $m_\mu$ | overlap of a state with pattern $\mu$, from −1 to 1 | |
# | $\alpha = P/N$ | load | |
#
# The links are **undirected**: $W_{ij} = W_{ji}$, the same weight both ways. And no unit acts on itself: $W_{ii} =
# 0$. The field of unit $i$ and its update are
#
# $$h_i = \sum_j s_j W_{ji} + b_i \qquad\qquad s_i \leftarrow \begin{cases} +1 & h_i > 0 \\ -1 & h_i < 0 \\
# s_i & h_i = 0 \end{cases}$$
#
# As a matrix product all fields are $h = sW + b$. In the last case the unit has no reason to change, so it does
# not. **Asynchronous** updating takes one unit after the other, so that each sees what those before it have become.
# **Synchronous** updating lets all of them look at the same old state and change at once (Little 1974).
#
# ### Why it comes to rest
#
# Hopfield gave every state an energy:
#
# $$E(s) = -\tfrac12 \sum_i \sum_j s_i W_{ij} s_j - \sum_i b_i s_i$$
#
# The sum meets each pair twice, as $(i,j)$ and as $(j,i)$; the ½ makes up for it. A pair joined by a positive weight
# has low energy when its units agree, and a pair joined by a negative one when they differ.
#
# Let one unit $i$ change from $s_i$ to $-s_i$, all others staying. Which terms of $E$ change? Those with $i$ in
# them:
#
# $$-\tfrac12 \sum_{j \ne i} s_i W_{ij} s_j \;-\; \tfrac12 \sum_{j \ne i} s_j W_{ji} s_i \;-\; b_i s_i
# \;=\; -s_i \Big( \sum_{j} s_j W_{ji} + b_i \Big) = -s_i h_i$$
#
# The first step adds the two sums into one, which needs $W_{ij} = W_{ji}$. It also needs $W_{ii} = 0$: then $h_i$ has
# no $s_i$ in it and stays as it is while $s_i$ changes. After the change the terms are $+s_i h_i$, so
#
# $$\Delta E = E_\text{after} - E_\text{before} = 2\, s_i h_i \qquad (s_i \text{ before the change})$$
#
# By the rule, a unit changes only if its field has the other sign, $s_i h_i < 0$. So **every change lowers the
# energy**. There are $2^N$ states, a finite number; the energy cannot fall for ever, and no state comes back. So the
# network comes to rest, in a state in which no unit wants to change: a **fixed point**, the bottom of a valley.
#
# ### How to dig a valley where you want one
#
# Hebb (1949) proposed that cells which are active together strengthen their connection. For patterns of +1 and −1
# that is
#
# $$W_{ij} = \frac1N \sum_{\mu=1}^{P} \xi^\mu_i\, \xi^\mu_j \quad (i \ne j), \qquad W_{ii} = 0$$
#
# Units that are equal in a pattern pull each other, units that differ push each other apart, and patterns lie on top
# of each other as a sum. (Hopfield counts his units as 0 and 1 and turns them into ±1 in this rule. The network
# itself had been studied before, for one by Amari 1972; the energy made it famous.)
#
# What does the energy look like now? Let $m_\mu = \frac1N \sum_i \xi^\mu_i s_i$ be the overlap of the state with
# pattern $\mu$: 1 if they are equal, 0 if half of the units agree, −1 if all differ. Put Hebb's rule into $E$, without bias.
# The double sum over all $i$ and $j$ of $\xi_i \xi_j s_i s_j$ is $(\sum_i \xi_i s_i)^2 = N^2 m^2$; its diagonal,
# which we leave out, is $N$ times 1. So
#
# $$E(s) = -\frac{1}{2N} \sum_\mu \left( N^2 m_\mu^2 - N \right) = -\frac N2 \sum_\mu m_\mu^2 + \frac P2$$
#
# Every pattern digs a valley where the state is like it, and just as deep a one where the state is its
# *opposite*, because $m$ is squared.
#
# ### How much fits: one step
#
# Start at a stored pattern, $s = \xi^\nu$. Does unit $i$ stay? It does if its field has its own sign, so look at
# $\xi^\nu_i h_i$. Put the rule in and take the term $\mu = \nu$ apart:
#
# $$\xi^\nu_i h_i = \frac1N \sum_{j \ne i} \sum_\mu \xi^\nu_i \xi^\mu_i \xi^\mu_j \xi^\nu_j = \frac{N-1}{N} +
# \underbrace{\frac1N \sum_{\mu \ne \nu} \sum_{j \ne i} \xi^\nu_i \xi^\mu_i \xi^\mu_j \xi^\nu_j}_{\text{crosstalk}}$$
#
# The pattern supports itself with nearly 1, and the other patterns interfere. Let all patterns be random: every unit
# of every pattern a fair coin of its own. Then the crosstalk is $\frac1N$ times a sum of $(N-1)(P-1)$ numbers, each +1 or −1 like
# fair coins and independent of each other. The unit flips if this sum is below $-(N-1)$. So the probability of an
# error in one step is the tail of a binomial distribution, exactly. For many units the sum is Gaussian: mean 0 and,
# after the division by $N$, variance $(P-1)(N-1)/N^2 \approx \alpha$. The probability that it is below −1 is
#
# $$\text{one-step error} \;\to\; \tfrac12 \operatorname{erfc}\!\left( \frac{1}{\sqrt{2\alpha}} \right)$$
#
# where $\frac12 \operatorname{erfc}(z/\sqrt2)$ is the share of a Gaussian bell beyond $z$ standard deviations.
# At $\alpha = 0.138$ it is $3.55 \cdot 10^{-3}$. This is *not* the error that you see in the end: the bits that
# flipped are now wrong in the fields of all others, more flip, and it may go on like an avalanche. Section 5
# measures both.
#
# ### All at once
#
# If all units change together, the argument about the energy fails, since it let one unit change *while all others
# stay*. Two units that pull each other and start at (+1, −1) swap for ever. What does fall is another quantity, of two states in
# a row:
#
# $$F(t) = -\sum_i \sum_j s_i(t)\, W_{ij}\, s_j(t-1) - \sum_i b_i \big( s_i(t) + s_i(t-1) \big)$$
#
# Let $h(t) = s(t) W + b$ be the fields that make $s(t+1)$. Then
#
# $$F(t+1) = -\sum_i s_i(t+1)\, h_i(t) - \sum_i b_i s_i(t) \qquad\qquad F(t) = -\sum_i s_i(t-1)\, h_i(t) - \sum_i b_i s_i(t)$$
#
# The first is $F$ as it stands, one step later. For the second, read the double sum of $F(t)$ from the other side: what
# the old state says to the new one is what the new one says to the old, since $W_{ij} = W_{ji}$. The difference is
#
# $$F(t+1) - F(t) = -\sum_i \big( s_i(t+1) - s_i(t-1) \big)\, h_i(t) \;\le\; 0$$
#
# because $s_i(t+1)$ has the sign of $h_i(t)$. If no field is exactly zero, it stops falling only when $s(t+1) =
# s(t-1)$. So synchronous updating ends at a fixed point or in a cycle of *two* states, never in a longer one
# (Goles-Chacc, Fogelman-Soulié and Pellegrin 1985).
#
# ### The modern form, and its backward pass
#
# A sign has no gradient: flat everywhere, and a jump. Ramsauer and others (2020) took units that are real
# numbers, and let the stored patterns compete by a softmax. Let the patterns be the rows of a matrix $X$:
#
# | letter | what | shape |
# |---|---|---|
# | $s$, $s'$ | state before and after the update | (batch, units) |
# | $X$ | stored patterns, one in each row | (count, units) |
# | $\beta$ | inverse temperature: how sharply the patterns compete | one positive number |
# | $a$ | scores: how alike each state and each pattern are, times $\beta$ | (batch, count) |
# | $p$ | weights: softmax of each row of $a$; a row adds up to 1 | (batch, count) |
#
# $$a = \beta\, s X^T \qquad\qquad p_{n\mu} = \frac{e^{a_{n\mu}}}{\sum_\kappa e^{a_{n\kappa}}} \qquad\qquad s' = p X$$
#
# The new state is a mean of the patterns, weighted by likeness. With a large $\beta$ it is the most alike pattern,
# with a small one it is the plain mean of all. It has an energy too,
#
# $$E(s) = -\tfrac1\beta \log \sum_\mu e^{\beta\, s \cdot x^\mu} + \tfrac12\, s \cdot s$$
#
# where $x^\mu$ is row $\mu$ of $X$. The derivative of the logarithm is 1 over the sum, times the derivative of the sum:
# $\beta\, \sum_\mu e^{\beta s \cdot x^\mu} x^\mu$. So the gradient of $E$ is $s - \sum_\mu p_\mu x^\mu = s - pX$, and $s' = pX$ is a step
# down that gradient, of size 1. It never raises $E$ (Ramsauer et al. 2020).
#
# Now there is a gradient to pass on. Let $L$ be a loss, a single number. We write $ds'$ for $\partial L/\partial s'$, and so on: *$d$
# of something has the shape of that something*. $ds'$, which arrives from later in the computation, is the **upstream
# gradient**: it is given. Your task is to pass it on to the state and to the patterns.

# %% tags=["demo"]
# Shows the computation graph of the modern update: values go right, gradients come back left.
memory.modern_update_graph()

# %% [markdown] tags=["lang:en"]
# Walk the graph from right to left. The index $n$ runs over the batch, $\mu$ and $\kappa$ over the patterns, $j$
# over units.
#
# 1. **The product $pX$.** Entry $(n,j)$ of it is $\sum_\mu p_{n\mu} X_{\mu j}$. Adding 1 to $p_{n\mu}$ moves it by
#    $X_{\mu j}$, adding 1 to $X_{\mu j}$ moves it by $p_{n\mu}$. Adding up over every entry that is moved:
#    $$dp_{n\mu} = \sum_j ds'_{nj}\, X_{\mu j} \qquad\qquad dX_{\mu j} \text{ (as what is mixed)} = \sum_n p_{n\mu}\, ds'_{nj}$$
# 2. **The softmax**, one row at a time, so leave $n$ away. With $p_\mu = e^{a_\mu} / Z$ and $Z = \sum_\kappa
#    e^{a_\kappa}$, what does $a_\kappa$ move? The numerator of its own weight, and $Z$, which stands below *all*
#    the weights:
#    $$\frac{\partial p_\kappa}{\partial a_\kappa} = p_\kappa - p_\kappa^2 \qquad\qquad \frac{\partial p_\mu}{\partial
#    a_\kappa} = -p_\mu\, p_\kappa \quad (\mu \ne \kappa)$$
#    Adding up over all the weights that are moved, $da_\kappa = \sum_\mu dp_\mu\, \partial p_\mu / \partial a_\kappa$:
#    $$da_\kappa = p_\kappa \Big( dp_\kappa - \sum_\mu p_\mu\, dp_\mu \Big)$$
#    The sum is the mean of $dp$, weighted by $p$, one number for each row. Check: the $da$ of a row add up to 0, as they must, because
#    adding the same number to all scores of a row changes nothing.
# 3. **The scores.** Entry $(n,\mu)$ of $a$ is $\beta \sum_j s_{nj} X_{\mu j}$. As before, and with the factor
#    $\beta$ on both ways:
#    $$ds_{nj} = \beta \sum_\mu da_{n\mu}\, X_{\mu j} \qquad\qquad dX_{\mu j} \text{ (as what is compared)} = \beta
#    \sum_n da_{n\mu}\, s_{nj}$$
# 4. **The patterns** were used twice, so their gradient is the sum of both parts.
#
# Each sum is one matrix product. Ask which index is summed over, and see which factor must be transposed so that this
# index stands in the middle.
#
# ## 3. Build by hand
#
# Rules for every function of this section:
#
# * **No caching.** All that a function needs is among its arguments, and all it gives is what it returns.
# * **Arguments stay as they are.** Never write into an array that you were given (`s[:, i] = …` on an argument does).
#   Work on a `.copy()`.
# * **Return arrays** of floating-point numbers, in the order stated. Units are `1.0` and `-1.0`, never 0.
#
# Below each answer a cell checks it. The number that it gives back is your points.
#
# ### Exercise 1: Hebb's rule
#
# `hebb(patterns)` takes `patterns` (count, units), one pattern in each row, and returns $W$ (units, units). It is the
# rule of section 2: the sum over the patterns, divided by the number of *units* $N$, with zeros on the diagonal.
# For all $i$ and $j$ together, the sum is one matrix product of `patterns` with itself: ask over which index the rule sums,
# and which factor must be transposed so that this index stands in the middle.
# `np.fill_diagonal(A, value)` writes into `A` in place and returns nothing.

# %% tags=["exercise:hopfield.hebb"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 2: the energy
#
# `energy(s, W, b)` takes states `s` (batch, units), weights (units, units) and a bias (units,). It returns the energy of
# each state: one array (batch,). `np.einsum` writes a double sum as it stands: `np.einsum("ni,ij,nj->n", A, B, C)`
# gives, for each $n$, the sum over $i$ and $j$ of $A_{ni} B_{ij} C_{nj}$. Mind the ½ and what it belongs to, and both
# signs.

# %% tags=["exercise:hopfield.energy"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 3: all units at once
#
# `synchronous_step(s, W, b)` takes the same arguments and returns the new states (batch, units) after *one* step in which
# all units look at the old state. A field above zero makes +1, one below zero −1, and a unit whose field is exactly
# zero **keeps its state**. `np.sign` gives 0 for 0, which is no state; `np.where(condition, A, B)` takes from A where
# the condition holds and from B elsewhere.

# %% tags=["exercise:hopfield.synchronous_step"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 4: recall, one unit after the other
#
# `recall(s, W, b, order, sweeps)` takes states `s` (batch, units), weights and bias, `order` (units,), which lists the units
# in the order in which they are visited, and `sweeps`, a positive integer. It returns the last states (batch, units).
#
# * A **sweep** visits every unit once: `order[0]` first, then `order[1]`, and so on. All states of the batch are visited in
#   the same order, so one line updates a whole column `s[:, i]`.
# * Each visit computes the field of this one unit, (batch,), from the states *as they are now*. Column $i$ of $W$ and
#   entry $i$ of $b$ are all you need. The rule is the one of exercise 3, with the zero field: the unit keeps the state that it has by
#   then, which need not be the one from which it started.
# * It ends after a sweep that changes no unit of any state in the batch, and after `sweeps` sweeps at the latest: one state that rests is
#   not enough. `np.array_equal(A, B)` compares two arrays; to know whether a sweep changed anything, keep a copy from before it.
# * `s` itself must be left as it was.

# %% tags=["exercise:hopfield.recall"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 5: the capacity curve
#
# `capacity_curve(patterns, counts, order, sweeps)` measures how much comes back as more and more is stored. `patterns` is
# (patterns, units), and `counts` (loads,) says how many of them to store each time: always the *first* so many.
# For each number in `counts`:
#
# 1. store these patterns, and no others, with your `hebb`;
# 2. start a recall at each of them, undamaged, with a bias of zeros and the given `order` and `sweeps`; all of them are one batch;
# 3. the error is the share of wrong bits: of all bits of all these patterns, how many differ at the end from what was
#    stored. It is between 0 and 1.
#
# Return one array (loads,), in the order of `counts`. The mean of a comparison (`np.mean(A != B)`) is a share.

# %% tags=["exercise:hopfield.capacity_curve"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 6: the modern update
#
# `modern_update_forward(state, patterns, beta)` takes `state` (batch, units), which is $s$, `patterns` (count, units), which
# is $X$, and the number `beta`. It returns $s'$ (batch, units).
#
# * Write the softmax yourself (ready-made ones are refused). It runs over the *patterns*, so each row of the scores
#   (batch, count) is its own.
# * It must not overflow, however large `beta` is: $e^{1000}$ is not a number that a computer has. A softmax does not change when the same number
#   is subtracted from all scores of a row, so subtract each row's own largest score first. `A.max(axis=1, keepdims=True)`
#   keeps the axis, so that it subtracts row by row; `sum` has `keepdims` too.

# %% tags=["exercise:hopfield.modern_update_forward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 7: the modern update, backward
#
# `modern_update_backward(dnew, state, patterns, beta)` gets the upstream gradient `dnew` (batch, units), which is $ds'$, and then
# the very arguments that the forward pass had. It returns a tuple of two arrays, in this order:
#
# `(dstate, dpatterns)` with shapes (batch, units), (count, units).
#
# Compute $a$ and $p$ again, as in exercise 6, then follow the four points of the derivation. `dpatterns` is a sum over the
# batch, not a mean: if the loss is a mean, the upstream gradient has the division in it already. Where a
# gradient is wrong, the check shows the worst element beside the *numeric* gradient, measured by nudging the inputs
# of your own forward pass; the *cosine* between the two (1: same direction) and the *norm ratio* (1: same length).

# %% tags=["exercise:hopfield.modern_update_backward"]

# %% [markdown] tags=["lang:en"]
# ## 4. Build in Keras
#
# The classical network as a layer: noisy states in, cleaner ones out. Nothing in it is trained by gradients: `store`
# sets the weights.
#
# ### Exercise 8: the layer
#
# `Hopfield(units, steps=1)`: its `__init__` is written for you and keeps `self.units` and `self.steps`. You write
# four methods.
#
# * `build(input_shape)`: creates one weight, kept as `self.kernel`: shape (units, units), `initializer="zeros"`,
#   `name="kernel"`, and `trainable=False`, since an optimizer must not overwrite what was stored. Use
#   `self.add_weight(shape=…, initializer=…, trainable=…, name=…)`: what it makes is saved with a model.
# * `store(patterns)`: sets the kernel by Hebb's rule, $1/N$ and zero diagonal. What was stored before is forgotten. `patterns` is
#   a NumPy array (count, units); `ops.convert_to_tensor(patterns, dtype=self.compute_dtype)` gives it the layer's
#   dtype. `ops.matmul`, `ops.transpose` and `ops.eye(n, dtype=…)` (the matrix with ones on its diagonal) help: multiply by something that is 0 on the diagonal and 1
#   elsewhere. A Keras weight gets a new value with its method `assign`; setting the attribute to a tensor would leave the weight
#   itself as it was. Returns nothing.
# * `call(states)`: takes `self.steps` *synchronous* steps, without a bias, from `states` (batch, units), and returns the last states. A field of
#   zero keeps the unit, as before. Use `ops.where`, `ops.equal` and `ops.sign`, not NumPy, so that it runs on every backend. (The check also calls it with
#   `keras.Input`, as a model does: an input that has a shape and no numbers yet. NumPy cannot work with that, and neither can your functions of section 3.)
# * `get_config()`: a dictionary of what `__init__` needs to make the layer again. Start from `super().get_config()` and add
#   `units` and `steps`.

# %% tags=["exercise:hopfield.Hopfield"]

# %% [markdown] tags=["lang:en"]
# ### Do they agree?
#
# Your layer takes the steps of your `synchronous_step`. And Keras has the modern update, under another name:
# `keras.layers.Attention` mixes *values* by the softmax of the products of a *query* and *keys*. Let the query be
# $\beta s$, and the patterns both keys and values. (Ramsauer et al. 2020 is titled after this. In lesson 12, attention
# has $\beta = 1/\sqrt{\text{units}}$, and keys and values are two different products of the same rows.)

# %% tags=["demo"]
# Shows your layer beside your functions, and your modern update, forward and backward, beside Keras' attention.
rng = np.random.default_rng(0)
patterns = rng.choice([-1.0, 1.0], (5, 40))
states = rng.choice([-1.0, 1.0], (8, 40))
layer = Hopfield(40, steps=3, dtype="float64")
layer(states)
layer.store(patterns)
expected = states
for _ in range(3):
    expected = synchronous_step(expected, hebb(patterns), np.zeros(40))
kernel = ops.convert_to_numpy(layer.kernel)
print(f"largest difference, kernel       {np.abs(kernel - hebb(patterns)).max():.1e}")
print(f"units that differ, three steps   {np.sum(ops.convert_to_numpy(layer(states)) != expected)}")

state, X, beta = rng.normal(size=(3, 6)), rng.normal(size=(4, 6)), 0.7
attention = keras.layers.Attention(dtype="float64")
new = modern_update_forward(state, X, beta)
attended = ops.convert_to_numpy(attention([beta * state[None], X[None]]))[0]
print(f"largest difference, new state    {np.abs(new - attended).max():.1e}")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    upstream = rng.normal(size=new.shape)
    query, value = tf.Variable(state), tf.Variable(X)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(attention([beta * query[None], value[None]])[0] * upstream)
    taped = tape.gradient(loss, [query, value])
    answers = modern_update_backward(upstream, state, X, beta)
    for name, mine, theirs in zip(("dstate", "dpatterns"), answers, taped, strict=True):
        print(f"largest difference, {name:12s} {np.abs(mine - theirs).max():.1e}")

# %% [markdown] tags=["lang:en"]
# ## 5. Run it
#
# ### Recall, frame by frame
#
# Six pictures of 20 × 20 units are stored by your `hebb`. In the arrow below, 35 % of the units are turned over at
# random. The film visits the units in a random order and keeps a frame after every 50 of them.

# %% tags=["demo"]
# Shows a recall frame by frame: an arrow with 35 % of its units turned over.
names = corpora.UNLIKE_PICTURES
W, b = hebb(stored), np.zeros(400)
order = np.random.default_rng(3).permutation(400)
noisy = corpora.flip_units(stored, 0.35, seed=4)
frames = memory.film(noisy[0], W, b, order, updates=400, every=50)
whole = recall(noisy, W, b, order, sweeps=10)
print("wrong units in each frame: ", (frames != stored[0]).sum(axis=1))
print("after your recall, all six:", (whole != stored).sum(axis=1))

memory.picture_grid(
    {"": frames},
    [f"{k} visits" for k in range(0, 401, 50)],
    "One sweep over the units, and the arrow is back",
    height=1.7,
)

# %% [markdown] tags=["lang:en"]
# Now the same with your `energy` beside it, after every 10 visits, for three noisy pictures and for a state of pure chance.

# %% tags=["demo"]
# Shows the energy falling, every 10 visits, from three noisy pictures and from a random state.
chance = np.random.default_rng(8).choice([-1.0, 1.0], 400)
starts = {"arrow, 35 % noise": noisy[0], "ring, 35 % noise": noisy[1], "waves, 35 % noise": noisy[5], "chance": chance}
falling = {}
for name, start in starts.items():
    frames = memory.film(start, W, b, order, updates=1200, every=10)
    falling[name] = energy(frames, W, b)
    overlaps = frames[-1] @ stored.T / 400
    nearest = np.abs(overlaps).argmax()
    print(
        f"{name:18s} energy {falling[name][0]:7.1f} → {falling[name][-1]:7.1f}, largest rise "
        f"{max(np.diff(falling[name]).max(), 0):.1e}, ends at overlap {overlaps[nearest]:5.2f} with {names[nearest]}"
    )
print("energy of the stored pictures:", energy(stored, W, b).round(1))

figures.lines(
    falling,
    "Every flip lowers the energy, until nothing flips",
    "units visited",
    "energy (no unit)",
    x=np.arange(0, 1201, 10),
)

# %% [markdown] tags=["lang:en"]
# Flat stretches are visits to units that agreed with their field already. Nowhere does the energy rise. The state
# of chance came to rest at overlap −1: the *negative* of the checkers, a valley as deep as that of the checkers
# themselves.
#
# ### How much noise?
#
# Move the slider, if you have one: it sets the share of units turned over.

# %% tags=["demo"]
# Shows recall from more and more noise (a slider where there can be one).
picked = (0, 3, 5)


def recall_at(share):
    """Three damaged pictures and what your recall makes of them, for one share of noise."""
    given = corpora.flip_units(stored, share, seed=6)[list(picked)]
    return given, recall(given, W, b, order, sweeps=20)


def draw(share):
    given, rested = recall_at(share)
    wrong = (rested != stored[list(picked)]).sum()
    title = f"{share:.0%} of the units turned over: {wrong} of 1,200 wrong after recall"
    return memory.picture_grid({"given": given, "at rest": rested}, [names[k] for k in picked], title, height=4.2)


def draw_levels():
    levels = (0.1, 0.3, 0.4, 0.45, 0.5, 0.6, 0.9)
    pairs = [[states[0] for states in recall_at(share)] for share in levels]
    rows = {"given": [pair[0] for pair in pairs], "at rest": [pair[1] for pair in pairs]}
    return memory.picture_grid(
        rows,
        [f"{share:.0%}" for share in levels],
        "At 40 % noise recall still mends the arrow; at 90 % it finds the negative",
        height=2.75,
    )


print("share turned over   wrong after recall, mean over 6 pictures and 20 draws each")
for share in (0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5):
    many = np.concatenate([corpora.flip_units(stored, share, seed=100 + k) for k in range(20)])
    error = np.mean(recall(many, W, b, order, sweeps=20) != np.tile(stored, (20, 1)))
    print(f"{share:10.0%} {error:20.4f}")
widgets.explore(draw, draw_levels, "noise", (0.0, 1.0, 0.3))

# %% [markdown] tags=["lang:en"]
# ### How much fits?
#
# First the one-step error, with your `synchronous_step`: 20 networks of 400 units with 55 random patterns each, a
# load of 0.1375, beside the exact value and the limit for many units.

# %% tags=["demo"]
# Shows the one-step error: simulated, exact (binomial), and the limit for many units beside published values.
rng = np.random.default_rng(1)
once = []
for _ in range(20):
    patterns = rng.choice([-1.0, 1.0], (55, 400))
    once.append(np.mean(synchronous_step(patterns, hebb(patterns), np.zeros(400)) != patterns))
once = np.array(once)
print(f"400 units, 55 patterns, simulated   {once.mean():.5f} ± {once.std(ddof=1) / 20**0.5:.5f} (standard error)")
print(f"400 units, 55 patterns, exact       {memory.one_step_error(400, 55):.5f}")
print(f"many units, load 0.1375             {memory.one_step_error_of_large_networks(0.1375):.5f}")
print(f"many units, load 0.138              {memory.one_step_error_of_large_networks(0.138):.5f}  published: .00355")
print("\nload   many units   published (Hertz, Krogh and Palmer 1991, table 2.1)")
for load, published in ((0.105, ".001"), (0.138, ".0036"), (0.185, ".01"), (0.37, ".05"), (0.61, ".1")):
    print(f"{load:5.3f} {memory.one_step_error_of_large_networks(load):10.4f}   {published}")

# %% [markdown] tags=["lang:en"]
# Now the final error. **What is measured:** $N = 400$ units, zero diagonal, random patterns. Start at each stored pattern
# itself, update asynchronously until nothing changes, and take the share of wrong bits over all patterns of the
# network. One network gives one number; below is the mean over many networks with its standard error.
#
# Your `capacity_curve` does it for one network. Many networks are done by `memory.final_errors`, which follows the same
# rule and is faster, because it corrects the fields after each flip where you compute them anew. The cell first makes sure that the two agree to the
# last bit.

# %% tags=["demo"]
# Shows the final error at five loads, 400 units, 60 networks each, with standard errors. Takes about 10 s.
units, loads = 400, np.array([0.12, 0.138, 0.15, 0.18, 0.25])
counts = np.round(units * loads).astype(int)

one = np.random.default_rng(11).choice([-1.0, 1.0], (counts[1], units))
yours = capacity_curve(one, counts[:2], np.arange(units), 200)
last = memory.settle(one[None], memory.counted_weights(one[None]))
print(
    f"one network, {counts[1]} patterns: your capacity_curve {yours[1]:.6f}, the fast one {np.mean(last[0] != one):.6f}\n"
)

rng = np.random.default_rng(12)
print("                  one step    at rest, 60 networks              one network   many units,")
print("load   patterns   (exact)     mean   ± s.e.    middle one    spread (s.d.)   in theory")
middle = {}  # between which numbers the middle 95 % of the single networks lie
for count in counts:
    errors = memory.final_errors(units, int(count), 60, rng)
    theory = memory.final_error_of_large_networks(count / units)
    in_theory = "forgotten" if np.isnan(theory) else f"{theory:.4f}"
    middle[count] = np.quantile(errors, [0.025, 0.975])
    print(
        f"{count / units:6.4f} {count:6d} {memory.one_step_error(units, int(count)):12.5f} {errors.mean():9.4f}  {errors.std(ddof=1) / 60**0.5:.4f} "
        f"{np.median(errors):11.4f} {errors.std(ddof=1):14.4f} {in_theory:>15s}",
        flush=True,
    )
top, error = memory.capacity_of_large_networks()
low, high = middle[55]
print(f"\n55 patterns: the middle 95 % of the single networks lie between {low:.3f} and {high:.3f}")
print(f"largest load of large networks, by the formula below: {top:.4f}, with {error:.4f} of the bits wrong")

# %% [markdown] tags=["lang:en"]
# The last column is theory, for infinitely many units. Amit, Gutfreund and Sompolinsky (1985) found equations for the
# overlap $m$ of the state at rest with its pattern. Brought into one, with a helping number $y$, they are
#
# $$m = \operatorname{erf}(y), \qquad \alpha = \tfrac12 \left( \frac{\operatorname{erf}(y)}{y} - \frac{2}{\sqrt\pi}\,
# e^{-y^2} \right)^{\!2}, \qquad \text{error} = \frac{1 - m}{2}$$
#
# Follow $y$ down from large values: $\alpha$ grows, and so does the error, until $\alpha$ reaches its largest value, 0.1379, where
# 1.6 % of the bits are wrong. Beyond, there is no state at rest near the pattern any more: an edge, and memory falls off it.
# They published it as 0.138.
#
# How do our numbers stand to that? With 400 units the edge is blurred. Below it we find *more* errors than theory has
# (.0052 for .0034, .0199 for .0135): in a small network now and then a pattern tips over altogether, and loses a third
# of its bits. Above it we find *fewer* (.0375 and .1275, where a large network has lost everything), since now and then a
# pattern survives. For the same reason the numbers are treacherous: look at the spread. At 55 patterns (load .1375) the middle 95 % of these single networks lie between
# .006 and .049. So a measurement needs many networks, and says how many. With 1,000 networks at each load
# (400 at the last) the five means were .0054, .0191, .0365, .1243 and .2973, with standard errors of .0001, .0004, .0005,
# .0009 and .0008.

# %% tags=["demo"]
# Shows the capacity curve for 100, 400 and 800 units beside theory. Takes about 15 s.
measured = {}
for units, trials in ((100, 600), (400, 20), (800, 4)):
    loads = np.array([0.08, 0.1, 0.12, 0.13, 0.14, 0.16, 0.18, 0.22, 0.3])
    rng = np.random.default_rng(units)
    runs = [memory.final_errors(units, round(load * units), trials, rng) for load in loads]
    means = np.array([errors.mean() for errors in runs])
    measured[units] = (loads, means, np.array([errors.std(ddof=1) / trials**0.5 for errors in runs]))
    print(f"{units:5d} units, {trials:3d} networks at each load:", means.round(3), flush=True)
memory.capacity_figure(measured, "The more units, the sharper the edge where memory breaks down")

# %% [markdown] tags=["lang:en"]
# The more units, the sharper the edge. Left of it, the error at rest is little more than that of one step: the avalanche
# dies out. Right of it the first errors bring down the rest. (An error of .35 is less than the .5 of chance, so a trace of the pattern
# remains, but nobody would know it again.)
#
# You will meet several numbers for "the" capacity:
#
# * **0.15 N**: Hopfield (1982), a rule of thumb from simulations with 30 and 100 units: about so many before errors
#   become severe. Your curve for 100 units shows why nobody would have drawn a sharper line.
# * **0.138 N**: Amit, Gutfreund and Sompolinsky (1985), for infinitely many units, *with* 1.6 % of wrong bits. One assumption in
#   their calculation is not quite right there. Doing without it gave first 0.144 (Crisanti, Amit and Gutfreund 1986), later
#   0.1382 (Steffan and Kühn 1994).
# * **N / (2 ln N)**: McEliece and others (1987), if most patterns are to come back *without any* wrong bit: 33 for
#   400 units, and half of that if all of them are to.

# %% [markdown] tags=["lang:en"]
# ### Hebb's rule beside the delta rule
#
# Random patterns are the good case: they have little to do with each other. Pictures of things are alike. Here are eight with their
# black in the middle. Hebb's rule adds them up, and what they share wins.
#
# The **delta rule** (Widrow and Hoff 1960) looks at what is still missing: each field is to *equal* the unit, $h_i =
# \xi_i$, and the weights take a step down the squared error $\frac12 \sum_\mu \sum_i (\xi^\mu_i - h^\mu_i)^2$. With $e = \xi - h$
# for what is missing and $\eta$ for the step size, the gradient gives $\Delta W_{ij} = \frac{\eta}{N} \sum_\mu \xi^\mu_i e^\mu_j$. We take half of this and
# half of its transpose, so that links stay undirected, and set the diagonal to 0. (For Hopfield networks: Diederich and
# Opper 1987.) Hebb's rule is the first step of it: there $h$ is 0 and all of $\xi$ is missing.

# %% tags=["demo"]
# Shows eight pictures that are alike, stored by Hebb's rule and by the delta rule; then random patterns.
alike = corpora.draw_pictures(corpora.ALIKE_PICTURES)
learned, missing = memory.delta_rule(alike, rate=0.3, passes=200)
given = corpora.flip_units(alike, 0.2, seed=2)
by_rule = {name: recall(given, V, b, order, sweeps=30) for name, V in (("Hebb", hebb(alike)), ("delta", learned))}
print("mean overlap between two pictures:", round((alike @ alike.T / 400)[np.triu_indices(8, 1)].mean(), 2))
for name, rested in by_rule.items():
    print(f"{name:6s} wrong units after recall, of 400:", (rested != alike).sum(axis=1))
print(f"delta rule, mean squared error of the fields: {missing[0]:.2f} → {missing[-1]:.1e} in {len(missing)} passes")

print("\nrandom patterns, 400 units, starting with 10 % of the units turned over: share of wrong bits at rest")
print("patterns      Hebb     delta")
for count in (20, 40, 60, 100, 160):
    patterns = np.random.default_rng(count).choice([-1.0, 1.0], (count, 400))
    given_too = corpora.flip_units(patterns, 0.1, seed=count)
    learned_too, _ = memory.delta_rule(patterns, rate=0.5, passes=100)
    shares = [np.mean(recall(given_too, V, b, order, sweeps=40) != patterns) for V in (hebb(patterns), learned_too)]
    print(f"{count:6d} {shares[0]:11.4f} {shares[1]:9.4f}", flush=True)

memory.picture_grid(
    {"stored": alike, "20 % noise": given, "Hebb": by_rule["Hebb"], "delta rule": by_rule["delta"]},
    corpora.ALIKE_PICTURES,
    "Alike pictures melt into one under Hebb's rule; the delta rule tells them apart",
)

# %% [markdown] tags=["lang:en"]
# Under Hebb's rule all eight end as the same blob, whichever you start from: it is what they have in common, added up eight
# times. The delta rule learns only what is missing, so what they share is learned once. With random patterns Hebb breaks down at about 60 of
# 400, and the delta rule has no error at 160. It has a price: it must see all the patterns again and again, while
# Hebb's rule looks at each once, and can add a new one at any time.
#
# ### Two puzzles
#
# Hopfield and Tank (1985) turned the view round: do not choose the weights so that known states lie in the valleys, choose them so that
# $E$ is *what you want to have small*, and let the network look for the state. They did it with units of real numbers, for
# the shortest tour through ten cities. Ours stay at ±1.
#
# **Max-cut.** Given a graph, put each node on one of two sides so that as many edges as possible have their ends on
# different sides. Let $A_{ij}$ be 1 where $i$ and $j$ are joined, else 0, and $s_i$ the side of node $i$. An edge is cut if $s_i s_j = -1$,
# so the number of edges cut is $\sum_{i<j} A_{ij} \frac{1 - s_i s_j}{2}$. Choose $W = -A$ and $b = 0$: then $E =
# \sum_{i<j} A_{ij} s_i s_j$, and
#
# $$\text{cut} = \tfrac12 \left( \text{number of edges} - E \right)$$
#
# Falling energy is a growing cut.

# %% tags=["demo"]
# Shows max-cut on a graph of 16 nodes: 500 recalls from random states beside the best of all 32,768 cuts.
A = memory.random_graph(16, 0.4, np.random.default_rng(5))
edges, none = A.sum() / 2, np.zeros(16)
best = ((edges - energy(memory.all_states(16), -A, none)) / 2).max()
starts = np.random.default_rng(6).choice([-1.0, 1.0], (500, 16))
ends = recall(starts, -A, none, np.random.default_rng(7).permutation(16), sweeps=50)
before, after = ((edges - energy(s, -A, none)) / 2 for s in (starts, ends))
print(f"{edges:.0f} edges; the best cut, found by trying everything, has {best:.0f}")
print(
    f"random states: mean {before.mean():.1f}, best {before.max():.0f}; {np.mean(before == best):.1%} of them have the best cut"
)
print(
    f"after recall:  mean {after.mean():.1f}, worst {after.min():.0f}; {np.mean(after == best):.1%} of them have the best cut"
)
k = int(np.where(after == best, before, np.inf).argmin())
memory.cut_figure(A, starts[k], ends[k], "Falling energy cuts a graph in two")

# %% [markdown] tags=["lang:en"]
# A state at rest cuts at least half of the edges, whatever the graph: at each node at least half of the edges are
# cut, or it would change sides. It need not be the best: a valley is the lowest place *near by*.
#
# **Eight queens.** Put eight queens on a chessboard so that none attacks another. One unit for each square, $x_i = (s_i
# + 1)/2$ is 1 where a queen stands, and what should be small is
#
# $$2 \cdot (\text{pairs that attack each other}) + 2 \cdot (8 - \text{queens})$$
#
# It is 0 for a solution. With $x_i x_j = \frac14 (1 + s_i)(1 + s_j)$, a pair that attacks each other gets the weight
# $W_{ij} = -\frac12$, and what is left over in $s_i$ alone is the bias: $b_i = 1 - \frac12\,(\text{number of squares that
# attack } i)$. Here a bias is needed: it is what puts queens on the board at all.

# %% tags=["demo"]
# Shows eight queens by falling energy, from 3,000 random boards.
W_queens, b_queens, constant = memory.queens_network(8)
rng = np.random.default_rng(0)
starts = rng.choice([-1.0, 1.0], (30, 100, 64))
ends = np.concatenate([recall(s, W_queens, b_queens, rng.permutation(64), sweeps=50) for s in starts])  # 30 orders
wrong = energy(ends, W_queens, b_queens) + constant
queens = (ends > 0).sum(axis=1)
solved = ends[wrong == 0]
print(f"boards with fewer than eight queens: {np.sum(queens < 8):,}")
print(f"boards that solve it: {len(solved)} of 3,000, {len(np.unique(solved, axis=0))} different ones (there are 92)")
for cost in range(2, 8, 2):
    print(
        f"  cost {cost}: {np.sum(wrong == cost)}, of them without any attack {np.sum((wrong == cost) & (queens == 8 - cost / 2))}"
    )
stuck = ends[(wrong == 2) & (queens == 7)][0]
memory.boards(
    {"a random start": starts[0, 0], "stuck with seven queens": stuck, "solved": solved[0]},
    "Few valleys are solutions: most boards get stuck with a queen missing",
)

# %% [markdown] tags=["lang:en"]
# Not two in a hundred boards are solved. (Each batch of 100 had its own order of the units; 28 of the 92 solutions turned up.) From every other one the energy cannot fall, though a solution with less
# energy exists elsewhere. Wilson and Pawley (1988) repeated Hopfield and Tank's tours and reported much the same: most of their
# runs ended in no valid tour. Falling energy gives *a* valley, not the lowest. The way out is to let the energy rise now and then, by
# noise that is slowly taken away (simulated annealing: Kirkpatrick, Gelatt and Vecchi 1983; with hidden units, the Boltzmann machine:
# Ackley, Hinton and Sejnowski 1985).
#
# ### The modern update
#
# Eight pictures that are alike, which Hebb's rule could not hold; one step of your `modern_update_forward` from a noisy
# moon, with different $\beta$.

# %% tags=["demo"]
# Shows one modern update from a noisy moon at five temperatures, and its energy falling.
moon = corpora.flip_units(alike, 0.25, seed=3)[4:5]


def modern_energy(state, patterns, beta):
    """The energy of section 2, for one state (1, units)."""
    scores = beta * (state @ patterns.T)[0]
    top = scores.max()
    return -(top + np.log(np.exp(scores - top).sum())) / beta + 0.5 * float((state**2).sum())


shown, betas = [moon[0]], (0.001, 0.01, 0.02, 0.05, 0.2)
for beta in betas:
    new = modern_update_forward(moon, alike, beta)
    shown.append(new[0])
    again = modern_update_forward(new, alike, beta)
    energies = [modern_energy(state, alike, beta) for state in (moon, new, again)]
    wrong = np.sum(np.sign(new[0]) != alike[4])
    print(
        f"β = {beta:5.3f}: wrong signs {wrong:3d} of 400; energy {energies[0]:9.1f} → {energies[1]:9.1f} → {energies[2]:9.1f}"
    )
memory.picture_grid(
    {"": shown},
    ["given", *(f"β = {beta}" for beta in betas)],
    "A small β mixes all the pictures, a large one picks the most alike",
    height=2.1,
)

# %% tags=["demo"]
# Shows how many patterns come back, classical and modern, from 10 % noise, 64 units.
counts = np.array([2, 4, 6, 9, 12, 16, 32, 64, 128, 256, 512, 1024])
classical, modern = [], []
for count in counts:
    rng, wrong = np.random.default_rng(count), []
    for trial in range(max(1, 100 // count)):  # the fewer patterns, the more networks
        patterns = rng.choice([-1.0, 1.0], (count, 64))
        start = corpora.flip_units(patterns, 0.1, seed=trial)
        rested = recall(start, hebb(patterns), np.zeros(64), rng.permutation(64), sweeps=30)
        mixed = np.sign(modern_update_forward(start, patterns, 0.5))
        wrong.append((np.mean(rested != patterns), np.mean(mixed != patterns)))
    for curve, share in zip((classical, modern), np.mean(wrong, axis=0), strict=True):
        curve.append(share)
print("patterns      ", *(f"{count:6d}" for count in counts))
print("classical     ", *(f"{error:6.3f}" for error in classical))
print("modern, 1 step", *(f"{error:6.3f}" for error in modern))
print(f"wrong bits of the modern update with 1,024 patterns: {np.sum(mixed != patterns)} of {patterns.size:,}")
figure = figures.lines(
    {"classical (Hebb, recall)": np.array(classical), "modern, one step": np.array(modern)},
    "With 64 units, the modern update holds 1,024 patterns",
    "patterns stored",
    "share of wrong bits (no unit)",
    x=counts,
)
figure.axes[0].set_xscale("log", base=2)
figure

# %% [markdown] tags=["lang:en"]
# With a small $\beta$ the new state is a blur of all eight pictures, with a large one it is the moon, after *one* step. And the
# energy fell each time. The second figure is the surprise. The classical network of 64 units breaks down at nine patterns,
# which is $0.14 \cdot 64$. The modern one brings back 1,024 patterns, sixteen times as many as it has units, without
# one wrong bit in this run. The exponential makes the most alike pattern win by so much that the others' crosstalk does not count; the number that
# fits grows exponentially with the units (Demircigil and others 2017; Ramsauer and others 2020).
#
# It has a price too. The classical network keeps $N \times N$ weights, however many patterns went in. The modern one keeps every pattern,
# $P \times N$ numbers, and looks at all of them at each step. That is how a Transformer remembers (lesson 12).
#
# ### A melody
#
# So far the network goes to a place and stays. A melody must go *on*. Let each note be a random pattern of 400 units,
# and play them in a ring. Now make a link from what is on to what should be on *next*:
#
# $$W_{ij} = \frac1N \sum_\mu \xi^\mu_i\, \xi^{\mu+1}_j$$
#
# This $W$ is not symmetric: $W_{ij}$ asks whether $i$ now goes with $j$ later, and $W_{ji}$ asks the reverse. The links have a
# direction. (Amari 1972 stored sequences this way; Hopfield 1982 tried it too.) Beside it stands the same matrix made
# undirected, $\frac12 (W + W^T)$, and then a melody in which one note comes twice. All run with your `synchronous_step`; the
# grey tells the overlap of the state with each note.

# %% tags=["demo"]
# Shows eight notes played by directed links, by the same links undirected, and a melody that repeats a note.
rng = np.random.default_rng(2)
notes = ("C", "D", "E", "F", "G", "A", "B", "c")
sound = rng.choice([-1.0, 1.0], (8, 400))


def links(melody):
    """Weights from each note of a melody to the next one, around in a ring."""
    now = sound[[notes.index(note) for note in melody]]
    return now.T @ np.roll(now, -1, axis=0) / 400


def play(weights, start, steps=24):
    """Overlaps of the state with each note, step by step, under synchronous updates. Shape (steps + 1, notes)."""
    state, heard = sound[[notes.index(start)]], []
    for _ in range(steps + 1):
        heard.append((state @ sound.T / 400)[0])
        state = synchronous_step(state, weights, np.zeros(400))
    return np.array(heard)


directed = links("CEGcAFDB")
undirected = (directed + directed.T) / 2
heard = {
    "C E G c A F D B, directed": play(directed, "C"),
    "the same links, undirected": play(undirected, "C"),
    "C D E C G A F B, directed": play(links("CDECGAFB"), "C"),
}
for name, overlaps in heard.items():
    best_notes = "".join(
        notes[k] if m > 0.9 else "·" for k, m in zip(overlaps.argmax(axis=1), overlaps.max(axis=1), strict=True)
    )
    print(f"{name:28s} notes above an overlap of .9: {best_notes}")
rested = recall(sound[:1], undirected, np.zeros(400), order, sweeps=50)
print("undirected, one unit at a time: overlaps at rest", (rested @ sound.T / 400)[0].round(2))
memory.rolls(heard, notes, "Directed links play on; undirected ones cannot; and a repeated note confuses")

# %% [markdown] tags=["lang:en"]
# Directed, the eight notes go round and round. The same links undirected lose the tune at once: under synchronous steps the network ends in the cycle
# of two that section 2 promised, and one unit at a time it comes to rest in a mixture of many notes. Why it must, you
# will say yourself in section 7. All that you need is in section 2.
#
# The third melody is C D **E C G** A F B. Its links are directed, yet C is followed by D the first time and by G the second. From
# C the network goes to something between D and G, and the tune is lost. The state says *which note sounds*, not *where in the
# melody we are*. To know that, a network needs a state that holds more than what is heard: a **hidden** state, which is
# lesson 04.

# %% [markdown] tags=["lang:en"]
# ## 6. What goes wrong
#
# ### All at once
#
# Synchronous steps in random undirected networks: each of 300 starts is followed until it repeats.

# %% tags=["demo"]
# Shows a synchronous 2-cycle: the energy jumps up and down for ever; one unit at a time, it falls.
rng = np.random.default_rng(3)
upper = np.triu(rng.normal(size=(100, 100)), 1)
V, none = (upper + upper.T) / 10, np.zeros(100)
path = [rng.choice([-1.0, 1.0], (300, 100))]
for _ in range(200):
    path.append(synchronous_step(path[-1], V, none))
path = np.array(path)  # (time, starts, units)
fixed, two = (np.all(path[-1] == path[-1 - period], axis=1) for period in (1, 2))
print(
    f"after 200 steps: at rest {fixed.sum()}, in a cycle of two {(two & ~fixed).sum()}, anything else {(~two).sum()}, of 300"
)

k = int(np.flatnonzero(two & ~fixed)[0])
steps = 25
at_once = energy(path[: steps + 1, k], V, none)
two_states = np.array([-path[t, k] @ V @ path[t - 1, k] / 2 for t in range(1, steps + 1)])
alone = np.array(
    [
        energy(recall(path[0, k][None], V, none, np.arange(100), t), V, none)[0] if t else at_once[0]
        for t in range(steps + 1)
    ]
)
print("synchronous, energy of the last steps:", at_once[-4:].round(2))
figure, axes = figures.panel(
    "All at once, the energy need not fall: this start ends in a cycle of two", "step or sweep", "energy (no unit)"
)
axes.plot(at_once, color=figures.COLORS[1], linestyle="--", marker="s", label="E, all units at once")
axes.plot(
    np.arange(1, steps + 1),
    two_states,
    color=figures.COLORS[2],
    linestyle="-.",
    marker="^",
    label="F / 2 of two states in a row",
)
axes.plot(alone, color=figures.COLORS[0], linestyle="-", marker="o", label="E, one unit after the other")
figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
figure

# %% [markdown] tags=["lang:en"]
# All 300 end in a cycle of two, none in anything longer, as derived. The energy jumps for ever between the two states. What
# falls is $F$ (drawn halved, because at rest $F = 2E$). With Hebb's weights and few patterns, synchronous steps mostly do come to rest, so the mistake may go unnoticed
# until the load grows.
#
# ### A diagonal that was left in
#
# With the $1/N$ sum on the diagonal as well, $W_{ii} = P/N = \alpha$: each unit votes for itself. Stored patterns then stay
# where they are, and the capacity test looks splendid. It measures stubbornness. The next cell also starts with
# 20 % of the units turned over.

# %% tags=["demo"]
# Shows what typical mistakes do: diagonal kept, units 0 and 1, the sign of 0, and states that nobody stored.
rng = np.random.default_rng(9)
print("share of wrong bits at rest, 200 units, 5 networks at each load")
print("          start: the pattern itself           start: 20 % turned over")
print("load      zero diagonal   diagonal kept       zero diagonal   diagonal kept")
for load in (0.05, 0.15, 0.25, 1, 4):
    patterns = rng.choice([-1.0, 1.0], (5, round(200 * load), 200))
    damaged = np.stack([corpora.flip_units(p, 0.2, seed=k) for k, p in enumerate(patterns)])
    shares = [
        np.mean(memory.settle(start, memory.counted_weights(patterns, diagonal)) != patterns)
        for start in (patterns, damaged)
        for diagonal in (False, True)
    ]
    print(f"{load:4.2f} {shares[0]:16.4f} {shares[1]:15.4f} {shares[2]:19.4f} {shares[3]:15.4f}", flush=True)

zero_one = (stored > 0) * 1.0
V = zero_one.T @ zero_one / 400
np.fill_diagonal(V, 0)
rested = recall(stored, V, b, order, sweeps=20)
print(f"\nHebb's rule on units 0 and 1: {np.mean(rested == 1):.0%} of all units end at +1")
four, many = rng.choice([-1.0, 1.0], (4, 64)), rng.choice([-1.0, 1.0], (1000, 64))
print(
    f"four patterns, 64 units, 1,000 random states: np.sign makes {np.mean(np.sign(many @ hebb(four)) == 0):.1%} of the units 0"
)

random_patterns = rng.choice([-1.0, 1.0], (7, 400))
mixture = np.sign(random_patterns[:3].sum(axis=0))[None]
V = hebb(random_patterns)
rested = recall(mixture, V, b, order, sweeps=20)
print("\nseven random patterns; the majority of the first three of them, after recall:")
print("  overlaps with the seven:", (rested @ random_patterns.T / 400)[0].round(2))
print(f"  energy {energy(rested, V, b)[0]:.1f}; of the stored ones {energy(random_patterns, V, b).mean():.1f}")
opposite = recall(-random_patterns, V, b, order, sweeps=20)
print("  the opposites of the stored ones stay as they are:", np.array_equal(opposite, -random_patterns))

# %% [markdown] tags=["lang:en"]
# * **The diagonal.** From the pattern itself there are few errors when the diagonal is kept, and at load 4 even fewer than
#   at load 1: what a marvellous memory. Now start with 20 % of the units turned over. At loads 1 and 4, about 20 % are
#   wrong in the end: nothing was mended. Every unit votes for itself with the weight $P/N$, and at a high load it
#   outvotes the rest. (A small self-vote is not all bad. At loads 0.15 and 0.25 the last column is better than its
#   neighbour: a unit that hesitates to flip does not mislead the others. Folli, Leonetti and Ruocco 2017 study such networks. But few
#   errors from a start without error say nothing about recall.)
# * **Units 0 and 1.** Then Hebb's rule has no negative weights. Everything pulls, and most of the picture turns black.
# * **The sign of 0.** With an even number of patterns, a field is often exactly zero, and `np.sign` makes a unit 0, which
#   is neither state.
# * **States that nobody stored.** The majority of three patterns is a valley too, not as deep, and so is the opposite
#   of every pattern, just as deep (Amit, Gutfreund and Sompolinsky 1985).
#
# And sentences that you may meet in print, and that are wrong as they stand:
#
# * *"0.138 N patterns can be stored without error."* At 0.138 N, 1.6 % of the bits are wrong, in a network of infinitely many units.
# * *"The error at capacity is 0.36 %."* That is the error after *one* step; at rest it is more than four times that.
# * *"A Hopfield network always converges."* One unit at a time and with undirected links it does. All at once it may cycle.
# * *"It finds the minimum of the energy."* It finds *a* minimum near by.
#
# ## 7. Think
#
# Answer in your own words, in about 150 to 300 words.

# %% [markdown] tags=["lang:en", "question:hopfield.think"]
# **Why can a Hopfield network not hold a melody?**
#
# 1. The notes of a melody are stored as patterns by Hebb's rule, and the network starts at the first note. Say what
#    happens, and what forces it to: start from the links, go on to the energy, and say where this must end.
# 2. At which point does the argument need $W_{ij} = W_{ji}$? What becomes of it without?
# 3. How could the weights be changed so that one note brings the next? What is lost by that? And why would even this fail at a melody
#    in which one note comes twice, each time followed by another note?
