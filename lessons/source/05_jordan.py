# ---
# title:
#   en: "Jordan: a state layer fed by the output"
#   ja: "ジョーダンネットワーク：出力から作られる状態層"
# automatic_points: 40
# written_points: 10
# ---

# %% [markdown] tags=["lang:en"]
# # Jordan: a state layer fed by the output
#
# Give a network a plan that stays the same and a fading memory of its own outputs, and it produces a whole movement.
# That is Jordan's network (1986), four years older than Elman's. In this lesson you build it by hand and as a Keras
# cell, compute its gradients, with a teacher and without one, and let it move an arm.

# %% [markdown] tags=["lang:ja"]
# # ジョーダンネットワーク：出力から作られる状態層

# %% tags=["setup"]
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras  # TensorFlow may print lines about CUDA below: they do no harm
import numpy as np
from keras import ops

from autograder import check
from unrolled import corpora, figures
from unrolled import jordan as moving

figures.use_style()

# %% [markdown] tags=["lang:en"]
# ## 1. Why
#
# Lesson 04 ended with two waves from one network without input. It could draw both only because each had a start of
# its own. There ought to be a simpler way: *tell* the network what to draw, and let it do the rest.
#
# Take an arm with two joints, a shoulder and an elbow, that is to trace shapes with its hand. The command is one
# word: "eight". The movement is many pairs of joint angles, one pair after another. How does a network turn
# something that stands still into something that moves? At each step it must know how far it has got. That is not in
# the command. But much of it is in what the network has just *done*: where it put the hand tells where the hand is.
#
# So feed the *output* back, not the hidden layer. The next cell shows the movement, and already the difficulty.

# %% tags=["demo"]
# Shows the arm frame by frame as it traces an eight, and two steps at which it is at the same place.
STEPS = 24
eight = corpora.joint_angles(corpora.hand_path("eight", STEPS))
for t in (5, 17):
    now, following = (corpora.arm_positions(eight[k])[1].round(1) + 0.0 for k in (t, t + 1))
    print(f"step {t:2d}: angles {eight[t].round(3)} rad, hand at {now} cm; next at {following} cm")

moving.arm_frames(eight, "Steps 5 and 17: the same place, and different ways to go on", marks=(5, 17))

# %% [markdown] tags=["lang:en"]
# At the crossing the output of two steps is the same, and what comes next is not. A network that knows nothing but its
# last output cannot get this right. Jordan's answer is a **state** that keeps a little of the outputs before the
# last one as well. Is that enough? You will measure it, and see where it ends.
#
# (The hand's places are turned into angles by the law of cosines, with the elbow always bent the same way. The
# shoulder's angle is measured from the x axis, the elbow's from the direction of the upper arm, both in radians. The
# two bones are 30 cm long.)
#
# ## 2. Derive
#
# | letter | what | shape |
# |---|---|---|
# | $x_t$ | input of step $t$. A **plan** is an input that stays the same at every step | (batch, features) |
# | $s_t$ | state of step $t$; $s_0$ is given | (batch, outputs) |
# | $h_t$ | hidden layer | (batch, units) |
# | $y_t$ | output of step $t$ | (batch, outputs) |
# | $\hat y_t$ | target: what a teacher says $y_t$ should have been | (batch, outputs) |
# | $\mu$ | how much of a state is left in the next one, $0 \le \mu < 1$ | a number |
# | $W_x$ | kernel: input to hidden | (features, units) |
# | $W_s$ | recurrent kernel: state to hidden | (outputs, units) |
# | $b$ | bias of the hidden layer | (units,) |
# | $W_y$, $b_y$ | output kernel and output bias | (units, outputs), (outputs,) |
# | $T$ | number of steps. $t$ runs from 0 to $T - 1$, as Python counts | |
#
# Vectors are rows. One step is two layers:
#
# $$h_t = \tanh(x_t W_x + s_t W_s + b) \qquad y_t = h_t W_y + b_y$$
#
# and the state is a fading sum of what was put out:
#
# $$s_{t+1} = \mu\, s_t + y_t$$
#
# Put the last line into itself a few times: $s_t = y_{t-1} + \mu\, y_{t-2} + \mu^2 y_{t-3} + \dots + \mu^t s_0$. The
# output of $k$ steps ago counts $\mu^{k-1}$. With $\mu = 0$ the state is the last output, with $\mu = 0.8$ an output
# has lost half of its weight after three steps ($0.8^3 = 0.51$). There is no weight to be learned on this path: $\mu$
# is chosen by you. A state has *as many numbers as the output*, however many hidden units there are.
#
# A sum, not a mean: the new output enters with its full weight. If the output stays at $y$, the state grows to $y / (1 -
# \mu)$, five times $y$ for $\mu = 0.8$.
#
# ### With and without a teacher
#
# While it learns, the network is wrong, and a wrong output makes a wrong state, from which the next output cannot be right.
# But an output, unlike a hidden layer, has a known right value. So one can put the target in its place:
#
# $$s_{t+1} = \mu\, s_t + \hat y_t$$
#
# A step at which this is done is **forced**; doing it is called **teacher forcing** (Williams and Zipser 1989, who
# gave it the name). Where it is not done the network is **running freely**. In your functions an array
# `forced`, one True or False per step, says which. All True is teacher forcing throughout, all False is a free run, and
# any mixture is allowed. The teacher changes the *state only*: $y_t$ stays what the network said, and the loss
# compares it with the target.
#
# When the movement is made in earnest there is no teacher. Keep that in mind.
#
# ### The backward pass of one step
#
# As in lesson 04, $dy_t$ stands for $\partial L / \partial y_t$, and $d$ of something has the shape of that something.
# For a single step, $dy_t$ is given.

# %% tags=["demo"]
# Shows the computation graph of one step: values go right, gradients come back left.
moving.step_graph()

# %% [markdown] tags=["lang:en"]
# Walk from right to left. $n$ runs over the batch, $i$ over features, $j$ over units, $o$ over outputs.
#
# 1. **The output's sum** hands $dy_t$ on to both its terms. The bias was added to every row, so $db_{y,o} =
#    \sum_n dy_{no}$. The output is linear, so there is no slope to multiply with.
# 2. **The product $h_t W_y$.** Its entry $(n, o)$ is $\sum_j h_{nj} W_{y,jo}$, therefore
#    $$dh_{nj} = \sum_o dy_{no}\, W_{y,jo} \qquad dW_{y,jo} = \sum_n h_{nj}\, dy_{no}$$
# 3. **tanh** of $z_t = x_t W_x + s_t W_s + b$ multiplies with its slope, element by element: $dz_t = dh_t \odot (1 - h_t^2)$.
# 4. **The hidden layer's sum** hands $dz_t$ on to three terms: $db_j = \sum_n dz_{nj}$, and two products,
#    $$dx_{ni} = \sum_j dz_{nj} W_{x,ij} \qquad dW_{x,ij} = \sum_n x_{ni}\, dz_{nj}$$
#    $$ds_{no} = \sum_j dz_{nj} W_{s,oj} \qquad dW_{s,oj} = \sum_n s_{no}\, dz_{nj}$$
#
# Each sum is one matrix product. Which factor must be transposed? The index that is summed over must stand in the
# middle.
#
# ### The backward pass of a sequence
#
# Now put steps together. The graph has three: step 0 runs freely, step 1 is forced.

# %% tags=["demo"]
# Shows three steps unrolled, one free and one forced: which way the gradients of outputs and states go.
moving.sequence_graph()

# %% [markdown] tags=["lang:en"]
# Ask of everything *where it was used*, and add up what comes back from each use.
#
# Let $c_t$ be the whole gradient of the state $s_t$, over everything that it led to. We go from the last step to the first, so when we
# come to step $t$ we know $c_{t+1}$. The state after the last step is never used: $c_T = 0$.
#
# From here on $dy_t$ is only what the loss of step $t$ itself sends to $y_t$, and $ds_t$ only what comes back to $s_t$ through the
# hidden layer of step $t$. The *whole* gradients, over all later steps too, are called $u_t$ for the output and $c_t$ for the state.
#
# * **The output $y_t$** was used by the loss of its own step, which gives $dy_t$ (given). If step $t$ ran
#   freely, it was also a term of $s_{t+1} = \mu s_t + y_t$. A sum hands its gradient on unchanged. If step $t$
#   was forced, the target stood there, and $y_t$ never entered a state. So the upstream gradient of the step is
#   $$u_t = \begin{cases} dy_t + c_{t+1} & \text{step } t \text{ free} \\ dy_t & \text{step } t \text{ forced}\end{cases}$$
# * **The step** turns $u_t$ into $dx_t$, the gradients of the five weights, and $ds_t$, the gradient of the state *through this
#   step's hidden layer*. That is your `step_backward`.
# * **The state $s_t$** was used twice: by the hidden layer of its step, and by the next state, where it stands
#   multiplied with $\mu$, forced or not:
#   $$c_t = ds_t + \mu\, c_{t+1}$$
#
# At the end $c_0$ is the gradient of the given $s_0$. The weights were used at every step: their gradients are
# the sums of the shares of all steps (backpropagation through time, Werbos 1990).
#
# Look at a sequence that is forced throughout. All states come from targets; no weight had a part in them. What $c_t$
# carries then ends in $s_0$ and changes no weight. The gradient of the weights is that of $T$
# separate examples, "in this state, give that output", as for a network without any loop. Learning
# is easy then, and the loop is never tried.
#
# ## 3. Build by hand
#
# The rules are those of lesson 04, for every function of this section:
#
# * **No caching.** All that a function needs is among its arguments, and all it gives is what it returns. A
#   backward function that needs $h_t$ or a state computes it again.
# * **Arguments stay as they are.** Never write into an array that you were given. `dy[:, t]` is a *view*: after `u =
#   dy[:, t]`, the line `u += …` changes `dy`.
# * **Sums, not means**, over the batch and over time.
# * **Return arrays**, in the order stated, each gradient of the shape of what it belongs to.
# * NumPy only.
#
# ### Exercise 1: one step forward
#
# `step_forward(x, s, Wx, Ws, b, Wy, by)` takes `x` (batch, features), `s` (batch, outputs) and the weights. It returns one
# array, $y_t$ (batch, outputs): the hidden layer with `np.tanh`, then the output layer without. The step does not
# change the state; that is left to the sequence.

# %% tags=["exercise:jordan.step_forward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 2: one step backward
#
# `step_backward(dy, x, s, Wx, Ws, b, Wy, by)` gets the upstream gradient `dy` (batch, outputs) and then the arguments
# of `step_forward`. It returns a tuple of seven arrays, in this order:
#
# `(dx, ds, dWx, dWs, db, dWy, dby)` with shapes (batch, features), (batch, outputs), (features, units), (outputs,
# units), (units,), (units, outputs), (outputs,).
#
# `step_forward` gives $y_t$, but here you need $h_t$: compute it again. Then follow the four points of the
# derivation. `ds` is the gradient through the hidden layer of this one step and nothing else: in a single step the state
# acts on the output in no other way. `dWs` takes the state that this step *saw*.

# %% tags=["exercise:jordan.step_backward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 3: a whole sequence forward
#
# `sequence_forward(x, s0, Wx, Ws, b, Wy, by, mu, targets, forced)`. New among the arguments are `x` (batch, time,
# features), the state of the first step `s0` (batch, outputs), the number `mu`, `targets` (batch, time, outputs),
# and `forced`, booleans of shape (time,), the same for all sequences of the batch.
#
# It returns the outputs of every step, one array (batch, time, outputs). Step 0 sees `s0`. After step $t$ make the
# next state: $\mu$ times the old one, plus `targets[:, t]` if `forced[t]`, else the output that the network has just given. At a
# forced step, too, what you return is the network's own output. `np.stack` with `axis=1` puts a list of outputs together.

# %% tags=["exercise:jordan.sequence_forward"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 4: a whole sequence backward
#
# `sequence_backward(dy, x, s0, Wx, Ws, b, Wy, by, mu, targets, forced)` gets `dy` (batch, time, outputs): for each
# output, the gradient *from the loss of its own step alone*. It returns
#
# `(dx, ds0, dWx, dWs, db, dWy, dby)` with shapes (batch, time, features), (batch, outputs), and those of the weights.
#
# What you need:
#
# * all the states. `sequence_forward` returns outputs; with these and the rule of the state you can make the list of states again
#   (`s0` first), with the target in the place of the output where a step was forced;
# * a loop over time from the last step to the first, with $u_t$, your `step_backward`, and $c_t$, in this order. $c$ starts
#   as zeros of the shape of `s0`;
# * sums over time for the five weights (`np.zeros_like` makes their start), and an array like `x` for `dx`, into which
#   each step's share is written.
#
# Two things are easy to get wrong. The memory's path, $\mu\, c_{t+1}$, is there at *forced steps too*. And `forced[t]` decides about
# the way from $y_t$ to $s_{t+1}$, so it belongs to $u_t$ of the same $t$.

# %% tags=["exercise:jordan.sequence_backward"]

# %% [markdown] tags=["lang:en"]
# ## 4. Build in Keras
#
# A cell for `keras.layers.RNN`, as in lesson 04. In an Elman cell the output was the new state. Here the two differ, so
# this is the first cell in which it matters what stands where. It always runs freely: a cell does not know
# targets.
#
# ### Exercise 5: the cell
#
# `__init__(units, outputs, mu=0.5)` is written for you. It keeps the three under their names and sets `state_size` and
# `output_size`, both `outputs`. You write:
#
# * `build(input_shape)`: `input_shape` is (batch, features). Five weights, made with `self.add_weight(shape=…,
#   initializer=…, name=…)` and kept as attributes of the same names:
#
#   | attribute and `name` | shape | `initializer` |
#   |---|---|---|
#   | `kernel` | (features, units) | `"glorot_uniform"` |
#   | `recurrent_kernel` | (outputs, units) | `"glorot_uniform"` |
#   | `bias` | (units,) | `"zeros"` |
#   | `output_kernel` | (units, outputs) | `"glorot_uniform"` |
#   | `output_bias` | (outputs,) | `"zeros"` |
#
# * `call(inputs, states, training=False)`: `inputs` is (batch, features), `states` a list of one tensor (batch,
#   outputs). Return two things: the output $y_t$, and a list of the one new state, $\mu s_t + y_t$. (Keras also takes a bare
#   tensor where there is only one state.) Use `ops.matmul` and `ops.tanh` (`ops` is `keras.ops`); NumPy would cut the gradient off.
#   Leave the dtype as it comes: a float64 cell must not pass through float32.
# * `get_initial_state(batch_size=None)`: a list of one tensor of zeros, (batch_size, outputs), made with `ops.zeros` in the dtype
#   `self.compute_dtype`.
# * `get_config()`: what `super().get_config()` gives, with `units`, `outputs` and `mu` added.
#
# To try it: `keras.layers.RNN(JordanCell(3, 2))(np.zeros((4, 6, 5)))` must have the shape (4, 2).

# %% tags=["exercise:jordan.JordanCell"]

# %% [markdown] tags=["lang:en"]
# ### Do the two agree?
#
# The same weights in your functions and in your cell, in float64. A cell runs freely, so `forced` is False throughout.

# %% tags=["demo"]
# Shows the largest difference between by hand and your cell: outputs, and all seven gradients.
rng = np.random.default_rng(0)
shapes = {"Wx": (4, 5), "Ws": (2, 5), "b": (5,), "Wy": (5, 2), "by": (2,)}
given = {"x": rng.normal(size=(3, 7, 4)), "s0": rng.normal(size=(3, 2))}
given |= {name: 0.4 * rng.normal(size=shape) for name, shape in shapes.items()}
given |= {"mu": 0.6, "targets": np.zeros((3, 7, 2)), "forced": np.zeros(7, bool)}
by_hand = sequence_forward(**given)

layer = keras.layers.RNN(JordanCell(5, 2, mu=0.6, dtype="float64"), return_sequences=True, dtype="float64")
layer.build((None, None, 4))
for weight, name in zip(shapes, ("kernel", "recurrent_kernel", "bias", "output_kernel", "output_bias"), strict=True):
    getattr(layer.cell, name).assign(given[weight])
output = ops.convert_to_numpy(layer(given["x"], initial_state=given["s0"]))
print(f"y    {abs(output - by_hand).max():.1e}")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    upstream = rng.normal(size=by_hand.shape)
    mine = sequence_backward(upstream, **given)
    x, s0 = tf.Variable(given["x"]), tf.Variable(given["s0"])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x, initial_state=s0) * upstream)
    cell = layer.cell
    weights = [cell.kernel, cell.recurrent_kernel, cell.bias, cell.output_kernel, cell.output_bias]
    taped = tape.gradient(loss, [x, s0, *(weight.value for weight in weights)])
    for name, a, b in zip(("dx", "ds0", "dWx", "dWs", "db", "dWy", "dby"), mine, taped, strict=True):
        print(f"{name:4s} {np.abs(a - b).max():.1e}")

# %% [markdown] tags=["lang:en"]
# ## 5. Run it
#
# The training loop has nothing new: your functions, mean squared error, Adam (Kingma and Ba 2015) with a rate that
# falls to a fiftieth, and gradients that are shortened when they are longer than 0.1: in a free run a gradient goes
# round the loop many times and can become very long, and one huge step would undo much of the training (lesson 07 has
# more on this). What is new is `forcing`: the probability with which each step is forced. Note the start of $W_s$. The
# state can grow to $y / (1 - \mu)$, so we start with weights that are smaller by $1 - \mu$; section 6 shows what
# happens otherwise. The output bias starts at the mean posture.


# %% tags=["demo"]
# Shows the training loop around your functions (no output).
def new_network(features, units, target, mu, rng):
    """Random weights, scaled by the number of inputs of each unit; the output starts at the mean target."""
    outputs = target.shape[2]
    return {
        "Wx": rng.normal(0, features**-0.5, (features, units)),
        "Ws": (1 - mu) * rng.normal(0, outputs**-0.5, (outputs, units)),
        "b": np.zeros(units),
        "Wy": rng.normal(0, units**-0.5, (units, outputs)),
        "by": target.mean(axis=(0, 1)),
    }


class Adam:
    """Kingma and Ba 2015, for a dictionary of arrays; gradients longer than `longest` are shortened to it."""

    def __init__(self, rate, longest=0.1):
        self.rate, self.longest, self.step, self.mean, self.square = rate, longest, 0, {}, {}

    def update(self, net, gradients, left):
        """Take one step; `left` is the share of the training still to come: the rate falls with it."""
        self.step += 1
        length = np.sqrt(sum(np.sum(g**2) for g in gradients.values()))
        for k, g in gradients.items():
            g = g * min(1, self.longest / length) if length > 0 else g
            self.mean[k] = 0.9 * self.mean.get(k, 0) + 0.1 * g
            self.square[k] = 0.999 * self.square.get(k, 0) + 0.001 * g**2
            mean = self.mean[k] / (1 - 0.9**self.step)
            square = self.square[k] / (1 - 0.999**self.step)
            net[k] = net[k] - self.rate * (0.02 + 0.98 * left) * mean / (np.sqrt(square) + 1e-8)


def run(net, x, mu, target=None, s0=None):
    """All outputs of a network: under a teacher if there is a target, else freely, from a state of zeros or s0."""
    shape = (*x.shape[:2], len(net["by"]))
    s0 = np.zeros((len(x), shape[2])) if s0 is None else s0
    teacher = np.zeros(shape) if target is None else target
    return sequence_forward(x, s0, *net.values(), mu, teacher, np.full(shape[1], target is not None))


def train(x, target, mu, forcing, passes, units=32, rate=0.03, seed=0, tell_every=0):
    """Train a network in which each step is forced with the probability `forcing`; tell the error if asked to."""
    rng = np.random.default_rng(seed)
    net = new_network(x.shape[2], units, target, mu, rng)
    adam, s0 = Adam(rate), np.zeros((len(x), target.shape[2]))
    for k in range(passes):
        forced = rng.random(x.shape[1]) < forcing
        arguments = (x, s0, *net.values(), mu, target, forced)
        error = sequence_forward(*arguments) - target
        gradients = sequence_backward(2 * error / error.size, *arguments)[2:]
        adam.update(net, dict(zip(net, gradients, strict=True)), 1 - k / passes)
        if tell_every and (k + 1) % tell_every == 0:
            print(f"  pass {k + 1}: mean squared error {np.mean(error**2):.6f}")
    return net


def plans(count, steps):
    """One plan per movement: 1 in its own place, the same at every step. Shape (count, steps, count)."""
    return np.repeat(np.eye(count)[:, None], steps, axis=1)


# %% [markdown] tags=["lang:en"]
# ### The plan selects the trajectory
#
# Jordan's inputs stay constant while a sequence is produced, and the same network learns a different sequence for each
# plan (Jordan 1986; summed up by Forcada 2002). Here: one set of weights, 32 hidden units, $\mu = 0.8$, four plans, taught with
# a teacher at every step. Then the teacher goes. Each row of the table is a plan; the columns say how far the traced path is, on
# average (root mean square over the steps), from each of the four targets.

# %% tags=["demo"]
# Shows one network with four plans, running freely: the paths, and their distances from all four targets.
names = corpora.ARM_SHAPES
target = np.stack([corpora.joint_angles(corpora.hand_path(name, STEPS)) for name in names])
x, MU = plans(len(names), STEPS), 0.8
net = train(x, target, MU, forcing=1, passes=5000, seed=1, tell_every=1000)
y = run(net, x, MU)
print("\ndistance (cm) of the path of plan … from the target …")
print(" " * 12 + "".join(f"{name:>10s}" for name in names))
for name, traced in zip(names, y, strict=True):
    print(f"{name:12s}" + "".join(f"{d:10.2f}" for d in moving.path_error(traced, target)))

moving.paths(
    dict(zip(names, y, strict=True)),
    dict(zip(names, target, strict=True)),
    "One set of weights, four plans, four movements, without a teacher",
)

# %% [markdown] tags=["lang:en"]
# The diagonal is small: about 1 cm, on shapes of 18 to 24 cm. Everything off the diagonal is above 10 cm. The same
# weights do all four; only the plan differs. Corners come out round: there the angles change their direction at once, and a smooth
# map of the state has trouble following them. (Other starts end a little nearer
# or farther off: with `seed` from 0 to 4 the diagonals lie between 0.2 and 2.5 cm.)
#
# What is reproduced here is Jordan's claim, not a number of his: the plan, and nothing else, selects the trajectory. The arm
# and the distances are ours.
#
# ### A plan that nobody taught
#
# A plan is a vector, so there are plans between plans. What does the network make of a mixture? Move the slider, if you
# have one, from the eight to the circle.


# %% tags=["demo"]
# Shows movements for mixtures of two plans (a slider where there can be one).
def trace(plan):
    """The movement for one plan, shape (plans,)."""
    return run(net, np.tile(plan, (1, STEPS, 1)), MU)[0]


print("share of circle     distance (cm) from the eight   from the circle   from the nearest of the four")
for share in (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1):
    d = moving.path_error(trace(np.array([1 - share, share, 0, 0])), target)
    print(f"{share:15.1f} {d[0]:32.1f} {d[1]:17.1f} {d.min():25.1f}")
for label, plan in (("no plan at all", np.zeros(4)), ("all four at once", np.ones(4))):
    print(f"{label:16s} nearest of the four: {moving.path_error(trace(plan), target).min():.1f} cm")

moving.blend_of_plans(trace, 0, 1, names)

# %% [markdown] tags=["lang:en"]
# The ends are right, and between them there is no movement between the two. With a tenth of the circle in the plan, the
# eight has already fallen apart. A mixture of *plans* is fed to a loop, and what comes out of a loop is no mixture. Nothing in the loss asked
# for anything there. If you want the plans between to mean something, you must teach some of them.
#
# ### Movements that mend themselves
#
# Jordan disturbed the states of trained networks and found that they came back: the learned sequences are
# *attractors*, and a sequence that repeats becomes a cycle that pulls its neighbourhood in (Jordan 1986; Forcada 2002). Massone and
# Bizzi (1989) saw the same in a network that moves an arm toward targets. Teach one network the circle, three rounds of it, then start it from
# other states, and let it run for nine rounds.

# %% tags=["demo"]
# Shows a network that was taught three rounds of a circle, started from wrong states: its distance from the circle.
circle = corpora.joint_angles(corpora.hand_path("circle", 60, rounds=3))[None]
starts = {"as taught": (0, 0), "(2, 2)": (2, 2), "(4, 6)": (4, 6), "(−1, 8)": (-1, 8)}
ring = corpora.hand_path("circle", 600)
distances = {}
for mu in (0.5, 0.8):
    network, panel = train(np.ones((1, 60, 1)), circle, mu, forcing=1, passes=1500, rate=0.02), {}
    for label, start in starts.items():
        y_round = run(network, np.ones((1, 180, 1)), mu, s0=np.array([start], float))[0]
        d = moving.distance_to_curve(y_round, ring)
        rounds = f"mean of round 2 {d[20:40].mean():4.1f}, of round 9 {d[160:].mean():4.1f} cm"
        print(f"μ = {mu}, start {label:10s} first step {d[0]:5.1f} cm off; {rounds}")
        panel[f"start {label}"] = d[:40]
    distances[f"μ = {mu}: the first two rounds"] = panel

moving.errors_by_step(distances, "With the longer memory, each of these starts leads back to the circle")

# %% [markdown] tags=["lang:en"]
# With $\mu = 0.8$ the hand is back on the circle after some five steps, and stays within about a centimetre for nine
# rounds, three times as long as it was taught. Nobody taught it to mend anything: it learned what to do in right states,
# and a smooth map does something similar in states nearby. That is a gift, not a promise. With $\mu = 0.5$ the same training gives
# a network that never finds the circle from two of the starts and rests somewhere 25 cm away. These two
# starts are far outside what it knows: its states stay below $y / (1 - 0.5)$, about (1.4, 3.5) for the mean posture, while with
# $\mu = 0.8$ they reach (3.4, 8.8).
#
# ### When the output forgets what the hidden layer knew
#
# Back to the crossing. For a network without a teacher, a constant plan and a state are everything: *equal states,
# equal outputs, for ever*. So ask of a movement: which of its states are nearly the same while the outputs are not? For any two
# steps, divide the difference of the outputs by that of the states. The largest such ratio says how *steep* the map from
# state to output must be. No training is needed to compute it.

# %% tags=["demo"]
# Shows how steep the network's map must be for each movement and memory; infinite: impossible.
print("needed steepness, μ =        0        0.2       0.5       0.8")
rest = corpora.joint_angles(np.array([0.0, 38.0]))  # the hand at the middle of the shapes
thrice = corpora.joint_angles(corpora.hand_path("eight", 3 * STEPS, rounds=3))
others = {"eight, angles from rest": target[0] - rest, "eight, three rounds": thrice}
for label, wanted in {**dict(zip(names, target, strict=True)), **others}.items():
    print(f"{label:24s}" + "".join(f"{moving.steepness(wanted, mu):10.1f}" for mu in (0, 0.2, 0.5, 0.8)))

# %% [markdown] tags=["lang:en"]
# Without memory the eight is impossible: at steps 6 and 18 the network sees the same state and must give two different outputs.
# With $\mu = 0.8$ the states are well apart and the map may be gentle. In between, more memory is not always
# better: the states cross as well, only elsewhere.
#
# The last two rows say what does the work, and it is not what you may think. The arm's angles are never zero on average: it has a
# posture. So from $s_0 = 0$ the state *grows*, toward $y / (1 - \mu)$, and while it grows it is a clock. Measure the angles from
# the posture in the middle, so that they average out, and the clock is gone: the map must be ten times as steep. Let the
# eight be traced three times, and the clock has run down: after a few times $1 / (1 - \mu)$ steps the state no longer grows.
# The state is a point in a plane here, two numbers. A path in a plane with one crossing, smoothed a little, still has a crossing.
#
# Now train. The eight alone, 16 hidden units, three networks: Jordan's with $\mu = 0$, Jordan's with $\mu = 0.8$, and
# Elman's. Jordan's two learn with a teacher. The one with memory then learns once more without one, as Elman's network
# must: nobody knows what a hidden layer should be. For Elman's you need no new code: *an Elman network is a Jordan
# network whose output is its hidden layer*. Let $W_y$ be the identity, $b_y = 0$ and $\mu = 0$, and your
# `sequence_forward` returns hidden states, each fed back to the next. What the arm gets is a further layer, which reads
# them.


# %% tags=["demo"]
# Shows the eight from three networks: Jordan without memory, Jordan with memory, Elman.
def elman_train(x, target, passes, units=16, rate=0.03, seed=0):
    """Train an Elman network with your functions; return the outputs of a free run."""
    rng = np.random.default_rng(seed)
    features, outputs = x.shape[2], target.shape[2]
    net = {
        "Wx": rng.normal(0, features**-0.5, (features, units)),
        "Wh": rng.normal(0, units**-0.5, (units, units)),
        "b": np.zeros(units),
        "Wo": rng.normal(0, units**-0.5, (units, outputs)),
        "bo": target.mean(axis=(0, 1)),
    }
    adam, h0, nobody = Adam(rate), np.zeros((len(x), units)), np.zeros((*x.shape[:2], units))
    for k in range(passes):
        arguments = (x, h0, net["Wx"], net["Wh"], net["b"], np.eye(units), np.zeros(units), 0.0)
        arguments += (nobody, np.zeros(x.shape[1], bool))
        h = sequence_forward(*arguments)  # (batch, time, units): here the "outputs" are hidden states
        y = h @ net["Wo"] + net["bo"]
        dy = 2 * (y - target) / y.size
        _, _, dWx, dWh, db, _, _ = sequence_backward(dy @ net["Wo"].T, *arguments)
        gradients = {"Wx": dWx, "Wh": dWh, "b": db, "Wo": np.einsum("nth,nto->ho", h, dy), "bo": dy.sum(axis=(0, 1))}
        adam.update(net, gradients, 1 - k / passes)
    return y


alone, one = target[:1], np.ones((1, STEPS, 1))
traced = {}
for label, mu in (("Jordan, μ = 0", 0.0), ("Jordan, μ = 0.8", 0.8)):
    network = train(one, alone, mu, forcing=1, passes=2000, units=16)
    taught, traced[label] = run(network, one, mu, alone)[0], run(network, one, mu)[0]
    errors = [moving.path_error(v, alone[0]) for v in (taught, traced[label])]
    print(f"{label:15s} 2000 passes with a teacher: run with it {errors[0]:5.2f} cm, freely {errors[1]:5.2f} cm")
own_way = run(train(one, alone, 0.8, forcing=0, passes=2000, units=16), one, 0.8)[0]
print(f"Jordan, μ = 0.8 2000 passes freely: {'':20s} freely {moving.path_error(own_way, alone[0]):5.2f} cm")
traced["Elman"] = elman_train(one, alone, 1000)[0]
print(f"Elman           1000 passes freely: {'':20s} freely {moving.path_error(traced['Elman'], alone[0]):5.2f} cm")
half = corpora.arm_positions(alone[0])[1]
best = np.linalg.norm(half[6] - half[18]) / 2
print(f"μ = 0, forced: steps 6 and 18 get one output for two targets; at best {best:.1f} cm off at both,")
print(f"which is {best * np.sqrt(2 / STEPS):.2f} cm over the whole path")

moving.paths(traced, alone[0], "Without memory the crossing cannot be passed; with it, it can")

# %% [markdown] tags=["lang:en"]
# With a teacher the network without memory, 1.28 cm off, looks almost as good as the other, 1.12. It cannot do better
# than 0.90 cm, but it gets near it, because at 22 of 24 steps the last output *is* enough. Left alone it goes round the
# lower half: 12.8 cm off. With memory the arm passes the crossing, 2.1 cm off, or 3.2 if it was trained freely. Elman's
# network is nearly exact, though it was trained freely too, and half as long. It has 16 numbers of its own making to
# know the step by, and the output does not have to hold them. (One start each.)
#
# ### What no $\mu$ brings back
#
# There are things that a sum of outputs cannot keep, however slowly it fades. The shortest example: at the first step you see
# a cue, +1 or −1. Say nothing (0) for seven steps and no cue, then repeat the cue. While nothing is said, the
# outputs are the same for both cues, and so is every sum of them.

# %% tags=["demo"]
# Shows a cue that must be kept while nothing is put out: Elman keeps it, Jordan under a teacher cannot.
cue, answer = np.zeros((2, 8, 1)), np.zeros((2, 8, 1))
cue[:, 0, 0] = answer[:, -1, 0] = (1, -1)
print("outputs for the cue +1, which should be         ", answer[0, :, 0].astype(int))
for mu in (0.0, 0.8):
    network = train(cue, answer, mu, forcing=1, passes=800, units=16, rate=0.01, seed=2)
    print(
        f"Jordan, μ = {mu}, taught and run with a teacher  ",
        (run(network, cue, mu, answer)[0, :, 0] + 0.0).round(2) + 0.0,
    )
for seed in range(4):
    network = train(cue, answer, 0.8, forcing=0, passes=1500, units=16, rate=0.01, seed=seed)
    print(f"Jordan, μ = 0.8, taught and run freely, start {seed} ", run(network, cue, 0.8)[0, :, 0].round(2) + 0.0)
print(
    "Elman                                            ",
    elman_train(cue, answer, 800, rate=0.01)[0, :, 0].round(2) + 0.0,
)

# %% [markdown] tags=["lang:en"]
# Under a teacher the state is zero after both cues, for every $\mu$, so every network answers both with the same
# output, and the best it can say is 0. This is not a failure of training; no weights can do better. Elman's
# network keeps the cue where nobody sees it.
#
# The lines in the middle are a surprise. Running freely, two of the four starts found a way: the network puts out a
# little more than nothing, 0.01 at first, and about doubles it from step to step, until it is most of the answer: 0.73
# and 0.71 in place of 1. It writes itself a note in the output, because there is no other place, and pays for it with
# errors before the time. A louder note would cost more on the way, no note leaves the whole answer wrong: what you see
# is a compromise. The other two starts found nothing.
#
# ### With a teacher, without a teacher
#
# Both ways of training, both ways of running: four errors, for a shorter memory, $\mu = 0.5$, and for $\mu = 0.8$, after 2500
# passes and after 5000. All else is the same for all rows: the four shapes, 32 hidden units, the start (`seed=0`) and
# the rate. The cell trains eight networks and takes longer than the others.

# %% tags=["demo"]
# Shows networks trained one way and run the other: distance from the target, on average and step by step.
print("passes   μ    trained          run with a teacher  worst step     run freely   (cm, root mean square)")
curves = {}
for mu in (0.5, 0.8):
    for passes in (2500, 5000):
        panel = curves[f"μ = {mu}, {passes} passes"] = {}
        for forcing, way in ((1, "with a teacher"), (0, "freely")):
            network = train(x, target, mu, forcing, passes)
            runs = (run(network, x, mu, target), run(network, x, mu))
            under, freely = (np.sqrt(np.mean(moving.hand_error(v, target) ** 2, axis=0)) for v in runs)
            both, worst = [np.sqrt(np.mean(away**2)) for away in (under, freely)], under.argmax()
            numbers = f"{both[0]:18.2f} {under[worst]:8.1f} at {worst:2d} {both[1]:14.2f}"
            print(f"{passes:6d} {mu:5.1f}  {way:15s}{numbers}")
            if forcing:
                panel["taught by a teacher, run with it"] = under
            panel[f"{'taught by a teacher' if forcing else 'trained freely'}, run freely"] = freely

moving.errors_by_step(curves, "What the teacher's pupil does alone depends on the memory and on the passes")

# %% [markdown] tags=["lang:en"]
# Take the first two rows, $\mu = 0.5$ after 2500 passes, and read them crosswise. The network taught by a teacher is 3.0 cm
# off under the teacher, and 13.2 cm alone: it makes an error early (look at step 2), gets into states that it never saw, and
# the errors pile up. The network trained freely has the larger error under a teacher, 7.4 cm, and the smaller one alone,
# 5.0. Each does worse the way it was not trained. For the first of these there is a name, **exposure bias** (Ranzato et
# al. 2016): in training the network was exposed to right states only. One remedy is in your `forced` already: force some
# steps, drawn at random, fewer and fewer as training goes on (scheduled sampling, Bengio et al. 2015).
#
# A longer memory alone is no cure. With $\mu = 0.8$ and 2500 passes the teacher's pupil is 1.4 cm off under the teacher, but
# 7.0 alone. The network trained freely, 3.4 cm, is again the better one to leave alone.
#
# Now the rows with 5000 passes. With $\mu = 0.8$ the pupil is mended: 0.9 cm under the teacher, 1.1 alone, and that is
# better than the network trained freely, 2.2. With $\mu = 0.5$ it is not: 15.7 cm alone, where the other has 4.5. Why
# does practice mend the one and not the other? Look at the worst step under the teacher. With $\mu = 0.8$ no step is
# more than 1.4 cm off (root mean square over the shapes), so the pupil's own states stay close to those that it was
# taught. With $\mu = 0.5$ step 2 is still 6.1 cm off, and after such a step it is where nobody taught it anything. The
# table of steepness fits this: for each of the four shapes, $\mu = 0.5$ asks for the steeper map.
#
# Two things to keep. The error under a teacher does not tell what happens without one: with $\mu = 0.8$ it is 1.4 cm in
# one case and 0.9 in the other, and alone that becomes 7.0 and 1.1. And training freely is not simply better. It always had
# the larger error under the teacher, and where the pupil can do without the teacher, it is the pupil that wins. (With `seed`
# 1 and 2, who is nearer to the target here is nearer there too.) Jordan too found that learning with the targets fed back is
# fast (1986; Forcada 2002), and Williams and Zipser report that it shortened the learning of some of their tasks greatly and was
# of no use in others (1989).
#
# ## 6. What goes wrong
#
# **Through the teacher.** At a forced step the gradient must not pass from the next state into the output. To see what
# the mistake costs, use a trick: let the targets be the network's own outputs. Then a forced run and a free run have the very same
# values, and only the way back differs. **Memory's path forgotten:** with $\mu\,c_{t+1}$ left out, long
# influences die too early. The next cell shows how much of the gradient of $s_0$ the memory carries: under a teacher,
# whatever reaches $s_0$ from later steps comes by this way.

# %% tags=["demo"]
# Shows how wrong the gradient gets when it passes the teacher, and what memory alone carries back.
rng = np.random.default_rng(5)
weights = {name: 0.7 * rng.normal(size=shape) for name, shape in shapes.items()}
x5, s5, upstream = rng.normal(size=(3, 8, 4)), rng.normal(size=(3, 2)), rng.normal(size=(3, 8, 2))
free, taught = np.zeros(8, bool), np.ones(8, bool)
own = sequence_forward(x5, s5, *weights.values(), 0.8, upstream, free)  # as targets: then both runs agree
through = sequence_backward(upstream, x5, s5, *weights.values(), 0.8, own, free)
right = sequence_backward(upstream, x5, s5, *weights.values(), 0.8, own, taught)
print("forced at every step, gradient passed through the teacher all the same: relative error")
for name, a, b in zip(("dx", "ds0", "dWx", "dWs", "db", "dWy", "dby"), through, right, strict=True):
    print(f"  {name:4s}{np.linalg.norm(a - b) / np.linalg.norm(b):6.2f}")
first = upstream * (np.arange(8) == 0)[None, :, None]
part = sequence_backward(first, x5, s5, *weights.values(), 0.8, own, taught)[1]
missing = np.linalg.norm(right[1] - part) / np.linalg.norm(right[1])
print(f"memory's path left out, at every step forced: relative error of ds0 {missing:.2f}")

# %% [markdown] tags=["lang:en"]
# **A state too large for tanh.** The state grows to $y / (1 - \mu)$. With weights of the usual size, a long memory
# drives the hidden units to the flat ends of tanh, where the slope is near zero and nothing is learned. The next cell
# counts them for the arm's own movements.

# %% tags=["demo"]
# Shows the share of hidden units at the flat ends of tanh before any training, for two starts of Ws.
saturated = {"usual size": [], "smaller by 1 − μ": []}
memories = np.array([0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95])
for mu in memories:
    states = np.stack([moving.states_of(movement, mu) for movement in target]).reshape(-1, 2)
    Ws = np.random.default_rng(0).normal(0, 2**-0.5, (2, 1000))
    for label, scale in (("usual size", 1), ("smaller by 1 − μ", 1 - mu)):
        saturated[label].append(np.mean(np.abs(np.tanh(states @ (scale * Ws))) > 0.99))
for label, shares in saturated.items():
    print(f"{label:18s}", " ".join(f"μ={mu:g}: {share:.0%} " for mu, share in zip(memories, shares, strict=True)))

figures.lines(
    {label: 100 * np.array(shares) for label, shares in saturated.items()},
    "A long memory saturates tanh, unless the weights start smaller",
    "memory μ (no unit)",
    "hidden units with |h| > 0.99 (%)",
    x=memories,
)

# %% [markdown] tags=["lang:en"]
# Three more:
#
# * **A mean in place of a sum.** With $s_{t+1} = \mu s_t + (1 - \mu) y_t$ the state has another size, and weights that fitted one
#   do not fit the other. In itself it is no worse: dividing by $1 - \mu$ in $W_s$ makes up for it. It is another
#   convention, and you must know which one you have.
# * **State and output mixed up** in the Keras cell. With $\mu = 0$ they are the same, and every test passes. Test
#   with $\mu > 0$.
# * **A good loss under a teacher taken for a good network.** The teacher puts the hand back after every step. Measure the free
#   run, always.
#
# And what you will read elsewhere:
#
# * "A Jordan network feeds back its last output" is the case $\mu = 0$. Jordan's state units also feed back on themselves, which is our $\mu$.
#   Other descriptions call the same thing a time constant or a memory depth of the context units.
# * Whether exposure bias matters in practice is disputed. He et al. (2021, a preprint since 2019) measured it in
#   language models and found that it costs little and does not grow along the text: the models recover. Arora et al.
#   (2022) found that errors do pile up, and that perplexity, measured with the teacher, does not show it. In the demo
#   above you saw both cases on one arm, and only the number of passes lay between them.
#
# ## 7. Think
#
# Answer in your own words, in about 150 to 300 words. Lean on what you measured.

# %% [markdown] tags=["lang:en", "question:jordan.think"]
# 1. What does the state $s_{t+1} = \mu s_t + y_t$ remember of the past? Say what a larger $\mu$ gains, and what it
#    costs.
# 2. Name two moments of a task (one of this lesson or your own) that this state cannot tell apart for *any* $\mu$, and explain why. What
#    would you change in the network, or in what it puts out, so that it can?
# 3. A network has a tiny error when trained and tested with a teacher. Why can it fail when it runs freely? Say by what measurement you would find
#    out, and why teacher forcing is used all the same.
