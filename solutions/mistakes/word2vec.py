"""Wrong answers to the word2vec exercises."""

from solutions.mistakes import Mistake

WINDOWS = "word2vec.context_windows"
LOOKUP_BACK = "word2vec.embedding_backward"
CBOW_FORWARD = "word2vec.cbow_forward"
CBOW_BACK = "word2vec.cbow_backward"
NOISE = "word2vec.noise_distribution"
SAMPLING = "word2vec.negative_sampling_forward"
SAMPLING_BACK = "word2vec.negative_sampling_backward"
CBOW = "word2vec.CBOW"
SKIP = "word2vec.SkipGram"
ANALOGY = "word2vec.analogy"

MEAN = "h = W_in[contexts].mean(axis=1)"
PICK = "return -np.log(p[np.arange(len(targets)), targets])"
LESS_ONE = "dscores[np.arange(len(targets)), targets] -= 1"
ADD_IN = "np.add.at(dW_in, contexts, dvector)"
KEPT = "kept = negatives != targets[:, np.newaxis]"
NEGATIVE_LOSS = "(kept * np.log(sigmoid(-negative))).sum(axis=1)"
DPOSITIVE = "dpositive = dloss * (sigmoid(positive) - 1)"
DNEGATIVE = "dnegative = dloss[:, np.newaxis] * kept * sigmoid(negative)"
DH = "dh = dpositive[:, np.newaxis] * W_out[targets] + "
ADD_TARGETS = "np.add.at(dW_out, targets, dpositive[:, np.newaxis] * h)"
ADD_NEGATIVES = 'np.add.at(dW_out, negatives, np.einsum("nk,nu->nku", dnegative, h))'
TABLE_IN = 'self.add_weight(shape=shape, initializer="uniform", name="input_embeddings")'
TABLE_OUT = 'self.add_weight(shape=shape, initializer="zeros", name="output_embeddings")'
CONFIG = '{**super().get_config(), "vocabulary_size": self.vocabulary_size, "units": self.units}'


CBOW_CALL = """vectors = ops.take(self.input_embeddings, contexts, axis=0)  # (batch, context, units)
        h = ops.mean(vectors, axis=1)  # (batch, units)
        return ops.matmul(h, ops.transpose(self.output_embeddings))"""
SKIP_CALL = """h = ops.take(self.input_embeddings, centers, axis=0)  # (batch, units)
        u = ops.take(self.output_embeddings, words, axis=0)"""


def _swapped(text: str) -> str:
    """The text with each table in the other's place."""
    return text.replace("input_", "other_").replace("output_", "input_").replace("other_", "output_")


def _of_either_layer(layer: str, call: str, scored: str, scores: str) -> list[Mistake]:
    """Mistakes that both layers invite. They have the same tables and the same config.

    Args:
        layer: the id of the layer.
        call: the lines of `call` that use the tables.
        scored: what `call` does with the table of output vectors.
        scores: what `call` returns.
    """
    name = layer.split(".")[1]
    return [
        Mistake(layer, "output_table_not_registered", TABLE_OUT, "ops.zeros(shape, dtype=self.dtype)",
                f"The output vectors are not a weight of your {name}, so no optimizer will ever change them. A plain "
                "tensor kept on the layer is not registered."),
        Mistake(layer, "input_table_not_trainable", 'initializer="uniform", name="input_embeddings"',
                'initializer="uniform", name="input_embeddings", trainable=False',
                f"The input vectors of your {name} are registered, but not as trainable: they would stay as random as they begin."),
        Mistake(layer, "weight_not_named", 'name="output_embeddings"', 'name="context_embeddings"',
                f"The output vectors of your {name} are right but for the name of their weight. The docstring states both "
                "names, and saved files go by them."),
        Mistake(layer, "all_tables_zero", 'initializer="uniform", name', 'initializer="zeros", name',
                f"Both tables of your {name} start from zeros. Then every score is zero, and so is every gradient: nothing would ever "
                "be learned."),
        Mistake(layer, "output_table_random", 'initializer="zeros"', 'initializer="uniform"',
                f"The output vectors of your {name} start from random numbers. See what the docstring states: at first every word is to be "
                "as likely as every other."),
        Mistake(layer, "tables_swapped", call, _swapped(call),
                f"The two tables of your {name} are in each other's place. They have the same shape, so nothing warns you: words that are "
                "given are looked up in one, words that are scored in the other."),
        Mistake(layer, "one_table_for_both", scored, _swapped(scored),
                f"Only one table plays a part in your {name}: a word has the same vector whether it predicts or is predicted. Here "
                "every word has two."),
        Mistake(layer, "stop_gradient", "ops.take(self.input_embeddings", "ops.take(ops.stop_gradient(self.input_embeddings)",
                f"The scores of your {name} are right, and no gradient reaches the input vectors: something in `call` stops it."),
        Mistake(layer, "numpy_in_call", f"return {scores}", f"return ops.convert_to_tensor(np.asarray({scores}))",
                f"The scores of your {name} are right and no gradient gets through: a NumPy call inside `call` leaves the graph."),
        Mistake(layer, "probabilities_returned", f"return {scores}", f"return ops.softmax({scores})",
                f"Your {name} returns probabilities. Scores are asked for: the softmax belongs to the loss, which would "
                "take it a second time."),
        Mistake(layer, "squashed", f"return {scores}", f"return ops.sigmoid({scores})",
                f"The scores of your {name} are squashed into the range from 0 to 1. The sigmoid belongs to the loss, which would take "
                "it a second time."),
        Mistake(layer, "scores_negated", f"return {scores}", f"return -{scores}",
                f"The scores of your {name} have the wrong sign: likely words would have to point away from each other."),
        Mistake(layer, "float32_inside", f"return {scores}", f'return ops.cast(ops.cast({scores}, "float32"), self.compute_dtype)',
                f"Somewhere in the `call` of your {name} numbers pass through float32: in a float64 layer half of the digits are lost."),
        Mistake(layer, "config_incomplete", CONFIG, 'super().get_config() | {"units": self.units}',
                f"The config of your {name} lacks at least one argument of `__init__`, so a saved model cannot be loaded."),
        Mistake(layer, "config_without_super", CONFIG, '{"vocabulary_size": self.vocabulary_size, "units": self.units}',
                f"The config of your {name} lacks what the base class puts into it, the dtype among it, so a layer that is made again is "
                "not the same."),
    ]  # fmt: skip


MISTAKES = [
    # windows
    Mistake(WINDOWS, "target_included", "np.concatenate([before, after])", "tokens[t - size : t + size + 1]",
            "The context holds the target itself, at its own place. A model that is shown the answer learns nothing."),
    Mistake(WINDOWS, "target_removed_by_value", "np.concatenate([before, after])",
            "[word for word in tokens[t - size : t + size + 1] if word != tokens[t]]",
            "You take the target out of its window by its value, so the same word nearby goes with it and the context gets "
            "too short. A context is a matter of places."),
    Mistake(WINDOWS, "only_before", "np.concatenate([before, after])", "before",
            "The context ends where the target stands. In word2vec it lies on both sides: the model does not predict the "
            "next word."),
    Mistake(WINDOWS, "only_after", "np.concatenate([before, after])", "after",
            "The context begins where the target stands. In word2vec it lies on both sides."),
    Mistake(WINDOWS, "after_first", "[before, after]", "[after, before]",
            "The two halves of the context are in each other's place: the text's own order is stated."),
    Mistake(WINDOWS, "before_twice", "[before, after]", "[before, before]",
            "The words before the target stand in for those after it as well."),
    Mistake(WINDOWS, "one_short_after", "tokens[t + 1 : t + size + 1]", "tokens[t + 1 : t + size]",
            "There is one word too few after the target. A slice ends before its second index."),
    Mistake(WINDOWS, "gap_after", "tokens[t + 1 : t + size + 1]", "tokens[t : t + size]",
            "What you take for the words after the target begins with the target itself."),
    Mistake(WINDOWS, "next_word_as_target", "targets.append(tokens[t])", "targets.append(tokens[t + 1])",
            "Your target is the word after the one in the middle, and it stands in the context. Nothing is left to "
            "predict."),
    Mistake(WINDOWS, "last_window_missing", "range(size, len(tokens) - size)", "range(size, len(tokens) - size - 1)",
            "The last full window is missing. A range ends before its second argument."),
    Mistake(WINDOWS, "first_window_missing", "range(size, len(tokens) - size)", "range(size + 1, len(tokens) - size)",
            "The first full window is missing."),
    Mistake(WINDOWS, "size_counts_both_sides", "contexts, targets = [], []", "contexts, targets = [], []\n    size = size // 2",
            "You share `size` between the two sides. It is the number of words on each side."),
    Mistake(WINDOWS, "returned_swapped", "np.array(contexts), np.array(targets)", "np.array(targets), np.array(contexts)",
            "Contexts and targets are returned in each other's place."),
    # a lookup, backwards
    Mistake(LOOKUP_BACK, "overwritten", "np.add.at(dW, indices, dvectors)", "dW[indices] = dvectors",
            "A row that was looked up several times keeps one of its gradients and loses the others. With a list of "
            "repeated indices `=` keeps the last one, and so does `+=`, which reads each row once before it writes. "
            "Uses of one row add up."),
    Mistake(LOOKUP_BACK, "repeats_in_an_example_lost", "np.add.at(dW, indices, dvectors)",
            "for row, dvector in zip(indices, dvectors):\n        dW[row] += dvector",
            "Examples add up, but a word that stands twice in the same example counts once: `+=` with repeated indices "
            "reads each row once before it writes."),
    Mistake(LOOKUP_BACK, "averaged_over_uses", "return dW", "return dW / np.maximum(np.bincount(indices.ravel(), minlength=vocabulary), 1)[:, None]",
            "Each row holds the mean of its uses. Uses of a shared weight add up."),
    Mistake(LOOKUP_BACK, "averaged_over_batch", "return dW", "return dW / len(indices)",
            "The gradient is divided by the batch size. If there is an average, the upstream gradient already carries it."),
    Mistake(LOOKUP_BACK, "averaged_over_places", "return dW", "return dW / indices.shape[1]",
            "The gradient is divided by the number of places. A lookup takes no mean: what the vectors are used for has "
            "already been differentiated."),
    Mistake(LOOKUP_BACK, "only_first_place", "np.add.at(dW, indices, dvectors)", "np.add.at(dW, indices[:, 0], dvectors[:, 0])",
            "Only the first place of each example reaches the table."),
    Mistake(LOOKUP_BACK, "counted", "np.add.at(dW, indices, dvectors)", "np.add.at(dW, indices, 1.0)",
            "Each row holds the number of its uses. Every use brings its own upstream gradient."),
    Mistake(LOOKUP_BACK, "sign", "np.add.at(dW, indices, dvectors)", "np.add.at(dW, indices, -dvectors)",
            "The gradient has the wrong sign. A step downhill is the optimizer's business."),
    Mistake(LOOKUP_BACK, "only_rows_in_use", "return dW", "return dW[np.unique(indices)]",
            "Rows that were not looked up are missing. Their gradient is zero, and it belongs to the result: a gradient has "
            "the shape of what it is the gradient of."),
    # CBOW
    Mistake(CBOW_FORWARD, "sum_for_mean", MEAN, "h = W_in[contexts].sum(axis=1)",
            "The context's vectors are added up. Without the 1/C a longer context shouts louder."),
    Mistake(CBOW_FORWARD, "tables_swapped", MEAN, "W_in, W_out = W_out, W_in\n    h = W_in[contexts].mean(axis=1)",
            "Input and output vectors are in each other's place. The context is looked up in one table, the words that could "
            "be the target are in the other. Both have the same shape, so nothing warns you."),
    Mistake(CBOW_FORWARD, "one_table_for_both", "h @ W_out.T", "h @ W_in.T",
            "Only the input vectors play a part. A word that is predicted has a vector of its own."),
    Mistake(CBOW_FORWARD, "only_first_word", MEAN, "h = W_in[contexts[:, 0]]",
            "Only the first word of the context has a say."),
    Mistake(CBOW_FORWARD, "mean_over_examples", MEAN, "h = np.broadcast_to(W_in[contexts].mean(axis=(0, 1)), (len(targets), W_in.shape[1]))",
            "The mean goes over the whole batch, so all examples have the same context."),
    Mistake(CBOW_FORWARD, "softmax_over_batch", "softmax(h @ W_out.T)", "softmax((h @ W_out.T).T).T",
            "Your probabilities add up to 1 over the examples. For one example they add up over the words."),
    Mistake(CBOW_FORWARD, "softmax_twice", "softmax(h @ W_out.T)", "softmax(softmax(h @ W_out.T))",
            "The softmax is taken twice: what comes out of it are probabilities already, and no scores."),
    Mistake(CBOW_FORWARD, "score_for_loss", "p = softmax(h @ W_out.T)", "p = np.exp(h @ W_out.T)",
            "Your loss is the target's score with the sign changed. Scores are not probabilities until they are "
            "normalised over the vocabulary."),
    Mistake(CBOW_FORWARD, "no_logarithm", PICK, "return 1 - p[np.arange(len(targets)), targets]",
            "Your loss is the probability of being wrong. The logarithm of a probability is asked for."),
    Mistake(CBOW_FORWARD, "sign", PICK, "return np.log(p[np.arange(len(targets)), targets])",
            "The loss is negative: it would be smallest where the target is least likely."),
    Mistake(CBOW_FORWARD, "bits", PICK, "return -np.log2(p[np.arange(len(targets)), targets])",
            "Your loss is counted in bits. The natural logarithm is asked for, which counts in nats."),
    Mistake(CBOW_FORWARD, "averaged", PICK, "return -np.log(p[np.arange(len(targets)), targets]).mean()",
            "The loss is one number for the whole batch. One for each example is asked for: who calls decides between sum "
            "and mean."),
    Mistake(CBOW_FORWARD, "targets_off_by_one", PICK, "return -np.log(p[np.arange(len(targets)), targets - 1])",
            "The probability is read at the word before the target in the vocabulary. Indices count from 0."),
    # CBOW, backwards
    Mistake(CBOW_BACK, "target_not_subtracted", LESS_ONE, "pass",
            "The gradient of the scores is the probabilities alone. The target's own score also lowers the loss directly: "
            "what does that take away?"),
    Mistake(CBOW_BACK, "subtracted_in_every_row", LESS_ONE, "dscores[:, targets] -= 1",
            "Every example is taught the targets of the whole batch. Each has one of its own: a slice and an array of "
            "indices together pick a whole block."),
    Mistake(CBOW_BACK, "target_before_upstream", "    " + LESS_ONE + "\n    dscores = dloss[:, np.newaxis] * dscores",
            "    dscores = dloss[:, np.newaxis] * dscores\n    " + LESS_ONE,
            "The upstream gradient weighs the probabilities and not the part that comes from the target. It belongs to "
            "both."),
    Mistake(CBOW_BACK, "upstream_ignored", "dscores = dloss[:, np.newaxis] * dscores", "dscores = 1.0 * dscores",
            "The upstream gradient plays no part: you differentiate the plain sum of the losses."),
    Mistake(CBOW_BACK, "mean_forgotten", " / contexts.shape[1]", " / 1.0",
            "Each word of the context gets the whole gradient of h. It had a share of 1/C in the mean, and no more."),
    Mistake(CBOW_BACK, "divided_by_batch", " / contexts.shape[1]", " / contexts.shape[0]",
            "The context's gradient is divided by the number of examples. Over what was the mean taken?"),
    Mistake(CBOW_BACK, "sum_in_forward", MEAN, "h = W_in[contexts].sum(axis=1)",
            "You recompute h as the sum of the context's vectors. The forward pass took another value, so the "
            "probabilities are others too."),
    Mistake(CBOW_BACK, "overwritten", ADD_IN, "dW_in[contexts] = dvector",
            "A word that stands in several contexts keeps the gradient of one of them. With repeated indices `=` keeps "
            "the last one, and so does `+=`, which reads each row once before it writes."),
    Mistake(CBOW_BACK, "repeats_in_a_context_lost", ADD_IN, "for row, one in zip(contexts, dvector):\n        dW_in[row] += one",
            "Examples add up, but a word that stands twice in the same context counts once: `+=` with repeated indices "
            "reads each row once before it writes."),
    Mistake(CBOW_BACK, "only_first_word", ADD_IN, "np.add.at(dW_in, contexts[:, 0], dvector[:, 0])",
            "Only the first word of each context receives a gradient. All of them made h."),
    Mistake(CBOW_BACK, "tables_swapped", "dh = dscores @ W_out", "dh = dscores @ W_in",
            "On its way to the context the gradient passes through the wrong table. Which vectors made the scores?"),
    Mistake(CBOW_BACK, "returned_swapped", "return dW_in, dW_out", "return dW_out, dW_in",
            "The gradients of the two tables are returned in each other's place. They have the same shape, so nothing warns "
            "you."),
    Mistake(CBOW_BACK, "sign", "dscores = dloss[:, np.newaxis] * dscores", "dscores = -dloss[:, np.newaxis] * dscores",
            "Every gradient has the wrong sign: it points where the loss falls. A gradient points where it grows."),
    Mistake(CBOW_BACK, "averaged_over_batch", "dscores = dloss[:, np.newaxis] * dscores",
            "dscores = dloss[:, np.newaxis] * dscores / len(targets)",
            "Every gradient is divided by the batch size. Sum or mean is decided above the loss: the upstream gradient "
            "carries that."),
    Mistake(CBOW_BACK, "output_table_of_targets_only", "dW_out = dscores.T @ h",
            "dW_out = np.zeros_like(W_out)\n    dW_out[targets] = (dscores.T @ h)[targets]",
            "Only the targets' output vectors receive a gradient. A full softmax pushes every other word down too."),
    # noise
    Mistake(NOISE, "power_forgotten", "weights = counts**power", "weights = 1.0 * counts",
            "Words are drawn as often as they occur. The power is there to give rare words a larger share."),
    Mistake(NOISE, "power_fixed", "weights = counts**power", "weights = counts**0.75",
            "The default is right, and no other power makes a difference: the argument is not used."),
    Mistake(NOISE, "not_normalised", "return weights / weights.sum()", "return weights",
            "Your numbers have the right proportions and do not add up to 1. Probabilities do."),
    Mistake(NOISE, "normalised_before_power", "weights = counts**power\n    return weights / weights.sum()",
            "weights = (counts / counts.sum()) ** power\n    return weights",
            "You normalise first and raise to the power then. What adds up to 1 before does not afterwards."),
    Mistake(NOISE, "normalised_by_counts", "weights.sum()", "counts.sum()",
            "You divide by the number of all words of the text. It is the new weights that are to add up to 1."),
    Mistake(NOISE, "normalised_by_largest", "weights.sum()", "weights.max()",
            "The most frequent word has probability 1. All of them together have."),
    Mistake(NOISE, "inverse_power", "counts**power", "counts ** (1 / power)",
            "Frequent words have got an even larger share than their counts give them. The power is meant to do the "
            "opposite."),
    Mistake(NOISE, "logarithm", "counts**power", "np.log1p(power * counts)",
            "The counts are damped by a logarithm. A power is stated."),
    # negative sampling
    Mistake(SAMPLING, "target_among_negatives", KEPT, "kept = np.ones(negatives.shape)",
            "Where the target was drawn as a negative, your loss calls the same word right and wrong at once. Such a draw "
            "is left out."),
    Mistake(SAMPLING, "every_target_excluded", KEPT, "kept = ~np.isin(negatives, targets)",
            "You leave out the targets of the whole batch. Another example's target is a good negative for this one."),
    Mistake(SAMPLING, "repeated_negatives_once", KEPT,
            "kept = (negatives != targets[:, np.newaxis]) & np.array([[word not in row[:k] for k, word in enumerate(row)] for row in negatives])",
            "A word that was drawn twice for one example counts once. It was drawn twice because it is frequent, and it "
            "counts as often."),
    Mistake(SAMPLING, "example_dropped", KEPT, "kept = (negatives != targets[:, np.newaxis]).all(axis=1, keepdims=True)",
            "An example whose target was drawn loses all its negatives. Only the one draw is left out."),
    Mistake(SAMPLING, "negatives_pulled", "np.log(sigmoid(-negative))", "np.log(sigmoid(negative))",
            "The negatives are treated like the target: your loss is small where they score high. Look at the sign inside "
            "the sigmoid."),
    Mistake(SAMPLING, "negatives_averaged", NEGATIVE_LOSS, "(kept * np.log(sigmoid(-negative))).mean(axis=1)",
            "The negatives' terms are averaged. The formula adds them up, so that more negatives weigh more."),
    Mistake(SAMPLING, "negatives_averaged_over_kept", NEGATIVE_LOSS,
            "(kept * np.log(sigmoid(-negative))).sum(axis=1) / kept.sum(axis=1)",
            "The terms of the negatives that are left are averaged. The formula adds them up."),
    Mistake(SAMPLING, "no_negatives", " - " + NEGATIVE_LOSS, " + 0 * " + NEGATIVE_LOSS,
            "Only the target enters. Without negatives the loss is smallest where all vectors are alike and long."),
    Mistake(SAMPLING, "no_target", "-np.log(sigmoid(positive)) - ", "-0 * np.log(sigmoid(positive)) - ",
            "Only the negatives enter. Nothing draws the word that was there towards the one that predicts it."),
    Mistake(SAMPLING, "terms_subtracted", "-np.log(sigmoid(positive)) - ", "-np.log(sigmoid(positive)) + ",
            "The negatives lower your loss where they should raise it: the sign before their sum is wrong."),
    Mistake(SAMPLING, "sign", "return -np.log(sigmoid(positive)) - ", "return np.log(sigmoid(positive)) + ",
            "The loss has the wrong sign: this is what is to be made large, and a loss is made small."),
    Mistake(SAMPLING, "no_logarithm_of_negatives", "np.log(sigmoid(-negative))", "sigmoid(-negative)",
            "The negatives' probabilities are summed as they are. Their logarithms are."),
    Mistake(SAMPLING, "averaged", "(kept * np.log(sigmoid(-negative))).sum(axis=1)",
            "(kept * np.log(sigmoid(-negative))).sum(axis=1).mean()",
            "Each example is charged the batch's mean of the negatives. They were drawn for one example each."),
    # negative sampling, backwards
    Mistake(SAMPLING_BACK, "target_among_negatives", KEPT, "kept = np.ones(negatives.shape)",
            "Where the target was drawn as a negative, it is pushed away and pulled near at once. The forward pass leaves "
            "such a draw out."),
    Mistake(SAMPLING_BACK, "every_target_excluded", KEPT, "kept = ~np.isin(negatives, targets)",
            "You leave out the targets of the whole batch. The forward pass leaves out an example's own."),
    Mistake(SAMPLING_BACK, "mask_only_in_h", ADD_NEGATIVES,
            'np.add.at(dW_out, negatives, np.einsum("nk,nu->nku", dloss[:, np.newaxis] * sigmoid(negative), h))',
            "The draw that equals the target is left out of the gradient of h and stays in that of the table. The "
            "forward pass left it out of both."),
    Mistake(SAMPLING_BACK, "mask_only_in_table", DH + 'np.einsum("nk,nku->nu", dnegative, W_out[negatives])',
            DH + 'np.einsum("nk,nku->nu", dloss[:, np.newaxis] * sigmoid(negative), W_out[negatives])',
            "The draw that equals the target is left out of the gradient of the table and stays in that of h. The "
            "forward pass left it out of both."),
    Mistake(SAMPLING_BACK, "negatives_as_targets", DNEGATIVE, "dnegative = dloss[:, np.newaxis] * kept * (sigmoid(negative) - 1)",
            "The negatives are treated like the target: their gradient pulls them closer. What changes for words that "
            "should score low?"),
    Mistake(SAMPLING_BACK, "target_without_one", DPOSITIVE, "dpositive = dloss * sigmoid(positive)",
            "The target is treated like a negative: its gradient pushes it away. What changes for a word that should "
            "score high?"),
    Mistake(SAMPLING_BACK, "sigmoid_derivative", DPOSITIVE, "dpositive = -dloss * sigmoid(positive) * (1 - sigmoid(positive))",
            "At the target you take the slope of the sigmoid. The loss has a logarithm around it: differentiate both "
            "together and much cancels."),
    Mistake(SAMPLING_BACK, "sigmoid_derivative_of_negatives", DNEGATIVE,
            "dnegative = dloss[:, np.newaxis] * kept * sigmoid(negative) * (1 - sigmoid(negative))",
            "At the negatives you take the slope of the sigmoid. The loss has a logarithm around it: differentiate both "
            "together and much cancels."),
    Mistake(SAMPLING_BACK, "negatives_mirrored", DNEGATIVE, "dnegative = dloss[:, np.newaxis] * kept * sigmoid(-negative)",
            "A negative that scores high is hardly pushed, one that scores low is pushed hard. Check the sign inside the "
            "sigmoid."),
    Mistake(SAMPLING_BACK, "negatives_pulled", DNEGATIVE, "dnegative = -dloss[:, np.newaxis] * kept * sigmoid(negative)",
            "The negatives are pulled near: the sign of their gradient is wrong."),
    Mistake(SAMPLING_BACK, "negatives_averaged", DNEGATIVE,
            "dnegative = dloss[:, np.newaxis] * kept * sigmoid(negative) / negatives.shape[1]",
            "The negatives' gradients are divided by their number. The loss adds them up."),
    Mistake(SAMPLING_BACK, "upstream_missing_in_negatives", DNEGATIVE, "dnegative = kept * sigmoid(negative)",
            "The upstream gradient reaches the target's part and not that of the negatives."),
    Mistake(SAMPLING_BACK, "upstream_missing_in_target", DPOSITIVE, "dpositive = sigmoid(positive) - 1",
            "The upstream gradient reaches the negatives' part and not that of the target."),
    Mistake(SAMPLING_BACK, "h_from_target_only", DH, DH + "0 * ",
            "The gradient of h has the target's part only. h was multiplied with the negatives too."),
    Mistake(SAMPLING_BACK, "h_from_negatives_only", DH, "dh = 0 * dpositive[:, np.newaxis] * W_out[targets] + ",
            "The gradient of h has the negatives' part only. h was multiplied with the target too."),
    Mistake(SAMPLING_BACK, "targets_overwritten", ADD_TARGETS, "dW_out[targets] = dpositive[:, np.newaxis] * h",
            "A word that is the target of several examples keeps the gradient of one of them. With repeated indices `=` "
            "keeps the last one, and so does `+=`."),
    Mistake(SAMPLING_BACK, "negatives_overwritten", ADD_NEGATIVES, 'dW_out[negatives] += np.einsum("nk,nu->nku", dnegative, h)',
            "A word that was drawn several times keeps one of its contributions: `+=` with repeated indices reads each row "
            "once before it writes."),
    Mistake(SAMPLING_BACK, "negatives_replace_targets", ADD_NEGATIVES, 'dW_out[negatives] = np.einsum("nk,nu->nku", dnegative, h)',
            "The negatives' gradients replace what stood in their rows: what other draws brought, and what the same word "
            "brought as a target."),
    Mistake(SAMPLING_BACK, "negatives_not_in_table", ADD_NEGATIVES, "pass",
            "The output vectors of the negatives receive no gradient: they would never be pushed away."),
    Mistake(SAMPLING_BACK, "targets_not_in_table", ADD_TARGETS, "pass",
            "The output vectors of the targets receive no gradient: they would never be drawn near."),
    Mistake(SAMPLING_BACK, "sign", "return dh, dW_out", "return -dh, -dW_out",
            "Every gradient has the wrong sign: it points where the loss falls. A gradient points where it grows."),
    Mistake(SAMPLING_BACK, "averaged_over_batch", "return dh, dW_out", "return dh, dW_out / len(h)",
            "The table's gradient is divided by the batch size. If there is an average, the upstream gradient already "
            "carries it."),
    Mistake(SAMPLING_BACK, "upstream_twice", "dW_out = np.zeros_like(W_out)",
            "dW_out = np.zeros_like(W_out)\n    dpositive, dnegative = dloss * dpositive, dloss[:, np.newaxis] * dnegative",
            "The gradient of h is right. In that of the table the upstream gradient is multiplied in twice."),
    # the layers
    *_of_either_layer(CBOW, CBOW_CALL, "ops.transpose(self.output_embeddings)", "ops.matmul(h, ops.transpose(self.output_embeddings))"),
    Mistake(CBOW, "sum_for_mean", "ops.mean(vectors, axis=1)", "ops.sum(vectors, axis=1)",
            "Your CBOW adds the context's vectors up. Without the 1/C a longer context shouts louder."),
    Mistake(CBOW, "only_first_word", "ops.mean(vectors, axis=1)", "vectors[:, 0]",
            "Only the first word of the context has a say."),
    Mistake(CBOW, "squashed_hidden", "ops.mean(vectors, axis=1)", "ops.tanh(ops.mean(vectors, axis=1))",
            "The mean of the context is squashed. word2vec has no such function inside: it is linear up to the softmax."),
    *_of_either_layer(SKIP, SKIP_CALL, "ops.take(self.output_embeddings", 'ops.einsum("nu,nku->nk", h, u)'),
    Mistake(SKIP, "centers_from_output_table", "ops.take(self.input_embeddings", "ops.take(self.output_embeddings",
            "The centre words come with the vectors that they have as candidates. Each word has two vectors: which table "
            "is for which role?"),
    Mistake(SKIP, "first_word_for_all", 'ops.einsum("nu,nku->nk", h, u)', 'ops.einsum("nu,nku->nk", h, u[:, :1] + 0 * u)',
            "Every score of an example is that of its first word. Each word has one of its own."),
    Mistake(SKIP, "cosine_for_product", 'ops.einsum("nu,nku->nk", h, u)',
            'ops.einsum("nu,nku->nk", h / ops.norm(h, axis=-1, keepdims=True), u / ops.norm(u, axis=-1, keepdims=True))',
            "Your score is a cosine. The length of the vectors counts while they are learned."),
    # analogies
    Mistake(ANALOGY, "given_words_kept", "cosine[[a, b, c]] = -np.inf", "pass",
            "The given words are among your answers. The sought vector lies closest to what it was made from, so "
            "they are left out."),
    Mistake(ANALOGY, "only_c_excluded", "cosine[[a, b, c]] = -np.inf", "cosine[c] = -np.inf",
            "Only the third word is left out of the answers. The other two are given as well."),
    Mistake(ANALOGY, "only_a_and_b_excluded", "cosine[[a, b, c]] = -np.inf", "cosine[[a, b]] = -np.inf",
            "The third word is not left out of the answers, and the sought vector lies close to it."),
    Mistake(ANALOGY, "indices_shifted",
            "cosine[[a, b, c]] = -np.inf\n    return np.argsort(-cosine)[:k]",
            "cosine = np.delete(cosine, [a, b, c])\n    return np.argsort(-cosine)[:k]",
            "You cut the given words out of the list, so every word behind them has moved up and your indices point to "
            "its neighbours."),
    Mistake(ANALOGY, "rows_not_scaled", "W = W / np.linalg.norm(W, axis=1, keepdims=True)\n    sought = W[b] - W[a] + W[c]",
            "sought = W[b] - W[a] + W[c]\n    W = W / np.linalg.norm(W, axis=1, keepdims=True)",
            "You add vectors of different lengths and compare by the cosine only then. Long vectors have the last word: "
            "every row is scaled first."),
    Mistake(ANALOGY, "dot_product", "W = W / np.linalg.norm(W, axis=1, keepdims=True)", "W = 1.0 * W",
            "Words are ranked by a dot product of vectors as long as they come, so long vectors win. A cosine does not know "
            "lengths."),
    Mistake(ANALOGY, "a_and_b_swapped", "W[b] - W[a] + W[c]", "W[a] - W[b] + W[c]",
            "The relation is used backwards: you go from the second word to the first."),
    Mistake(ANALOGY, "everything_added", "W[b] - W[a] + W[c]", "W[b] + W[a] + W[c]",
            "All three words are added. The first one is what the second is to be freed of."),
    Mistake(ANALOGY, "c_and_a_swapped", "W[b] - W[a] + W[c]", "W[b] - W[c] + W[a]",
            "The first and the third word have changed places: you answer another question."),
    Mistake(ANALOGY, "neighbours_of_c", "W[b] - W[a] + W[c]", "W[c]",
            "Your answers are the neighbours of the third word. The other two have no effect."),
    Mistake(ANALOGY, "farthest_first", "np.argsort(-cosine)", "np.argsort(cosine)",
            "The least likely words come first, and the given ones before all. A sort begins with the smallest number."),
    Mistake(ANALOGY, "one_answer", "[:k]", "[:1]", "Only the best answer is returned. k of them are asked for."),
    Mistake(ANALOGY, "best_last", "[:k]", "[:k][::-1]",
            "The k best words are right and the best of them comes last."),
]  # fmt: skip
