# ---
# title:
#   en: "BPTT and RTRL: back through time, or along with it"
#   ja: "BPTTとRTRL：時間をさかのぼるか、時間とともに進むか"
# automatic_points: 40
# written_points: 10
# ---

# %% [markdown] tags=["lang:en"]
# # BPTT and RTRL: back through time, or along with it
#
# Lesson 04 went back through time to get its gradients, over a short piece of the sequence. In this lesson you cut
# that way back where you choose and measure what the cut costs. Then you build the other method, which never goes
# back: it carries the derivatives forward, learns while it runs, and needs the same memory however long the
# sequence is. It is exact, and it is so expensive that hardly anyone uses it. You count how expensive.

# %% [markdown] tags=["lang:ja"]
# # BPTTとRTRL：時間をさかのぼるか、時間とともに進むか

# %% tags=["setup"]
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras  # TensorFlow may print lines about CUDA below: they do no harm
import numpy as np
from keras import ops

from autograder import check
from unrolled import bptt_rtrl as time_lab
from unrolled import figures

figures.use_style()

# %% [markdown] tags=["lang:en"]
# ## 1. Why
#
# The networks of lesson 04 read their stream in chunks. The state went on from chunk to chunk, while the gradient
# stopped at the border. What was lost there?
#
# The weights are the same at every step, so each step *uses* them. The loss of step $t$ depends on every use of
# them up to $t$: the one at step $t$ itself, the one at step $t-1$ that made the state before, and so on to step 1.
# The gradient is a sum over all of these links. The next cell draws them for 20 steps: one row for each loss, one
# column for each use of the weights.

# %% tags=["demo"]
# Shows which links between losses and uses of the weights a gradient in chunks of 5 steps contains.
seen = time_lab.reach(20, 5, 5)
print(f"links in all: {20 * 21 // 2}, in the gradient: {seen.sum()}")
time_lab.reach_maps({"chunks of 5 steps": (5, 5)}, "Chunks drop most of the links")

# %% [markdown] tags=["lang:en"]
# Of 210 links 60 are left. The first loss of every chunk is worst off: it sees one step and no past at all. If what
# the network has to learn lies in the dropped part, no amount of training on these gradients points it there.
#
# Not cutting means keeping: to go back from step $t$ to step 1, all the states between must still be there. For a
# stream that never ends this takes memory without end, and the first gradient comes after the last step, that is,
# never. So there are two questions. How bad is the cut? And is there a way without going back?
#
# ## 2. Derive
#
# Vectors are rows, as in Keras; a batch of them is a matrix with one row per sequence. The network is Elman's:
#
# $$z_t = x_t W_x + h_{t-1} W_h + b \qquad\qquad h_t = \tanh(z_t)$$
#
# | letter | what | shape |
# |---|---|---|
# | $T$, $N$, $F$ | number of steps, of units, of features | |
# | $x_t$ | input of step $t$, from 1 to $T$ | (batch, features) |
# | $h_t$ | hidden state after step $t$; $h_0$ is given | (batch, units) |
# | $W_x$, $W_h$, $b$ | kernel, recurrent kernel, bias | (features, units), (units, units), (units,) |
# | $u_t$ | $[x_t, h_{t-1}, 1]$: all that the weights multiply, side by side | (batch, features + units + 1) |
# | $W$ | $W_x$, $W_h$ and $b$ on top of each other | (features + units + 1, units) |
# | $L_t$, $L$ | loss of step $t$, and the sum of all of them | one number |
# | $dh_t$ | $\partial L_t/\partial h_t$: the upstream gradient of $h_t$ *from its own step alone* | (batch, units) |
# | $P_t$ | sensitivities, $\partial h_t/\partial W$ | (batch, units, parameters) |
# | $k_1$, $k_2$ | steps between two backward passes, and steps that a pass goes over | |
#
# With $u_t$ and $W$ the step is one product, $z_t = u_t W$, which will be handy. *$d$ of something has the shape of
# that something.*
#
# ### Back through time
#
# First the way back, as in lesson 04, in three lines. At step $t$ the state $h_t$ gets its own $dh_t$ and a *carry*
# from the step after it. With $\odot$ for the product element by element:
#
# $$dz_t = (dh_t + \text{carry}_t) \odot (1 - h_t^2)$$
#
# $$dW_x \mathrel{+}= x_t^T dz_t \qquad dW_h \mathrel{+}= h_{t-1}^T dz_t \qquad db \mathrel{+}= \text{sum of } dz_t
# \text{ over the batch}$$
#
# $$\text{carry}_{t-1} = dz_t W_h^T$$
#
# The first line passes the tanh, whose slope is $1 - \tanh^2$. The second gives each weight its share of this step:
# a weight multiplies something, and that something times $dz_t$, summed over the batch, is the share. The third
# sends the rest to the state before. You start at the last step with a carry of zero and go to the first. This is
# backpropagation through time, BPTT (Werbos 1990). All $h_t$ are needed on the way back, so all of them are kept.
#
# ### Where to cut
#
# *Truncated* BPTT has two numbers (Williams and Peng 1990, who write BPTT($h$; $h'$) with $h = k_2$, $h' = k_1$).
# The network runs forward through the whole sequence and its state is never reset. After every $k_1$ steps there is
# a backward pass. It goes over the last $k_2$ steps and stops. Here is one, with $k_1 = 2$ and $k_2 = 4$, after
# step 6.

# %% tags=["demo"]
# Shows the computation graph of one backward pass, unrolled: what it takes in, what it goes over, where it stops.
time_lab.window_graph()

# %% [markdown] tags=["lang:en"]
# Read it from right to left.
#
# 1. The pass **starts with no carry**: of the steps after 6 it knows nothing.
# 2. At steps 6 and 5 it takes in $dh_6$ and $dh_5$. These losses are new since the pass before, which was after
#    step 4.
# 3. It goes on to steps 4 and 3 with the carry alone. Their losses were taken in by the pass before; taking them in
#    again would count them twice. But steps 4 and 3 *used the weights*, and that is how they moved $L_5$ and $L_6$.
#    So these steps add their share to $dW_x$, $dW_h$ and $db$, too.
# 4. It has gone over $k_2 = 4$ steps. What would go on to $h_2$ is **dropped**. The value of $h_2$ is used, its
#    dependence on the weights is not.
#
# How far is the loss of one step followed back? Let $e$ be the pass that takes it in, the first after step $t$ or
# at it. That pass reaches back to step $e - k_2 + 1$, so of the steps up to $t$ it sees $t - e + k_2$. For the last
# loss before a pass this is $k_2$, for the first one after the pass before it is $k_2 - k_1 + 1$. The bill: $k_2$
# steps back for every $k_1$ steps forward. Three choices, on the map of section 1:

# %% tags=["demo"]
# Shows what three choices of k1 and k2 see of 20 steps, and how many steps back they take for each step forward.
windows = {"$k_1 = 5$, $k_2 = 5$": (5, 5), "$k_1 = 5$, $k_2 = 10$": (5, 10), "$k_1 = 1$, $k_2 = 10$": (1, 10)}
for k1, k2 in windows.values():
    print(
        f"k1 = {k1}, k2 = {k2:2d}: {time_lab.reach(20, k1, k2).sum():3d} of 210 links, every loss sees at least "
        f"{k2 - k1 + 1:2d} steps, {k2 / k1:.0f} steps back for each step forward"
    )
time_lab.reach_maps(windows, "$k_2$ says how far a pass goes, $k_1$ how evenly the losses share it")

# %% [markdown] tags=["lang:en"]
# (At the start of the sequence there are fewer steps to see.) $k_1 = k_2$ is the cheapest, and it is what chunks
# do: every link inside a chunk, none across its border. With $k_1 = 1$ all losses are treated alike, at $k_2$ times
# the price. Whatever the choice, what a loss loses are always its *longest* links (in chunks, for the first
# loss of a chunk, that is every link but the one to its own step). So the cut gradient is not a noisy
# version of the true one but a *biased* one: it leans towards what is near (Tallec and Ollivier 2017).
#
# ### Along with time
#
# Each link contributes a product of many matrices, one for each step between the use and the loss. A product can be
# multiplied from either end. BPTT starts at the loss. What if you start at the weights?

# %% tags=["demo"]
# Shows the unrolled network twice: gradients going back from the losses, sensitivities going forward.
time_lab.two_orders()

# %% [markdown] tags=["lang:en"]
# Going back, you carry one number for each unit: how the *losses to come* depend on it. Going forward, you carry one
# number for each unit *and each parameter*: how the unit depends on the parameter, through all the steps so far.
# That is the **sensitivity** $P_t = \partial h_t / \partial W$. It needs no later step, so it can be kept up to date
# while the network runs. This is **real-time recurrent learning**, RTRL (Robinson and Fallside 1987; Williams and
# Zipser 1989).
#
# Give the parameters numbers: the elements of $W$ *row by row*, so that $W_{ij}$ has number $p = i \cdot N + j$
# (counting $i$, $j$ and $p$ from 0). Row by row means: those of $W_x$ first, then those of $W_h$, then those of $b$.
# There are $M = (F + N + 1) \cdot N$ of them. And $P_t$ has an entry $P_{t,nkp}$ for each example $n$, each unit $k$
# and each parameter $p$.
#
# How does $h_{t,k}$ depend on $W_{ij}$? Look at one step.

# %% tags=["demo"]
# Shows the computation graph of one step and the two ways in which a weight moves the new state.
time_lab.sensitivity_graph()

# %% [markdown] tags=["lang:en"]
# For one example, so leave $n$ out. Unit $k$ squashes the sum $z_{t,k} = \sum_i u_{t,i} W_{ik}$.
#
# 1. **Direct.** $W_{ij}$ stands in the sum of unit $j$ and in no other, and what it multiplies there is $u_{t,i}$. So
#    moving $W_{ij}$ by 1, with $u_t$ as it is, moves $z_{t,k}$ by $u_{t,i}$ if $k = j$, and by 0 if not.
# 2. **Through the old state.** $W_{ij}$ has been at work before, so $h_{t-1}$ depends on it: unit $m$ by
#    $P_{t-1,mp}$. Old unit $m$ enters the sum of new unit $k$ times $W_{h,mk}$. There are $N$ old units, and each is
#    a way. The input does not depend on any weight, nor does the 1.
# 3. **The tanh.** Both are inside the sum that is squashed, so both get its slope.
#
# Together, with $[k = j]$ for 1 if $k = j$ and 0 if not:
#
# $$P_{t,kp} = (1 - h_{t,k}^2) \Big( [k = j]\; u_{t,i} + \sum_m W_{h,mk}\, P_{t-1,mp} \Big) \qquad p = iN + j$$
#
# $h_0$ was given and depends on no weight, so $P_0 = 0$. Each example of a batch has states of its own, and so
# sensitivities of its own.
#
# The gradient is then one more step of the chain rule: $L_t$ moves with $h_t$, and $h_t$ with the parameters.
#
# $$\frac{\partial L}{\partial W_{p}} = \sum_t \sum_n \sum_k dh_{t,nk}\, P_{t,nkp}$$
#
# Every term of the sum over $t$ is known at step $t$. Nothing is dropped: $P_t$ holds *all* ways from the weights to
# $h_t$. So if the weights stay as they are, RTRL gives the very gradient that BPTT gives. You will see it to twelve
# digits.
#
# ### What it costs
#
# Count multiply-adds. The product of a matrix $(a, b)$ with a matrix $(b, c)$ has $a\,c$ entries, each a sum of
# $b$ products: $a\,b\,c$. In BPTT a step is a handful of products with vectors: rows of $N$ with a matrix
# $(N, N)$, so of the order $N^2$; over the sequence $T N^2$. Kept are the states, $T N$ numbers. In RTRL a step
# has the sum over $m$: a matrix $(N, N)$ with a matrix $(N, M)$, and $M$ is itself of the order $N^2$. That makes
# $N \cdot N \cdot N^2 = N^4$ for each step, and $T N^4$ over the sequence. Kept is $P$, of the order
# $N \cdot M = N^3$. There is no $T$ in that.
#
# | | time | memory |
# |---|---|---|
# | BPTT | $O(T N^2)$ | $O(T N)$ |
# | RTRL | $O(T N^4)$ | $O(N^3)$, whatever $T$ |
#
# (Williams and Zipser 1989. Schmidhuber 1992 gives the same for RTRL, $O(N^4)$ in time, per step. The table takes
# $F$ to be no larger than $N$, and leaves out the weights themselves, $O(N^2)$, which both need.)
#
# ## 3. Build by hand
#
# Rules for every function of this section:
#
# * **No caching.** All that a function needs is among its arguments, and all it gives is what it returns.
# * **Arguments stay as they are.** Never write into an array that you were given (`+=` on an argument does).
# * **Sums, not means.** If the loss is a mean, its upstream gradient has the division in it already.
# * **Return arrays**, in the order stated, each gradient of the shape of what it belongs to.
#
# The forward step is given. Both methods use it.


# %% tags=["setup"]
def elman_step(x, h_prev, Wx, Wh, b):
    """Take one time step of an Elman network: x (batch, features) and h_prev (batch, units) give h (batch, units)."""
    return np.tanh(x @ Wx + h_prev @ Wh + b)  # (batch, units)


# %% [markdown] tags=["lang:en"]
# Below each answer a cell checks it. The number that it gives back is your points.
#
# ### Exercise 1: truncated backpropagation
#
# `truncated_backward(dh, x, h0, Wx, Wh, b, k1, k2)` gets
#
# * `dh` (batch, time, units): the upstream gradient of each hidden state from its own step alone. `dh[:, 0]` belongs
#   to $h_1$;
# * `x` (batch, time, features), `h0` (batch, units) and the weights;
# * `k1` and `k2`, integers, $1 \le k_1 \le k_2$.
#
# It returns a tuple of three arrays, `(dWx, dWh, db)`, shapes (features, units), (units, units), (units,): the sums
# over all passes, all their steps, and the batch. The weights do not change on the way.
#
# * Run forward first, with `elman_step`, through the *whole* sequence, and keep every state in a list. If the list
#   starts with `h0`, its entry `t` is the state before the step that Python counts as `t`, and its entry `t + 1` the
#   state after it.
# * The passes end after the steps $k_1, 2k_1, 3k_1, \dots$ and after the last step $T$, whether or not $T$ is a
#   multiple of $k_1$. There is one pass after $T$, not two.
# * A pass goes back over $k_2$ steps, or fewer where the sequence begins: `max(0, …)`. It starts with a carry of
#   zeros.
# * At steps whose loss no earlier pass has taken in, add `dh[:, t]` to the carry. At older steps the carry alone
#   goes on. A variable that remembers where the previous pass ended is enough.
# * The three lines of "Back through time" are the same at both kinds of steps.
#
# An example to try your loops on: $T = 8$, $k_1 = 3$, $k_2 = 5$, steps counted from 1.
#
# | pass ends after step | goes over steps | takes in the losses of |
# |---|---|---|
# | 3 | 1, 2, 3 | 1, 2, 3 |
# | 6 | 2, 3, 4, 5, 6 | 4, 5, 6 |
# | 8 | 4, 5, 6, 7, 8 | 7, 8 |

# %% tags=["exercise:bptt.truncated_backward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 2: what both methods cost
#
# `cost(time, units, features)` gets three integers, $T$, $N$ and $F$. It returns four integers, for one sequence
# (a batch of 1):
#
# `(bptt_operations, bptt_memory, rtrl_operations, rtrl_memory)`
#
# **Operations** are the multiply-adds of products: $(a, b)$ times $(b, c)$ costs $a\,b\,c$. Nothing else counts: no
# tanh, no product element by element, no sum, no bias. At every step
#
# * both methods run the network forward: $x_t W_x$ and $h_{t-1} W_h$;
# * BPTT, not truncated, makes three products with $dz_t$ (1, units): the gradient of $W_x$, which is a column
#   (features, 1) times a row (1, units), the gradient of $W_h$, and the carry. It makes no gradient of $x$. All
#   steps cost the same: the first step makes its carry as well;
# * RTRL makes two products: $W_h^T$ (units, units) with the sensitivities (units, parameters), and $dh_t$ (1, units)
#   with the new sensitivities.
#
# **Memory** is how many numbers must be kept from one step to the next. Inputs, upstream gradients, weights and
# the gradients of the weights are not counted. BPTT keeps the states $h_1$ to $h_T$ ($h_0$ is an input). RTRL
# keeps the state and the sensitivities of the newest step.
#
# The parameters are those of $W_x$, $W_h$ and $b$. These are exact counts: write down all terms and not only the
# largest. You can do one case in your head: `cost(1, 1, 1)` is `(5, 1, 8, 4)`.

# %% tags=["exercise:bptt.cost"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 3: sensitivities, one step
#
# `sensitivity_step(P_prev, x, h_prev, Wx, Wh, b)` takes
#
# * `P_prev` (batch, units, parameters): the sensitivities of `h_prev`, with parameters $(F + N + 1) \cdot N$ in the
#   order of section 2: `Wx` row by row, then `Wh` row by row, then `b`;
# * `x` (batch, features), `h_prev` (batch, units) and the weights, as `elman_step` takes them.
#
# It returns one array, $P_t$ (batch, units, parameters). `P_prev` may be anything, not only zeros.
#
# * The new state, which the slope needs, comes from `elman_step`.
# * $u_t$ is `x`, `h_prev` and a column of ones side by side: `np.concatenate([…], axis=1)`.
# * The direct part has, for each example $n$ and unit $k$, one number for each row $i$ and column $j$ of $W$. So
#   make it with four axes, $(n, k, i, j)$, where entry $[n, k, i, j]$ is $u_{ni}$ if $k = j$, else 0.
#   `np.eye(units)[k, j]` is that 1 or 0, and `np.einsum` multiplies without summing where all indices stay:
#   `np.einsum("a,b->ab", A, B)` has $A_a B_b$ as entries. NumPy's `reshape` merges the last two axes row by row,
#   which is just the order of the parameters.
# * The carried part is one matrix product for each example. `@` multiplies a matrix with each matrix of an array
#   of three axes. Ask which index of $W_h$ the sum over $m$ runs over, and whether $W_h$ must be transposed. It
#   is square: the wrong way *runs*.
# * The slope has shape (batch, units): `[:, :, np.newaxis]` gives it the third axis.

# %% tags=["exercise:rtrl.sensitivity_step"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 4: the gradient, without going back
#
# `gradient(dh, x, h0, Wx, Wh, b)` gets `dh` (batch, time, units), `x` (batch, time, features), `h0` (batch, units)
# and the weights, as in exercise 1. It returns `(dWx, dWh, db)`, shapes (features, units), (units, units), (units,):
# the whole gradient, nothing cut, summed over time and the batch.
#
# * Loop over time once, from the first step to the last. Keep a state, starting from `h0`, and sensitivities,
#   starting from zeros.
# * In every step both move on, and *both start from the old state*: mind which of the two lines comes first.
# * Then this step's `dh[:, t]` meets this step's new sensitivities: the last formula of "Along with time", a sum over
#   $n$ and $k$ which leaves one number for each parameter. Add it up over the steps.
# * At the end `reshape` the result to the shape of $W$, (features + units + 1, units), and cut it into its three
#   parts. The row of the bias is of shape (units,).
# * Your `truncated_backward` with $k_1 = k_2 = T$ gives the same numbers, so it can tell you in a cell of your own
#   whether yours are right. In the answer it may not be called: it goes back.

# %% tags=["exercise:rtrl.gradient"]

# %% [markdown] tags=["lang:en"]
# ## 4. Build in Keras
#
# A Keras layer that learns as RTRL does is unlike all layers you have built: Keras has nothing to derive, because
# there is no backward pass. The layer keeps its state and its sensitivities among its own weights, moves both on
# when it is called, and changes its trainable weights itself when it is told the gradient of the newest loss.
#
# ### Exercise 5: a layer that learns while it runs
#
# `OnlineElman(units, learning_rate=0.1)` is a `keras.layers.Layer` for one endless sequence. `__init__` is given: it
# keeps `self.units` and `self.learning_rate`. You write:
#
# * `build(input_shape)`. `input_shape` is (1, features). It creates five weights with
#   `self.add_weight(shape=…, initializer=…, trainable=…, name=…)` and keeps them as attributes of the same names:
#
#   | attribute and `name` | shape | `initializer` | trainable |
#   |---|---|---|---|
#   | `kernel` | (features, units) | `"glorot_uniform"` | yes |
#   | `recurrent_kernel` | (units, units) | `"orthogonal"` | yes |
#   | `bias` | (units,) | `"zeros"` | yes |
#   | `state` | (1, units) | `"zeros"` | no |
#   | `sensitivities` | (units, parameters) | `"zeros"` | no |
#
#   State and sensitivities change at every step, but no optimizer may touch them: `trainable=False`. There is one
#   sequence, so the sensitivities have no batch axis. Their parameters are in the order of exercise 3.
# * `call(inputs)`. `inputs` is (1, features), one step. Compute the new state and the new sensitivities from the
#   old ones, keep both (`self.state.assign(…)`, `self.sensitivities.assign(…)`), and return the new state, (1,
#   units). There is no batch axis in exercise 3's recipe here: take `u[0]` for the direct part, which then has three
#   axes, $(k, i, j)$, and transpose the slope from (1, units) to (units, 1). Compute everything first and assign last:
#   after `assign`, reading `self.state` gives the new one. (If you assign early, keep `ops.copy(self.state)`: a name
#   that you gave to `self.state` is no copy.)
# * `learn(dh)`. `dh` (1, units) is the gradient of the newest step's loss by the newest state. Multiply it with the
#   sensitivities, put the result into the shape of $W$, and take one step against the gradient: each of the three
#   trainable weights changes by minus `self.learning_rate` times its part (`assign_sub`). State and sensitivities
#   stay as they are. Nothing is returned.
# * `reset_state()`. A new sequence begins: state and sensitivities are zero again. What was learned stays.
# * `get_config()`. `super().get_config()` with `units` and `learning_rate` added: a dictionary of what `__init__`
#   needs.
#
# Use `ops` for all that NumPy did in exercise 3: `ops.matmul`, `ops.tanh`, `ops.concatenate`, `ops.einsum`,
# `ops.eye`, `ops.reshape`, `ops.transpose`, `ops.square`, `ops.ones_like`, `ops.zeros_like`. The layer may be
# float64: `ops.eye(…, dtype=self.compute_dtype)` and the like, because their default is float32. The check
# finds digits that are lost on the way.
#
# Section 5 compiles your layer with `tf.function`. While a function is compiled its tensors hold no numbers yet, so
# NumPy has nothing to read there, nor have `float(…)` and `.numpy()`. So the check runs `call` and `learn` compiled, too.
# It runs your layer without `learn` first: a slip in `learn` does not cost the points of `call`.

# %% tags=["exercise:rtrl.OnlineElman"]

# %% [markdown] tags=["lang:en"]
# ### Do they agree?
#
# The same gradient in three ways: your `gradient`, which went forward; your `truncated_backward` with
# $k_1 = k_2 = T$, which drops nothing; and TensorFlow's tape through `keras.layers.SimpleRNN`. Then your layer
# beside your functions: a run of 30 steps without learning, and one `learn` at its end.


# %% tags=["demo"]
# Shows RTRL, BPTT and Keras' SimpleRNN giving the same gradient, and your layer following your functions.
def flat(gradients):
    """All gradients in one vector."""
    return np.concatenate([np.ravel(g) for g in gradients])


def off(found, right):
    """Largest difference, as a share of the largest element."""
    return np.abs(found - right).max() / np.abs(right).max()


print("largest difference / largest element     RTRL, BPTT   RTRL, SimpleRNN")
for steps, units, features in ((5, 3, 2), (20, 8, 4), (100, 12, 3), (400, 6, 2)):
    problem = time_lab.random_problem(steps, units, features, seed=units)
    forwards, backwards = flat(gradient(*problem)), flat(truncated_backward(*problem, steps, steps))
    line = f"T = {steps:3d}, N = {units:2d}, F = {features}   {off(forwards, backwards):26.1e}"
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        dh, x, h0, Wx, Wh, b = problem
        theirs = keras.layers.SimpleRNN(units, return_sequences=True, dtype="float64")
        theirs.build(x.shape)
        theirs.set_weights([Wx, Wh, b])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(theirs(x, initial_state=tf.constant(h0)) * dh)
        taped = flat([g.numpy() for g in tape.gradient(loss, [w.value for w in theirs.trainable_weights])])
        line += f"{off(forwards, taped):18.1e}"
    print(line)

dh, x, h0, Wx, Wh, b = time_lab.random_problem(30, 6, 3)
layer = OnlineElman(6, learning_rate=0.05, dtype="float64")
layer.build((1, 3))
for name, value in (("kernel", Wx), ("recurrent_kernel", Wh), ("bias", b)):
    getattr(layer, name).assign(value)
h = h0
for t in range(30):
    out = ops.convert_to_numpy(layer(x[:, t]))
    h = elman_step(x[:, t], h, Wx, Wh, b)
layer.learn(ops.convert_to_tensor(dh[:, -1]))
only_last = dh * (np.arange(30) == 29)[None, :, None]
expected = -0.05 * flat(gradient(only_last, x, h0, Wx, Wh, b))
names = ("kernel", "recurrent_kernel", "bias")
learned = flat([ops.convert_to_numpy(getattr(layer, n)) - v for n, v in zip(names, (Wx, Wh, b), strict=True)])
print(f"\nyour layer: state {off(out, h):.1e}, step taken by learn {off(learned, expected):.1e}")

# %% [markdown] tags=["lang:en"]
# Two different sums of the same terms: what is left is rounding. (For very long sequences with exploding
# gradients the rounding is amplified with them.)
#
# ## 5. Run it
#
# ### What the cut costs: the gradient
#
# A random network with memory: the recurrent kernel is an orthogonal matrix (it turns the state and keeps its
# length) times a *scale*, and the inputs are weak, so that tanh hardly bends. There are 100 steps, with a random
# upstream gradient at each. How far is the gradient of your `truncated_backward` from the full one, for windows
# $k_2$ from 1 to 60?

# %% tags=["demo"]
# Shows the relative error of the cut gradient against the window k2, for networks with more and less memory.
STEPS, UNITS, FEATURES = 100, 16, 3
rng = np.random.default_rng(1)
x, dh = rng.normal(size=(4, STEPS, FEATURES)), rng.normal(size=(4, STEPS, UNITS))
Wx, h0, b = 0.02 * rng.normal(size=(FEATURES, UNITS)) / FEATURES**0.5, np.zeros((4, UNITS)), np.zeros(UNITS)


def relative_error(Wh, k1, k2):
    """Length of the difference from the full gradient, as a share of its length."""
    full = flat(truncated_backward(dh, x, h0, Wx, Wh, b, STEPS, STEPS))
    return np.linalg.norm(flat(truncated_backward(dh, x, h0, Wx, Wh, b, k1, k2)) - full) / np.linalg.norm(full)


spans = (1, 2, 3, 5, 8, 12, 20, 30, 45, 60)
by_scale = {s: [relative_error(time_lab.rotated(UNITS, s, 0), 1, k) for k in spans] for s in (0.5, 0.8, 0.95, 1.0)}
for scale, errors in by_scale.items():
    print(
        f"scale {scale:4}: error at k2 = 1, 2, 5 " + " ".join(f"{errors[spans.index(k)]:.3f}" for k in (1, 2, 5)),
        end="",
    )
    print("   scale to the power k2 " + " ".join(f"{scale**k:.3f}" for k in (1, 2, 5)))
strong = time_lab.rotated(UNITS, 0.95, 0)
shared = [relative_error(strong, k, k) for k in spans]
print("\nscale 0.95, k2        " + " ".join(f"{k:6d}" for k in spans[:8]))
for name, errors in (("pass after every step", by_scale[0.95]), ("chunks, k1 = k2", shared)):
    print(f"{name:22s}" + " ".join(f"{e:6.3f}" for e in errors[:8]))

curves = {f"scale {s}, $k_1 = 1$": np.where(np.array(e) > 1e-6, e, np.nan) for s, e in by_scale.items()}
figures.lines(
    {**curves, "scale 0.95, chunks $k_1 = k_2$": np.array(shared)},
    "The longer a network remembers, the longer the window must be",
    "window $k_2$ (steps)",
    "relative error (no unit)",
    x=np.array(spans),
    log=True,
)

# %% [markdown] tags=["lang:en"]
# On the logarithmic axis the errors with $k_1 = 1$ fall in nearly straight lines: every further step of the window
# takes off the same factor, and that factor is about the scale of the recurrent kernel. From $k_2 = 2$ to 5 the
# error falls to .53, .83 and .95 of itself per step at the first three scales. So a window of fixed length is good or bad only
# *for a network*, and training changes the network. At scale 1.0 nothing fades. There the error falls only because
# the sequence is not longer than 100 steps.
#
# Chunks are worse than a window of the same length at every step: at scale 0.95 and $k_2 = 20$ the table has more
# than twice the error. Their first losses hardly see any past, however long the chunk. (Errors below $10^{-6}$ are
# not drawn.)
#
# Move the slider, if you have one: it sets the window, for the first 20 steps of the network with scale 0.95.

# %% tags=["demo"]
# Shows what a window sees and the error that it leaves (a slider where there can be one).
short = (dh[:, :20], x[:, :20], h0, Wx, strong, b)
full_short = flat(truncated_backward(*short, 20, 20))


def error_of(k2):
    return np.linalg.norm(flat(truncated_backward(*short, 1, k2)) - full_short) / np.linalg.norm(full_short)


time_lab.explore_truncation(error_of, steps=20)

# %% [markdown] tags=["lang:en"]
# ### What the cut costs: learning
#
# An error in the gradient need not hurt. Sometimes it does, and then it is all or nothing. The task: a stream of
# bits, −1 or 1, and the first unit is to say the bit of *four steps ago* (times 0.5, which tanh can reach). The
# network has 8 units and starts from an orthogonal recurrent kernel times 0.9. After every step the weights take
# a step against the gradient of that step's loss, followed back over a window of $k_2$ steps with your
# `truncated_backward`: $k_1 = 1$, online.


# %% tags=["demo"]
# Shows what a network can learn with windows of 1 to 7 steps when the answer lies 4 steps back. Takes about 10 s.
def start(units, Wh, seed):
    """Weights to start from: a random kernel, the given recurrent kernel, no bias."""
    return 0.3 * np.random.default_rng(seed).normal(size=(1, units)), Wh, np.zeros(units)


def learn_with_window(weights, x, target, rate, window):
    """Learn online on one stream, each loss followed back over a window; return the squared error of each step."""
    Wx, Wh, b = weights
    states, errors = [np.zeros((1, len(b)))], []
    for t in range(len(x)):
        inputs = x[None, max(0, t + 1 - window) : t + 1, None]
        states = [*states[-window:], elman_step(inputs[:, -1], states[-1], Wx, Wh, b)]
        error = states[-1][0, 0] - target[t]
        newest = np.zeros((1, inputs.shape[1], len(b)))
        newest[0, -1, 0] = 2 * error  # this step's loss, by the first unit
        steps = inputs.shape[1]
        dWx, dWh, db = truncated_backward(newest, inputs, states[0], Wx, Wh, b, steps, steps)
        Wx, Wh, b = Wx - rate * dWx, Wh - rate * dWh, b - rate * db
        errors.append(error**2)
    return np.array(errors)


LAG, LENGTH = 4, 3000
by_seed = {}
print("mean squared error of the last 500 steps; saying 0 all the time: 0.2500")
print("window of " + " ".join(f"{w:8d}" for w in range(1, 8)))
for seed in (0, 1, 2):
    x_s, target_s = (a[0] for a in time_lab.delayed_bits(LENGTH, LAG, 1, seed))
    weights = start(8, time_lab.rotated(8, 0.9, seed), seed)
    last = [learn_with_window(weights, x_s, target_s, 0.05, w)[-500:].mean() for w in range(1, 8)]
    by_seed[f"seed {seed}"] = np.array(last)
    print(f"seed {seed}    " + " ".join(f"{e:8.4f}" for e in last), flush=True)

figures.lines(
    by_seed,
    "One step too short, and the task is not learned",
    "window $k_2$ (steps)",
    "mean squared error (no unit)",
    log=True,
)

# %% [markdown] tags=["lang:en"]
# From the loss to the use of the kernel four steps before there are five steps, both ends counted. With a window
# of five the task is learned, with a window of four it is not: the error is that of saying 0, or nearly. (Other
# starts can be luckier, and at a rate of 0.1 the window of four does worse than saying 0. Try it.)
#
# Look at the shorter windows. All of them do better than the window of four, and the shortest does best. How can
# a gradient that sees one step do anything here? The start is a network that happens to remember, and to *read
# out* what the state already holds needs no long gradient. What a short window cannot do is improve what the
# state holds. And more of a biased gradient is not better: it moves the weights that hold the memory, for the
# sake of losses that it cannot trace.
#
# ### What RTRL costs
#
# Now the bill. The next cell runs *your* `truncated_backward` (with nothing cut) and *your* `gradient` on arrays
# that count: whenever two of them meet in a matrix product, its multiply-adds are added up. Nothing is timed, so
# the numbers are the same on every computer. Memory is measured as the largest number of bytes that your function
# held at once. Beside both stands your `cost`, its numbers of memory times 8, the bytes of a float64.


# %% tags=["demo"]
# Shows multiply-adds counted and bytes measured in your own code beside your cost(), with fitted exponents.
def both(steps, units):
    """Counted multiply-adds and measured bytes of BPTT and RTRL, one feature."""
    problem = time_lab.random_problem(steps, units, 1)
    back = (truncated_backward, *problem, steps, steps)
    on = (gradient, *problem)
    counted = [time_lab.count_products(*run)[1] for run in (back, on)]
    return counted + [time_lab.peak_bytes(*run) for run in (back, on)]


many_units, many_steps = (8, 16, 32, 64, 128), (64, 256, 1024, 4096)
by_units = np.array([both(4, n) for n in many_units])
by_steps = np.array([both(t, 8) for t in many_steps])
formula_units = np.array([cost(4, n, 1) for n in many_units])[:, [0, 2, 1, 3]] * [1, 1, 8, 8]
formula_steps = np.array([cost(t, 8, 1) for t in many_steps])[:, [0, 2, 1, 3]] * [1, 1, 8, 8]

forward = 4 * (128 + 128**2)
print(f"N = 128, T = 4, F = 1           {'your code':>16s} {'your cost()':>16s}   difference / one forward run")
for k, name in enumerate(("BPTT multiply-adds", "RTRL multiply-adds")):
    a, c = by_units[-1, k], formula_units[-1, k]
    print(f"{name:32s}{a:16,d} {c:16,d}   {(a - c) / forward:.2f}")
print("\nfitted exponents                 of N (64 to 128)            of T (64 to 4,096)")
print("                            counted   cost()   order    counted   cost()   order")
orders = {"BPTT multiply-adds": (2, 1), "RTRL multiply-adds": (4, 1), "BPTT bytes": (1, 1), "RTRL bytes": (3, 0)}
for k, (name, order) in enumerate(orders.items()):
    line = f"{name:24s}"
    for sizes, found, formula, power in (
        (many_units[-2:], by_units[-2:], formula_units[-2:], order[0]),
        (many_steps, by_steps, formula_steps, order[1]),
    ):
        measured = time_lab.fitted_exponent(sizes, found[:, k])
        shown = "   –  " if (name, power) == ("BPTT bytes", 1) and len(sizes) == 2 else f"{measured:6.2f}"
        line += f"{shown:>11s} {time_lab.fitted_exponent(sizes, formula[:, k]):8.2f} {power:7d}"
    print(line)

time_lab.cost_figure(
    [
        (xlabel, ylabel, {m: (sizes, formula[:, k], found[:, k]) for m, k in zip(("BPTT", "RTRL"), pair, strict=True)})
        for ylabel, pair in (("multiply-adds", (0, 1)), ("bytes", (2, 3)))
        for xlabel, sizes, formula, found in (
            ("units N (T = 4)", many_units, formula_units, by_units),
            ("steps T (N = 8)", many_steps, formula_steps, by_steps),
        )
    ]
)

# %% [markdown] tags=["lang:en"]
# Lines are your `cost`, points your code; where they part, it is by what `cost` leaves out on purpose. Your RTRL
# may count one more forward run, $T(FN + N^2)$, if it calls `elman_step` both in `gradient` and inside
# `sensitivity_step`; written differently, it may count other small terms. In bytes your functions hold more than
# what must be kept: copies, results on their way, Python's own record for each array. That is a factor, or at
# small sizes an offset, and no other power. (A count of 0 means that your function turned the arrays into plain
# ones.) (For BPTT's bytes against $N$ no exponent is fitted: with four steps the states are nothing beside the
# gradients of the weights, which both methods need and `cost` does not count.)
#
# The exponents are 2 and 4 in time, 1 and 3 in memory, and for RTRL's memory the exponent of $T$ is **0**: 64
# steps or 4,096, the points lie on a level line. RTRL's memory is often misprinted as $O(T N^3)$. That is wrong,
# and it hides the one thing for which you would pay RTRL's price. From how many steps on does it keep less than
# BPTT? And what would a language model pay?

# %% tags=["demo"]
# Shows from which length on RTRL keeps less than BPTT, and what both cost with 1,000 units.
print("N = F     RTRL keeps less from T =    multiply-adds of RTRL / of BPTT")
for n in (10, 100, 1000):
    kept = cost(1, n, n)[3]
    longest = kept // n + 1  # BPTT keeps n numbers for each step
    assert cost(longest, n, n)[1] > kept >= cost(longest - 1, n, n)[1]
    print(f"{n:5d} {longest:23,d} {cost(1, n, n)[2] / cost(1, n, n)[0]:30,.0f}")
back, _, on, kept = cost(1, 1000, 1000)
print(f"\n1,000 units, 1,000 features, one step: {back:.1e} multiply-adds for BPTT, {on:.1e} for RTRL,")
print(f"and sensitivities of {4 * kept / 1e9:.1f} GB in float32 for each sequence of the batch")

# %% [markdown] tags=["lang:en"]
# The lengths grow like $N^2$: RTRL saves memory only on very long sequences, and pays for it with a factor of
# about $\frac25 N^2$ in time (for $F = N$). And each sequence of a batch has sensitivities of its own: the 8 GB
# are *per sequence*. (There is an exact method between the two: BPTT inside blocks of about $N$ steps, RTRL from
# block to block, $N^3$ per step on average with the memory of RTRL; Schmidhuber 1992.)
#
# ### A cheaper RTRL: SnAp-1
#
# Most of the price is for entries of $P$ with $k \ne j$: how weight $W_{ij}$, which leads to unit $j$, moves
# *another* unit $k$, by way of $j$. **SnAp-1** (sparse $n$-step approximation with $n = 1$; Menick and others
# 2021) keeps only the unit that the weight reaches within one step, its own. What is left of $P$ is one number
# for each parameter, $S_{t,ij} = P_{t,jp}$, and of the sum over $m$ one term, $m = j$:
#
# $$S_{t,ij} = (1 - h_{t,j}^2)\, \big( u_{t,i} + W_{h,jj}\, S_{t-1,ij} \big) \qquad\qquad
# \frac{\partial L}{\partial W_{ij}} \approx \sum_t dh_{t,j}\, S_{t,ij}$$
#
# That is $O(N^2)$ in time per step, the order of BPTT, and $O(N^2)$ in memory however long the sequence is, and it still never goes back. With $n = 2$ a
# dense network would already be full RTRL, since every weight reaches every unit within two steps.
#
# What does it cost in accuracy? It depends on the way that memory takes. The next cell moves a network from one
# in which each unit remembers by itself ($W_h$ is 0.9 times the identity) to one in which memory passes from unit
# to unit ($W_h$ is 0.9 times an orthogonal matrix).

# %% tags=["demo"]
# Shows the gradient error of SnAp-1 and of short windows, from self-connected units to a mixing network.
mixes = np.array([0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0])
names = ("SnAp-1", "window of 1 step", "window of 2 steps", "window of 5 steps")
errors, cosines = {name: [] for name in names}, []
for mix in mixes:
    Wh = time_lab.rotated(UNITS, 0.9, 0, mix)
    full = flat(truncated_backward(dh, x, h0, Wx, Wh, b, STEPS, STEPS))
    cheap = flat(time_lab.snap1_gradient(dh, x, h0, Wx, Wh, b))
    errors["SnAp-1"].append(np.linalg.norm(cheap - full) / np.linalg.norm(full))
    cosines.append(cheap @ full / np.linalg.norm(cheap) / np.linalg.norm(full))
    for window, name in zip((1, 2, 5), names[1:], strict=True):
        errors[name].append(relative_error(Wh, 1, window))
print("share of mixing            " + " ".join(f"{m:6.2f}" for m in mixes))
for name in names:
    print(f"{name:27s}" + " ".join(f"{abs(e):6.3f}" for e in errors[name]))
print(f"{'cosine, SnAp-1 and full':27s}" + " ".join(f"{c:6.3f}" for c in cosines))
print("\nN = 64, F = 1, per step   multiply-adds   numbers kept")
back, _, on, kept = cost(1, 64, 1)
for name, operations, memory in (
    ("BPTT", back, "64 per step so far"),
    ("RTRL", on, f"{kept:,d}"),
    ("SnAp-1", *time_lab.snap1_cost(1, 64, 1)),
):
    print(f"{name:22s} {operations:15,d}   {memory if isinstance(memory, str) else format(memory, ',d'):>12s}")

figures.lines(
    {name: np.array(e) for name, e in errors.items()},
    "SnAp-1 is exact only where each unit remembers by itself",
    "share of mixing in the recurrent kernel (no unit)",
    "relative error (no unit)",
    x=mixes,
)

# %% [markdown] tags=["lang:en"]
# On the left no weight ever moves another unit than its own, so nothing is lost. A little mixing, and much is
# lost. On the right SnAp-1 is hardly better than a window of a single step: the diagonal of an orthogonal matrix
# is small, and the diagonal is all that SnAp-1 remembers by.
#
# Does it matter for learning? Two tasks, all learning online on one stream, one update per step: the bit of four
# steps ago, starting from the orthogonal kernel; and a *running mean* of the bits,
# $m_t = 0.9\, m_{t-1} + 0.1\, x_t$ (times 1.5), starting from a kernel near half the identity. RTRL is your
# `OnlineElman`.


# %% tags=["demo"]
# Shows learning curves of RTRL, SnAp-1 and two windows on two tasks, mean of 3 seeds. Takes about 15 s.
def learn_with_rtrl(weights, x, target, rate):
    """Learn online with your layer; return the squared error of each step."""
    layer = OnlineElman(len(weights[2]), learning_rate=rate, dtype="float64")
    layer.build((1, 1))
    for name, value in zip(("kernel", "recurrent_kernel", "bias"), weights, strict=True):
        getattr(layer, name).assign(value)
    return time_lab.follow(layer, x, target, learn_until=len(x))


def near_half_identity(seed):
    return 0.5 * np.eye(8) + 0.1 * np.random.default_rng(seed).normal(size=(8, 8)) / 8**0.5


SEEDS, LENGTH, BLOCK = (0, 1, 2), 4000, 200
methods = {
    "RTRL": learn_with_rtrl,
    "SnAp-1": time_lab.learn_with_snap1,
    "window of 1 step": lambda *a: learn_with_window(*a, 1),
    "window of 5 steps": lambda *a: learn_with_window(*a, 5),
}
tasks = {
    "the bit of 4 steps ago": (
        lambda s: time_lab.delayed_bits(LENGTH, LAG, 1, s),
        lambda s: time_lab.rotated(8, 0.9, s),
        0.1,
    ),
    "running mean": (lambda s: time_lab.running_mean(LENGTH, 0.9, 1, s), near_half_identity, 0.003),
}
learned = {}
for task, (draw, kernel, rate) in tasks.items():
    learned[task] = {}
    for name, learn in methods.items():
        runs = []
        for seed in SEEDS:
            x_s, target_s = (a[0] for a in draw(seed))
            runs.append(learn(start(8, kernel(seed), seed), x_s, target_s, rate))
        learned[task][name] = time_lab.smoothed(np.mean(runs, axis=0), BLOCK)
        print(f"{task:24s}{name:19s} error of the last 1,000 steps {learned[task][name][-5:].mean():.5f}", flush=True)

time_lab.side_by_side(
    learned,
    "Where memory passes between units SnAp-1 fails; where units remember alone it does well",
    "step",
    "mean squared error (no unit)",
    np.arange(BLOCK, LENGTH + 1, BLOCK),
)

# %% [markdown] tags=["lang:en"]
# On the left SnAp-1 learns no more than the window of a single step (.109 and .121), and RTRL learns the task
# (.0002). The bit has to be handed on from unit to unit, four times, and of handing on SnAp-1 knows nothing. On
# the right one unit can do all of the work with its own connection to itself. There SnAp-1 (.0054) is near RTRL
# (.0049), at the price of BPTT, while the window of a single step is far behind (.019).
#
# A window of five steps is as good as RTRL on both tasks: on the left it is just long enough, and on the right
# what lies more than five steps back counts less, by $0.9^5 = 0.59$. If you know how far back the answers lie,
# truncation is the better bargain. RTRL is for when you do not. (Units with gates, which you build in lessons 08
# and 09, remember by a connection to themselves.)
#
# ### A stream that changes
#
# What RTRL is for: a stream without an end, and a world that does not stay the same. For 5,000 steps the first
# unit is to say the bit of two steps ago. Then, without notice, it is the bit of *four* steps ago. One copy of
# your layer goes on learning, another stopped when it was good enough, as networks do that are trained once and
# then used.

# %% tags=["demo"]
# Shows your layer on a stream whose rule changes: one copy goes on learning, one has stopped.
STREAM, SWITCH = 10_000, 5_000
lags = np.where(np.arange(STREAM) < SWITCH, 2, 4)
x_s, target_s = (a[0] for a in time_lab.delayed_bits(STREAM, lags, 1, seed=0))
followed = {}
for name, until in (("goes on learning", STREAM), ("stopped learning at step 5,000", SWITCH)):
    layer = OnlineElman(8, learning_rate=0.1, dtype="float64")
    layer.build((1, 1))
    kernel_0, recurrent_0, _ = start(8, time_lab.rotated(8, 0.9, 0), 0)
    layer.kernel.assign(kernel_0)
    layer.recurrent_kernel.assign(recurrent_0)
    followed[name] = time_lab.smoothed(time_lab.follow(layer, x_s, target_s, until), 250)
    blocks = followed[name]
    print(
        f"{name:32s} error in steps 4,001–5,000 {blocks[16:20].mean():.5f}, 5,001–5,250 {blocks[20]:.4f}, "
        f"9,001–10,000 {blocks[36:].mean():.5f}"
    )
size = ops.size(layer.state) + ops.size(layer.sensitivities)
print(f"kept from step to step: {int(size)} numbers, at step 1 as at step {STREAM:,d}; BPTT would keep {8 * STREAM:,d}")

figures.lines(
    followed,
    "The network that learns while it runs follows a world that changes",
    "step",
    "mean squared error (no unit)",
    x=np.arange(250, STREAM + 1, 250),
    log=True,
)

# %% [markdown] tags=["lang:en"]
# After the change the error of the learning copy jumps, and 250 steps later it is falling again (.07 in the first
# block); in the end it is near .0001, as before. The copy that stopped is at .5 for good. That is twice the error
# of saying 0: it is sure of itself, and right half of the time. The network keeps 648 numbers, 8 for the state
# and 640 sensitivities, at step 1 as at step 10,000. No end of the stream was ever needed, and there was no
# window to choose.
#
# ## 6. What goes wrong
#
# First, with your own right functions, the wrong answers. All are for one sequence of 20 steps and,
# unless something else is said, $k_1 = k_2 = 5$ where there is a cut.
#
# * **state reset**: each chunk starts from $h_0$ instead of the state where the last one ended. The gradient is
#   to be cut, not the state;
# * **rest left out**: with $k_1 = 6$ the passes end after 6, 12 and 18, and steps 19 and 20 are forgotten;
# * **counted twice**: with $k_1 = 5$, $k_2 = 10$ each pass takes in all ten losses that it goes over;
# * **sensitivities thrown away** after every step: that is not RTRL any more. Of which truncated BPTT is it the
#   exact equal?
# * **state moved first**: the sensitivities follow after the state has moved on, so $u_t$ holds the new state and
#   the slope is that of the next one;
# * **losses added up first**: the sum of all upstream gradients meets the last sensitivities.

# %% tags=["demo"]
# Shows what usual mistakes do to the gradient, made from your own functions.
T, N = 20, 8
dh1, x1, h01, Wx1, Wh1, b1 = time_lab.random_problem(T, N, 3, seed=7)
W1 = (Wx1, Wh1, b1)
states = [h01]
for t in range(T):
    states.append(elman_step(x1[:, t], states[-1], *W1))


def chunk(first, last, entry, taken=0):
    """The whole gradient of steps first + 1 to last from a given state, without the losses of its first `taken` steps."""
    upstream = dh1[:, first:last].copy()
    upstream[:, :taken] = 0
    return flat(truncated_backward(upstream, x1[:, first:last], entry, *W1, last - first, last - first))


def cut(k1, k2):
    return flat(truncated_backward(dh1, x1, h01, *W1, k1, k2))


whole = cut(T, T)
forgetful = 0.0
P0, late = np.zeros((1, N, (3 + N + 1) * N)), np.zeros((1, N, (3 + N + 1) * N))
for t in range(T):
    forgetful = forgetful + dh1[0, t] @ sensitivity_step(P0, x1[:, t], states[t], *W1)[0]
last_alone = dh1 * 0
last_alone[:, -1] = dh1.sum(axis=1)
late_sum = 0.0
for t in range(T):
    late = sensitivity_step(late, x1[:, t], states[t + 1], *W1)
    late_sum = late_sum + dh1[0, t] @ late[0]
without_rest = dh1.copy()
without_rest[:, 18:] = 0
cases = {
    "state reset": (sum(chunk(a, a + 5, h01) for a in range(0, T, 5)), cut(5, 5)),
    "rest left out": (flat(truncated_backward(without_rest, x1, h01, *W1, 6, 6)), cut(6, 6)),
    "counted twice": (sum(chunk(max(0, e - 10), e, states[max(0, e - 10)]) for e in range(5, T + 1, 5)), cut(5, 10)),
    "sensitivities thrown away": (forgetful, whole),
    "state moved first": (late_sum, whole),
    "losses added up first": (flat(gradient(last_alone, x1, h01, *W1)), whole),
}
print("                              relative error   cosine   ratio of lengths")
for name, (wrong, right) in cases.items():
    a, c = np.linalg.norm(wrong), np.linalg.norm(right)
    print(f"{name:28s}{np.linalg.norm(wrong - right) / c:15.2f} {wrong @ right / a / c:10.2f} {a / c:14.2f}")
print(f"\nsensitivities thrown away, beside k1 = k2 = 1: {off(forgetful, cut(1, 1)):.1e}")

# %% [markdown] tags=["lang:en"]
# Two of them hide well. A reset state gives a gradient of the right length (.99) that points nearly the right way
# (cosine .95). Losses counted twice give a right direction (.94), too long (1.74): training seems to work. The
# last line answers the question above: RTRL that throws its sensitivities away is BPTT with $k_1 = k_2 = 1$, to
# rounding. And a carried part that takes each unit's sensitivities from its own old ones alone, by mistake, is
# SnAp-1.
#
# ### Stale sensitivities
#
# One thing is wrong with online RTRL itself. The weights change at every step, but $P$ was carried forward with
# the weights of the past: it is the derivative of a run that no single set of weights has made. Williams and
# Zipser (1989) say so: the method follows the gradient only as far as the learning rate is small. How small? Let
# your layer learn at each of 20 steps, and compare the sum of its changes, divided by the rate, with the gradient
# at the weights from which it started.

# %% tags=["demo"]
# Shows how far learning on the way is from one step along the gradient, for five learning rates.
print("learning rate   relative difference   difference / rate")
stale = []
rates = (0.1, 0.03, 0.01, 0.003, 0.001)
for rate in rates:
    layer = OnlineElman(N, learning_rate=rate, dtype="float64")
    layer.build((1, 3))
    for name, value in zip(("kernel", "recurrent_kernel", "bias"), W1, strict=True):
        getattr(layer, name).assign(value)
    for t in range(T):
        layer(x1[:, t])
        layer.learn(ops.convert_to_tensor(dh1[:, t]))
    after = (layer.kernel, layer.recurrent_kernel, layer.bias)
    moved = flat([(value - ops.convert_to_numpy(now)) / rate for value, now in zip(W1, after, strict=True)])
    stale.append(np.linalg.norm(moved - whole) / np.linalg.norm(whole))
    print(f"{rate:13} {stale[-1]:21.4f} {stale[-1] / rate:19.1f}")

# %% [markdown] tags=["lang:en"]
# The last column is nearly constant from .03 on down: the difference is proportional to the rate. At .01 it is 14 %
# here, and at 0.1 the steps have little to do with the gradient any more. It depends on the task, too: here the
# upstream gradients are random and large, and the demos of section 5 learned well with rates up to 0.1.
#
# Three more, for the layer. A state or a sensitivity that is registered as trainable will be changed by any
# optimizer that is handed `trainable_weights`. Old state and new state under one name: after `assign` the
# kernel's direct part is made with the new one. And a layer that is called in a plain Python loop is slow,
# because each small operation is started by itself: wrap the whole loop in `tf.function`, as the demos above do.
#
# What is often misprinted about the two methods:
#
# * *RTRL needs memory $O(T N^3)$.* No: $O(N^3)$, and the level line in section 5 shows it. The $T$ belongs to its
#   time.
# * *BPTT $O(N^2)$, RTRL $O(N^4)$*, without saying of what. That is time per step. Per sequence both get a factor $T$.
# * *RTRL is an approximation of BPTT.* With fixed weights the two are equal to rounding. What approximates is
#   learning on the way, and truncated BPTT.
# * *Truncated BPTT forgets the past.* Its state does not: it goes on through the whole sequence. It is the
#   *credit* for the past that is cut. In section 5 the short windows could still use what the state held by luck.
#
# ## 7. Think
#
# Answer in your own words, in about 150 to 300 words. Use what you counted.

# %% [markdown] tags=["lang:en", "question:rtrl.think"]
# RTRL gives the same gradient as backpropagation through time, without going back.
#
# 1. Describe a situation in which you would pay RTRL's price, and say which of its properties you need there and
#    why (truncated) backpropagation through time does not have it.
# 2. Why does nobody train language models with it? Give the orders of growth of time and memory of both methods,
#    and a number for a network of 1,000 units.
# 3. A friend proposes to truncate instead: "the gradient is a bit noisier then, but it averages out". What is
#    wrong with this, and when is truncation harmless?
