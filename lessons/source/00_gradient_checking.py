# ---
# title:
#   en: "Checking a gradient"
#   ja: "勾配チェック"
# automatic_points: 0
# written_points: 0
# ---

# %% [markdown] tags=["lang:en"]
# # Checking a gradient
#
# In lesson 04 you write a forward pass and its backward pass, and a cell tells you whether the gradient is right. This
# page shows what that cell does, where it can be fooled, and how to check a gradient of your own, outside the course.
# There is nothing to hand in. Reading and running it takes 20 to 30 minutes.
#
# The layers on this page are in no lesson. So nothing here is an answer to an exercise.

# %% tags=["setup"]
import numpy as np

from autograder.gradients import check_gradient, compare, describe, numeric_gradient, project, projected_gradient
from unrolled import checking, figures

figures.use_style()

# %% [markdown] tags=["lang:en"]
# ## 1. What a gradient check is
#
# A derivative says how much a number changes when you nudge another. So you can *measure* it: nudge, and look. Your
# backward pass computes the same derivative by the chain rule. The two ways have nothing in common but the forward
# pass. So if they agree, it is hard to see how both could be wrong.
#
# A gradient belongs to a single number, the loss. A layer $f$ gives many numbers. So we make a loss of them, with one
# random weight for each, the **upstream gradient**:
#
# $$L(x) = \sum_i \text{upstream}_i\, f(x)_i \qquad\qquad \frac{\partial L}{\partial f(x)_i} = \text{upstream}_i$$
#
# The upstream gradient is what your backward pass is given, and $\partial L / \partial x$ is what it must return. To
# measure that, nudge one element of $x$ at a time by $h$, in both directions ($e_i$ is 1 at element $i$, 0 elsewhere):
#
# $$\frac{\partial L}{\partial x_i} \approx \frac{L(x + h\,e_i) - L(x - h\,e_i)}{2h}$$
#
# This is the **central difference**. Here it is by hand for softplus, $f(x) = \ln(1 + e^x)$, whose slope is
# $1 / (1 + e^{-x})$.

# %% tags=["demo"]
# Shows a gradient check without any library: the chain rule beside the central difference.
rng = np.random.default_rng(0)
x, upstream = rng.standard_normal(5), rng.standard_normal(5)


def L(x):
    return (upstream * np.log(1 + np.exp(x))).sum()


h = 1e-5
measured = np.zeros(5)
for i in range(5):
    nudge = h * (np.arange(5) == i)
    measured[i] = (L(x + nudge) - L(x - nudge)) / (2 * h)
by_chain_rule = upstream / (1 + np.exp(-x))

print("chain rule", by_chain_rule)
print("measured  ", measured)
HAND = np.abs(measured - by_chain_rule).max()
print(f"largest difference {HAND:.0e}")

# %% [markdown] tags=["lang:en"]
# They agree to ten digits, and not to sixteen. Section 2 says why.
#
# `check_gradient` of `autograder.gradients` does this for any forward and backward pass, for all arguments at once.
# Here is a layer with three. Each unit $j$ has a centre $c_j$ and answers to inputs near it, with a width set by $s_j$
# (a *radial basis* layer, Broomhead and Lowe 1988):
#
# $$r_{nj} = \sum_i (x_{ni} - c_{ji})^2 \qquad y_{nj} = e^{-s_j r_{nj}}$$
#
# Its backward pass below has one planted mistake. Can you see it?


# %% tags=["demo"]
# Shows `check_gradient` on a layer with one planted mistake.
def forward(x, c, s):  # (batch, features), (units, features), (units,)
    apart = x[:, None] - c  # (batch, units, features)
    r = (apart**2).sum(axis=2)  # (batch, units)
    return np.exp(-s * r)


def backward(dy, x, c, s):
    apart = x[:, None] - c
    r = (apart**2).sum(axis=2)
    y = np.exp(-s * r)
    dr = -s * y * dy
    dapart = 2 * dr[:, :, None] * apart  # (batch, units, features)
    return dapart.sum(axis=1), -dapart.sum(axis=0), (-r * y * dy).mean(axis=0)


rng = np.random.default_rng(1)
arguments = {
    "x": 0.5 * rng.standard_normal((3, 4)),
    "c": 0.5 * rng.standard_normal((5, 4)),
    "s": rng.uniform(0.5, 1.0, 5),
}
upstream = rng.standard_normal((3, 5))

found = check_gradient(forward, backward, arguments, upstream=upstream)
for name, comparison in found.items():
    print(f"{name}: {comparison}\n")
print("told the sizes:", describe(found["s"], sizes={"batch": 3, "units": 5, "features": 4}))

# %% [markdown] tags=["lang:en"]
# Read the line of `s` from left to right:
#
# * **wrong: 5 of 5 elements.** How many are out of tolerance. (Section 5 says what the tolerance is.) All of them: the
#   mistake is in a formula, not in an index.
# * **worst at …, … where … is expected.** The element that is furthest out, yours first, then the measured one.
# * **relative error.** By how much, compared with the largest element of the tensor.
# * **cosine, norm ratio.** Both tensors seen as long vectors: do they point the same way (1), and how much longer is
#   yours? A cosine of 1 and a ratio of 0.3333 say: right but for a factor of ⅓.
# * **The question at the end** is a guess from these figures. Given the names of the sizes, `describe` sees that the
#   batch is 3.
#
# The mistake was `mean` for `sum` in the last line. `x` and `c` are right, and the relative error beside them is what
# the two methods differ by: rounding. It is far smaller than in the first cell, because `check_gradient` does not
# take a plain central difference. The next section compares.
#
# ## 2. How far to nudge
#
# A small $h$ seems best, since the derivative is a limit. But $L$ is known only to some 16 digits. Take four methods:
#
# | method | formula | error from the formula | error from rounding |
# |---|---|---|---|
# | forward | $(L(x+h) - L(x)) / h$ | $\sim h$ | $\sim \varepsilon / h$ |
# | central | $D(h) = (L(x+h) - L(x-h)) / 2h$ | $\sim h^2$ | $\sim \varepsilon / h$ |
# | Richardson | $(4 D(h) - D(2h)) / 3$ | $\sim h^4$ | $\sim \varepsilon / h$ |
# | complex step | $\mathrm{Im}\, L(x + ih) / h$ | $\sim h^2$ | $\sim \varepsilon$ |
#
# $\varepsilon$ is the spacing of floating-point numbers next to 1: about 2.2e-16 in float64, 1.2e-07 in float32.
# The *error from the formula* (truncation) is what the Taylor series leaves over. *Rounding*: $L$ is off by about
# $\varepsilon$ of itself, and the difference of two such numbers is divided by $h$. The smaller the $h$, the larger
# that gets.
# The complex step (Squire and Trapp 1998) subtracts nothing, so it has no such branch.
#
# The layer from here on is a **leaky integrator**: a state that keeps a share $a$ of itself at each step,
#
# $$h_t = a \odot h_{t-1} + \tanh\!\left(\frac{x_t W}{\sqrt{\text{features}}} + b\right)$$
#
# In the next cell all four methods differentiate it with respect to $W$, for steps from 1e-16 to 1.


# %% tags=["demo"]
# Shows the relative error of four methods against the step, in float64 and in float32.
def measure(dtype, steps, seed=0):
    """Relative error of dL/dW by four methods. Returns name -> (steps,)."""
    drawn, upstream = checking.draw(seed)
    args = {name: value.astype(dtype) for name, value in drawn.items()}
    upstream, W = upstream.astype(dtype), args["W"]
    longer = {name: value.astype(np.longdouble) for name, value in args.items()}
    true = checking.leaky_backward(upstream.astype(np.longdouble), **longer)[3]  # by the chain rule, with more digits
    E = np.eye(W.size, dtype=dtype).reshape(-1, *W.shape)  # one nudge per element of W

    def L(W):  # many kernels at once, one loss for each
        return (upstream * checking.leaky_forward(**{**args, "W": W})).sum(axis=(-3, -2, -1))

    def D(h):
        return (L(W + h * E) - L(W - h * E)) / (2 * h)

    errors = {"forward": [], "central": [], "Richardson": [], "complex step": []}
    for h in steps.astype(dtype):
        values = (L(W + h * E) - L(W)) / h, D(h), (4 * D(h) - D(2 * h)) / 3, L(W + 1j * h * E).imag / h
        for name, value in zip(errors, values, strict=True):
            off = value.reshape(W.shape) - true
            errors[name].append(float(np.linalg.norm(off.astype(float)) / np.linalg.norm(true.astype(float))))
    return {name: np.array(values) for name, values in errors.items()}


steps = 10.0 ** np.arange(-16, 0.05, 0.25)
CURVES = {np.float64: measure(np.float64, steps), np.float32: measure(np.float32, steps)}
BEST = {}
print("                        best step                smallest   on a language")
print("                        rule          found      error      model")
LANGUAGE_MODEL = {  # not measured here
    (np.float64, "forward"): "1e-7",
    (np.float64, "central"): "1e-9 to 3e-9",
    (np.float64, "Richardson"): "2e-11 to 1e-10",
    (np.float64, "complex step"): "3e-16 to 5e-16",
    (np.float32, "central"): "3e-4",
}
for dtype, curves in CURVES.items():
    eps = np.finfo(dtype).eps
    for (name, errors), power in zip(curves.items(), (2, 3, 5, 0), strict=True):
        BEST[dtype, name] = steps[errors.argmin()], errors.min()
        rule = f"ε^(1/{power}) = {eps ** (1 / power):.0e}" if power else "any small one   "
        found = f"{BEST[dtype, name][0]:9.0e}" if power else " " * 9
        other = LANGUAGE_MODEL.get((dtype, name), "")
        print(f"{dtype.__name__}  {name:13s} {rule} {found} {errors.min():10.0e}   {other}")

guides = {
    "$h$": np.where((steps > 1e-6) & (steps < 1e-1), 5 * steps, np.nan),
    "$h^2$": np.where((steps > 1e-4) & (steps < 1e-1), steps**2 / 30, np.nan),
    "$\\varepsilon/h$": np.where((steps > 1e-15) & (steps < 1e-5), 50 * np.finfo(float).eps / steps, np.nan),
}
checking.error_curves(
    steps,
    {dtype.__name__: curves for dtype, curves in CURVES.items()},
    {"float64": guides},
    "A step can be too long (formula) and too short (rounding); the complex step cannot be too short",
)

# %% [markdown] tags=["lang:en"]
# Each curve but the complex one is a valley. Its right side is the formula's error: it rises with slope 1 for the
# forward difference, 2 for the central one, 4 for Richardson's. Its left side is rounding, with slope −1, and is the
# same for all three. (Where the complex step errs, on the right, it errs as the central difference does, by $h^2$.)
# The bottom lies where the two sides meet. For the forward difference that is $h = \varepsilon / h$,
# so $h = \varepsilon^{1/2}$; for the central one $h^2 = \varepsilon / h$, so $h = \varepsilon^{1/3}$; for Richardson's
# $\varepsilon^{1/5}$ (Press et al., section 5.7). The table shows that the rule is right to within a factor of ten.
# (In float32 a step below 1e-8 is lost altogether: $W + h$ is $W$, every difference is 0, and the error is 1.)
#
# The last column was measured on another network, a recurrent language model over 5 and 35 steps. (There $h$ was 1e-5
# for the central difference and 1e-3 for Richardson's.) Its errors are larger, because its loss is larger against its
# gradient, and rounding goes with the loss. The order of the methods is the same. Take such figures as good to a
# factor of ten: they move with the network and its weights.
#
# So: a central difference in float64 with $h$ = 1e-5 is good, with $h$ = 1e-10 it is not, and two more evaluations
# (Richardson) buy a factor of about a hundred. `check_gradient` takes Richardson's. Why not the complex step, which
# is exact and needs no thought? It needs every operation to know complex numbers, and to be smooth. `abs`, `max`, a comparison or a
# buffer of floats breaks it, some of them without a word. The course uses it on code that it knows.
#
# ## 3. Why float64
#
# In float32 the whole right panel lies higher. Does that matter? Take 20 random networks. For each, check the right
# gradient, and one whose largest element is off by 1e-3 of itself. That is a small mistake, but no rounding.

# %% tags=["demo"]
# Shows what a check can tell in float64 and in float32: the error it measures, and what it accepts.
MEASURED, ACCEPTED = {}, {}
offs = (0, 1e-4, 1e-3, 1e-2)
for dtype in (np.float64, np.float32):
    for seed in range(20):
        drawn, upstream = checking.draw(seed)
        drawn, upstream = {name: value.astype(dtype) for name, value in drawn.items()}, upstream.astype(dtype)
        right = checking.leaky_backward(upstream, **drawn)[3]
        same = {"upstream": upstream, "wrt": ["W"]}
        usual = numeric_gradient(checking.leaky_forward, drawn, method="central", step=1e-5, **same).values["W"]
        methods = {
            method: numeric_gradient(checking.leaky_forward, drawn, method=method, **same)
            for method in ("central", "richardson")
        }
        for off in offs:
            answer = right.copy()
            answer.flat[np.abs(right).argmax()] *= dtype(1 + off)
            MEASURED.setdefault((dtype, off), []).append(np.abs(answer - usual).max() / np.abs(right).max())
            for method, numeric in methods.items():
                ok = compare(answer, numeric.values["W"], error=numeric.error["W"]).ok
                ACCEPTED[dtype, method, off] = ACCEPTED.get((dtype, method, off), 0) + ok

print(f"{'':42s}right   by 1e-4   by 1e-3   by 1e-2")
for dtype in (np.float64, np.float32):
    errors = "".join(f"{np.median(MEASURED[dtype, off]):10.0e}" for off in offs)
    print(f"{dtype.__name__}, difference seen with h = 1e-5   {errors}")
for method in ("central", "richardson"):
    for dtype in (np.float64, np.float32):
        counts = "".join(f"{ACCEPTED[dtype, method, off]:10d}" for off in offs)
        print(f"{dtype.__name__}, {method:10s} accepts, of 20       {counts}")

# %% [markdown] tags=["lang:en"]
# The first two rows are what you see with the step that everybody copies, 1e-5. In float64 each wrong gradient stands
# out. In float32 the row is nearly flat: right or off by 1e-3, you read the same number, because the rounding of the
# difference covers it all. The other rows are the verdicts of `compare` with a step that fits the precision, and an
# estimate of how far the measurement can be trusted. In float32 the central difference accepts what is off by 1e-3 in
# all 20 networks. It has to: with a tighter tolerance it would reject right answers. Richardson's formula gains a
# digit, and still lets 1e-4 pass every time. In float64 both accept the right gradients and nothing else.
#
# So check in float64, even if you train in float32. The formulas are the same.
#
# ## 4. Inputs that hide mistakes
#
# A check looks at one point. If that point is special, a mistake may make no difference there. Some examples:
#
# * With **one time step** there is no later step, so nothing must be carried back, and a sum over time has one term.
# * With a **batch of one**, mean and sum are the same.
# * A **zero start** or a **zero bias** hides whoever forgets it.
# * With a **symmetric** kernel (the identity is one), $W$ and its transpose are the same.
# * With **equal sizes** it does not matter which of them you divide by, and transposed arrays fit.
# * An **upstream gradient of all ones** hides whoever ignores it. That is what a check of `f(x).sum()` does.
#
# The next cell plants eight mistakes in the leaky integrator's backward pass and checks each at eight sets of inputs.
# The last set is drawn as the course draws its own: all sizes different, several steps, nothing zero, a random
# upstream gradient.

# %% tags=["demo"]
# Shows which planted mistakes pass at which inputs.
PASSED = {}
for mistake, wrong_backward in checking.MISTAKES.items():
    PASSED[mistake] = {}
    for special, (drawn, upstream) in checking.inputs(seed=0).items():
        try:
            verdicts = check_gradient(checking.leaky_forward, wrong_backward, drawn, upstream=upstream)
            PASSED[mistake][special] = all(verdict.ok for verdict in verdicts.values())
        except ValueError:  # the arrays do not even fit together
            PASSED[mistake][special] = False
for drawn, upstream in checking.inputs(seed=0).values():  # and the right backward pass is right everywhere
    verdicts = check_gradient(checking.leaky_forward, checking.leaky_backward, drawn, upstream=upstream)
    assert all(verdict.ok for verdict in verdicts.values())

for special in checking.inputs(seed=0):
    passing = [mistake for mistake in PASSED if PASSED[mistake][special]]
    print(f"{special:15s} {len(passing)} of {len(PASSED)} pass{': ' if passing else ''}{', '.join(passing)}")
checking.caught_or_passed(PASSED, "Each kind of special input lets a mistake pass; ordinary inputs let none")

# %% [markdown] tags=["lang:en"]
# Every special set lets at least one mistake pass, one step lets two. Every one of the eight is caught by the last
# column. This costs nothing: a check of your own should draw its inputs the same way.
#
# ## 5. Off by how much, compared with what?
#
# Two numbers are never equal, so a check needs a tolerance. A rule that you will often meet: an element is wrong if it
# is off by more than 1e-6 *of itself*. It rejects right answers. Take the leaky integrator with 20 features and 30
# units, so that $dW$ has 600 elements, and check the right gradient with a plain central difference and
# $h$ = 1e-5, for 40 random networks at each of three scales of the weights.
#
# The course's rule: an element is wrong if
#
# $$|\text{answer} - \text{measured}| > 10^{-7} \cdot \max|\text{measured}| + 10 \cdot \text{error}$$
#
# with the largest element *of the whole tensor*, and with the method's own estimate of its error (from rounding,
# and from how strongly the function bends).

# %% tags=["demo"]
# Shows how many right gradients two rules reject, and what the first one stumbles over. Takes about 10 s.
OWN, COURSE, MISSED = {}, {}, {}
element_sizes, relative = [], []
print("              right gradients rejected by          wrong ones accepted by")
print("weight scale  1e-6 of itself  the course's rule    the course's rule")
for scale in (0.5, 2, 8):
    OWN[scale] = COURSE[scale] = MISSED[scale] = 0
    for seed in range(40):
        drawn, upstream = checking.draw(seed, scale=scale, features=20, units=30)
        right = checking.leaky_backward(upstream, **drawn)[3]
        W = drawn["W"]
        E = 1e-5 * np.eye(W.size).reshape(-1, *W.shape)
        up, down = (
            (upstream * checking.leaky_forward(**{**drawn, "W": kernels})).sum(axis=(1, 2, 3))
            for kernels in (W + E, W - E)
        )
        plain = ((up - down) / 2e-5).reshape(W.shape)
        off = np.abs(right - plain)
        OWN[scale] += bool((off > 1e-6 * np.abs(right)).any())
        measured = numeric_gradient(checking.leaky_forward, drawn, upstream=upstream, wrt=["W"], method="central")
        COURSE[scale] += not compare(right, measured.values["W"], error=measured.error["W"]).ok
        wrong = right.copy()
        wrong.flat[seed] += 1e-5 * np.abs(right).max()
        MISSED[scale] += compare(wrong, measured.values["W"], error=measured.error["W"]).ok
        if scale == 8:
            element_sizes.append((np.abs(right) / np.abs(right).max()).ravel())
            relative.append((off / np.abs(right)).ravel())
    print(f"{scale:12g}  {OWN[scale]:8d} of 40  {COURSE[scale]:11d} of 40    {MISSED[scale]:11d} of 40")

checking.scatter_of_errors(
    np.concatenate(element_sizes),
    np.concatenate(relative),
    1e-6,
    "Small elements carry the rounding of the whole loss (weight scale 8)",
)

# %% [markdown] tags=["lang:en"]
# Why? All elements are measured from the same loss, so all carry about the same rounding, in absolute terms. For an
# element that is ten thousand times smaller than its neighbours, that rounding is ten thousand times larger *relative
# to itself*: the cloud in the figure falls as one over the size. With large weights tanh is flat almost everywhere, so
# many elements are tiny, and at scale 8 the fixed rule rejects more than half of the networks, all of them right.
#
# The course's rule rejects none of the 120. And it is not lax: the last column is a gradient with a single element off
# by 1e-5 of the largest, and the rule accepts none of those.
#
# ## 6. One projection is not enough
#
# Element by element, a kernel of 300 × 500 costs 300,000 evaluations. Instead you can nudge *all* elements at once,
# along a random direction $v$. What you measure is one number, the **projection** of the gradient on it:
#
# $$\frac{L(W + h\,v) - L(W - h\,v)}{2h} \approx \sum_{ij} \frac{\partial L}{\partial W_{ij}}\, v_{ij}$$
#
# If your gradient is right, its projection is the same. If it is wrong in a single element $k$, the projection is off
# by $v_k$ times that element's error. But it is a sum over 150,000 elements, and one wrong one is diluted in it. How
# much is left depends on the direction: with $v_{ij}$ drawn from ±1 each element always counts fully; with Gaussian
# $v_{ij}$ it counts by chance, and may hardly count at all.
#
# The next cell takes a gradient with one element of typical size left out, and 2,000 directions of each kind.

# %% tags=["demo"]
# Shows how much of a single wrong element one projection leaves, in ±1 and Gaussian directions. Takes about 10 s.
drawn, upstream = checking.draw(0, features=300, units=500)
right = checking.leaky_backward(upstream, **drawn)[3]
flat = right.ravel().astype(np.float32)
typical = np.sqrt(np.mean(right**2))
missing = np.argmin(np.abs(np.abs(flat) - typical))
rng = np.random.default_rng(0)
LEFT = {"±1": [], "Gaussian": []}
for _ in range(40):
    for name in LEFT:
        if name == "±1":
            v = 2 * rng.integers(0, 2, (50, flat.size), dtype=np.int8).astype(np.float32) - 1
        else:
            v = rng.standard_normal((50, flat.size), dtype=np.float32)
        LEFT[name].append(np.abs(v[:, missing] * flat[missing]) / np.abs(v @ flat))
LEFT = {name: np.concatenate(values) for name, values in LEFT.items()}
for name, values in LEFT.items():
    first, middle = np.quantile(values, (0.01, 0.5))
    print(f"{name:9s} relative difference: half of the directions above {middle:.0e}, 1 in 100 below {first:.0e}")

along = projected_gradient(
    checking.leaky_forward, drawn, upstream=upstream, wrt=["W"], rng=np.random.default_rng(1), projections=4
)
print("\nmeasured along 4 directions    ", along.values["W"].round(4), f"in {along.evaluations} evaluations")
print("projections of the right one   ", project(right, along.directions["W"]).round(4))
wrong = right.copy()
wrong.flat[missing] = 0
print("projections of the wrong one   ", project(wrong, along.directions["W"]).round(4))
checking.histograms(
    LEFT,
    "±1 keeps one wrong element in sight, Gaussian may lose it",
    "relative difference that one wrong element of 150,000 leaves (no unit)",
)

# %% [markdown] tags=["lang:en"]
# With ±1, 99 of 100 directions leave a relative difference of more than about 1e-3, and with Gaussian ones the same
# can be said of 4e-5 only. In float64 a central difference is exact enough for both. In float32 it is not (section 3).
#
# There is something else that ±1 does: where two elements are wrong, their errors may cancel. Say two elements of your
# gradient are *swapped*. The errors are equal and opposite, and wherever $v$ has the same sign at both, nothing is
# left of them. That happens in half of all directions.

# %% tags=["demo"]
# Shows how often two swapped elements escape all of 1, 2, 4 and 8 projections, and what a few projections give away.
drawn, upstream = checking.draw(0)
right = checking.leaky_backward(upstream, **drawn)[3]
swapped = right.copy()
swapped.flat[[3, 17]] = swapped.flat[[17, 3]]
rng = np.random.default_rng(0)
ESCAPED = {}
for count in (1, 2, 4, 8):
    escaped = 0
    for _ in range(10_000):
        v = 2 * rng.integers(0, 2, (count, *right.shape)) - 1
        difference = project(swapped, v) - project(right, v)
        escaped += bool((np.abs(difference) < 1e-9).all())
    ESCAPED[count] = escaped / 10_000
    print(
        f"{count} projection{'s' if count > 1 else ' '}: two swapped elements escape in {ESCAPED[count]:5.1%} of cases"
    )

v = 2 * rng.integers(0, 2, (4, *right.shape)) - 1
D = v.reshape(4, -1)  # (projections, elements)
other = rng.standard_normal(right.size)
other += np.linalg.pinv(D) @ (D @ (right.ravel() - other))  # moved until its four projections are those of `right`
print(f"\nfour projections of dW ({right.size} numbers)  ", project(right, v).round(6))
print("four projections of another tensor ", project(other.reshape(right.shape), v).round(6))
ELSEWHERE = np.abs(other - right.ravel()).max() / np.abs(right).max()
print(f"and yet the two differ by up to {ELSEWHERE:.0%} of the largest element")

# %% [markdown] tags=["lang:en"]
# So take several: each halves what escapes, and four let 1 in 16 such pairs through. And where a projection is off, or
# you are in doubt, go element by element. Lesson-sized tensors are small enough for that always.
#
# This is also how the **answer key** works that lies beside each lesson's notebook. It holds no solution. For each
# array that an exercise must return it has the shape, the rough size and four projections, and the same for each
# known mistake. (Its directions have random lengths besides random signs, so that swapped elements do not cancel.)
# `check` projects *your* array along the same directions and compares. That tells right from wrong, and
# which mistake it is. But it does not tell the right values: the last lines of the cell show another tensor, nothing
# like the gradient, with the same four projections. (An array of four numbers or fewer could be worked out from them.
# It would not help: your work is graded at other inputs.)
#
# ## 7. Kinks
#
# relu, $\max(0, x)$, has no derivative at 0: the slope is 0 on the left and 1 on the right. If the kink lies between
# $x - h$ and $x + h$, the central difference mixes the two slopes. Take $x$ = 0.001 and vary $h$.

# %% tags=["demo"]
# Shows the central difference of relu near its kink, and what `check_gradient` says there.
x, steps_at_kink = 0.001, np.logspace(-5, -1, 41)


def relu(x):
    return np.maximum(x, 0)


slopes = {
    name: (f(x + steps_at_kink) - f(x - steps_at_kink)) / (2 * steps_at_kink)
    for name, f in (("relu", relu), ("tanh, which is smooth", np.tanh))
}

points = {"x": np.array([-1.0, 0.0, 2.0])}
KINK = {}
for at_zero in (0.0, 0.5, 1.0, 2.0):

    def relu_backward(dy, x, at_zero=at_zero):
        return dy * np.where(x > 0, 1.0, np.where(x < 0, 0.0, at_zero))

    KINK[at_zero] = check_gradient(relu, relu_backward, points, upstream=np.ones(3))["x"]
    print(f"slope {at_zero} at the kink: {'accepted' if KINK[at_zero].ok else 'rejected'}; {describe(KINK[at_zero])}")

figure, axes = figures.panel(
    "relu at $x$ = 0.001: once $h$ reaches over the kink, the answer depends on $h$",
    "step $h$ (unit of $x$)",
    "central difference (no unit)",
)
for (name, values), color, dash, marker in zip(
    slopes.items(), figures.COLORS, figures.LINESTYLES, figures.MARKERS, strict=False
):
    axes.semilogx(steps_at_kink, values, color=color, linestyle=dash, marker=marker, markevery=4, label=name)
axes.axvline(x, color=figures.GREY, linewidth=1.2, linestyle=":", label="distance to the kink")
figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
figure

# %% [markdown] tags=["lang:en"]
# Up to $h$ = 0.001 the answer is 1. Beyond, it falls towards ½, and two step sizes *disagree*, which for tanh they
# hardly do. This is how a check notices. Exactly at 0 every $h$ gives ½, and there the check notices something else:
# $L(x+h) + L(x-h) - 2L(x)$ shrinks like $h$ at a kink and like $h^2$ elsewhere.
#
# **"Not differentiable here" is not "wrong".** Any slope from 0 to 1 is a fair answer at the kink, and libraries
# choose one. `check_gradient` accepts them all; a slope of 2 it rejects. A plain central difference would call both 0
# and 1 wrong. If that happens to you in one element of many, look whether its input sits at a kink, and draw other
# inputs.
#
# ## 8. When your check fails
#
# First see *which* gradients are wrong: what is right need not be looked at again. Then read the figures. The next
# cell plants typical mistakes in the leaky integrator and prints, for the gradient that shows it, what `describe`
# says.

# %% tags=["demo"]
# Shows what `describe` says to typical mistakes.
sizes = checking.SIZES
drawn, upstream = checking.draw(2)
right = dict(zip(checking.NAMES, checking.leaky_backward(upstream, **drawn), strict=True))


def planted(mistake, name):
    """The gradient `name` as a wrong backward pass returns it."""
    return dict(zip(checking.NAMES, mistake(upstream, *drawn.values()), strict=True))[name]


square, square_upstream = checking.draw(2, units=4)
dW = checking.leaky_backward(square_upstream, **square)[3]  # (features, units), 4 by 4
one_off = right["W"].copy()
one_off[2, 3] *= 1.5
cases = {
    "averaged over the batch": ("db", right["b"], planted(checking.averaged, "b")),
    "not divided by the batch": ("dW", right["W"] / 3, right["W"]),
    "transposed (4 by 4)": ("dW", dW, dW.T),
    "sign": ("da", right["a"], -right["a"]),
    "nothing carried back": ("dx", right["x"], planted(checking.carry_dropped, "x")),
    "slope of tanh missing": ("dW", right["W"], planted(checking.slope_forgotten, "W")),
    "overwritten, not added": ("dW", right["W"], planted(checking.overwritten, "W")),
    "one index wrong": ("dW", right["W"], one_off),
    "never computed": ("dh0", right["h0"], 0 * right["h0"]),
}
SAID = {}
for name, (tensor, expected, answer) in cases.items():
    comparison = compare(answer, expected, time_axis=1 if tensor == "dx" else None)
    SAID[name] = comparison, describe(comparison, sizes=sizes)
    print(f"{name} ({tensor}): cosine {comparison.cosine:.2f}, norm ratio {comparison.norm_ratio:.2f}")
    print(f"    {SAID[name][1] or 'nothing that it knows'}")


def edits_its_argument(dh, *arguments):
    dh *= 2
    return checking.leaky_backward(dh, *arguments)


try:
    check_gradient(checking.leaky_forward, edits_its_argument, drawn, upstream=upstream)
except ValueError as error:
    EDITED = str(error)
    print(f"`dh *= 2` in the backward pass:\n    {EDITED}")

# %% [markdown] tags=["lang:en"]
# | what you see | look for |
# |---|---|
# | cosine 1, ratio 1/batch | a mean where a sum is meant; the division of a mean loss done twice |
# | cosine 1, ratio equal to the batch | the opposite: the loss is a mean, and nobody divided by the batch |
# | ratio 1, cosine far from 1, a square kernel | a transposed product |
# | ratio 1, cosine −1 | a sign |
# | last step right, the rest wrong | nothing is carried back in time |
# | only one weight's gradient wrong | `=` in a loop where `+=` is meant |
# | ratio above 1, everything below a squashing function wrong | its slope is missing. Where each step back passes one, the ratio grows with every step |
# | a single element, or a row | an index, or an edge of the array |
# | all zero | never computed, or not what is returned |
# | "function must not edit its arguments" | `+=` on something that you were given |
#
# If none fits, make it smaller: two steps, then one; the identity for tanh. *Now* special inputs help. What they hide
# is not the mistake, so whatever makes the mistake disappear points at it. Then go back to ordinary ones.
#
# A last warning. A check compares a backward pass with *your own* forward pass. If the forward pass is wrong, the
# check says "right" to the gradient of a wrong function. Check the forward pass first.
#
# ## 9. Further reading
#
# * Werbos (1990), *Backpropagation through time: what it does and how to do it*: the chain rule over time.
# * Press, Teukolsky, Vetterling and Flannery, *Numerical Recipes*, section 5.7: numerical derivatives and their steps.
# * Ridders (1982), *Accurate computation of F′(x) and F′(x) F″(x)*: Richardson's idea repeated, until rounding stops
#   it.
# * Squire and Trapp (1998), *Using complex variables to estimate derivatives of real functions*: the complex step, in
#   three pages.
# * Hutchinson (1990), *A stochastic estimator of the trace of the influence matrix for Laplacian smoothing splines*:
#   why ±1.
# * Broomhead and Lowe (1988), *Multivariable functional interpolation and adaptive networks*: the layer of section 1.
