# ---
# title:
#   en: "Vanishing and exploding gradients"
#   ja: "勾配消失と勾配爆発"
# automatic_points: 40
# written_points: 10
# ---

# %% [markdown] tags=["lang:en"]
# # Vanishing and exploding gradients
#
# A recurrent network can keep what it saw for as long as it likes. Training it to do so is another matter. On its way
# back through time the gradient is multiplied by a matrix at every step, and after many steps it is nearly nothing,
# or far too much. In this lesson you work out which of the two happens, and when neither does. You measure it, you
# clip what is too long, you start from matrices that change no lengths, and you take apart some widely repeated
# sentences that are wrong.

# %% [markdown] tags=["lang:ja"]
# # 勾配消失と勾配爆発

# %% tags=["setup"]
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras  # TensorFlow may print lines about CUDA below: they do no harm
import numpy as np
from keras import ops

from autograder import check
from unrolled import figures, vanishing, widgets

figures.use_style()

# %% [markdown] tags=["lang:en"]
# ## 1. Why
#
# Here is the easiest task about the past that there is. A network sees a row of coins, +1 or −1, one per step. At the
# end it must say which one came *first*. All the others mean nothing.
#
# A single unit can do it, if you set its two weights by hand: $h_t = \tanh(3\,h_{t-1} + 0.5\,x_t)$, from $h_0 = 0$.
# The first coin pushes it off zero to one side, and from then on its own last value counts for more than any later
# coin. So the network is not too small, and nothing is missing from its equations.
#
# The next cell trains Elman networks of 20 units on it by backpropagation through the whole sequence (lesson 06),
# once with 10 coins and once with 100. All else is equal.

# %% tags=["demo"]
# Shows five networks trained to name the first of 10 coins, five for 100 coins, and the unit with weights set by hand.
rng = np.random.default_rng(0)
kernels = np.stack([vanishing.gaussian_kernel(20, 1.0, rng) for _ in range(5)])
hook = {f"{lag} coins": vanishing.remember_first(lag, 150, kernels) for lag in (10, 100)}

print("mean loss over the last 20 of 150 updates, each network")
for name, loss in hook.items():
    print(f"  {name:10s}", loss[-20:].mean(axis=0).round(3))
for lag in (10, 100, 1000):
    coins = rng.choice([-1.0, 1.0], (2000, lag))
    right = np.mean((vanishing.latch(coins) > 0) == (coins[:, 0] > 0))
    print(f"one unit, weights set by hand, {lag:4d} coins: {right:.1%} right")

vanishing.learning_curves(hook, "Ten steps back it learns; a hundred steps back it does not even begin")

# %% [markdown] tags=["lang:en"]
# With 10 coins all five networks get it. With 100, all five stay at $\ln 2 = 0.693$, the loss of a guess, although
# one unit with the right weights makes no mistake even with 1,000. So the weights exist, and gradient descent does
# not find them. The gradient must be at fault: what should tell the weights about the first coin does not arrive.
#
# Hochreiter described this in 1991, in his diploma thesis; Bengio, Simard and Frasconi (1994) analysed it for
# networks that must hold a bit, and Pascanu, Mikolov and Bengio (2013) worked out when it happens and what to do
# about its opposite.
#
# ## 2. Derive
#
# Vectors are rows, as in Keras.
#
# | letter | what | shape |
# |---|---|---|
# | $T$, $n$ | number of steps; number of steps that a gradient goes back | numbers |
# | $h_t$ | state after step $t$, from 1 to $T$ | (batch, units) |
# | $d_t = x_t W_x + b$ | what reaches the units from outside; no recurrence in it | (batch, units) |
# | $W$, $W^T$ | recurrent kernel (`Wh` in code) and its transpose; $^T$ on a matrix is never a power in our formulas | (units, units) |
# | $z_t = d_t + h_{t-1} W$ | what is squashed | (batch, units) |
# | $f$, $f'$ | squashing function and its slope | |
# | $s_t = f'(z_t)$ | slope at step $t$: $1 - h_t^2$ for tanh, 1 for a linear network, 0 or 1 for ReLU ($\max(z, 0)$) | (batch, units) |
# | $D_t$ | the diagonal matrix with one example's $s_t$ on its diagonal | (units, units) |
# | $L$ | the loss. It looks at the last state only | a number |
# | $dh_t$, $dz_t$ | gradient of $L$ by $h_t$, by $z_t$ | as $h_t$ |
# | $\lambda_i$, $v_i$ | eigenvalues and eigenvectors of $W$; they may be complex | number, (units,) |
# | $V$, $\Lambda$ | matrix with the $v_i$ as columns; diagonal matrix of the $\lambda_i$ | (units, units) |
# | $\rho$ | spectral radius of $W$: the largest modulus $\lvert\lambda_i\rvert$ | a number |
# | $\sigma_i$, $\sigma_\text{max}$ | singular values of $W$; the largest of them | a number |
# | $\lVert a \rVert$ | Euclidean norm, the length of a vector: $\sqrt{\sum_i a_i^2}$ | a number |
#
# ### Two steps back

# %% tags=["demo"]
# Shows two steps as a computation graph, and the way that the gradient takes back.
vanishing.two_steps_back()

# %% [markdown] tags=["lang:en"]
# Walk the graph from right to left, as in lesson 04. You are given $dh_t$.
#
# 1. **$f$.** It acts on each unit by itself, so the gradient is multiplied by its slope, unit by unit:
#    $dz_t = dh_t \odot s_t$.
# 2. **The sum** hands $dz_t$ on to both of its terms, unchanged. What goes down to $d_t$ concerns $W_x$ and $b$.
# 3. **The product $h_{t-1} W$.** Entry $j$ is $\sum_k h_{t-1,k} W_{kj}$, so $h_{t-1,k}$ gets
#    $\sum_j dz_{t,j} W_{kj}$, which is $dz_t W^T$; and $W$ gets $h_{t-1}^T dz_t$.
# 4. $dh_{t-1}$ arrives at the state before. The loss does not look at that state, so nothing else joins it. Then
#    begin again with its own $f$.
#
# One step back is therefore
#
# $$dh_{t-1} = (dh_t \odot s_t)\, W^T = dh_t\, D_t W^T$$
#
# since to multiply element by element with $s_t$ is to multiply with the diagonal matrix $D_t$ (one example at a
# time, because each has its own slopes). And $n$ steps back:
#
# $$dh_{T-n} = dh_T \; D_T W^T \; D_{T-1} W^T \;\cdots\; D_{T-n+1} W^T \tag{1}$$
#
# Everything in this lesson is about this product: $2n$ factors, in this order. The matrices do not commute, so the
# order stays.
#
# The weights' own gradient is a sum over the steps at which they were used, $dW = \sum_t h_{t-1}^T dz_t$. Its terms
# for late $t$ are short-range: they have few factors. Its terms for early $t$ have many. "The gradient vanishes" does
# *not* mean that $dW$ becomes zero. It means that the long-range terms become so small beside the short-range ones
# that they play no part.
#
# ### A linear network: the eigenvalues of $W$
#
# Let $f(z) = z$. All slopes are 1 and (1) becomes $dh_{T-n} = dh_T (W^T)^n = dh_T (W^n)^T$. What does a high power of
# a matrix do?
#
# An eigenvector of $W$ is a vector that $W$ only scales: $W v_i = \lambda_i v_i$. Put them side by side as columns of
# $V$: then $W V = V \Lambda$. If there are enough of them to form a basis, $V$ has an inverse, and
#
# $$W = V \Lambda V^{-1} \qquad\Rightarrow\qquad W^2 = V \Lambda V^{-1} V \Lambda V^{-1} = V \Lambda^2 V^{-1}
# \qquad\Rightarrow\qquad W^n = V \Lambda^n V^{-1} \tag{2}$$
#
# The power of a diagonal matrix is the power of each entry. So along each eigenvector the gradient is multiplied by
# $\lambda_i^n$. Three things to know:
#
# * **The $\lambda_i$ may be complex**, even though $W$ is real. They come in pairs
#   $\lvert\lambda\rvert e^{\pm i\varphi}$, which turn a plane by $\varphi$ and scale it by $\lvert\lambda\rvert$, at
#   each step. What decides about growth is the modulus $\lvert\lambda\rvert$. $V$ is complex too; in
#   $V \Lambda^n V^{-1}$ the imaginary parts cancel.
# * **$V^{-1}$ is not $V^T$** in general. It is for a symmetric $W$, and a recurrent kernel is not symmetric.
# * **There may be no basis.** The matrix $\begin{pmatrix} a & b \\ 0 & a \end{pmatrix}$ has the eigenvalue $a$ twice
#   but only one direction of eigenvectors, $(1, 0)^T$ and its multiples. Multiply it out a few times and you see
#   $$\begin{pmatrix} a & b \\ 0 & a \end{pmatrix}^n = \begin{pmatrix} a^n & n\,a^{n-1} b \\ 0 & a^n \end{pmatrix} \tag{3}$$
#   A factor $n$ appears. But $n\,a^{n-1}$ still goes to zero if $\lvert a \rvert < 1$: any power of $n$ loses against
#   an exponential.
#
# So in every case the largest modulus decides, the **spectral radius** $\rho$: if $\rho < 1$ then $W^n \to 0$, and if
# $\rho > 1$ then some gradients grow like $\rho^n$. (The general statement is Gelfand's formula:
# $\lVert W^n \rVert^{1/n} \to \rho$ for every matrix, with or without a basis.) For a linear network: $\rho < 1$
# suffices for vanishing, $\rho > 1$ is necessary for explosion (Pascanu, Mikolov and Bengio 2013).
#
# ### With slopes: the largest singular value
#
# With slopes between the $W$ the product (1) is no power, and eigenvalues say little about it: they do not bound what
# one multiplication does. What does is the largest factor by which $W$ can lengthen any vector:
#
# $$\sigma_\text{max} = \max_{a \ne 0} \frac{\lVert W a \rVert}{\lVert a \rVert}$$
#
# It is the same for $W^T$. To compute it, square it: $\lVert W a \rVert^2 = a^T W^T W a$. The matrix $W^T W$ is
# symmetric, so it has a basis of eigenvectors $u_i$ at right angles; its eigenvalues are the $\sigma_i^2$, none of
# them negative. **Power iteration** uses (2) to find the largest: write a start vector as $a = \sum_i c_i u_i$. Then
#
# $$(W^T W)^n a = \sum_i c_i\, \sigma_i^{2n}\, u_i$$
#
# and the term with the largest $\sigma_i$ outgrows the others, as long as its $c_i$ is not zero. Scale the vector to
# length 1 after each multiplication, so that it does not overflow, and in the end measure how much $W$ lengthens it.
# The measured value cannot exceed the maximum, so it comes from below.
#
# Now let all slopes be at most $\gamma$ in modulus: $\gamma = 1$ for tanh, *attained at $z = 0$*; $\gamma = 1$ for
# ReLU; $\gamma = \frac14$ for the logistic function. A step back multiplies the length by at most $\gamma$ and then
# by at most $\sigma_\text{max}$:
#
# $$\lVert dh_{t-1} \rVert \le \gamma\, \sigma_\text{max} \lVert dh_t \rVert \qquad\Rightarrow\qquad \lVert dh_{T-n} \rVert \le
# (\gamma\, \sigma_\text{max})^n\, \lVert dh_T \rVert \tag{4}$$
#
# If $\gamma\,\sigma_\text{max} < 1$, the gradient vanishes, exponentially fast and whatever the input. Turn it round:
# an explosion needs $\gamma\,\sigma_\text{max} > 1$. That is **necessary, and not sufficient** (Pascanu, Mikolov and
# Bengio 2013). No vector need be the worst case twice in a row, and slopes below 1 may take back what $W$ gives.
#
# | | linear network | slopes at most 1 (tanh, ReLU) |
# |---|---|---|
# | surely vanishes if | $\rho < 1$ | $\sigma_\text{max} < 1$ |
# | can explode only if | $\rho > 1$ (but for a growth like $n^k$ at $\rho = 1$) | $\sigma_\text{max} > 1$ |
# | $\sigma_\text{max} > 1$ | may vanish all the same | may vanish all the same |
# | $\rho < 1$ | vanishes | *may explode* (section 6) |
#
# Always $\rho \le \sigma_\text{max}$, because an eigenvector is lengthened by $\lvert\lambda\rvert$.
#
# ### Two remedies
#
# **Orthogonal kernels.** If $W W^T = I$, then also $W^T W = I$, since $W$ is square, and
# $\lVert a W^T \rVert^2 = a W^T W a^T = \lVert a \rVert^2$: no length changes, all singular values are 1, and all eigenvalues have modulus 1. In a linear network the gradient neither
# vanishes nor explodes, over any number of steps. With tanh such a kernel takes nothing away: only the slopes make
# the gradient shrink. It is a start, no more. Training moves $W$ away from it.
#
# **Clipping.** Where the gradient is too long, shorten it. Take all gradients $g_1, g_2, \dots$ of all weights
# together as one long vector, of length
#
# $$\lVert g \rVert = \sqrt{\textstyle\sum_k \lVert g_k \rVert^2} \quad \text{(the global norm)}, \qquad\qquad
# g_k \leftarrow \frac{\ell}{\lVert g \rVert}\, g_k \text{ for all } k, \quad \text{if } \lVert g \rVert > \ell$$
#
# with a limit $\ell$ (Pascanu, Mikolov and Bengio 2013, algorithm 1). All are multiplied by the *same* factor, so the
# direction of the step stays. How to choose $\ell$? They look at the average norm over many updates, and report that
# from half to ten times that average still works.
#
# ## 3. Build by hand
#
# Rules for every function of this section:
#
# * **No caching.** All that a function needs is among its arguments, and all it gives is what it returns.
# * **Arguments stay as they are.** Never write into an array that you were given.
# * **By hand.** No gradient tape, no ready-made recurrent layer, no ready-made clipping, no `np.linalg.matrix_power`
#   or `multi_dot`.
#   NumPy's eigenvalues (`np.linalg.eig`, `np.linalg.eigvals`) are allowed.
#
# ### Exercise 1: how long the gradient is, step by step
#
# `norm_through_time(dh, slope, Wh)` follows a gradient back through time and measures it on the way.
#
# | argument | shape | what |
# |---|---|---|
# | `dh` | (batch, units) | $dh_T$, the gradient of the loss by the *last* state |
# | `slope` | (batch, time, units) | $s_t$ of every step; `slope[:, t]` is one step's |
# | `Wh` | (units, units) | $W$ |
#
# It returns one array, (batch, time): the Euclidean norm over units of $dh_t$, for each example and every step, *in
# the order of time*. So `[:, -1]` holds the norms of the `dh` that you were given, and `[:, 0]` those of $dh_1$.
#
# Loop from the last step to the first (`reversed(range(…))`). In each turn, first measure, then go one step back by
# the formula of section 2. Mind its order: first the slope, then the kernel, because forwards the squashing came
# last. `@` works on the whole batch at once. The norm of each row is a square root of a sum over `axis=1`. Turn the
# list of norms round (`[::-1]`) and put it together with `np.stack(…, axis=1)`. The slope of the very first step is
# not needed.

# %% tags=["exercise:gradients.norm_through_time"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 2: a power by way of the eigenvalues
#
# `power_by_eigendecomposition(W, n)` takes a square `W` (units, units) with a full basis of eigenvectors and an
# integer `n`, at least 1. It returns $W^n$, one real array (units, units): $n$ factors in all, so $n = 1$ gives $W$
# itself. This is equation (2). (A loop of products has the same values and full points, but it is not what is asked
# for, and section 6, which shows where (2) breaks down, will not show it with a loop.)
#
# `np.linalg.eig(W)` returns two things: the eigenvalues, (units,), and $V$, (units, units), whose *columns* are the
# eigenvectors. Both may be complex. Keep them so until the end; then take the real part (`.real`): the imaginary part
# is rounding. `np.diag` makes a diagonal matrix of a vector, `np.linalg.inv` inverts. The matrices of the check are
# not symmetric and have complex eigenvalues, so `np.linalg.eigh` and transposes in place of the inverse do not work.

# %% tags=["exercise:gradients.power_by_eigendecomposition"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 3: spectral radius
#
# `spectral_radius(W)` takes (units, units) and returns one real number, $\rho$. `np.linalg.eigvals` gives the
# eigenvalues. The one of largest modulus may be negative or complex (in the check it is complex). `np.abs` of a
# complex number is its modulus.

# %% tags=["exercise:gradients.spectral_radius"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 4: largest singular value
#
# `largest_singular_value(W, v, n)` takes `W` (units, units), a start vector `v` (units,) of any length but zero, and
# the number of iterations `n`, at least 1. It returns one number: the *estimate after exactly n iterations*. The
# check wants this estimate from this start, not the singular value itself, so the first number of `np.linalg.svd` is
# wrong here.
#
# One iteration: replace $v$ by $W^T W v$, then scale it to length 1. After the last iteration return the length of
# $W v$, for the $v$ of length 1 that you have now. Here $v$ stands on the right of $W$, as a column; `W @ v` does
# that with a vector of one axis. Make a new `v` each time: do not write into the one you were given.

# %% tags=["exercise:gradients.largest_singular_value"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 5: clipping by the global norm
#
# `clip_by_global_norm(gradients, limit)` takes a tuple of arrays, any number of any shapes, and a positive number. It
# returns a tuple of as many arrays, in the same order and of the same shapes.
#
# * One norm for all: the square root of the sum of all squares of all elements of all arrays.
# * If it *exceeds* the limit, every array is multiplied by the same factor, so that the global norm becomes the
#   limit.
# * If not, all stay as they are. A gradient within the limit must not be made longer.
# * The arrays you were given are not changed (`g *= …` would).
#
# The check calls it with a limit that is exceeded (70 % of the points, and without it none for the rest) and with one
# that is not.

# %% tags=["exercise:gradients.clip_by_global_norm"]

# %% [markdown] tags=["lang:en"]
# ## 4. Build in Keras
#
# ### Exercise 6: an orthogonal initializer
#
# A Keras **initializer** is an object that is called with a shape and a dtype, and returns the weights to start from.
# You write the class `orthogonal_initializer(gain=1.0, seed=0)`, which inherits from
# `keras.initializers.Initializer`. Its `__init__` and the refusal of bad shapes are given. You write two methods:
#
# `__call__(self, shape, dtype=None)`: `shape` is (rows, columns). Return a random matrix $Q$ of this shape and this
# dtype. If it is square or *wide* (rows ≤ columns): $Q Q^T = \text{gain}^2 I$. If it is *tall* (rows > columns):
# $Q^T Q = \text{gain}^2 I$. (In a tall matrix the columns can be at right angles to each other; the rows cannot,
# there are too many.) In both cases all singular values equal the gain.
#
# How to make one: every matrix $A$ with at least as many rows as columns is a product $A = QR$, in which $Q$ has
# orthonormal columns and $R$ is upper triangular. `ops.qr(A)` returns the two; for a tall $A$ its $Q$ is tall as
# well, and $R$ is square. So
#
# 1. Draw a matrix of independent standard normal numbers, of the shape (larger size, smaller size):
#    `keras.random.normal(shape, dtype=…, seed=…)`. For a wide matrix this is the transposed shape.
# 2. Decompose it. Keep $Q$.
# 3. **Mend the signs.** $Q$ and $R$ are unique only up to signs: turn a column of $Q$ and the same row of $R$ round,
#    and the product is the same. The routine fixes the signs by a convention of its own, and so some orthogonal
#    matrices never come out. Multiply each column of $Q$ by the sign of its diagonal element of $R$: then every
#    orthogonal matrix is equally likely (Mezzadri 2007). `ops.diagonal`, `ops.sign`; a vector of (columns,) times a
#    matrix scales its columns.
# 4. If a wide matrix was asked for, transpose (`ops.transpose`). Multiply by the gain, once.
#
# `get_config(self)`: a dictionary with exactly two keys, `"gain"` and `"seed"`, so that
# `orthogonal_initializer.from_config(config)` makes the same initializer again. (`from_config` is inherited.)
#
# What the check looks at, since there is no single right matrix:
#
# * 50 %: the products above, to ten digits in float64, and the shapes, for a square, a tall and a wide matrix with a
#   gain that is not 1. (Nothing may pass through float32.) Without this part the others earn nothing.
# * 30 %: the same seed gives the same matrix, at each call and in each new initializer; another seed gives another;
#   and over 24 seeds the first element takes both signs. (`keras.random.normal` with an integer as its seed returns
#   the same numbers each time.)
# * 10 %: the dtype is the one asked for, float64 and float32.
# * 10 %: the config.
#
# `keras.initializers.Orthogonal` itself is of course not allowed.

# %% tags=["exercise:gradients.orthogonal_initializer"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 7: an optimizer that clips
#
# `clipping_optimizer(learning_rate, limit)` returns a Keras optimizer: plain gradient descent
# (`keras.optimizers.SGD`), without momentum, whose gradients are clipped by their *global* norm. One step is
# $w \leftarrow w - \text{learning\_rate} \cdot g$, with the clipped $g$.
#
# Every Keras optimizer takes three arguments that clip, and only one of them is the paper's:
#
# | argument | what is compared with the limit |
# |---|---|
# | `clipvalue` | each *element*; what exceeds ±limit is cut off |
# | `clipnorm` | the norm of each *variable's* gradient, each by itself |
# | `global_clipnorm` | the norm of all gradients together |
#
# The check lets the optimizer take one step with gradients that are too long (70 %, and again without it nothing for
# the rest), and then a step with short ones.

# %% tags=["exercise:gradients.clipping_optimizer"]

# %% [markdown] tags=["lang:en"]
# ### Do they agree?
#
# Three comparisons. First, your initializer goes into `keras.layers.SimpleRNN`, Keras differentiates it, and your
# `norm_through_time` must find the same norms. Then your two measures on your own matrices. Then the clipping, on two
# gradients $(30, 40)$ and $(.3, .4)$ with the limit 5: their norms are 50 and .5, together
# $\sqrt{50^2 + .5^2} = 50.0025$, so the factor is .099995.

# %% tags=["demo"]
# Shows your norms beside Keras' gradients, your measures of orthogonal kernels, and four ways to clip.
units, steps = 6, 12
layer = keras.layers.SimpleRNN(
    units, recurrent_initializer=orthogonal_initializer(seed=3), return_sequences=True, dtype="float64"
)
rng = np.random.default_rng(1)
x, dh = rng.normal(size=(2, steps, 4)), rng.normal(size=(2, units))
h = ops.convert_to_numpy(layer(x))
Wh = ops.convert_to_numpy(layer.cell.recurrent_kernel)
norms = norm_through_time(dh, 1 - h**2, Wh)
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    worst = 0.0
    for t in range(1, steps):  # the last state as a function of the state after step t
        state = tf.Variable(h[:, t - 1])
        with tf.GradientTape() as tape:
            last = layer(x[:, t:], initial_state=state)[:, -1]
            loss = tf.reduce_sum(last * dh)
        theirs = np.linalg.norm(tape.gradient(loss, state).numpy(), axis=1)
        worst = max(worst, np.abs(norms[:, t - 1] / theirs - 1).max())
    print(f"norms through time, largest relative difference from Keras: {worst:.1e}")

for gain in (1.0, 0.9):
    Q = ops.convert_to_numpy(orthogonal_initializer(gain=gain, seed=3)((50, 50), dtype="float64"))
    start = rng.normal(size=50)
    print(
        f"orthogonal, gain {gain}: spectral radius {spectral_radius(Q):.6f}, "
        f"largest singular value {largest_singular_value(Q, start, 1):.6f}"
    )

pair = (np.array([30.0, 40.0]), np.array([0.3, 0.4]))


def step_of(optimizer):
    """What an optimizer subtracts from two variables of zeros."""
    variables = [keras.Variable(np.zeros(2), dtype="float64") for _ in pair]
    optimizer.apply([ops.convert_to_tensor(g) for g in pair], variables)
    return [-ops.convert_to_numpy(v) for v in variables]


ways = {
    "your clip_by_global_norm": clip_by_global_norm(pair, 5.0),
    "your clipping_optimizer": step_of(clipping_optimizer(1.0, 5.0)),
    "Keras, global_clipnorm=5": step_of(keras.optimizers.SGD(1.0, global_clipnorm=5.0)),
    "Keras, clipnorm=5": step_of(keras.optimizers.SGD(1.0, clipnorm=5.0)),
    "Keras, clipvalue=5": step_of(keras.optimizers.SGD(1.0, clipvalue=5.0)),
}
whole = np.concatenate(pair)
print("\n(30, 40) and (.3, .4), limit 5     first            second            global norm  angle to the gradient")
for name, (first, second) in ways.items():
    both = np.concatenate([first, second])
    cosine = both @ whole / np.linalg.norm(both) / np.linalg.norm(whole)
    angle = np.degrees(np.arccos(min(1.0, cosine)))
    shown = f"[{first[0]:.3f}, {first[1]:.3f}]   [{second[0]:.4f}, {second[1]:.4f}]"
    print(f"  {name:28s} {shown:36s} {np.linalg.norm(both):10.4f} {angle:12.1f}°")

# %% [markdown] tags=["lang:en"]
# Read the table. By the global norm both gradients are divided by ten (but for the fourth digit, as the small one
# counts too). With `clipnorm` the first is shortened and the second is not, so the second weighs ten times as much in
# the step as it did: the direction has changed, and the norm of the whole exceeds 5. With `clipvalue` the first
# gradient becomes $(5, 5)$, and the length is $\sqrt{50.25} = 7.09$. **`clipnorm` is not the paper's clipping,
# `global_clipnorm` is.**
#
# ## 5. Run it
#
# ### The gradient's norm against the number of steps
#
# A random kernel of 50 units, scaled to a spectral radius of your choice, in a linear network and in one with tanh
# that gets random input. The curves are what your `norm_through_time` measures, reversed: steps *back* run to the
# right.

# %% tags=["demo"]
# Shows the norm of the gradient against steps back, for a spectral radius of your choice (a slider where there can be one).
rng = np.random.default_rng(5)
kernel = vanishing.gaussian_kernel(50, 1.0, rng)
kernel /= spectral_radius(kernel)
drive, dh = rng.normal(0, 0.5, (8, 101, 50)), rng.normal(size=(8, 50))
dh /= np.linalg.norm(dh, axis=1, keepdims=True)
stretch = largest_singular_value(kernel, rng.normal(size=50), 500)
print(f"largest singular value of this kernel: {stretch:.2f} times its spectral radius")


def back(radius, squash):
    """Mean norm of the gradient 0, 1, …, 100 steps back, for the kernel scaled to a spectral radius."""
    Wh = radius * kernel
    _, slope = vanishing.states_and_slopes(drive, Wh, squash)
    return norm_through_time(dh, slope, Wh).mean(axis=0)[::-1]


for radius in (0.8, 0.95, 1.0, 1.05, 1.2):
    ends = [back(radius, squash)[-1] for squash in ("linear", "tanh")]
    print(f"spectral radius {radius:4.2f}: after 100 steps {ends[0]:8.1e} linear, {ends[1]:8.1e} tanh")


def draw(radius):
    """The figure for one position of the slider."""
    figure, axes = figures.panel(
        f"Spectral radius {radius:.2f}, largest singular value {radius * stretch:.2f}",
        "steps back",
        "norm of the gradient (start: 1)",
    )
    vanishing.curves(axes, {name: back(radius, name) for name in ("linear", "tanh")}, limits=(1e-16, 1e10))
    axes.legend(loc="upper left")
    return figure


def static():
    """The same for five spectral radii, side by side."""
    panels = {
        title: {f"radius {radius}": back(radius, squash) for radius in (0.8, 0.95, 1.0, 1.05, 1.2)}
        for title, squash in (("linear network", "linear"), ("tanh, with random input", "tanh"))
    }
    title = "Below 1 the gradient vanishes; above 1 it explodes, unless slopes hold it back"
    return vanishing.side_by_side(panels, title, "steps back", ["norm of the gradient (start: 1)"], (1e-16, 1e10))


widgets.explore(draw, static, "radius", (0.5, 1.5, 0.95))

# %% [markdown] tags=["lang:en"]
# On a logarithmic axis an exponential is a straight line, and after a few steps all curves on the left are nearly
# straight, with a slope set by $\rho$. The largest singular value of this kernel is about twice its spectral radius:
# it was above 1 for every curve, and three of the five do not explode.
#
# On the right the same kernels stand in a network with tanh. Its slopes are below 1 wherever a unit is off zero, and
# they pull every curve down. Even a spectral radius of 1.2 vanishes here.
#
# ### What that does to learning
#
# The coins again, now with your parts: your orthogonal kernels to start from, and your clipping. Everything else is
# as in section 1: NumPy, float32, all five networks at once. The budgets: 150 updates of 32 sequences each at 10, 100
# and 1,000 coins, five networks each; and once more 100 coins with ten times as many updates. First, how much of the
# gradient arrives at the first state, before any training?

# %% tags=["demo"]
# Shows how much of the gradient reaches the first coin, then learning curves at lag 10, 100 and 1,000. Takes about 20 s.
kernels = np.stack([ops.convert_to_numpy(orthogonal_initializer(seed=k)((20, 20))) for k in range(5)])
print("norm of the gradient at the first state / at the last one, before training (median of 32 sequences, float64)")
rng = np.random.default_rng(2)
for lag in (10, 100, 1000):
    shares = []
    for kernel in kernels.astype(float):
        coins = rng.choice([-1.0, 1.0], (32, lag, 1))
        _, slope = vanishing.states_and_slopes(coins * rng.normal(size=20), kernel)
        norms = norm_through_time(rng.normal(size=(32, 20)), slope, kernel)
        shares.append(np.median(norms[:, 0] / norms[:, -1]))
    print(f"  {lag:4d} coins: ", *(f"{share:9.1e}" for share in shares))

learned = {}
for lag, updates in ((10, 150), (100, 150), (1000, 150), (100, 1500)):
    name = f"{lag:,} coins, {updates:,} updates"
    learned[name] = vanishing.remember_first(lag, updates, kernels, clip_by_global_norm, report=True)
print("\nmean loss over the last 20 updates, each network (guessing: 0.693)")
for name, loss in learned.items():
    print(f"  {name:26s}", loss[-20:].mean(axis=0).round(3))

equal = {name: loss for name, loss in learned.items() if not name.endswith("1,500 updates")}
vanishing.learning_curves(equal, "At equal budgets only the shortest lag is learned")

# %% [markdown] tags=["lang:en"]
# At 10 coins the gradient arrives with a few percent or a few permille of its length, and the task is learned. At 100
# coins thirteen to twenty-five powers of ten are gone; the short-range terms, which mean nothing here, are all that
# the network hears. At 1,000 coins well over a hundred and fifty powers of ten are gone. The norm comes out as *exactly*
# zero: the gradient itself still fits into float64, but its square, which the norm needs, falls below the smallest
# positive number that float64 can hold ($5 \cdot 10^{-324}$). In float32, in which the networks are trained, the
# gradient itself is zero. Orthogonal kernels did not help: with inputs of this size tanh is far from 0, and its slopes
# do the shrinking. Clipping did not help either: it makes long gradients shorter, and no short one longer.
#
# The last row is the honest counterpoint. With ten times as many updates, some of the networks (two of five in our
# run; another machine's rounding may give another number) do find the answer at 100 coins. Our reading: the
# short-range terms make the weights wander, and once they happen upon a state that latches, the gradient arrives.
# Vanishing does not make learning impossible, it makes it a matter of luck. For the same reason this task is a poor
# *benchmark*: Hochreiter and Schmidhuber (1997) point out that tasks of this kind can be solved by guessing weights
# at random. Lesson 08 uses harder ones.
#
# ### The cliff, and clipping
#
# Now the opposite. Pascanu, Mikolov and Bengio (2013, equation 8 and figure 6) look at one logistic unit without
# input. (Here alone we keep their letters: $x_t$ is the unit's sum before squashing, our $z_t$, and $s$ is the logistic
# function, not the slope.) It is $x_t = w\, s(x_{t-1}) + b$ with $s(x) = 1 / (1 + e^{-x})$, which starts at $x_0 = .5$ and shall have
# $s(x_{50}) = .7$. Two weights, so the error $(s(x_{50}) - .7)^2$ can be drawn as a map.

# %% tags=["demo"]
# Shows the error over w and b, with a descent without clipping and one with it, then the same from 300 starts.
start = np.array([[5.5, -2.25]])
paths = {
    "without clipping": vanishing.descend(start, rate=0.25, updates=100)[0],
    "clipped at 1": vanishing.descend(start, rate=0.25, updates=100, clip=clip_by_global_norm)[0],
}
for name, path in paths.items():
    error, by_w, by_b = vanishing.one_unit_error(*path.T)
    longest = np.linalg.norm(np.diff(path, axis=0), axis=1).max()
    print(
        f"{name:16s} error {error[0]:.4f} at the start, {error[-1]:.5f} after 100 updates; "
        f"longest step {longest:.2f}; ends at w = {path[-1, 0]:.2f}, b = {path[-1, 1]:.2f}"
    )

optimizer = clipping_optimizer(0.25, 1.0)
w, b = (keras.Variable(value, dtype="float64") for value in start[0])
for _ in range(100):
    _, *slopes = vanishing.one_unit_error(ops.convert_to_numpy(w), ops.convert_to_numpy(b))
    optimizer.apply([ops.convert_to_tensor(g) for g in slopes], [w, b])
print(f"your Keras optimizer ends at  w = {float(w):.2f}, b = {float(b):.2f}")

grid = np.meshgrid(vanishing.WEIGHT, vanishing.BIAS)
norm = np.hypot(*vanishing.one_unit_error(*grid)[1:])
print(f"norm of the gradient on the map: median {np.median(norm):.2f}, largest on this grid {norm.max():.0f}")

starts = np.random.default_rng(0).uniform((4, -3), (6, -1.5), (300, 2))
for name, clip in (("without clipping", None), ("clipped at 1", clip_by_global_norm)):
    ends = vanishing.descend(starts, rate=0.25, updates=300, clip=clip)[:, -1]
    print(
        f"300 random starts, 300 updates, {name:16s} {np.mean(vanishing.one_unit_error(*ends.T)[0] < 0.01):5.0%} end below .01"
    )

vanishing.cliff(paths, 5.0, "One step at the cliff throws the descent far off; clipped, it stays near and goes on")

# %% [markdown] tags=["lang:en"]
# For $w$ above 4 this unit can have two places of rest, a high one and a low one, and between them a point at which
# it is undecided. To one side of the cliff the start $x_0 = .5$ is drawn to the high one, to the other side to the
# low one. At the border fifty steps amplify the smallest change of $w$ or $b$: there the gradient has exploded, and
# the surface is a wall. Look at the cut: the valley, in which the error is zero, lies right at the foot of the wall.
# Gradient descent has to go there.
#
# Without clipping one step at the wall carries the weights out of the valley, to a plain where the gradient is so
# small that they do not come back. Clipped, the same step has the same direction and a length of at most
# $0.25 \cdot 1$; the descent bounces off the wall, stays in the valley, and arrives. It is no accident of the start:
# see the last two lines. Note what clipping did *not* do. The wall is where it was, and as steep.
#
# ### tanh against ReLU
#
# It is often said that tanh makes gradients vanish because its slope is below 1, and that ReLU, with slope 1, cures
# that. Take the product (1) seriously and look at both factors. The kernels below are orthogonal, times a factor; the
# network has 50 units and random input of size 1, except in the first case, which has none.

# %% tags=["demo"]
# Shows the gradient's norm and the state's size over 100 steps, for tanh and ReLU with several kernels.
units = 50
rng = np.random.default_rng(3)
Q = ops.convert_to_numpy(orthogonal_initializer(seed=3)((units, units), dtype="float64"))
inputs, dh = rng.normal(0, 1.0, (16, 100, units)), rng.normal(size=(16, units))
dh /= np.linalg.norm(dh, axis=1, keepdims=True)
cases = {
    "tanh, orthogonal, no input": (0 * inputs, Q, "tanh"),
    "tanh, orthogonal": (inputs, Q, "tanh"),
    "ReLU, orthogonal": (inputs, Q, "relu"),
    "ReLU, orthogonal × √2": (inputs, np.sqrt(2) * Q, "relu"),
    "ReLU, orthogonal × 2": (inputs, 2 * Q, "relu"),
    "ReLU, identity": (inputs, np.eye(units), "relu"),
}
gradients, states = {}, {}
print("                             mean slope   gradient after 99 steps   length of the state after 100")
for name, (drive, kernel, squash) in cases.items():
    h, slope = vanishing.states_and_slopes(drive, kernel, squash)
    gradients[name] = norm_through_time(dh, slope, kernel).mean(axis=0)[::-1]
    states[name] = np.linalg.norm(h, axis=2).mean(axis=0)
    print(f"{name:28s} {slope.mean():8.2f} {gradients[name][-1]:20.1e} {states[name][-1]:24.1e}")
states.pop("tanh, orthogonal, no input")  # it is zero throughout

vanishing.side_by_side(
    {
        "the gradient, going back": gradients,
        "the state, going forward": {name: states.get(name, np.full(100, np.nan)) for name in gradients},
    },
    "ReLU does not cure it: its slopes are 0 and 1, and the kernel still decides",
    "steps",
    ["norm of the gradient (start: 1)", "length of the state (no unit)"],
)

# %% [markdown] tags=["lang:en"]
# Go through the table.
#
# * *tanh without input.* The state stays at 0, where the slope of tanh is exactly **1**, not below it. With an
#   orthogonal kernel the gradient keeps its length, but for rounding, over any number of steps. tanh by itself makes
#   nothing vanish.
# * *tanh with input.* The states are off zero, the mean slope is about a half, and twenty powers of ten are lost in
#   99 steps.
# * *ReLU, orthogonal.* Its slope is 1 where the unit is on, and **0** where it is off. About half of the units are
#   off. So each step strikes out about half of the squared length: $(\sqrt{1/2})^{99} = 10^{-14.9}$, and the measured
#   value is of that order. ReLU vanishes too.
# * *ReLU, orthogonal × √2* makes up for that factor on average. The gradient stays within a factor of ten.
# * *ReLU, orthogonal × 2* explodes, and the state with it, since nothing bounds a ReLU from above. A tanh unit cannot
#   leave (−1, 1).
# * *ReLU, identity kernel.* The start that Le, Jaitly and Hinton (2015) propose: $W = I$, every unit has its own
#   memory, and hands on its gradient undiminished while it is on. Here it keeps about a third of the length. It is
#   the *kernel* that makes this work, together with the slope.
#
# So ReLU changes the slopes, and the product of slopes *and* kernel decides.
#
# ### Deep networks without recurrence
#
# A feed-forward network of 100 layers has the product (1) as well, with a different matrix in each place. Does its
# gradient vanish? Below are 200 linear networks of each kind, 20 units wide, all weights independent normal numbers
# with standard deviation $0.9 / \sqrt{20}$: in a *recurrent* network one such matrix serves 100 times, in a *deep*
# one there are 100 of them.

# %% tags=["demo"]
# Shows log norms of gradients down 100 layers, for one shared matrix and for a new one per layer; 200 networks each.
logs = {
    "one matrix, 100 times (recurrent)": vanishing.log_norms(100, 20, 0.9, 200, True, np.random.default_rng(0)),
    "100 matrices (feed-forward)": vanishing.log_norms(100, 20, 0.9, 200, False, np.random.default_rng(1)),
}
print(
    "log10 of the gradient's norm after 100 layers (200 networks)   mean   std   smallest   largest   off a straight line"
)
for name, values in logs.items():
    end = values[:, -1]
    off = vanishing.crookedness(values).mean()
    print(f"  {name:58s} {end.mean():6.2f} {end.std(ddof=1):5.2f} {end.min():8.1f} {end.max():9.1f} {off:13.3f}")
for depth in (25, 100):
    spread = [values[:, depth].std(ddof=1) for values in logs.values()]
    print(f"standard deviation after {depth:3d} layers: shared {spread[0]:.2f}, unshared {spread[1]:.2f} powers of ten")

vanishing.bundles(logs, "Unshared weights: each line is more crooked, and they all end close together")

# %% [markdown] tags=["lang:en"]
# Deep networks vanish too. It is said that they do so less regularly, because their weights are not shared. That is
# true in one sense and false in another.
#
# * *Within a network*, yes. In a recurrent network the same matrix acts again and again, so each curve soon becomes a
#   straight line, of slope $\log_{10} \rho$ (with a ripple, where the largest eigenvalue is complex). Unshared
#   matrices lengthen and shorten in turn: the line is five times as crooked.
# * *Over the seeds*, no. There it is the recurrent networks that differ: each has a $\rho$ of its own, the deviation
#   adds up step after step, and the spread grows in proportion to the depth (more than fourfold from 25 to 100). Some
#   explode at the very scale at which most vanish. Unshared matrices draw anew in every layer, so their deviations
#   partly cancel: the logarithm of the norm is a **random walk**, and its spread grows with the *root* of the depth,
#   here twofold.
#
# Sussillo and Abbott (2014) say this of feed-forward networks, and that the variance of the walk falls with the
# width. You can check their law. For Gaussian weights the squared length after one layer is the one before times
# $0.9^2/20$ times a chi-square number of 20 degrees of freedom. The logarithm of the length then has a variance of
# about $1/(2 \cdot 20)$ per layer, hence after 100 layers a standard deviation of about $\sqrt{100/40} = 1.58$, which
# is 0.69 powers of ten. That is what the table shows.
#
# For deep networks it is therefore enough to set the scale right and make the layers wide. For recurrent ones no
# scale is right for every seed: that is one reason to start from orthogonal kernels, whose eigenvalues all have
# modulus 1.
#
# ## 6. What goes wrong
#
# ### "The largest singular value is above 1, so the gradient explodes"
#
# It is necessary, not sufficient. Take
#
# $$W = \begin{pmatrix} 2/3 & 1 \\ 0 & 2/3 \end{pmatrix}, \qquad \sigma_\text{max} = \tfrac43 = 1.33, \quad \rho = \tfrac23$$
#
# (Check: the singular values multiply to $\lvert\det W\rvert = 4/9$, and their squares add up to the sum of all
# squared elements, $17/9$. $\frac43$ and $\frac13$ do both.) The gradient grows at first, and then vanishes.
#
# ### "The spectral radius is below 1, so the gradient vanishes"
#
# True for a linear network, and *false* with slopes. An earlier preprint of Pascanu, Mikolov and Bengio proved the
# inequality (4) with "the absolute value of the largest eigenvalue" in place of the singular value; the published
# version has the singular value (the correction is discussed at AI StackExchange, question 20378). Slides that one
# meets still have the first form. Here is why it cannot hold:
#
# $$W = \begin{pmatrix} 1.2 & 1.2 \\ -1.2 & -1.2 \end{pmatrix}, \qquad W^2 = 0, \quad \rho = 0$$
#
# As a linear network it forgets everything after two steps. Now take ReLU, and a bias that keeps the second unit off.
# The slopes are (1, 0) at every step, all at most 1, and what is left is one unit with weight 1.2 on itself.

# %% tags=["demo"]
# Shows a largest singular value of 4/3 whose gradient vanishes, and a spectral radius of 0 whose gradient explodes.
shrinking = np.array([[2 / 3, 1.0], [0.0, 2 / 3]])
growing = np.array([[1.2, 1.2], [-1.2, -1.2]])
start = np.array([1.0, 0.3])
for name, W in (("vanishes", shrinking), ("explodes", growing)):
    print(
        f"{name}: spectral radius {spectral_radius(W):.4f}, largest singular value {largest_singular_value(W, start, 60):.4f}"
    )

ones = np.ones((1, 61, 2))
vanishes = norm_through_time(np.array([[1.0, 1.0]]), ones, shrinking)[0, ::-1]
print(
    "\nsingular value 1.33, linear network, norm after 0, 1, 2, 3, 10, 60 steps:",
    *(f"{vanishes[k]:.2g}" for k in (0, 1, 2, 3, 10, 60)),
)

drive = np.zeros((1, 31, 2))
drive[:, :, 1] = -1000.0  # the bias that keeps the second unit off
h, slope = vanishing.states_and_slopes(drive, growing, "relu", np.array([[0.1, 0.0]]))
explodes = norm_through_time(np.array([[1.0, 0.0]]), slope, growing)[0, ::-1]
print(
    "spectral radius 0, ReLU network, norm after 0, 1, 2, 30 steps:           ",
    *(f"{explodes[k]:.3g}" for k in (0, 1, 2, 30)),
)
print("the square of that kernel:", (growing @ growing).round(12).tolist())

vanishing.side_by_side(
    {
        "largest singular value 1.33, linear": {
            "measured": vanishes[:31],
            "bound $(σ_{max})^n$": np.sqrt(2) * (4 / 3.0) ** np.arange(31),
        },
        "spectral radius 0, ReLU": {"measured": explodes, "bound $(σ_{max})^n$": 2.4 ** np.arange(31)},
    },
    "Neither number alone decides: 1.33 vanishes, and 0 explodes",
    "steps back",
    ["norm of the gradient (no unit)"],
)

# %% [markdown] tags=["lang:en"]
# The first has a singular value that is often taken for a proof of explosion, and it vanishes. The second has the
# smallest spectral radius that there is, and explodes, by 1.2 per step. What you should measure is neither, but the
# product itself: that is your `norm_through_time`.
#
# ### Five more
#
# * *"The eigenvalues of $W^t$ must be below 1."* They are $\lambda_i^t$. They tend to zero or to infinity as $t$
#   grows, and tell you nothing that $\lvert\lambda_i\rvert$ of $W$ itself does not: below or above 1.
# * *A power pulled out.* You will see the kernels of (1) collected into $W^{T-1}$ (there $T-1$ is a power), and the
#   slopes into one factor. The matrices do not commute; the cell below measures the error. For the second matrix
#   above, the pulled-out form is 0 from two steps on, and the true one explodes.
# * *Eigenvalues without a basis.* For the first matrix above, $V$ has no inverse. NumPy returns one all the same,
#   from rounding errors, and your `power_by_eigendecomposition` gives a wrong answer without a warning. (Multiply out
#   instead. Look at `np.linalg.cond(V)` if in doubt.)
# * *Watching the norm of $dW$.* It is dominated by the short-range terms and looks healthy while the long-range ones
#   are gone.
# * *Clipping too late.* Once the norm is infinite or not a number, no factor mends it: infinity times zero is not a
#   number. Check for that, and skip the update.

# %% tags=["demo"]
# Shows a power pulled out of the product, a missing basis, dW beside its long-range share, and clipping too late.
rng = np.random.default_rng(7)
units, steps = 10, 40
Wh = 1.2 * ops.convert_to_numpy(orthogonal_initializer(seed=1)((units, units), dtype="float64"))
h, slope = vanishing.states_and_slopes(rng.normal(0, 0.7, (1, steps, units)), Wh)
true, pulled, terms = np.eye(units), np.eye(units), []
print("a power pulled out of the product: relative error, and ratio of lengths")
for n in range(1, steps):
    true = true @ np.diag(slope[0, -n]) @ Wh.T  # in their order
    pulled = np.diag(slope[0, -n:].prod(axis=0)) @ np.linalg.matrix_power(Wh.T, n)
    if n in (1, 2, 5, 20):
        off = np.linalg.norm(pulled - true) / np.linalg.norm(true)
        print(f"  n = {n:2d}: {off:5.2f}, {np.linalg.norm(pulled) / np.linalg.norm(true):8.2g}")

by_eigenvalues, right = power_by_eigendecomposition(shrinking, 10), np.linalg.matrix_power(shrinking, 10)
print("\nno basis of eigenvectors: upper right element of the 10th power")
print(
    f"  by eigenvalues {by_eigenvalues[0, 1]:.4f}, multiplied out {right[0, 1]:.4f}, equation (3) {10 * (2 / 3) ** 9:.4f}"
)

dh = rng.normal(size=(1, units))
for t in reversed(range(1, steps)):
    dz = dh * slope[:, t]
    terms.append(h[:, t - 1].T @ dz)  # this step's share of dW
    dh = dz @ Wh.T
print(
    "\nnorm of dW: whole {:.2f}; share of the last 10 steps {:.2f}; of all steps more than 30 back {:.1e}".format(
        *(np.linalg.norm(sum(part)) for part in (terms, terms[:10], terms[30:]))
    )
)

with np.errstate(invalid="ignore"):
    print("clipped after an overflow:", clip_by_global_norm((np.array([np.inf, 1.0]), np.array([2.0])), 5.0))

# %% [markdown] tags=["lang:en"]
# The first table is right only at $n = 1$, where there is nothing to collect; from there on it is off by half and
# more. The element of the tenth power is off by a factor of thirty. And $dW$ as a whole is some 250 times as long as
# what the steps more than 30 back add to it.
#
# Where does this leave a recurrent network? Clipping takes care of explosions. For vanishing there is no such simple
# remedy: an orthogonal start helps while slopes stay near 1, and training may leave it. What would help is a path
# back through time on which the gradient is multiplied by *neither* a kernel nor a slope. That is the idea of the
# LSTM (Hochreiter and Schmidhuber 1997), in the next lesson.
#
# ## 7. Think
#
# Answer in your own words, in about 150 to 300 words.

# %% [markdown] tags=["lang:en", "question:gradients.think"]
# A colleague trains an Elman network whose loss jumps now and then, and which learns nothing that lies more than
# thirty steps back. She writes: "*Exploding gradients are cured by clipping, and vanishing ones by ReLU. So I use
# both, and the matter is settled.*"
#
# 1. What is right, and what is wrong, in what she says about clipping? Say what clipping changes and what it leaves
#    as it was.
# 2. The same for ReLU. Use the product of equation (1).
# 3. She adds: "*The largest singular value of my kernel is 1.33, so my gradients explode.*" Does that follow? What
#    would you measure in her network to know?
