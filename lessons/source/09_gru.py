# ---
# title:
#   en: "GRU and deep recurrent networks"
#   ja: "GRUと深い再帰ネットワーク"
# automatic_points: 40
# written_points: 10
# ---

# %% [markdown] tags=["lang:en"]
# # GRU and deep recurrent networks
#
# The LSTM of lesson 08 has two states and three gates. The gated recurrent unit (GRU; Cho et al. 2014) makes do with
# one state and two gates. In the first half of this lesson you build it, in both of the conventions in which it is in
# use, and exchange weights with Keras. In the second half networks grow in another direction: you stack recurrent
# layers, let layers read a sequence from both ends, and measure what depth buys and what it costs.

# %% [markdown] tags=["lang:ja"]
# # GRUと深い再帰ネットワーク

# %% tags=["setup"]
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras  # TensorFlow may print lines about CUDA below: they do no harm
import numpy as np
from keras import ops

from autograder import check
from unrolled import corpora, figures, gru_deep, lstm, widgets

figures.use_style()


def sigmoid(a):
    """The logistic function σ(a) = 1 / (1 + exp(-a)), element by element. It does not overflow."""
    return 0.5 * (1 + np.tanh(0.5 * a))


# %% [markdown] tags=["lang:en"]
# ## 1. Why
#
# Here is a memory with a single number in it: how much of the old state stays. Call this share $z$:
#
# $$h_t = z\,h_{t-1} + (1 - z)\,x_t$$
#
# What enters fades by the factor $z$ at each step, so the unit shows a mean over about $1/(1-z)$ steps: two for
# $z = 0.5$, twenty for $z = 0.95$. The next cell lets such units follow a level that jumps every 40 steps, seen through
# noise (standard deviation .3). A short memory is quick and noisy. A long one is smooth and late. The third unit has
# *two* shares: 0.5 for five steps after a jump, else 0.95.

# %% tags=["demo"]
# Shows units with a fixed and with a changing share that stays, following a level that jumps.
followed = gru_deep.follow_levels(120, 40, 0.3, np.random.default_rng(3))
many = [gru_deep.follow_levels(120, 40, 0.3, np.random.default_rng(seed)) for seed in range(1000)]
since = np.arange(120) % 40
late = np.arange(120) >= 40  # not the first level, where there was no jump
print("root mean squared error, 1,000 runs    5 to 9 steps after a jump    30 to 39 steps after")
for name in ("z = 0.5", "z = 0.95", "z set at every step"):
    squares = np.mean([(run[name] - run["level"]) ** 2 for run in many], axis=0)
    soon, settled = (
        np.sqrt(squares[late & (since >= low) & (since < high)].mean()) for low, high in ((5, 10), (30, 40))
    )
    print(f"{name:30s} {soon:30.3f} {settled:27.3f}")

gru_deep.levels_figure(followed, "One share is too slow or too noisy: it has to change when something happens")

# %% [markdown] tags=["lang:en"]
# Shortly after a jump the long memory is off by half a unit, three times as much as the short one. After thirty steps it
# has nearly settled and is the better one, and the short one is still as noisy as before. The third unit is as quick as the short memory and, later, less
# than half as noisy. It was told when the jumps are. A GRU computes its share from what it sees, one for each unit and
# each step, and learns to.
#
# Two questions were left open by lesson 08. Does a memory cell need all of an LSTM's parts? And all networks so far
# had *one* recurrent layer: what happens when there are more?
#
# ## 2. Derive
#
# ### From the LSTM to the GRU
#
# Start from the LSTM, $c_t = f \odot c_{t-1} + i \odot g$ and $h_t = o \odot \tanh(c_t)$, and take three things away.
#
# 1. **One gate for keeping and writing.** Let $i = 1 - f$: what is written replaces what is forgotten. Greff et al.
#    (2017) tried this among eight changes to the LSTM, and it did not make it significantly worse.
# 2. **One state.** Drop the output gate and the squashing behind the cell state. What is held is what is shown.
#    Nothing can grow without limit: $h_t$ is a mixture of the old state and a new value between −1 and 1, with shares
#    that add up to 1. A state that starts between −1 and 1 stays there.
# 3. Without the output gate every unit always speaks in the computation of the next new content. So there is a gate on
#    *that*: the **reset gate** $r$ says how much of the past the new content may see.
#
# | letter | what | shape |
# |---|---|---|
# | $x_t$ | input of step $t$ | (batch, features) |
# | $h_t$ | state after step $t$; $h_0$ is given | (batch, units) |
# | $z, r$ | update gate and reset gate of step $t$, between 0 and 1 | (batch, units) each |
# | $\tilde h$ | candidate: the new content of step $t$, between −1 and 1 | (batch, units) |
# | $ax$, $ah$ | what the input says and what the old state says, for $z$, $r$ and $\tilde h$ side by side | (batch, 3·units) each |
# | $W_x$ | kernel | (features, 3·units) |
# | $W_h$ | recurrent kernel | (units, 3·units) |
# | $b_x, b_h$ | the two rows of the bias $b$ | (3·units,) each; $b$: (2, 3·units) |
# | $T$ | number of steps; $t$ runs from 1 to $T$ | |
#
# With $\odot$ for the product element by element and $\sigma$ for the logistic function, one step is
#
# $$ax = x_t W_x + b_x \qquad\qquad ah = h_{t-1} W_h + b_h$$
# $$z = \sigma(ax_z + ah_z) \qquad r = \sigma(ax_r + ah_r) \qquad \tilde h = \tanh(ax_h + r \odot ah_h)$$
# $$h_t = z \odot h_{t-1} + (1 - z) \odot \tilde h$$
#
# Read them aloud. The **update gate** is the share of the old state that stays: $z = 1$ keeps everything, $z = 0$
# replaces it by the candidate. The **reset gate** at 0 lets the candidate be made from the input alone. The order of the
# three parts in kernel and bias is $z, r, h$: columns 0 to units − 1 belong to $z$, the next to $r$, the last to the
# candidate. That is Keras' order, so weights copy over as they are.
#
# ### Two conventions
#
# Above, the reset gate acts *after* the matrix product: it multiplies $ah_h = h_{t-1} W_{h,h} + b_{h,h}$ (with
# $W_{h,h}$ for the last third of the columns). It can also act *before* it:
#
# $$\text{after: } \tilde h = \tanh\big(ax_h + r \odot (h_{t-1} W_{h,h} + b_{h,h})\big) \qquad\qquad
# \text{before: } \tilde h = \tanh\big(x_t W_{x,h} + (r \odot h_{t-1})\, W_{h,h} + b_h\big)$$
#
# Both are called GRU, and both come from the same paper: the first two versions of Cho et al. (2014) on arXiv reset after
# the product, the third and later ones before it (noted by the author of the Keras code, pull request 8307 of
# keras-team/keras). NVIDIA's cuDNN library took the first form, and so does Keras by default (`reset_after=True`).
# What differs:
#
# * **Speed.** After: the whole product $h_{t-1} W_h$, three parts in one, can be made before any gate is known. Before:
#   the third part has to wait for $r$.
# * **Bias.** In the gates only the sum $b_x + b_h$ counts, one row would do. But in the candidate, after the product,
#   $b_{h,h}$ stands inside the reset gate's reach and $b_{x,h}$ outside. So the bias has two rows, shape (2, 3·units).
#   With the reset before the product one row is enough, shape (3·units,).
# * **Values.** With the same weights the two give different states. $(r \odot h)\,W$ and $r \odot (h\,W)$ are equal if
#   $W$ is diagonal, or if all gates of an example have the same value, and else they are not. Before, $r_k$ decides
#   whether *unit k is seen* by the others. After, $r_j$ decides whether *unit j sees* the others.
#
# By hand you build the first. Your Keras cell will do both.
#
# ### The backward pass of one step
#
# As before, $d$ of something is the gradient of the loss $L$ with respect to it, and has its shape. One state leaves the
# step, so one upstream gradient comes in: $dh_t$.

# %% tags=["demo"]
# Shows the computation graph of one step: values go right, gradients come back left.
gru_deep.step_graph()

# %% [markdown] tags=["lang:en"]
# Walk the graph from right to left.
#
# 1. **The mixture** $h_t = z \odot h_{t-1} + (1 - z) \odot \tilde h$. It has three inputs, and $z$ stands in it twice, so
#    it gets the sum of two:
#    $$dz = dh_t \odot h_{t-1} - dh_t \odot \tilde h \qquad d\tilde h = dh_t \odot (1 - z) \qquad
#    \text{and } h_{t-1} \text{ gets } dh_t \odot z \text{ directly}$$
#    Keep the last one in mind: it is the highway.
# 2. **The candidate's squashing.** Call its argument $a_h = ax_h + r \odot ah_h$. The slope of tanh in terms of its
#    result is $1 - \tilde h^2$, so $da_h = d\tilde h \odot (1 - \tilde h^2)$.
# 3. **Its argument** is a sum with a product in it. $ax_h$ gets $da_h$ as it is. Each factor of the product gets the
#    upstream times the other factor:
#    $$dr = da_h \odot ah_h \qquad\qquad \text{and } ah_h \text{ gets } da_h \odot r$$
#    (The whole $ah_h$, with its bias: the gate multiplies both.)
# 4. **The gates' squashings.** The slope of the logistic function in terms of its result is $\sigma(1 - \sigma)$:
#    $$da_z = dz \odot z(1 - z) \qquad\qquad da_r = dr \odot r(1 - r)$$
#    Their arguments are plain sums, $ax_z + ah_z$ and $ax_r + ah_r$, so both terms get the same.
# 5. **Side by side again**, once for what came from the input and once for what came from the old state. They differ in
#    the last third alone, by the reset gate:
#    $$dax = [\,da_z,\ da_r,\ da_h\,] \qquad\qquad dah = [\,da_z,\ da_r,\ da_h \odot r\,]$$
# 6. **The two products** $ax = x_t W_x + b_x$ and $ah = h_{t-1} W_h + b_h$. With $n$ running over the batch, $j$ over the 3
#    units columns, $m$ over features and $k$ over units:
#    $$dx_{nm} = \sum_j dax_{nj}\, W_{x,mj} \qquad dW_{x,mj} = \sum_n x_{nm}\, dax_{nj} \qquad db_{x,j} = \sum_n dax_{nj}$$
#    $$dW_{h,kj} = \sum_n h_{t-1,nk}\, dah_{nj} \qquad db_{h,j} = \sum_n dah_{nj}$$
#    The old state was used twice, in this product and in the mixture, so it gets the sum of both:
#    $$dh_{t-1,nk} = \sum_j dah_{nj}\, W_{h,kj} + dh_{t,nk}\, z_{nk}$$
#
# **The highway.** On the direct way a gradient is multiplied by $z$ at every step, unit by unit: no kernel, no squashing.
# It is the LSTM's $dc_{t-1} = dc \odot f$ again, with the update gate in the forget gate's place.
#
# (With the reset *before* the product, points 3 and 6 change for the candidate: call $q = r \odot h_{t-1}$. Then $dq$ is
# $da_h$ carried back through $W_{h,h}$, $dr = dq \odot h_{t-1}$, the old state gets $dq \odot r$, and $dW_{h,h}$ is made
# with $q$. You need not write it: in Keras the gradient follows from the forward pass.)
#
# ### Stacks
#
# A recurrent layer turns a sequence into a sequence. So another one can read that (Schmidhuber 1992; El Hihi and Bengio
# 1996). We take Elman's layers, because there the new thing is easiest to see. The lowest reads the input, layer
# $l > 1$ reads layer $l - 1$ *at the same step*:
#
# $$h^1_t = \tanh(x_t W_x + h^1_{t-1} W_h^1 + b^1) \qquad\qquad h^l_t = \tanh(h^{l-1}_t W_u^l + h^l_{t-1} W_h^l + b^l)$$
#
# Every layer has its own kernel, recurrent kernel, bias and initial state. In our arrays the layer is the **first axis**,
# counted from 0:
#
# | letter | array | what | shape |
# |---|---|---|---|
# | $x_t$ | `x[:, t]` | input (in Python the first step is `t = 0`) | `x`: (batch, time, features) |
# | $h^l_t$ | `h[l, :, t]` | states of layer $l$ | `h`: (layers, batch, time, units) |
# | $h^l_0$ | `h0[l]` | its state before the first step | `h0`: (layers, batch, units) |
# | $W_x$ | `Wx` | kernel of the lowest layer | (features, units) |
# | $W_u^l$ | `Wu[l - 1]` | kernel of a layer above it; the lowest has none here, hence the −1 | `Wu`: (layers − 1, units, units) |
# | $W_h^l$ | `Wh[l]` | recurrent kernel | `Wh`: (layers, units, units) |
# | $b^l$ | `b[l]` | bias | `b`: (layers, units) |
#
# The output of the stack is the sequence of its highest layer, `h[-1]`. But a loss may read any layer (in Graves, 2013,
# the output layer reads all of them), so the upstream gradient `dh` has the shape of `h`.

# %% tags=["demo"]
# Shows a stack unrolled in time, with the three gradients that meet at every state.
gru_deep.stack_graph(layers=2, steps=3)

# %% [markdown] tags=["lang:en"]
# A state $h^l_t$ is read by up to three others, so its gradient is a sum of up to three terms:
#
# $$\text{total}^l_t = \underbrace{dh^l_t}_{\text{the loss}} + \underbrace{\text{carry}^l_t}_{\text{step } t+1 \text{ of layer } l}
# + \underbrace{\text{above}^l_t}_{\text{layer } l+1 \text{ at step } t}$$
#
# Behind the last step there is no carry, and above the highest layer there is nothing. From here on it is lesson 04: with
# $da^l_t = \text{total}^l_t \odot (1 - (h^l_t)^2)$, the gradient of the sum below the squashing, and $n$ over the batch,
# $k$ and $j$ over units,
#
# $$\text{carry}^l_{t-1,nk} = \sum_j da^l_{t,nj}\, W^l_{h,kj} \qquad\qquad
# \text{above}^{l-1}_{t,nk} = \sum_j da^l_{t,nj}\, W^l_{u,kj}$$
#
# The first goes to the left, through the recurrent kernel. The second goes down, through the kernel by which the layer
# below came up; from the lowest layer it goes through $W_x$ and is $dx_t$. What goes left from the first step is $dh^l_0$.
# The weights of a layer are used at all of its steps:
#
# $$dW^l_{u,kj} = \sum_t \sum_n h^{l-1}_{t,nk}\, da^l_{t,nj} \qquad dW^l_{h,kj} = \sum_t \sum_n h^l_{t-1,nk}\, da^l_{t,nj}
# \qquad db^l_j = \sum_t \sum_n da^l_{t,nj}$$
#
# and for the lowest layer $dW_x$ with $x_t$ in place of $h^{l-1}_t$. In which order? A state's total needs the state to
# the right of it and the one above it to be finished. Two orders have this property: layer by layer from the top, each
# from its last step to its first; or step by step from the last, each from the highest layer to the lowest.
#
# ### Two directions
#
# All networks so far read from left to right, so $h_t$ knows $x_1, \dots, x_t$ and nothing of what follows. If the whole
# sequence is there from the start, a second layer can read it from the end, and both states stand side by side at every
# step (Schuster and Paliwal 1997):
#
# $$\overrightarrow h_t = \tanh(x_t W_x^0 + \overrightarrow h_{t-1} W_h^0 + b^0) \qquad
# \overleftarrow h_t = \tanh(x_t W_x^1 + \overleftarrow h_{t+1} W_h^1 + b^1) \qquad
# y_t = [\,\overrightarrow h_t,\ \overleftarrow h_t\,]$$

# %% tags=["demo"]
# Shows the two directions: neither reads the other, and the output reads both.
gru_deep.directions_graph(steps=4)

# %% [markdown] tags=["lang:en"]
# The two do not touch each other before the output. Mind two things. First, $\overleftarrow h_t$ belongs *beside step t*,
# though it was computed as the $(T - t + 1)$-th. Second, sequences of a batch differ in length and are padded at the end.
# The forward direction meets the padding when all is over. The backward direction would meet it *first*, and come to the
# sequence with a state made of padding. So it has to start at each sequence's own last step.
#
# ### What "deep" means here
#
# Unrolled over a hundred steps, even Elman's network is a hundred layers deep. So what does "deeper" mean? Pascanu,
# Gulcehre, Cho and Bengio (2013) name the places where more layers can go: between input and state, **between state and
# state** (a deep transition), between state and output, or a **stack** of whole recurrent layers.

# %% tags=["demo"]
# Shows a shallow recurrent network and three ways to make it deeper.
gru_deep.kinds_of_depth()

# %% [markdown] tags=["lang:en"]
# They differ in what lies between the input at step $t - k$ and the state at step $t$. In a stack of $L$ layers every
# way goes $k$ times to the right and $L - 1$ times up, in some order: $k + L$ squashings, and there are
# $\binom{k + L - 1}{L - 1}$ ways. In a transition of depth $D$ there is one way, with $D\,(k + 1)$ squashings. A stack adds
# depth, a deep transition multiplies it. You will see what this does to gradients in section 5.
#
# ## 3. Build by hand
#
# The rules are those of lesson 04:
#
# * **No caching.** All that a function needs is among its arguments. A backward function computes the gates or states again.
# * **Arguments stay as they are.** `dh[l, :, t]` is a view: `+=` on it would write into `dh`. Make a new array.
# * **Sums, not means**, over the batch and over time.
# * **Return arrays**, in the order stated, each gradient of the shape of what it belongs to.
#
# `sigmoid(a)` is given, in the setup cell above.
#
# ### Exercise 1: one GRU step forward
#
# `step_forward(x, h_prev, Wx, Wh, b)` takes `x` (batch, features), `h_prev` (batch, units), the two kernels and the bias
# `b` (2, 3·units), and returns the new state, (batch, units). The reset gate acts *after* the product.
#
# Compute $ax$ with `b[0]` and $ah$ with `b[1]`. `np.split(a, 3, axis=1)` cuts an array into three equal pieces, in order.

# %% tags=["exercise:gru.step_forward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 2: one GRU step backward
#
# `step_backward(dh, x, h_prev, Wx, Wh, b)` gets the upstream gradient, (batch, units), and then the very arguments that
# `step_forward` had. It returns five arrays:
#
# `(dx, dh_prev, dWx, dWh, db)` with shapes (batch, features), (batch, units), (features, 3·units), (units, 3·units),
# (2, 3·units).
#
# Follow the six points. Compute $ax$, $ah$, the gates and the candidate again. `np.concatenate([…], axis=1)` puts arrays
# side by side, and `np.stack([…])` makes two rows of two vectors. Where does $dax$ belong, and where $dah$? One of them
# goes to everything on the input's side, the other to everything on the old state's side. And do not forget the highway.

# %% tags=["exercise:gru.step_backward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 3: a stack forward
#
# `stacked_forward(x, h0, Wx, Wu, Wh, b)` takes the arrays of the table in section 2 and returns `h`, the states of *all*
# layers after *every* step, (layers, batch, time, units). `h[l, :, 0]` belongs to the first step; `h0` is not part of it.
#
# The number of layers is `len(h0)`. There may be one layer alone; then `Wu` has length 0. Two loops, over layers and over
# time, in whichever order you like. `np.stack(list, axis=1)` makes (batch, time, units) of a list of states, and
# `np.stack(list)` puts layers on top of each other.

# %% tags=["exercise:deep.stacked_forward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 4: a stack backward
#
# `stacked_backward(dh, x, h0, Wx, Wu, Wh, b)` gets `dh`, (layers, batch, time, units): for every state of every layer the
# upstream gradient *from the loss alone*. It returns six arrays:
#
# `(dx, dh0, dWx, dWu, dWh, db)`, each of the shape of what it is the gradient of: (batch, time, features), (layers,
# batch, units), (features, units), (layers − 1, units, units), (layers, units, units), (layers, units).
#
# What you need:
#
# * all states, from your `stacked_forward`. Step `t` of layer `l` started from `h[l, :, t - 1]`, the first step from
#   `h0[l]` (mind that `h[l, :, -1]` is the *last* step);
# * two loops that run backward, in one of the two orders of section 2;
# * a carry for each layer, zero behind the last step, and what comes from above for each step, zero above the top. If you
#   go layer by layer, the carry starts from zero again in each;
# * arrays of zeros (`np.zeros_like`) to add up the gradients of the weights in.

# %% tags=["exercise:deep.stacked_backward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 5: two directions
#
# `bidirectional(x, lengths, h0, Wx, Wh, b)` runs an Elman layer for each direction. The first axis of `h0` (2, batch,
# units), `Wx` (2, features, units), `Wh` (2, units, units) and `b` (2, units) is the direction: 0 reads from the first
# step, 1 from the last. `lengths` (batch,) holds the number of steps of each sequence; what stands behind them in `x`
# (batch, time, features) is padding, and *not* zero in the check. `h0[1]` is the state of the backward direction before it
# reads a sequence's own last step.
#
# It returns `y`, (batch, time, 2·units): the forward direction's states in `y[:, :, :units]`, the backward direction's in
# `y[:, :, units:]`, each beside the step that was just read, and **zero at the padding**.
#
# Two ways lead there. Either take one sequence after the other and run over `range(lengths[n])`, forward and `reversed`.
# Or take the whole batch at once and keep the old state where a step is padding, with `np.where(real, new, old)`, where
# `real` has the shape (batch, 1) at each step. There is no backward pass to write: it would be lesson 04's, twice.

# %% tags=["exercise:deep.bidirectional"]

# %% [markdown] tags=["lang:en"]
# ## 4. Build in Keras
#
# ### Exercise 6: the GRU cell, both conventions
#
# `GRUCell(units, reset_after=True)` is one step for `keras.layers.RNN`, as your cells of lessons 04 and 08 were. `__init__`
# is given. It sets `self.units`, `self.reset_after`, `self.state_size` and `self.output_size`. You write four methods.
#
# * `build(input_shape)`, where `input_shape` is (batch, features), creates three weights with `self.add_weight(shape=…,
#   initializer=…, name=…)`, kept as attributes of the same names:
#
#   | attribute and `name` | shape | `initializer` |
#   |---|---|---|
#   | `kernel` | (features, 3·units) | `"glorot_uniform"` |
#   | `recurrent_kernel` | (units, 3·units) | `"orthogonal"` |
#   | `bias` | (2, 3·units) if `reset_after`, else (3·units,) | `"zeros"` |
# * `call(inputs, states, training=False)`: one step. `states` is the list $[h_{t-1}]$. Return two things: the output, which
#   is $h_t$, and the list of new states, $[h_t]$. Both conventions of section 2, as `self.reset_after` says. Use
#   `ops.matmul`, `ops.split(a, 3, axis=-1)`, `ops.sigmoid`, `ops.tanh` (NumPy would cut the gradient). With the reset before
#   the product you need the three parts of the recurrent kernel one by one: `ops.split` cuts weights as well. Nothing may
#   pass through float32 on the way: the check runs the cell in float64.
# * `get_initial_state(batch_size=None)`: a list of one tensor of zeros, (batch_size, units), with the dtype
#   `self.compute_dtype`.
# * `get_config()`: `super().get_config()` with `units` and `reset_after` added.
#
# Points: outputs with the reset after the product 20 % (without them the rest earns nothing) and gradients 30 %; outputs
# with the reset before it 15 % and gradients 15 %; names, shapes and dtypes of the weights and what they
# start from 8 %, initial state 4 %, config 8 %. Keras' own GRU inside your cell is of course not allowed.

# %% tags=["exercise:gru.GRUCell"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 7: a stack as one layer
#
# `StackedRNN(units, return_sequences=False)` is a stack of Elman layers in one Keras layer. `units` is a list: the size of
# each layer, the lowest first. Here the layers may differ in size. `__init__` and `compute_mask` are given. They set
# `self.units` (a tuple) and `self.return_sequences`, and tell Keras that the layer understands masks. All states start from zero.
# You write three methods.
#
# * `build(input_shape)`, where `input_shape` is (batch, time, features), makes three lists with one weight for each layer,
#   the lowest first. The *inputs* of a layer are the features for the lowest and the units of the layer below for the others.
#
#   | list | each of shape | `initializer` | `name` in layer 1, 2, … |
#   |---|---|---|---|
#   | `self.kernels` | (inputs, units) | `"glorot_uniform"` | `"layer_1_kernel"`, `"layer_2_kernel"`, … |
#   | `self.recurrent_kernels` | (units, units) | `"orthogonal"` | `"layer_1_recurrent_kernel"`, … |
#   | `self.biases` | (units,) | `"zeros"` | `"layer_1_bias"`, … |
# * `call(inputs, mask=None)`: `inputs` (batch, time, features); the number of steps is known, `inputs.shape[1]`, so a Python
#   loop will do. `ops.shape(inputs)[0]` is the size of the batch, and `ops.zeros((batch, n), dtype=self.compute_dtype)` a
#   first state. `mask` is None or (batch, time), True where a step counts. **At a masked step every layer keeps the state
#   that it had**, and the output is the highest layer's kept state. `ops.where(condition, a, b)` chooses; give the condition
#   the shape (batch, 1), for example by `mask[:, t, None]`. Return (batch, time, units of the highest layer) with
#   `return_sequences` (`ops.stack(list, axis=1)`), else its last state, (batch, units).
# * `get_config()`: `super().get_config()` with `units` and `return_sequences` added.
#
# Points: outputs 25 % (without them the rest earns nothing), gradients 25 %, outputs and gradients with a mask 20 %, the last
# state alone 10 %, weights and what they start from 10 %, config 10 %. No recurrent layer or cell of Keras inside.

# %% tags=["exercise:deep.StackedRNN"]

# %% [markdown] tags=["lang:en"]
# ### Do they agree?
#
# First the GRU: your functions by hand, your cell and `keras.layers.GRU` on the same weights, copied *both ways* with
# `get_weights` and `set_weights`. (Both layers list kernel, recurrent kernel and bias in this order.) Outputs and all
# gradients, in float64 and in float32, relative to the largest element. With the reset before the product there is nothing
# by hand, and your cell is held against Keras in float64. Then the stack: by hand, your layer, and Keras' SimpleRNN layers one
# after the other. Last, your two directions and `keras.layers.Bidirectional` with a mask.


# %% tags=["demo"]
# Shows the GRU by hand beside your cell beside keras.layers.GRU, weights copied both ways, in two precisions.
def gru_by_hand(x, h0, weights, dh):
    """States and gradients of a whole sequence, with your two step functions."""
    states, dx, totals = [h0], np.zeros_like(x), [0, 0, 0]
    for t in range(x.shape[1]):
        states.append(step_forward(x[:, t], states[-1], *weights))
    carry = np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        dx[:, t], carry, *shares = step_backward(dh[:, t] + carry, x[:, t], states[t], *weights)
        totals = [total + share for total, share in zip(totals, shares, strict=True)]
    return [np.stack(states[1:], axis=1), dx, carry, *totals]


def gru_in_keras(layer, x, h0, dh):
    """The same of a Keras layer, by automatic differentiation."""
    import tensorflow as tf

    inputs = [tf.Variable(v, dtype=layer.dtype) for v in (x, h0)]
    with tf.GradientTape() as tape:
        outputs = layer(inputs[0], initial_state=inputs[1])
        loss = tf.reduce_sum(outputs * tf.cast(dh, layer.dtype))
    return [np.array(v) for v in (outputs, *tape.gradient(loss, [*inputs, *layer.trainable_variables]))]


def relative(found, expected):
    """Largest difference of each array, relative to its largest element."""
    return [np.abs(a - b).max() / np.abs(b).max() for a, b in zip(found, expected, strict=True)]


def compare_gru(dtype, reset_after):
    """Differences of your cell, of Keras' GRU with your weights, and of your cell with weights copied back."""
    rng = np.random.default_rng(9)
    x, h0, dh = rng.normal(size=(3, 6, 4)), rng.uniform(-0.9, 0.9, (3, 5)), rng.normal(size=(3, 6, 5))
    bias = (2, 15) if reset_after else (15,)
    weights = [0.5 * rng.normal(size=shape) for shape in ((4, 15), (5, 15), bias)]

    def layer(kind, dtype):
        made = kind(dtype)
        made.build((None, 6, 4))
        return made

    def own(dtype):
        return keras.layers.RNN(GRUCell(5, reset_after=reset_after, dtype=dtype), return_sequences=True, dtype=dtype)

    def keras_gru(dtype):
        return keras.layers.GRU(5, reset_after=reset_after, return_sequences=True, dtype=dtype)

    yours, theirs, back, exact = (
        layer(own, dtype),
        layer(keras_gru, dtype),
        layer(own, dtype),
        layer(keras_gru, "float64"),
    )
    yours.set_weights(weights)
    theirs.set_weights(yours.get_weights())  # into Keras' layer
    back.set_weights(theirs.get_weights())  # and out of it
    exact.set_weights(weights)
    expected = gru_by_hand(x, h0, weights, dh) if reset_after else gru_in_keras(exact, x, h0, dh)
    return np.array([relative(gru_in_keras(each, x, h0, dh), expected) for each in (yours, theirs, back)])


if keras.backend.backend() == "tensorflow":
    DIFFERENCES = {
        (dtype, after): compare_gru(dtype, after) for after in (True, False) for dtype in ("float64", "float32")
    }
    for (dtype, after), table in DIFFERENCES.items():
        against = "by hand" if after else "Keras in float64"
        print(f"\nreset_after={after}, {dtype}, against {against:17s} your cell    keras GRU  copied back")
        for name, row in zip(("h", "dx", "dh0", "dWx", "dWh", "db"), table.T, strict=True):
            print(f"{name:58s}", *(f"{value:12.1e}" for value in row))


# %% tags=["demo"]
# Shows the stack by hand beside your layer beside Keras' layers, and your two directions beside Keras' Bidirectional.
def compare_stack(dtype):
    """Differences of your layer and of stacked SimpleRNN layers from by hand: output, and gradients of x and all weights."""
    import tensorflow as tf

    rng = np.random.default_rng(10)
    x, h0, top = rng.normal(size=(3, 6, 4)), np.zeros((3, 3, 5)), rng.normal(size=(3, 6, 5))
    Wx, Wu, Wh = (0.6 * rng.normal(size=shape) for shape in ((4, 5), (2, 5, 5), (3, 5, 5)))
    b = 0.6 * rng.normal(size=(3, 5))
    dh = np.zeros((3, 3, 6, 5))
    dh[-1] = top  # the loss reads the highest layer
    dx, _, dWx, dWu, dWh, db = stacked_backward(dh, x, h0, Wx, Wu, Wh, b)
    expected = [stacked_forward(x, h0, Wx, Wu, Wh, b)[-1], dx, dWx, dWu, dWh, db]

    yours = StackedRNN([5, 5, 5], return_sequences=True, dtype=dtype)
    yours.build((None, 6, 4))
    theirs = [keras.layers.SimpleRNN(5, return_sequences=True, dtype=dtype) for _ in range(3)]
    for level, layer in enumerate(theirs):
        layer.build((None, 6, 5 if level else 4))
        layer.set_weights([Wu[level - 1] if level else Wx, Wh[level], b[level]])
        for weight, value in zip(
            (yours.kernels[level], yours.recurrent_kernels[level], yours.biases[level]),
            layer.get_weights(),
            strict=True,
        ):
            weight.assign(value)

    def run(forward, kernels, recurrent, biases):
        start = tf.Variable(x, dtype=dtype)
        with tf.GradientTape() as tape:
            out = forward(start)
            loss = tf.reduce_sum(out * tf.cast(top, dtype))
        d = [np.array(g) for g in tape.gradient(loss, [start, *kernels, *recurrent, *biases])]
        return [np.array(out), d[0], d[1], np.stack(d[2:4]), np.stack(d[4:7]), np.stack(d[7:10])]

    own = run(yours, *([w.value for w in ws] for ws in (yours.kernels, yours.recurrent_kernels, yours.biases)))

    def one_after_the_other(sequence):
        for layer in theirs:
            sequence = layer(sequence)
        return sequence

    chain = run(one_after_the_other, *([layer.weights[k].value for layer in theirs] for k in range(3)))
    return np.array([relative(own, expected), relative(chain, expected)])


def compare_directions(dtype):
    """Difference of your two directions from Keras' Bidirectional, with sequences of three lengths."""
    rng = np.random.default_rng(11)
    x, lengths, h0 = rng.normal(size=(3, 6, 4)), np.array([6, 2, 4]), rng.uniform(-0.9, 0.9, (2, 3, 5))
    Wx, Wh, b = (0.6 * rng.normal(size=shape) for shape in ((2, 4, 5), (2, 5, 5), (2, 5)))
    layer = keras.layers.Bidirectional(keras.layers.SimpleRNN(5, return_sequences=True, dtype=dtype), dtype=dtype)
    layer.build((None, 6, 4))
    for direction, own in enumerate((layer.forward_layer, layer.backward_layer)):
        own.set_weights([Wx[direction], Wh[direction], b[direction]])
    states = [ops.convert_to_tensor(h, dtype) for h in h0]
    theirs = layer(ops.convert_to_tensor(x, dtype), initial_state=states, mask=np.arange(6) < lengths[:, None])
    return relative([ops.convert_to_numpy(theirs)], [bidirectional(x, lengths, h0, Wx, Wh, b)])[0]


if keras.backend.backend() == "tensorflow":
    STACKS = {dtype: compare_stack(dtype) for dtype in ("float64", "float32")}
    BOTH_WAYS = {dtype: compare_directions(dtype) for dtype in ("float64", "float32")}
    for dtype, table in STACKS.items():
        print(f"\n{dtype}: relative difference      your StackedRNN   Keras layers stacked")
        for name, row in zip(("h of the top", "dx", "dWx", "dWu", "dWh", "db"), table.T, strict=True):
            print(f"{name:30s}", *(f"{value:18.1e}" for value in row))
        print(f"{'two directions, y':30s} {'–':>18s} {BOTH_WAYS[dtype]:18.1e}")

# %% [markdown] tags=["lang:en"]
# In float64 all agree to twelve digits and more, in float32 to five and more.
#
# ## 5. Run it
#
# ### The update gate as a highway
#
# How far does a gradient get in a GRU that has not learned anything yet? As in lesson 08: 32 units, random inputs, a
# gradient of length 1 on the last state, followed back with your `step_backward`. Keras starts all biases of a GRU
# from 0, so a new update gate is about half open, $\sigma(0) = .5$. With an *update bias* of 1 it is .73, with 3 .95, with
# 5 .993. Move the slider, if you have one.

# %% tags=["demo"]
# Shows the norm of the gradient against the lag in a new GRU, for an update bias of your choice (a slider where there can be one).
rng = np.random.default_rng(3)
noise, start = rng.normal(size=(8, 100, 4)), rng.normal(size=(8, 32))
start /= np.linalg.norm(start, axis=1, keepdims=True)


def highway(update_bias):
    """Norm of the gradient of the state 0, 1, …, 100 steps back."""
    weights = gru_deep.new_gru(4, 32, update_bias, np.random.default_rng(3))
    return gru_deep.carried_norms(noise, weights, step_forward, step_backward, start)


def draw(curves, title):
    """The curves over the lag, down to 1e-20."""
    figure = figures.lines(
        {name: np.maximum(values, 1e-24) for name, values in curves.items()},
        title,
        "lag: steps back from the last state",
        "norm of the gradient (start: 1)",
        x=np.arange(101),
        log=True,
    )
    figure.axes[0].set_ylim(1e-20, 1e2)
    return figure


BIASES = {bias: highway(bias) for bias in (5, 3, 1, 0)}
print("norm of the gradient after        10       50      100 steps     σ(bias)^100")
for bias, norms in BIASES.items():
    name = f"GRU, update bias {bias}"
    print(f"{name:28s}", *(f"{norms[k]:8.1e}" for k in (10, 50, 100)), f"{sigmoid(bias) ** 100:17.1e}")

widgets.explore(
    lambda bias: draw({f"update bias {bias:.2f}": highway(bias)}, f"Update gate at {sigmoid(bias):.3f} when it is new"),
    lambda: draw(
        {f"update bias {bias}": norms for bias, norms in BIASES.items()},
        "The update bias decides how far a new GRU can look back",
    ),
    "update bias",
    (0.0, 6.0, 0.0),
)

# %% [markdown] tags=["lang:en"]
# The table reads like lesson 08's. In a GRU as Keras makes it, a gradient from 100 steps back arrives as $3\cdot10^{-20}$ of what it
# was, less than in the Elman network there. With an update bias of 3 it is a hundredth, with 5 a half. For biases up to 3 the measured norms are
# larger than the highway's own $\sigma(\text{bias})^{100}$, because a gradient also takes the side roads through gates and
# candidate. With 5 the side roads are nearly closed, and the two numbers are as good as equal. (A principled choice of gate biases for a known range of lags is in Tallec and Ollivier 2018.)
#
# Keep in mind how small $3\cdot10^{-20}$ is for the next experiment.
#
# ### GRU and LSTM, side by side
#
# Count first. With $u$ units and $m$ features an LSTM has $4\,(mu + u^2 + u)$ parameters. A GRU has $3\,(mu + u^2 + u)$ with
# the reset before the product, exactly three quarters, and $3\,(mu + u^2 + 2u)$ with the reset after it.
#
# Then measure, on lesson 08's adding problem: 100 steps, two of them marked, and at the end the sum of the two marked
# numbers. Always saying 1 has a mean squared error of 1/6; below .01 we call it solved. 16 units, Adam at .02, clipping by
# the global norm at 1, batches of 50 fresh sequences, at most 1,000 updates, or until the mean loss of 25 updates is below
# .003. Both start as Keras makes them: the LSTM with a forget bias of 1, the GRU with an update bias of 0.

# %% tags=["demo"]
# Shows the parameters of GRU and LSTM, and both on the adding problem. Takes about 20 s.
print("parameters, 16 units, 2 features")
for name, layer in (
    ("keras.layers.LSTM", keras.layers.LSTM(16)),
    ("keras.layers.GRU, reset before", keras.layers.GRU(16, reset_after=False)),
    ("keras.layers.GRU, reset after", keras.layers.GRU(16)),
    ("your cell, reset after", keras.layers.RNN(GRUCell(16))),
):
    layer.build((None, 100, 2))
    print(f"  {name:32s} {layer.count_params():6,d}")
print()
contest = {
    "GRU (your cell)": (lambda: keras.layers.RNN(GRUCell(16)), None),
    "GRU, update bias 3": (
        lambda: keras.layers.RNN(GRUCell(16)),
        lambda layer: gru_deep.set_update_bias(layer, 3.0),
    ),
    "LSTM": (lambda: keras.layers.LSTM(16), None),
}
opening, sample = [], corpora.adding_problem(100, 100, seed=77)[0].astype(float)


def look(updates, layer):
    """Note the mean update gate of your cell, and how much of a gradient arrives from 100 steps back."""
    weights = [ops.convert_to_numpy(w).astype(float) for w in layer.get_weights()]
    z = gru_deep.gru_gates(sample, step_forward, weights)["z"]
    norms = gru_deep.carried_norms(sample, weights, step_forward, step_backward, np.full((100, 16), 0.25))
    opening.append((updates, z.mean(), norms[100]))


ADDING = {
    name: gru_deep.learn_adding(
        make, 1, 0.02, name=name, prepare=prepare, watch=look if name == "GRU (your cell)" else None
    )
    for name, (make, prepare) in contest.items()
}
print("\nadding problem, T = 100     updates   mean squared error on 2,000 new sequences")
for name, (_, losses, error) in ADDING.items():
    print(f"{name:28s} {len(losses):6d} {error:12.4f}")
print(f"{'always saying 1':28s} {'–':>6s} {1 / 6:12.4f}")
print("\nyour cell while it learns    mean update gate   gradient from 100 steps back   loss of the next 25 updates")
for (updates, z, norm), loss in zip(opening, lstm.smooth(ADDING["GRU (your cell)"][1]), strict=False):
    print(f"after {updates:3d} updates {z:26.2f} {norm:25.0e} {loss:29.3f}")

lstm.learning_curves(
    {name: losses for name, (_, losses, _) in ADDING.items()},
    {"always saying 1": 1 / 6, "solved": 0.01},
    "On the adding problem the GRU is quicker than the LSTM",
    "mean squared error (no unit)",
)

# %% [markdown] tags=["lang:en"]
# The parameters are as counted: 912 is three quarters of 1,216, and the second bias row adds 48.
#
# Both networks solve the problem, and the GRU needs 225 updates where the LSTM needs 700. From other seeds it is the same: the long tests of this
# course train the GRU from five seeds (200 to 250 updates) and the LSTM from three (700 to 825). With both marks in the first
# half, as in the paper of 1997, where lesson 08's LSTM had not solved it within its budget, the GRU needs 225 and 275 updates from two seeds. On this task the
# smaller network is the better one.
#
# That is *this* task. What the literature says is mixed, and you should know it before you choose. Chung et al. (2014), on
# music and speech: both better than tanh units, and no conclusion between the two. Jozefowicz, Zaremba and Sutskever (2015),
# over ten thousand variants: the GRU was better than the LSTM on all their tasks but language modelling, and a forget bias of 1
# closed the gap. Greff et al. (2017): none of eight changes to the LSTM made it significantly better; coupling its two gates, as the
# GRU does, made it no worse.
#
# How can a GRU learn a lag of 100 when it begins with a gradient of $10^{-21}$ (this one has 16 units and other inputs)? Look at the second table. In the first hundred
# updates the loss hardly moves, it stays near what always saying 1 gives. But the mean update gate climbs from .50 to .80, and the gradient from 100 steps back
# grows by *eighteen powers of ten*. What was measured at the start was true of the start only. A likely reason: the last steps before the
# answer have a strong gradient from the first, and what it asks of the gates there, they do everywhere. So the road is built before
# anything travels on it. With an update
# bias of 3 the road is there from the beginning, and that changes little here.
#
# ### The update gate over time
#
# Look inside the first of the three. Its weights go into your `step_forward`, and every gate can be read. The figure
# shows the three units whose update gate tells marked steps from the others best.

# %% tags=["demo"]
# Shows the update gates and states of three units over the steps of one sequence of the adding problem.
x, target = corpora.adding_problem(200, 100, seed=77)
weights = [ops.convert_to_numpy(w).astype(float) for w in ADDING["GRU (your cell)"][0].layers[0].get_weights()]
gate = gru_deep.gru_gates(x.astype(float), step_forward, weights)
marked = x[:, :, 1] == 1
told = gate["z"][~marked].mean(axis=0) - gate["z"][marked].mean(axis=0)
clearest = np.argsort(-told)[:3]
numbers = x[:, :, 0][marked]
before = np.concatenate([np.zeros_like(gate["h"][:, :1]), gate["h"][:, :-1]], axis=1)
jump = (gate["h"] - before)[marked]
print("update gate, mean:       at marks   elsewhere     correlation of the state's jump at a mark with the number")
for name, unit in zip("ABC", clearest, strict=True):
    z = gate["z"][:, :, unit]
    print(
        f"  unit {name} ({unit:2d} of 16) {z[marked].mean():12.3f} {z[~marked].mean():10.3f} "
        f"{np.corrcoef(jump[:, unit], numbers)[0, 1]:+18.2f}"
    )
print(f"mean over all 16 units {gate['z'][marked].mean():8.3f} {gate['z'][~marked].mean():10.3f}")
last = gate["h"][:, -1]
single = np.abs([np.corrcoef(last[:, unit], target[:, 0])[0, 1] for unit in range(16)])
print(
    f"correlation of a last state with the sum: unit A {single[clearest[0]]:.2f}, best of 16 units {single.max():.2f}"
)

gru_deep.gates_figure(
    x[0, :, 0],
    marked[0],
    gate["z"][0][:, clearest],
    gate["h"][0][:, clearest],
    "Update gates stay near 1 and drop at the marks: there the state is rewritten",
)

# %% [markdown] tags=["lang:en"]
# The update gate does by itself what the LSTM needed two gates for. At 98 steps unit A keeps .98 of its state, at a mark only
# .31: the state jumps, and the jump follows the marked number (correlation −.90; the sign is free). Between the marks it stays where it is.
# B and C do the same less clearly. At a mark the unit writes *by giving up* a part of what it held, where an LSTM cell can keep all and
# add. Does the first number get lost by that? Hardly: the last state of unit A follows the *sum* with a correlation of .95. The candidate is
# made from the old state too, so what the update gate lets go can come in again through $\tilde h$. The dense layer makes the rest from
# all 16 units.
#
# B and C also creep between the marks: a gate of .98 at each step has let go of $1 - .98^{50} = 64\,\%$ of a state after fifty.
#
# ### Two kinds of depth, and their gradients
#
# Count first: squashings between an input and the state that is read $k = 20$ steps later, and ways between them. Then
# measure: new networks of 32 units with orthogonal matrices everywhere (so that between states nothing but the slope of tanh shrinks a gradient on a single way) and
# random inputs, weak enough that tanh bends little. A gradient of length 1 on the last state of the highest layer, and what arrives
# at the inputs. For the stack the gradient is that of your `stacked_backward`.

# %% tags=["demo"]
# Shows squashings and ways between an input and a later state, and the gradient that arrives, for two kinds of depth.
print("between an input and the state 20 steps later     squashings on a way     ways")
for name, kind, depth in (
    ("shallow", "stack", 1),
    ("stack of 2 layers", "stack", 2),
    ("stack of 3 layers", "stack", 3),
    ("transition of depth 2", "transition", 2),
    ("transition of depth 3", "transition", 3),
):
    length, ways = gru_deep.squashings(kind, depth, 20)
    print(f"{name:46s} {length:22d} {ways:8d}")

rng = np.random.default_rng(5)
x, last = 0.5 * rng.normal(size=(8, 60, 4)), rng.normal(size=(8, 32))
last /= np.linalg.norm(last, axis=1, keepdims=True)


def stack_norms(depth):
    """Norm of the gradient of the input 0, 1, …, 59 steps back in a new stack."""
    rng = np.random.default_rng(6)
    Wx, Wu, Wh = (gru_deep.orthogonal(rng, *shape) for shape in ((4, 32), (depth - 1, 32, 32), (depth, 32, 32)))
    dh = np.zeros((depth, 8, 60, 32))
    dh[-1, :, -1] = last
    dx = stacked_backward(dh, x, np.zeros((depth, 8, 32)), Wx, Wu, Wh, np.zeros((depth, 32)))[0]
    return np.linalg.norm(dx, axis=2).mean(axis=0)[::-1]


def transition_norms(depth):
    """The same with a deep transition."""
    rng = np.random.default_rng(6)
    Wx, W = gru_deep.orthogonal(rng, 4, 32), gru_deep.orthogonal(rng, depth, 32, 32)
    return gru_deep.transition_norms(x, Wx, W, last)


DEPTHS = {
    "shallow": stack_norms(1),
    "stack of 2": stack_norms(2),
    "stack of 3": stack_norms(3),
    "transition of depth 2": transition_norms(2),
    "transition of depth 3": transition_norms(3),
}
print("\nnorm of the gradient of the input, lag      0        10        20        40")
for name, norms in DEPTHS.items():
    print(f"{name:36s}", *(f"{norms[k]:9.1e}" for k in (0, 10, 20, 40)))
figures.lines(
    DEPTHS,
    "A deep transition multiplies what a gradient meets, a stack adds",
    "lag: steps back from the last state",
    "norm of the gradient (no unit)",
    x=np.arange(60),
    log=True,
)

# %% [markdown] tags=["lang:en"]
# After 20 steps the transition of depth 3 has seven times less left than the shallow network, after 40 steps thirty times less:
# every step costs three squashings. (Pascanu et al. 2013 also have deep transitions with shortcuts around the inner layers, which make
# the way shorter again.) The stacks lose *less* than the shallow network, though their ways are longer by one or two squashings: there are
# 231 ways in place of one, and what arrives is their sum. (Such a sum may also grow: the curve of the stack of 3 rises before it
# falls.) At lag 0 the stack is behind, since there all the layers must be crossed on a single way.
#
# ### Depth against width
#
# Is it better to spend parameters on width or on depth? Graves, Mohamed and Hinton (2013) report their best speech recogniser with
# stacks; Karpathy, Johnson and Fei-Fei (2015) find two layers better than one, and mixed results between two and three. Both on
# large data. Here are two small tasks, made to ask for different things. In both there is a question at every step.
#
# * **Delay**: one of eight symbols at every step, and the answer is the symbol of *eight steps ago*. Nothing to work out, much to
#   hold: $8 \cdot 3 = 24$ bits.
# * **Pairs**: a fair bit at every step, and the answer is whether the pairs "1 right after 1" so far are odd in number. Little to
#   hold (two bits), but they have to be held exactly and worked with.
#
# Your `StackedRNN` with one, two and three layers gets the same number of parameters within 5 %, the dense layer included: about
# 1,040 for the delay and about 140 for the pairs. Adam at .01, 250 updates on 64 fresh sequences each, two seeds.


# %% tags=["demo"]
# Shows networks of one, two and three layers with equal parameters on two tasks. Takes about 30 s.
def delay(count, rng):
    """Symbols, and the symbol of eight steps ago at each step."""
    return corpora.recall_by_distance(count, 8, 16, seed=int(rng.integers(2**31)))


def pairs(count, rng):
    """Bits, and whether the pairs of ones so far are odd in number."""
    return gru_deep.doubles_parity(count, 12, rng)


WIDTH, SIZES = {}, {}
for task, draw_task, features, outputs, widest in (("delay", delay, 10, 8, 24), ("pairs", pairs, 1, 2, 10)):
    WIDTH[task], budget = {}, gru_deep.stack_parameters(features, [widest], outputs)
    print(f"{task}: layers             units    parameters     right answers at the end, two seeds")
    for depth in (1, 2, 3):
        units = gru_deep.equal_stack(depth, features, outputs, budget)
        SIZES[task, depth] = (units, gru_deep.stack_parameters(features, units, outputs) / budget)

        def make(units=units):
            return StackedRNN(units, return_sequences=True)

        runs = [gru_deep.learn_answers(make, draw_task, outputs, seed=seed, rate=0.01) for seed in (1, 2)]
        WIDTH[task][f"{depth} layer{'s' * (depth > 1)}"] = runs
        count = gru_deep.stack_parameters(features, units, outputs)
        print(f"{depth:14d} {units!s:>19s} {count:10,d} {', '.join(f'{run[-1]:.3f}' for run in runs):>26s}")

gru_deep.depth_figure(WIDTH, 25, "Depth helps to hold a delay, width helps to count pairs")

# %% [markdown] tags=["lang:en"]
# At equal parameters the delay goes to depth and the pairs go to width. The long tests of this course repeat both from five seeds, with means
# of .975, .994 and .999 for the delay (one, two, three layers) and 1.000, .988 and .960 for the pairs.
#
# For the delay there are two likely reasons. Most parameters sit in square matrices, so at equal parameters a stack has *more units in all*: here
# 24, 31 and 37, and a delay of 24 bits wants units. And each layer may hand on something that is a few steps old, so that the
# delay is shared among the layers. For the pairs it is room: a lower layer may find them, but the new parity has to be made from the
# old one, and that loop runs *within a layer*. (A higher layer never speaks to a lower one.) Four or five units have less room for it
# than ten.
#
# So "deeper is better" is as wrong as its opposite. And mind how little was compared: tiny networks, one learning rate, 250 updates. This is the way
# to make such a comparison (equal parameters, several seeds, new data, the task itself), not a law.
#
# ### Who sees what
#
# One more look at your `bidirectional`. The next cell moves the input of one step after the other, in a sequence of 12 steps
# of which the last 3 are padding, and measures how far each output moves. Left the forward half of the output, right the backward half.

# %% tags=["demo"]
# Shows which inputs reach which outputs in your bidirectional network, with three steps of padding.
rng = np.random.default_rng(8)
weights = (0.5 * rng.normal(size=(2, 3, 8)), gru_deep.orthogonal(rng, 2, 8, 8), 0.1 * rng.normal(size=(2, 8)))


def halves(which):
    """One half of the output of your two directions."""
    return lambda x: bidirectional(x, np.array([9]), np.zeros((2, 1, 8)), *weights)[:, :, which]


sequence = rng.normal(size=(1, 12, 3))
REACH = {
    "forward half": gru_deep.influence(halves(slice(0, 8)), sequence),
    "backward half": gru_deep.influence(halves(slice(8, 16)), sequence),
}
for name, values in REACH.items():
    print(f"{name:14s} pairs (output, input) with an influence: {int((values > 0).sum())}")
gru_deep.influence_maps(REACH, "Forward sees the past, backward the future, neither the padding")

# %% [markdown] tags=["lang:en"]
# Two triangles of $9 \cdot 10 / 2 = 45$ pairs each, with the diagonal in both: the input of a step reaches its own output from
# both sides. Rows and columns 10 to 12 are empty. If your function had read the padding on its way back, the right map
# would have grey columns there.
#
# Now tasks that need both sides. In a sequence of 20 fair coins, the network is to say at every step
#
# * the **majority** of three throws: the one before, this one, and the one after;
# * whether the throw before and the throw after are **different**.
#
# Keras' wrapper `keras.layers.Bidirectional` makes two directions of any recurrent layer. On top there is a dense layer.


# %% tags=["demo"]
# Shows one direction and two on tasks that need the step before and the step after. Takes about 10 s.
def majority(bits):
    """The majority of a throw and its two neighbours. At both ends 0."""
    answer = np.zeros_like(bits)
    answer[:, 1:-1] = bits[:, 2:] + bits[:, 1:-1] + bits[:, :-2] > 1
    return answer


def different(bits):
    """Whether the throws before and after a step are different: 1 if so. At both ends 0."""
    answer = np.zeros_like(bits)
    answer[:, 1:-1] = bits[:, 2:] ^ bits[:, :-2]
    return answer


bits = np.random.default_rng(12).integers(0, 2, (5000, 20))
NEIGHBOURS = {}
print("right answers at steps 2 to 19")
for name, wrap, task in (
    ("majority, one direction", lambda layer: layer, majority),
    ("majority, two directions", keras.layers.Bidirectional, majority),
    ("different, two directions", keras.layers.Bidirectional, different),
):
    model = gru_deep.learn_bits(wrap, task)
    guess = model.predict_on_batch(gru_deep.as_input(bits))[:, 1:-1, 0] > 0.5
    NEIGHBOURS[name] = (guess == task(bits)[:, 1:-1]).mean()
    print(f"{name:28s} {NEIGHBOURS[name]:6.1%}")

# %% [markdown] tags=["lang:en"]
# One direction gets the majority right in 75 %, and no forward network can do better: if this throw and the one before agree, the
# answer is known, else it is a coin. Two directions get all of it. And yet they fail at the second task completely, though everything
# that is needed stands side by side in $y_t$: the throw before in the forward half, the throw after in the backward half. "Different" is the XOR of the two,
# and a single dense layer cannot make an XOR of its inputs. The two directions *meet only in the output layer*. Another layer on top
# would do. Two directions are not depth.
#
# ## 6. What goes wrong
#
# ### Seeing the answer
#
# A sequence of fair coins, 20 throws, and at each step the network is to say *the next throw*. Nobody can do better than 50 %. The next
# cell trains a forward network and a bidirectional one on it. Then it asks both as they would be used: the sequence *ends* at the
# step where the question is asked, because the next throw has not happened.


# %% tags=["demo"]
# Shows a network in two directions that predicts fair coins, until the future is taken away. Takes about 10 s.
def next_throw(bits):
    """The bit of the following step; a 0 after the last."""
    return np.concatenate([bits[:, 1:], np.zeros_like(bits[:, :1])], axis=1)


bits = np.random.default_rng(12).integers(0, 2, (5000, 20))
COINS = {}
for name, wrap in (("one direction", lambda layer: layer), ("two directions", keras.layers.Bidirectional)):
    model = gru_deep.learn_bits(wrap, next_throw)
    seen = model.predict_on_batch(gru_deep.as_input(bits))[:, 9, 0] > 0.5
    cut = model.predict_on_batch(gru_deep.as_input(bits[:, :10]))[:, 9, 0] > 0.5
    COINS[name] = [(guess == bits[:, 10]).mean() for guess in (seen, cut)]
print("the throw after step 10, right      whole sequence given     sequence ends at step 10")
for name, shares in COINS.items():
    print(f"{name:34s} {shares[0]:21.1%} {shares[1]:28.1%}")

# %% [markdown] tags=["lang:en"]
# Right in 100 % of all throws of a fair coin. The backward direction reads step 11 before it speaks at step 10, and hands the answer over. Nothing crashed. When the future is missing, 50 % are left.
#
# So the rule: **two directions only where the whole sequence is there before the first output is wanted.** Speech that has been recorded,
# sentences that have been written: yes. Predicting the next symbol, writing text, control, anything live: no, or with a
# delay that you accept. How to notice: a score above what can be known; a fall in use; or the test of the last section, move a later
# input and see whether an earlier output moves.
#
# ### One name, many readings
#
# GRU weights travel between programs, and nothing in their shapes says how to read them.
#
# | where | order of the parts | share of the old state | reset gate |
# |---|---|---|---|
# | here, and `keras.layers.GRU` | z, r, h | $z$ | after the product, or before it |
# | `torch.nn.GRU` (its documentation) | r, z, n | $z$ | after the product |
# | Cho et al. 2014, third version | – | $z$ | before the product |
# | Chung et al. 2014 | – | $1 - z$ | before the product |
#
# The next cell reads the same weights in four ways, with your step and your cell. All run without an error.

# %% tags=["demo"]
# Shows how far a state is off when weights are read in another way than they were meant.
rng = np.random.default_rng(13)
x, h_prev = rng.normal(size=(50, 6)), rng.uniform(-0.9, 0.9, (50, 8))
Wx, Wh, b = 0.6 * rng.normal(size=(6, 24)), 0.6 * rng.normal(size=(8, 24)), 0.6 * rng.normal(size=(2, 24))


def swapped(w):
    """The first two of three parts exchanged: r, z, h in place of z, r, h."""
    z, r, h = np.split(w, 3, axis=-1)
    return np.concatenate([r, z, h], axis=-1)


def in_cell(reset_after, Wx, Wh, b):
    """One step of your cell in float64."""
    cell = GRUCell(8, reset_after=reset_after, dtype="float64")
    cell.build((None, 6))
    cell.set_weights([Wx, Wh, b])
    return ops.convert_to_numpy(cell(ops.convert_to_tensor(x), [ops.convert_to_tensor(h_prev)])[0])


def off(found, meant):
    """Length of the difference, as a share of how far the step moves the state."""
    return np.linalg.norm(found - meant) / np.linalg.norm(meant - h_prev)


meant = step_forward(x, h_prev, Wx, Wh, b)
negated = np.repeat([-1, 1, 1], 8)
one_bias = np.stack([b[0], np.zeros(24)])
before = in_cell(False, Wx, Wh, b[0])
diagonal = Wh.copy()
diagonal[:, 16:] *= np.eye(8)
READINGS = {
    "r, z, h read as z, r, h": off(step_forward(x, h_prev, swapped(Wx), swapped(Wh), swapped(b)), meant),
    "1 - z read as z": off(step_forward(x, h_prev, Wx * negated, Wh * negated, b * negated), meant),
    "reset before the product, read as after": off(step_forward(x, h_prev, Wx, Wh, one_bias), before),
}
print("read in another way than meant                 the state is off by (share of the step)")
for name, value in READINGS.items():
    print(f"{name:46s} {value:12.2f}")
DIAGONAL = off(step_forward(x, h_prev, Wx, diagonal, one_bias), in_cell(False, Wx, diagonal, b[0]))
print(f"{'before, read as after, last part diagonal':46s} {DIAGONAL:12.0e}")

text = " ".join(keras.layers.GRU.__doc__.split())
start = text.find("The default one is based")
print(f"\nkeras.layers.GRU: reset_after={keras.layers.GRU(1).reset_after} by default")
print(
    "its documentation:", f"“{text[start : text.find('. ', start) + 1]}”" if start >= 0 else "no longer says otherwise"
)

# %% [markdown] tags=["lang:en"]
# A wrong order costs 80 % of a step and a wrong reading of $z$ all of it. The mild one is treacherous: with the reset gate in the other place the
# state is off by a fifth of a step, and a trained network would be a little worse, not broken. With a diagonal last part of $W_h$ the two conventions agree to rounding, as
# section 2 said. The remedy for the second row costs nothing: $1 - \sigma(a) = \sigma(-a)$, so negating all of $z$'s columns turns one reading into the
# other. For the third there is no remedy but to use the right convention.
#
# The last two lines are an erratum. The documentation of `keras.layers.GRU` calls the variant with the reset *before* the product "the
# default one", but the argument's default is `reset_after=True`: after it. (In TensorFlow 1 the default was False, and the sentence was right.)
#
# ### Others
#
# * **Half a highway.** Whoever forgets the direct way $dh_t \odot z$ in the backward pass has a gradient of the right shape that
#   vanishes like an Elman network's.
# * **The recurrent bias outside the reset gate.** With the reset after the product, $r$ multiplies $b_{h,h}$ too.
# * **The layer above forgotten.** A stack whose layers get only their own carry learns in the highest layer and stays random
#   below it. If the loss reads only the highest layer, all lower gradients are zero; if it reads all layers, nobody
#   notices soon.
# * **A stack of layers that return their last state only.** The next layer needs the whole sequence: `return_sequences=True`
#   in all layers but perhaps the highest.
#
# ## 7. Think
#
# Answer in your own words, in about 200 to 350 words.

# %% [markdown] tags=["lang:en", "question:gru.think"]
# 1. A GRU has one gate where the LSTM has two, and no output gate. Name for each of the two something that an LSTM unit can do
#    and a GRU unit cannot. Which of the two networks would you have expected to be better at the adding problem, and what
#    did this lesson measure?
# 2. A colleague replaces one wide recurrent layer by a stack of six narrow ones with the same number of parameters. What
#    speaks for it, what against it, and what would you measure before you believe either?
# 3. Which of these may use a bidirectional network, and why: subtitles for live television; naming the part of speech of every
#    word of a written sentence; writing a text word by word; writing down a recording of a talk? How would you notice, by a score
#    or by a test, that a network has seen the future?
