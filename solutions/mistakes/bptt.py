"""Wrong answers to the exercises on truncated backpropagation and on cost."""

from solutions.mistakes import Mistake

TRUNCATED = "bptt.truncated_backward"
COST = "bptt.cost"

MISTAKES = [
    Mistake(TRUNCATED, "not_truncated", "reversed(range(max(0, end - k2), end))", "reversed(range(end))",
            "Every backward pass goes back to the start of the sequence. It should stop after k2 steps."),
    Mistake(TRUNCATED, "one_step_too_many", "max(0, end - k2)", "max(0, end - k2 - 1)",
            "A backward pass goes over one step too many. Count the steps of a pass from its first to its last."),
    Mistake(TRUNCATED, "one_step_too_few", "max(0, end - k2)", "max(0, end - k2 + 1)",
            "A backward pass goes over one step too few. Count the steps of a pass from its first to its last."),
    Mistake(TRUNCATED, "goes_back_k1", "max(0, end - k2)", "max(0, end - k1)",
            "A backward pass stops after k1 steps. That number says how often there is a pass, the other one how far "
            "it goes."),
    Mistake(TRUNCATED, "every_k2_steps", "[*range(k1, time, k1), time]", "[*range(k2, time, k2), time]",
            "There is a backward pass every k2 steps. That number says how far a pass goes, the other one how often "
            "there is one."),
    Mistake(TRUNCATED, "every_step", "[*range(k1, time, k1), time]", "[*range(1, time), time]",
            "There is a backward pass after every step. They are k1 steps apart, and what a step's loss loses by the "
            "cut depends on it."),
    Mistake(TRUNCATED, "rest_left_out", "[*range(k1, time, k1), time]", "[*range(k1, time, k1)]",
            "The steps after the last full k1 are left out. The last pass may have fewer new steps than the others."),
    Mistake(TRUNCATED, "last_pass_alone", "[*range(k1, time, k1), time]", "[time]",
            "There is a single backward pass, from the end. Everything that lies more than k2 steps before it is lost."),
    Mistake(TRUNCATED, "losses_counted_twice", "carry + dh[:, t] if t >= taken else carry", "carry + dh[:, t]",
            "Where two passes overlap, an upstream gradient is used by both. Each belongs to one pass."),
    Mistake(TRUNCATED, "only_last_loss", "if t >= taken else carry", "if t == end - 1 else carry",
            "Of every pass only the loss of its last step enters. All steps since the pass before have one."),
    Mistake(TRUNCATED, "no_carry", "carry = dz @ Wh.T", "carry = 0 * carry",
            "No gradient travels back in time at all. Truncation limits how far it goes, and within a pass it goes on."),
    Mistake(TRUNCATED, "carry_kept_between_passes", "    for end in [*range(k1, time, k1), time]:\n        carry = np.zeros_like(h0)\n",
            "    carry = np.zeros_like(h0)\n    for end in [*range(k1, time, k1), time]:\n",
            "A pass begins with the gradient that the pass before left over. Time runs the other way: what was left "
            "over belongs to an earlier step, and is dropped."),
    Mistake(TRUNCATED, "cut_at_new_steps", "carry = dz @ Wh.T", "carry = dz @ Wh.T * (t != taken)",
            "Within a pass the gradient stops where the new steps begin. It goes on over older steps, as far as k2 "
            "allows: their losses are done with, and their use of the weights is not."),
    Mistake(TRUNCATED, "state_reset", "elman_step(x[:, t], h[t], Wx", "elman_step(x[:, t], h[t] if t % k1 else h0, Wx",
            "The state starts afresh every k1 steps. Only the gradient is cut: the state goes on through the whole "
            "sequence."),
    Mistake(TRUNCATED, "no_tanh_derivative", "dz = upstream * (1 - h[t + 1] ** 2)", "dz = upstream * 1.0",
            "The gradient passes the squashing function as if it were a straight line. What is its slope?"),
    Mistake(TRUNCATED, "slope_of_old_state", "(1 - h[t + 1] ** 2)", "(1 - h[t] ** 2)",
            "The slope is taken at the state before the step. It belongs to the state that the step made."),
    Mistake(TRUNCATED, "new_state_in_dWh", "dWh += h[t].T @ dz", "dWh += h[t + 1].T @ dz",
            "The recurrent kernel's gradient is made with the state after the step. Which state did the kernel multiply?"),
    Mistake(TRUNCATED, "carry_not_transposed", "carry = dz @ Wh.T", "carry = dz @ Wh",
            "On its way to the old state the gradient crosses the recurrent kernel in the wrong direction."),
    Mistake(TRUNCATED, "dWh_transposed", "dWh += h[t].T @ dz", "dWh += dz.T @ h[t]",
            "The gradient of the recurrent kernel is transposed. The kernel is square, so its shape does not tell."),
    Mistake(TRUNCATED, "overwrites_dWx", "dWx += x[:, t].T @ dz", "dWx = x[:, t].T @ dz",
            "The gradient of the kernel is that of one step. It adds up, over the steps of a pass and over passes."),
    Mistake(TRUNCATED, "overwrites_dWh", "dWh += h[t].T @ dz", "dWh = h[t].T @ dz",
            "The gradient of the recurrent kernel is that of one step. It adds up, over the steps of a pass and over "
            "passes."),
    Mistake(TRUNCATED, "mean_over_batch", "return dWx, dWh, db", "return dWx / len(x), dWh / len(x), db / len(x)",
            "The gradients are averaged over the batch. If there is an average, the upstream gradient already carries it."),
    Mistake(TRUNCATED, "mean_over_steps", "return dWx, dWh, db", "return dWx / time, dWh / time, db / time",
            "The gradients are averaged over the steps. Uses of a shared weight add up."),
    # the cost
    Mistake(COST, "rtrl_keeps_all_steps", "rtrl_memory = units + units * parameters", "rtrl_memory = time * (units + units * parameters)",
            "Your RTRL keeps the sensitivities of every step. It needs those of the newest one only: its memory does "
            "not grow with the length of the sequence."),
    Mistake(COST, "bptt_keeps_one_step", "bptt_memory = time * units", "bptt_memory = units",
            "Your backpropagation keeps a single state. On its way back it needs the state of every step."),
    Mistake(COST, "initial_state_counted", "bptt_memory = time * units", "bptt_memory = (time + 1) * units",
            "One state too many is counted for backpropagation. The one before the first step is an input."),
    Mistake(COST, "bptt_keeps_inputs", "bptt_memory = time * units", "bptt_memory = time * (units + features)",
            "You count the inputs among what backpropagation keeps. Both methods are given those."),
    Mistake(COST, "state_not_counted", "rtrl_memory = units + units * parameters", "rtrl_memory = units * parameters",
            "What RTRL keeps is not the sensitivities alone: the next step starts from something else besides."),
    Mistake(COST, "one_sensitivity_per_parameter", "rtrl_memory = units + units * parameters", "rtrl_memory = units + parameters",
            "You count one sensitivity for each parameter. Each unit has one for each parameter."),
    Mistake(COST, "biases_left_out", "features * units + units * units + units\n", "features * units + units * units\n",
            "The biases are missing from the parameters. They have sensitivities, too."),
    Mistake(COST, "only_recurrent_parameters", "parameters = features * units + units * units + units", "parameters = units * units",
            "Only the recurrent kernel's parameters are counted. The kernel and the bias are learned as well."),
    Mistake(COST, "no_carry", "features * units + 2 * units * units", "features * units + units * units",
            "One product of the backward pass is missing: count those in which the recurrent kernel, or its gradient, "
            "takes part."),
    Mistake(COST, "input_gradient_counted", "features * units + 2 * units * units", "2 * features * units + 2 * units * units",
            "You count the gradient of the inputs. It is not made here."),
    Mistake(COST, "only_forwards", "bptt_operations = time * (forwards + features * units + 2 * units * units)", "bptt_operations = time * forwards",
            "Of backpropagation you count the forward pass alone."),
    Mistake(COST, "forwards_not_counted", "rtrl_operations = time * (forwards + units", "rtrl_operations = time * (units",
            "RTRL runs the network forwards, too. Those products are missing."),
    Mistake(COST, "sensitivities_scaled_only", "units * units * parameters + units * parameters", "units * parameters + units * parameters",
            "Carrying the sensitivities on is counted as one multiplication for each. Every new sensitivity is a sum "
            "over all units: this is what makes the method expensive."),
    Mistake(COST, "loss_not_counted", "units * units * parameters + units * parameters", "units * units * parameters",
            "One product of RTRL is missing: the one in which the upstream gradient meets the sensitivities."),
    Mistake(COST, "one_step_only", "rtrl_operations = time * (", "rtrl_operations = (",
            "The work of RTRL is counted for one step. The sensitivities are carried on at every step."),
    Mistake(COST, "methods_swapped", "return bptt_operations, bptt_memory, rtrl_operations, rtrl_memory",
            "return rtrl_operations, rtrl_memory, bptt_operations, bptt_memory",
            "The two methods are in each other's place: see the stated order."),
    Mistake(COST, "memory_first", "return bptt_operations, bptt_memory, rtrl_operations, rtrl_memory",
            "return bptt_memory, bptt_operations, rtrl_memory, rtrl_operations",
            "Memory and operations are in each other's place: see the stated order."),
]  # fmt: skip
