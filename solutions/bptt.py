"""Backpropagation through time, cut short, and what it costs: the reference answers of lesson 06.

    h_t = tanh(x_t Wx + h_{t-1} Wh + b)        the step, given here as `elman_step`

Row vectors throughout, as Keras has them: x is (batch, time, features), h is (batch, time, units).

Sources: Werbos 1990, "Backpropagation through time"; Williams and Peng 1990, "An efficient gradient-based
algorithm for on-line training of recurrent network trajectories"; Williams and Zipser 1989, "A learning algorithm
for continually running fully recurrent neural networks".
"""

import numpy as np


def elman_step(x, h_prev, Wx, Wh, b):
    """Take one time step of an Elman network. Given: nothing to write here.

    Args:
        x: the input of this step. Shape (batch, features).
        h_prev: the hidden state of the step before. Shape (batch, units).
        Wx: the kernel. Shape (features, units).
        Wh: the recurrent kernel. Shape (units, units).
        b: the bias. Shape (units,).

    Returns:
        h, the new hidden state. Shape (batch, units).

    Source: Elman 1990.
    """
    return np.tanh(x @ Wx + h_prev @ Wh + b)  # (batch, units)


def truncated_backward(dh, x, h0, Wx, Wh, b, k1, k2):
    """Backpropagate through time, every k1 steps, over the last k2 steps.

    The network runs forward through the whole sequence, its state is never reset. Gradients are collected on the
    way: there is a backward pass after every k1 steps, and one more after the last step if the number of steps is
    no multiple of k1. A backward pass after step t

        starts with no gradient from later steps,
        goes back over the steps t, t - 1, …, t - k2 + 1, and stops earlier where the sequence begins,
        takes in the upstream gradients of those steps only that no earlier backward pass has taken in,
        adds what it finds to the gradients of the weights at every step that it goes over.

    So each upstream gradient is used by exactly one pass. Gradients that would go further back are dropped. With
    k2 at least the number of steps nothing is dropped and the result is that of full backpropagation. The weights
    stay as they are throughout.

    Args:
        dh: the upstream gradient of every hidden state, from its own step alone. Shape (batch, time, units).
        x: the inputs. Shape (batch, time, features).
        h0: the hidden state before the first step. Shape (batch, units).
        Wx, Wh, b: as in elman_step, shared by all steps.
        k1: after how many steps there is a backward pass. Integer, 1 <= k1.
        k2: how many steps a backward pass goes over. Integer, k1 <= k2.

    Returns:
        (dWx, dWh, db), each with the shape of what it is the gradient of: sums over all passes and the batch.

    Source: Williams and Peng 1990, their BPTT(h; h') with h = k2 and h' = k1.
    """
    ### BEGIN SOLUTION
    time = x.shape[1]
    h = [h0]  # h[t] is the state before step t
    for t in range(time):
        h.append(elman_step(x[:, t], h[t], Wx, Wh, b))
    dWx = np.zeros_like(Wx)
    dWh = np.zeros_like(Wh)
    db = np.zeros_like(b)
    taken = 0  # upstream gradients of steps before this one are used up
    for end in [*range(k1, time, k1), time]:
        carry = np.zeros_like(h0)
        for t in reversed(range(max(0, end - k2), end)):
            upstream = carry + dh[:, t] if t >= taken else carry
            dz = upstream * (1 - h[t + 1] ** 2)  # (batch, units)
            dWx += x[:, t].T @ dz
            dWh += h[t].T @ dz
            db += dz.sum(axis=0)
            carry = dz @ Wh.T
        taken = end
    return dWx, dWh, db
    ### END SOLUTION


def cost(time, units, features):
    """Count what full backpropagation through time and RTRL cost for one sequence, batch 1.

    Operations are the multiply-adds of products: (a, b) times (b, c) costs a b c of them. Nothing else is counted:
    no tanh, no elementwise product, no sum. Both methods run the network forwards, x_t Wx and h_{t-1} Wh at every
    step. Besides these,

        backpropagation through time makes, at every step, the gradient of Wx, the gradient of Wh, and the gradient
        that it carries to the state before (three products with dz_t). It makes no gradient of x.
        RTRL makes, at every step, the product of the recurrent kernel (units, units) with the sensitivities
        (units, parameters), and the product of dh_t (1, units) with the new sensitivities.

    Memory is how many numbers must be kept from one step to the next. Inputs, weights and the gradients of the
    weights are not counted. Backpropagation keeps the states h_1 to h_T of the whole sequence, h_0 is an input. RTRL
    keeps the state and the sensitivities of the newest step, and nothing of older ones.

    The parameters are those of Wx (features, units), Wh (units, units) and b (units,).

    Args:
        time: number of steps. Integer.
        units: size of the hidden state. Integer.
        features: size of an input. Integer.

    Returns:
        (bptt_operations, bptt_memory, rtrl_operations, rtrl_memory), integers.

    Source: Williams and Zipser 1989 give the orders of growth: time O(T N^2) and memory O(T N) for backpropagation
    through time, time O(T N^4) and memory O(N^3) for RTRL.
    """
    ### BEGIN SOLUTION
    parameters = features * units + units * units + units
    forwards = features * units + units * units
    bptt_operations = time * (forwards + features * units + 2 * units * units)
    bptt_memory = time * units
    rtrl_operations = time * (forwards + units * units * parameters + units * parameters)
    rtrl_memory = units + units * parameters
    return bptt_operations, bptt_memory, rtrl_operations, rtrl_memory
    ### END SOLUTION
