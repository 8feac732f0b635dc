# ---
# title:
#   en: "Counting: words as counts"
#   ja: "数える：単語を回数で表す"
# automatic_points: 40
# written_points: 10
# ---

# %% [markdown] tags=["lang:en"]
# # Counting: words as counts
#
# Before a network can read, words must become numbers. In this lesson you do it in the oldest way there is: you count.
# Which words stand in which documents, and which words stand beside which. Counting alone gets you far: in the end
# *boat* and *ship* will lie beside each other on a map, although no document ever uses both. What counting cannot do
# is the reason for the rest of the course.

# %% [markdown] tags=["lang:ja"]
# # 数える：単語を回数で表す

# %% tags=["setup"]
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras  # TensorFlow may print lines about CUDA below: they do no harm
import matplotlib.pyplot as plt
import numpy as np
from keras import ops

from autograder import check
from unrolled import corpora, counting, figures

figures.use_style()

# %% [markdown] tags=["lang:en"]
# ## 1. Why
#
# Number the words of a vocabulary: *boat* is 0, *ship* is 1, *sail* is 2, and so on. These numbers are names, no
# more. That 2 lies between 1 and 3 says nothing about *sail*, and to compute with such numbers would be to invent an
# order. So the first thing that is done to a word is to give it a **one-hot** code: a vector as long as the vocabulary,
# with a 1 at the word's place and 0 elsewhere. This is a *local* representation: one unit stands for one word (Hinton,
# McClelland and Rumelhart 1986).
#
# One-hot codes invent nothing. They also know nothing. The next cell compares ten words by the cosine of their codes (1:
# same direction, 0: nothing in common; you will build it below).

# %% tags=["demo"]
# Shows the cosines between the one-hot codes of ten words.
ten = ["boat", "ship", "sail", "car", "automobile", "engine", "violin", "fiddle", "song", "the"]
vocabulary = corpora.TOPIC_VOCABULARY
one_hot = np.eye(len(vocabulary))[[vocabulary.index(word) for word in ten]]  # (10, vocabulary)
counting.similarity_maps(
    {"one-hot codes": one_hot @ one_hot.T}, ten, "To one-hot codes, boat is as unlike ship as violin"
)

# %% [markdown] tags=["lang:en"]
# Every word is like itself and unlike all others, to the same degree. Whatever a program learns about *boat*, it must learn
# again about *ship*.
#
# Where could the likeness come from? From use. "You shall know a word by the company it keeps" (Firth 1957): words that
# stand in the same places mean similar things (Harris 1954). And company can be counted.
#
# ## 2. Derive
#
# | letter | what | shape |
# |---|---|---|
# | $n$ | number of documents | |
# | $v$ | number of words in the vocabulary | |
# | $N_{ij}$ | how often word $j$ stands in document $i$ | (documents, vocabulary) |
# | $\mathrm{df}_j$ | document frequency: in how many documents word $j$ stands | (vocabulary,) |
# | $\mathrm{idf}_j$ | inverse document frequency: the weight of word $j$ | (vocabulary,) |
# | $C_{ij}$ | how often word $i$ met context $j$ | (words, contexts) |
# | $p_{ij}$, $p_i$, $q_j$ | the shares of a pair, of a word, of a context | (words, contexts), (words,), (contexts,) |
# | $\alpha$ | the exponent of the contexts' counts, `power` in the code | |
# | $X$ | any matrix with one word in each row | (words, contexts) |
# | $U$, $\sigma$, $V$ | its singular value decomposition | below |
# | $k$ | the number of components that are kept | |
#
# There are two ways from words to vectors, and you build both.

# %% tags=["demo"]
# Shows what the functions of this lesson make of each other.
counting.pipeline()

# %% [markdown] tags=["lang:en"]
# ### Documents and words
#
# Take a document, throw away the order of its words and keep how often each occurs: a **bag of words**. One row for each
# document, one column for each word, and you have the *document-term matrix* $N$ (Salton, Wong and Yang 1975).
#
# In such a row *the* has the largest number and the least to say. How much does it tell you that a document has word $j$?
# If you draw a document at random, it has the word with probability $\mathrm{df}_j/n$. In information theory an event
# of probability $p$ carries the information $-\ln p$ (Shannon 1948), here $\ln(n/\mathrm{df}_j)$: nothing for a word that
# stands in every document, much for a rare one. Spärck Jones (1972) proposed such a weight; it is called the **inverse
# document frequency**. We use it as the library scikit-learn does by default:
#
# $$\mathrm{idf}_j = \ln\frac{1 + n}{1 + \mathrm{df}_j} + 1$$
#
# The two ones inside the fraction act like one more document that holds every word once, so that a word which no document
# holds is no division by zero. The 1 at the end keeps words that stand in all documents: they get the weight 1, not
# 0. The weight of word $j$ in document $i$ is then *tf-idf*, the term frequency $N_{ij}$ times the idf:
#
# $$w_{ij} = N_{ij}\, \mathrm{idf}_j \qquad\qquad \hat w_{ij} = \frac{w_{ij}}{|w_i|}, \qquad |w_i| = \sqrt{\textstyle\sum_j w_{ij}^2}$$
#
# The second step scales each row to length 1, so that a long document does not weigh more than a short one.
#
# A worked line. The first of six documents has the counts (3, 0, 1), and the third word stands in two of the six. Then
# $\mathrm{idf}_3 = \ln\frac{7}{3} + 1 = 1.8473$; the first word stands in all six, so $\mathrm{idf}_1 = \ln\frac77 + 1 =
# 1$. The row is (3, 0, 1.8473), its length $\sqrt{9 + 3.4125} = 3.5231$, and the result (.8515, 0, .5243).
#
# ### How alike are two vectors?
#
# For two vectors $a$ and $b$ with the angle $\theta$ between them, $a \cdot b = |a|\,|b| \cos\theta$. Solved for the cosine:
#
# $$\cos\theta = \frac{a \cdot b}{|a|\,|b|} = \frac{a}{|a|} \cdot \frac{b}{|b|}$$
#
# It is 1 for the same direction, whatever the lengths, 0 for vectors that have nothing in common, −1 for opposite ones. For
# vectors of length 1 it says the same as their distance: $|a - b|^2 = |a|^2 + |b|^2 - 2\,a \cdot b = 2 - 2\cos\theta$.
#
# ### Words and words
#
# A document is a coarse company. Count instead, for each word, which words stand at most two places away from it: $C_{ij}$
# is how often word $j$ was seen near word $i$. Here the words near are called **contexts**.
#
# Again frequent words spoil the picture: *the* is near everything. What counts is whether two words meet *more often than
# by chance*. Divide by the total: $p_{ij} = C_{ij} / \sum C$ is the share of all meetings that are of $i$ with $j$,
# $p_i = \sum_j p_{ij}$ the share of word $i$, and $q_j = \sum_i p_{ij}$ that of context $j$. If $i$ and $j$ had nothing to do
# with each other, they would meet with probability $p_i\, q_j$, which is what independence means. So look at the ratio, or
# better its logarithm, the **pointwise mutual information** (Church and Hanks 1990):
#
# $$\mathrm{PMI}_{ij} = \ln \frac{p_{ij}}{p_i\, q_j} \qquad\qquad \mathrm{PPMI}_{ij} = \max(\mathrm{PMI}_{ij},\, 0)$$
#
# Two words that meet as often as chance would have it get 0, those that seek each other more. Pairs that never met would get
# $\ln 0 = -\infty$, and those that met rarely get negative numbers which say little: with few words, most pairs of rare words
# have not met yet, without avoiding each other. So only the **positive** PMI is kept, and a pair with $C_{ij} = 0$ gets 0.
#
# PMI has a weakness of its own: rare contexts. If a context occurs once in the whole text, the one word beside it gets a huge
# value. Levy, Goldberg and Dagan (2015) make rare contexts look less rare, by a power $\alpha$ below 1:
#
# $$q_j = \frac{c_j^{\,\alpha}}{\sum_m c_m^{\,\alpha}}, \qquad c_j = \sum_i C_{ij}$$
#
# With $\alpha = 1$ this is the old $q_j$. Take $\alpha = \frac12$ and column sums 1, 9 and 90: the shares .01, .09, .90 become
# $1, 3, 9.487$ divided by $13.487$, that is .074, .222, .703. The rare context counts seven times more than before, so
# meeting it counts for less.
#
# ### Short vectors
#
# A row of the PPMI is a vector for a word, as long as the vocabulary. It can be made short. Every matrix has a **singular
# value decomposition**
#
# $$X = U\, \mathrm{diag}(\sigma)\, V^\top = \sum_c \sigma_c\, u_c v_c^\top$$
#
# where the columns $u_c$ of $U$ have length 1 and are at right angles to each other ($U^\top U = I$, the identity), likewise
# the columns $v_c$ of $V$, and the *singular values* $\sigma_1 \ge \sigma_2 \ge \dots \ge 0$ say how much each term of the
# sum adds. Keep the first $k$ terms: no other matrix of that rank comes closer to $X$ in the sum of squared differences
# (Eckart and Young 1936). The vectors of the words are the rows of
#
# $$E = U_k\, \mathrm{diag}(\sigma_1, \dots, \sigma_k)$$
#
# with $U_k$ the first $k$ columns of $U$. Why times $\sigma$? Because then dot products between words are kept. With all
# components, $E E^\top = U \mathrm{diag}(\sigma) V^\top V \mathrm{diag}(\sigma) U^\top = X X^\top$, since $V^\top V = I$; with
# $k$ of them, as well as $k$ numbers per word can. Counts go in, and *distributed* representations come out: each word is
# spread over all $k$ numbers, and each number serves all words. Done to a document-term matrix, this is *latent semantic
# analysis* (Deerwester and others 1990).
#
# One thing is free: if you change the sign of $u_c$ and of $v_c$ at once, $\sigma_c u_c v_c^\top$ stays the same. Which sign a
# library gives is chance, and two computers may disagree. So we state a rule: *in each column of $E$ the entry that is
# largest in size is positive.*
#
# ### And the backward pass?
#
# There is none in this lesson. Nothing here is trained: all these numbers come from counting and from formulas without a
# weight that could be improved. From lesson 02 on, every function will have its gradient.
#
# ## 3. Build by hand
#
# Rules for every function of this section:
#
# * **All is in the arguments.** What a function needs is given to it, and all it gives is what it returns.
# * **Arguments stay as they are.** Never write into an array that you were given.
# * **No division by zero.** Where a rule below says 0, NaN and infinity are wrong.
# * **NumPy does it.** Ready-made functions of other libraries for these tasks are locked, one-hot codes made by Keras among them. (A singular
#   value decomposition is not the task: NumPy's or SciPy's will do.)
#
# Below each answer a cell checks it. The number that it gives back is your points.
#
# ### Exercise 1: a bag of words
#
# A word is its index, an integer from 0. A collection of documents is an array of integers, one document in each row. Short
# documents are filled up with −1 at their end, because an array has rows of equal length:
#
# ```
# the boat and the sail    →   [[72,  0, 74, 72,  2],
# a ship                         [75,  1, -1, -1, -1]]
# ```
#
# `bag_of_words(documents, vocabulary)` takes such an array `documents` (documents, length) and the number of words in the
# vocabulary. It returns the document-term matrix (documents, vocabulary), whose entry $(i, j)$ says how often word $j$ stands in
# document $i$. The rules:
#
# * A word that stands three times counts 3.
# * −1 is no word. (Mind that NumPy takes the index −1 for the last column. That column belongs to a word, which may stand in any document.)
# * 0 is a word.
# * There is a column for every word of the vocabulary, also for those that occur in no document.
# * A document without words, all −1, has a row of zeros.
#
# Loops are fine. What helps: `np.add.at(table, (rows, columns), 1)` adds 1 at each named place as often as it is named;
# `np.bincount(row, minlength=…)` counts the numbers from 0 in one row; a comparison such as `documents >= 0` gives a mask
# of what is a word, and `np.nonzero(mask)` the row numbers and the places where the mask is true (a place is not yet a word: the
# word is `documents[row, place]`).

# %% tags=["exercise:counting.bag_of_words"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 2: tf-idf
#
# `tf_idf(counts)` takes a document-term matrix (documents, vocabulary) and returns the weights $\hat w$ in the same shape.
# The three steps of the derivation: the idf of every word, with the natural logarithm (`np.log`); counts times idf; each row
# divided by its length.
#
# * $n$ is the number of all rows, those without words included.
# * $\mathrm{df}_j$ counts *documents*, not occurrences: a document that has the word seven times counts once.
# * $\mathrm{df}_j = 0$ is possible and no special case: the formula takes care.
# * A document without words has length 0. Its row stays a row of zeros.
#
# What helps: `keepdims=True` in a sum keeps the axis, so that (documents, 1) can divide (documents, vocabulary);
# `np.where(condition, a, b)` takes from `a` where the condition holds and from `b` elsewhere, and can give a harmless
# divisor to rows that are zero anyway.

# %% tags=["exercise:counting.tf_idf"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 3: sparsity
#
# `sparsity(X)` takes any matrix and returns one number: the share of its entries that are zero, from 0 to 1. Exactly zero is
# meant. Negative numbers, fractions, and numbers as small as $10^{-12}$ are not zero. The mean of a mask is the share of
# what is true in it.

# %% tags=["exercise:counting.sparsity"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 4: cosines
#
# `cosine_similarity(A, B)` compares every row of `A` (first, features) with every row of `B` (second, features) and returns the
# cosines (first, second): entry $(i, j)$ belongs to row $i$ of `A` and row $j$ of `B`. A row of zeros has no direction; its
# cosine with every row is 0, also with another row of zeros. Only a row whose entries are all exactly zero is one: rows may be tiny,
# with lengths of $10^{-6}$ or so, and have a direction like any other. So do not add a small number to what you divide by: beside such
# a row it is not small. `np.linalg.norm(A, axis=1, keepdims=True)` gives the length of each row, and one matrix product compares all
# rows with all.

# %% tags=["exercise:counting.cosine_similarity"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 5: positive pointwise mutual information
#
# `ppmi(counts, power=1.0)` takes the matrix $C$ of how often words met contexts, (words, contexts), and the exponent $\alpha$.
# It returns the PPMI in the same shape, in nats (natural logarithm).
#
# * The matrix need not be square, and need not be symmetric: rows are words, columns contexts.
# * The power belongs to the contexts alone. $p_i$ and $p_{ij}$ know nothing of it.
# * The raised column sums are divided by *their own* sum, so that the $q_j$ add up to 1.
# * Where $C_{ij} = 0$ the result is 0. A word or a context that never met anything has a row or column of zeros: there the
#   fraction is 0/0, and the rule says 0 as well.
#
# Where NumPy divides 0 by 0 or takes the logarithm of 0, it warns and goes on with NaN or −∞. You can avoid it:
# `np.divide(a, b, out=start, where=mask)` divides only where the mask is true and leaves elsewhere what `start` held. (Think about which
# start has the right logarithm.) Or let it happen inside `with np.errstate(divide="ignore", invalid="ignore"):` and put
# the zeros in afterwards. `np.maximum(a, b)` takes the larger of two, entry by entry.

# %% tags=["exercise:counting.ppmi"]

# %% [markdown] tags=["lang:en"]
# ### Exercise 6: short vectors
#
# `svd_embedding(X, k)` takes a matrix with one word in each row, (words, contexts), and the number of components. It returns $E$,
# (words, k): the first $k$ columns of $U$, each times its singular value, the largest singular value first, with the signs by
# the rule above: in each column the entry that is largest in size is positive. A column that comes out the other way round
# is multiplied by −1 as a whole. `X` is decomposed as it is: no mean is taken away, no row is scaled.
#
# `np.linalg.svd(X, full_matrices=False)` returns three arrays: $U$ (words, m), the singular values (m,) from largest to
# smallest, and $V^\top$ (m, contexts), where m is the smaller side of `X`. `np.argmax(table, axis=0)` finds the row of the
# largest entry in each column; `np.abs` and `np.sign` do what their names say.

# %% tags=["exercise:counting.svd_embedding"]

# %% [markdown] tags=["lang:en"]
# ### Does it agree with what is published?
#
# The user guide of scikit-learn prints the tf-idf of six documents with three words, as its `TfidfTransformer` computes it
# (`TfidfVectorizer` is the same after splitting texts into words). Jurafsky and Martin (*Speech and Language Processing*, third edition
# draft, chapter on vector semantics) print a table of counts and its PPMI, in bits: a bit is $\ln 2$ nats. Both stand beside yours below.

# %% tags=["demo"]
# Shows your tf-idf and PPMI beside published ones.
six = np.array([[3, 0, 1], [2, 0, 0], [3, 0, 0], [4, 0, 0], [3, 2, 0], [3, 0, 2]], float)
GUIDE = np.array(
    [
        [0.85151335, 0, 0.52433293],
        [1, 0, 0],
        [1, 0, 0],
        [1, 0, 0],
        [0.55422893, 0.83236428, 0],
        [0.63035731, 0, 0.77630514],
    ]
)
print("tf-idf            yours                        scikit-learn's guide")
for mine, theirs in zip(tf_idf(six), GUIDE, strict=True):
    print("        ", mine.round(8), theirs)
print(f"largest difference: {abs(tf_idf(six) - GUIDE).max():.0e} (they are printed with eight digits)")

met = np.array([[2, 8, 9, 442, 25], [0, 0, 1, 60, 19], [1670, 1683, 85, 5, 4], [3325, 3982, 378, 5, 13]], float)
BOOK = np.array([[0, 0, 0, 4.38, 3.30], [0, 0, 0, 4.10, 5.51], [0.18, 0.01, 0, 0, 0], [0.02, 0.09, 0.28, 0, 0]])
print("\nPPMI in bits  computer    data  result     pie   sugar")
for word, mine, theirs in zip(
    ("cherry", "strawberry", "digital", "information"), ppmi(met) / np.log(2), BOOK, strict=True
):
    print(f"{word:12s}", *(f"{a:7.2f}" for a in mine), "   printed:", *(f"{b:5.2f}" for b in theirs))

# %% [markdown] tags=["lang:en"]
# ## 4. Build in Keras
#
# Elsewhere in the course this section asks you for a layer. Not here: a layer is worth building where something is trained,
# and counting has no weights and no gradient. Keras has a ready-made layer for the preparation of text,
# `keras.layers.TextVectorization`, which splits, looks up and counts. The next cell puts it beside your functions. It also
# writes the bag of words in one line of `keras.ops`, which shows what a bag of words *is*: the sum of the one-hot codes of
# its words.

# %% tags=["demo"]
# Shows your bag of words beside Keras' TextVectorization and beside a sum of one-hot codes, and two formulas for the idf.
texts, topics = corpora.topic_documents(400, seed=1)
documents = corpora.padded_ids(texts, vocabulary)  # (400, length)
counts = bag_of_words(documents, len(vocabulary))
lines = [" ".join(text) for text in texts]

layer = keras.layers.TextVectorization(standardize=None, output_mode="count", vocabulary=list(vocabulary))
by_keras = ops.convert_to_numpy(layer(lines))[:, 1:]  # the first column counts unknown words
as_sum = ops.convert_to_numpy(ops.sum(ops.one_hot(documents, len(vocabulary)), axis=1))  # -1 has a code of zeros
print("equal to TextVectorization:", np.array_equal(by_keras, counts))
print("equal to a sum of one-hot codes:", np.array_equal(as_sum, counts))

weigher = keras.layers.TextVectorization(standardize=None, output_mode="tf_idf")
weigher.adapt(lines)
order = [vocabulary.index(word) for word in weigher.get_vocabulary()[1:]]
by_keras = ops.convert_to_numpy(weigher(lines))[:, 1:]
n, df = len(counts), (counts > 0).sum(axis=0)
keras_idf = np.log(1 + n / (1 + df))
print(
    f"\nKeras' tf-idf is counts · ln(1 + n / (1 + df)), up to {abs(by_keras - (counts * keras_idf)[:, order]).max():.0e}"
)
print("\nidf of      df   scikit-learn   Keras")
for word in ("the", "boat", "rope"):
    j = vocabulary.index(word)
    print(f"{word:6s} {df[j]:8d} {np.log((1 + n) / (1 + df[j])) + 1:12.3f} {keras_idf[j]:10.3f}")

# %% [markdown] tags=["lang:en"]
# The counts agree to the last one. The tf-idf does not: Keras uses another formula for the idf, and does not scale the rows.
# Neither is wrong. "tf-idf" is a family: Spärck Jones (1972) had a logarithm to base 2 and rounded it, Salton and Buckley (1988) compare
# many variants, and most textbooks print $\ln(n/\mathrm{df})$. When you compare numbers with somebody else's, ask which formula they used.
#
# ## 5. Run it
#
# ### What a document-term matrix looks like
#
# The documents of this lesson are made by a small program: 400 of them, each about one of six topics, 10 to 24 words long. Not quite
# half of the words are function words (*the*, *of*, *and*), some stray in from other topics, and the rest are the topic's own, with
# frequencies that fall like 1, ½, ⅓, … Each topic has a pair of synonyms (*boat* and *ship*, *car* and *automobile*, …), and
# a document that uses one never uses the other.

# %% tags=["demo"]
# Shows the document-term matrix of 400 documents, as counts and as tf-idf.
weights = tf_idf(counts)
groups = [topic for topic, words in corpora.TOPICS.items() for _ in words] + ["function"] * len(corpora.FUNCTION_WORDS)
by_topic = np.argsort([list(corpora.TOPICS).index(topic) for topic in topics], kind="stable")
print(
    f"{counts.shape[0]} documents, {counts.shape[1]} words, {counts.sum():.0f} words counted, sparsity {sparsity(counts):.3f}"
)
function_words = np.array(groups) == "function"
for name, matrix in (("counts", counts), ("tf-idf", weights)):
    print(
        f"share of function words in {name}: {(matrix[:, function_words] ** 2).sum() / (matrix**2).sum():.2f} of the squares"
    )
counting.document_terms(
    {"counts": counts[by_topic], "tf-idf, rows of length 1": weights[by_topic]},
    [topics[i] for i in by_topic],
    groups,
    "Topics are blocks; tf-idf lets function words fade",
)

# %% [markdown] tags=["lang:en"]
# White is zero, and most is white. The rows are sorted by topic for the eye; the matrix itself knows nothing of topics.
#
# ### Search
#
# With cosines between rows you can search: a query is a short document. Ask for *boat*.

# %% tags=["demo"]
# Shows a search for "boat": cosines of tf-idf rows, for documents that say boat, and for those on the sea that say ship.
says = {word: counts[:, vocabulary.index(word)] > 0 for word in ("boat", "ship")}
on_sea = np.array(topics) == "sea"
query = np.zeros((1, len(vocabulary)))
query[0, vocabulary.index("boat")] = 1
cosine = cosine_similarity(query, weights)[0]
print("documents                              number   mean cosine   largest")
for name, chosen in (
    ("on the sea, with the word boat", on_sea & says["boat"]),
    ("on the sea, with the word ship", on_sea & says["ship"]),
    ("on something else, with boat", ~on_sea & says["boat"]),
    ("on something else, without boat", ~on_sea & ~says["boat"]),
):
    print(f"{name:38s} {chosen.sum():6d} {cosine[chosen].mean():13.3f} {cosine[chosen].max():9.3f}")

# %% [markdown] tags=["lang:en"]
# A document about ships is, for this search, as far from *boat* as one about bread. It had to be: in the document-term matrix each word
# has a column of its own, so columns are one-hot codes once more. We come back to this query with better vectors.
#
# ### Sparsity against the size of the vocabulary
#
# Real vocabularies are larger than 90 words. The next cell makes 10,000 short documents of up to 60 words, drawn from a vocabulary of
# 100,000 in which the $r$-th most frequent word has a frequency in proportion to $1/r$ (Zipf 1949). Then it keeps only the most
# frequent 100, 300, … words and measures how full the matrix is. Kept whole, as a NumPy array, the largest would need 8 GB. So it is stored as
# what it is: a list of the entries that are not zero. SciPy has several such formats. In **CSR** (compressed sparse row) there are
# three arrays: `data`, the entries row by row; `indices`, the column of each; and `indptr`, where in the other two each row begins.
# Your own functions are tried on the first 100 documents.

# %% tags=["demo"]
# Shows sparsity against vocabulary size for 10,000 short documents, and the memory of dense and sparse storage.
from scipy import sparse

long_tail = corpora.zipf_documents(10_000, 100_000, longest=60, seed=1)  # (10,000, 60), filled up with -1
rows, places = np.nonzero(long_tail >= 0)
ones = np.ones(len(rows))
matrix = sparse.csr_array((ones, (rows, long_tail[rows, places])), shape=(10_000, 100_000))  # repeats add up
print(f"{len(rows):,} words in all, {len(np.unique(long_tail[rows, places])):,} different ones occur\n")

sizes, full = [100, 300, 1_000, 3_000, 10_000, 30_000, 100_000], []
print("vocabulary   zeros (%)   NumPy array (MB)   CSR (MB)")
for size in sizes:
    kept = matrix[:, :size].tocsr()
    full.append(kept.nnz / (10_000 * size))
    stored = (kept.data.nbytes + kept.indices.nbytes + kept.indptr.nbytes) / 1e6
    print(f"{size:10,d} {100 * (1 - full[-1]):11.3f} {8 * 10_000 * size / 1e6:18,.0f} {stored:10.1f}")

few = bag_of_words(long_tail[:100], 100_000)  # 80 MB
same = np.array_equal(few, matrix[:100].toarray())
print(
    f"\nyour bag_of_words on the first 100 documents agrees: {same}; your sparsity of them: {100 * sparsity(few):.3f} %"
)
counting.density(
    sizes,
    np.array(full),
    np.minimum(1, 60 / np.array(sizes)),
    "Ten times more words, six to eight times emptier",
)

# %% [markdown] tags=["lang:en"]
# At 100,000 words more than 99.9 % of the matrix is zero. It could not be otherwise: a document of at most 60 words fills at most 60 of
# 100,000 columns, so at least 99.94 % of its row is zero, whatever the language (the dashed line). A sparse format stores about
# 16 bytes per entry that is there, instead of 8 per entry that might be.
#
# ### The matrix as `scipy.sparse`
#
# A small one to look at, and what can be done with it. A product with a sparse matrix touches only what is stored.

# %% tags=["demo"]
# Shows the three arrays of a small CSR matrix, and cosines of 10,000 documents computed without a dense matrix.
small = sparse.csr_array(bag_of_words(np.array([[0, 3, 3], [-1, -1, -1], [2, 0, -1]]), 5))
print(small.toarray().astype(int))
print("data   ", small.data.astype(int), "the entries, row by row")
print("indices", small.indices, "the column of each")
print("indptr ", small.indptr, "row i is data[indptr[i] : indptr[i + 1]]; row 1 is empty")

lengths = np.sqrt((matrix.multiply(matrix)).sum(axis=1))
first = matrix[[0]].toarray()[0]
by_sparse = matrix @ first / (lengths * lengths[0])  # (10,000,)
print(
    f"\nlargest difference to your cosines, 100 documents: {abs(by_sparse[:100] - cosine_similarity(few[:1], few)[0]).max():.0e}"
)

# %% [markdown] tags=["lang:en"]
# ### From neighbours to vectors
#
# Now the second way. Count which words stand at most two places apart, take the PPMI, decompose it, and keep six components. How good are
# the vectors? For each of the 72 topic words, look up the word whose vector has the largest cosine with it, and see whether it
# belongs to the same topic. And look at the six pairs of synonyms, whose members never share a document.


# %% tags=["demo"]
# Shows how often a word's nearest neighbour is of its own topic, and the cosine of synonyms, for several kinds of vectors.
def neighbours(documents, vocabulary, window):
    """Count how often each word stands at most `window` places from each other word. Shape (vocabulary, vocabulary)."""
    met = np.zeros((vocabulary, vocabulary))
    for distance in range(1, window + 1):
        left, right = documents[:, :-distance], documents[:, distance:]
        both = (left >= 0) & (right >= 0)
        np.add.at(met, (left[both], right[both]), 1)
        np.add.at(met, (right[both], left[both]), 1)
    return met


met = neighbours(documents, len(vocabulary), window=2)
information = ppmi(met)
PAIRS = [(vocabulary.index(a), vocabulary.index(b)) for a, b in corpora.SYNONYMS]
print(
    f"synonyms met each other {sum(met[a, b] for a, b in PAIRS):.0f} times; sparsity of the counts {sparsity(met):.2f}, of the PPMI {sparsity(information):.2f}\n"
)


def judge(vectors):
    """(topic words whose nearest word is of their topic, mean cosine of synonyms, of other pairs of one topic, of two topics)"""
    cosines = cosine_similarity(vectors, vectors)
    topical = np.array(groups[:72])
    same = topical[:, np.newaxis] == topical
    pairs = np.zeros((72, 72), bool)
    pairs[tuple(np.transpose(PAIRS))] = pairs[tuple(np.transpose(PAIRS)[::-1])] = True
    own = same & ~pairs & ~np.eye(72, dtype=bool)
    block = cosines[:72, :72]
    nearest = (cosines - 3 * np.eye(len(cosines)))[:72].argmax(axis=1)
    hits = sum(groups[word] == groups[near] for word, near in enumerate(nearest))
    return hits, block[pairs].mean(), block[own].mean(), block[~same].mean()


print("vectors                     numbers   own topic   cosine of       of the      of two")
print("                           per word   (of 72)     synonyms    same topic     topics")
for name, vectors in (
    ("one-hot codes", np.eye(len(vocabulary))),
    ("columns of tf-idf", weights.T),
    ("counts of neighbours", met),
    ("counts, 6 components", svd_embedding(met, 6)),
    ("PPMI", information),
    ("PPMI, 2 components", svd_embedding(information, 2)),
    ("PPMI, 6 components", svd_embedding(information, 6)),
    ("PPMI, power .75, 6", svd_embedding(ppmi(met, 0.75), 6)),
):
    hits, *cosines = judge(vectors)
    print(f"{name:24s} {vectors.shape[1]:9d} {hits:10d} {cosines[0]:13.2f} {cosines[1]:12.2f} {cosines[2]:11.2f}")

# %% [markdown] tags=["lang:en"]
# Line by line:
#
# * **One-hot codes** know nothing. All cosines are 0, the first word of the list wins every tie, and 12 of the 72 are on its topic.
# * **Columns of tf-idf** know the topics: words of one topic share documents. Synonyms do not, so theirs is 0.
# * **Counts of neighbours** make everything look alike, .63 even between words of two topics, because all words have *the* and *of*
#   beside them.
# * **PPMI** brings that down to .13. But with so few documents its rows are full of chance: synonyms only reach .61.
# * **Six components** keep what many words share and drop what is peculiar to one row, which is mostly chance. Synonyms have .98 now, and
#   words of one topic .95. One of the 72 has its nearest neighbour elsewhere.
# * **Two components** are too few for six topics: 45 of 72.
# * **A power of .75** changes little here. In a vocabulary of 90 words no context is really rare.
#
# (One collection, one seed. And note that we knew there are six topics; in real text nobody does. Deerwester and others kept about a hundred
# components.)

# %% tags=["demo"]
# Shows the vectors of the topic words, six numbers each, on the plane on which they differ most.
vectors = svd_embedding(information, 6)
lengths = np.linalg.norm(vectors, axis=1)
print(f"mean length of a vector: topic words {lengths[:72].mean():.2f}, function words {lengths[72:].mean():.2f}")
counting.word_plane(
    vectors[:72],
    vocabulary[:72],
    groups[:72],
    corpora.SYNONYMS,
    "Synonyms lie side by side, and so do the words of a topic",
)

# %% [markdown] tags=["lang:en"]
# Nobody told the computer what the topics are, and no document ever had both words of a pair. What they share is their company. (A plane
# shows two directions out of six, less than half of the variance, so two topics that lie apart in six dimensions may meet here, as *sea* and
# *market* nearly do. The one garden word among the market is *bee*, the one miss of the table.) Function words have short vectors, as the printed lengths say: they stand beside everything, no more often than by
# chance, so there is little that PPMI could say about them.
#
# Here are the ten words of section 1 again.

# %% tags=["demo"]
# Shows local beside distributed representation: the cosines of the ten words of section 1.
where = [vocabulary.index(word) for word in ten]
counting.similarity_maps(
    {
        "local: one-hot codes, 90 numbers": cosine_similarity(one_hot, one_hot),
        "distributed: 6 numbers": cosine_similarity(vectors[where], vectors[where]),
    },
    ten,
    "Six numbers that say what ninety could not",
)

# %% [markdown] tags=["lang:en"]
# In a local representation each word has a unit of its own. In a distributed one each word is a pattern over all units, and words that are
# alike have patterns that are alike (Hinton, McClelland and Rumelhart 1986). That *the* seems to resemble everything, with cosines of .36 to .76, is the
# price of the cosine: it compares directions and does not see that the vector of *the* is short.
#
# Now search for *boat* again. A document becomes the sum of its words' vectors, each times its tf-idf weight.

# %% tags=["demo"]
# Shows the search for "boat" again: documents as weighted sums of their words' vectors.
document_vectors = weights @ vectors  # (400, 6)
better = cosine_similarity(vectors[[vocabulary.index("boat")]], document_vectors)[0]
print("documents                              number   mean cosine: tf-idf   word vectors")
for name, chosen in (
    ("on the sea, with the word boat", on_sea & says["boat"]),
    ("on the sea, with the word ship", on_sea & says["ship"]),
    ("on something else, with boat", ~on_sea & says["boat"]),
    ("on something else, without boat", ~on_sea & ~says["boat"]),
):
    print(f"{name:38s} {chosen.sum():6d} {cosine[chosen].mean():21.3f} {better[chosen].mean():14.3f}")
for name, scores in (("tf-idf", cosine), ("word vectors", better)):
    best = np.argsort(-scores, kind="stable")[: on_sea.sum()]
    print(f"of the {on_sea.sum()} best by {name:13s} {on_sea[best].sum():3d} are on the sea")

# %% [markdown] tags=["lang:en"]
# A document about ships now has .93, almost as much as one about boats (.94), and 59 of the 60 best are on the sea; there are no more than 60. (A list by tf-idf is
# as long as its cosines are above 0: the 46 documents that say *boat*, 16 of them on the sea. The other 14 of the printed 60 have the cosine 0 and stand there
# by their number; two of them are on the sea.) There is a price. Documents on something
# else, which were at 0, are at .34: few numbers per word make everything a little alike.
#
# ### How many components?
#
# Move the slider, if you have one.


# %% tags=["demo"]
# Shows the cosines between all words for few and for many components (a slider where there can be one).
def cosines_of(k):
    """The cosines between all words, with k components."""
    short = svd_embedding(information, k)
    return cosine_similarity(short, short)


counting.components(cosines_of, groups, shown=(2, 6, len(vocabulary)))

# %% [markdown] tags=["lang:en"]
# With 2 components whole topics fall together. With 6, one for each topic of this collection, the blocks stand out. With all 90 nothing is left out, and
# the cosines are those of the PPMI itself: blocks that are pale, since much of what stands in a row is chance.
#
# ## 6. What goes wrong
#
# Some mistakes are in the code, and some in what counting can know. The next cell shows, on collections small enough to check by eye:
#
# * **repeats lost**: `counts[rows, words] += 1` writes once to each place, however often it is named;
# * **the filling counted**: as an index, −1 is the last column;
# * **a division by zero** where a document has no words: one NaN, and every mean and product that it meets becomes NaN;
# * **order lost**: a bag has no order, so two opposite sentences are the same;
# * **a rare pair**: PMI is largest where the least is known;
# * **signs**: to change the sign of a whole column changes no cosine, to change the signs of single rows destroys them;
# * **frequency**: the SVD of raw counts.

# %% tags=["demo"]
# Shows what usual mistakes do to small collections.
tiny = np.array([[0, 1, 0, 0], [2, 1, -1, -1], [-1, -1, -1, -1]])
right = bag_of_words(tiny, 4)
lost, padded = np.zeros((3, 4)), np.zeros((3, 4))
rows, places = np.nonzero(tiny >= 0)
lost[rows, tiny[rows, places]] += 1
for row, words in zip(padded, tiny, strict=True):
    np.add.at(row, words, 1)
print("right:          ", *right.astype(int).tolist())
print("counts[…] += 1: ", *lost.astype(int).tolist(), " word 0 stood three times in document 0")
print("-1 as an index: ", *padded.astype(int).tolist(), " the last word never occurred")
with np.errstate(invalid="ignore"):
    print("no guard:       ", (right[2] / np.linalg.norm(right[2])).tolist(), " document 2 has no words")
print(
    "\ncosine of “dog bites man” and “man bites dog”:",
    cosine_similarity(bag_of_words(np.array([[0, 1, 2]]), 3), bag_of_words(np.array([[2, 1, 0]]), 3))[0, 0].round(12),
)

rare = np.array([[1, 0, 0], [0, 500, 400], [0, 400, 600]], float)
print(
    "\nword 0 met context 0 once in",
    int(rare.sum()),
    "times:  PPMI",
    ppmi(rare)[0, 0].round(2),
    "  with power .75:",
    ppmi(rare, 0.75)[0, 0].round(2),
)
print("words 1 and 1 met 500 times:        PPMI", ppmi(rare)[1, 1].round(2))

flipped = -np.linalg.svd(information, full_matrices=False)[0] * np.linalg.svd(information, full_matrices=False)[1]
both = svd_embedding(information, 6)
print(
    "\nsame vectors, other signs: cosines",
    np.allclose(cosine_similarity(flipped[:, :6], flipped[:, :6]), cosine_similarity(both, both)),
)
mixed = both * np.where(np.arange(len(both)) % 2, -1, 1)[:, np.newaxis]
print(
    "half of the words negated, as with a sign per row: cosine of two words in different halves",
    np.round(cosine_similarity(mixed[:1], mixed[1:2])[0, 0], 2),
)
first = svd_embedding(met, 1)[:, 0]
print(
    f"\nfirst component of the raw counts and the number of each word's meetings: correlation {np.corrcoef(first, met.sum(axis=1))[0, 1]:.2f}"
)
first = both[:, 0]
print(
    f"first component of the PPMI and the number of each word's meetings:       correlation {np.corrcoef(first, met.sum(axis=1))[0, 1]:.2f}"
)

# %% [markdown] tags=["lang:en"]
# The word that met its context once in 1,901 meetings has a PPMI of 7.55, the two that met 500 times .16; a power of .75 takes the former down to 5.84, not
# more. In practice words that occur less than a few times are left out before anything is counted.
#
# What you will meet in print: "tf-idf" without a formula (section 4 has two that differ by a quarter to a third), "the SVD finds
# the meaning" (it finds whatever is large in the table that it is given: without PPMI, the first component is little else than how frequent a word is,
# as the last lines show; with it, the most frequent words, which are function words, have the smaller entries), and cosines that are called distances.
#
# And what no care mends: each word has *one* vector, wherever it stands, and a sum of vectors knows no order. *Dog bites man* and *man bites dog*
# are equal. The vectors are also made in one go from the whole table: a new word means a new table and a new decomposition, and the table grows with
# the square of the vocabulary. Lesson 02 learns vectors word by word instead, by prediction. Order has to wait for lesson 04.
#
# ## 7. Think
#
# Answer in your own words, in about 150 to 300 words.

# %% [markdown] tags=["lang:en", "question:counting.think"]
# 1. In this lesson *boat* and *ship* never share a document. Explain why their columns in the document-term matrix have the cosine 0, why
#    tf-idf does not change that, and what evidence brings their vectors together after PPMI and SVD.
# 2. A colleague doubles the vocabulary from 100,000 to 200,000 words, with the same documents. What happens to the share of zeros, what to the
#    memory of a NumPy array, what to that of a sparse one, and why?
# 3. Give two short sentences that mean different things and have the same bag of words. Which of the steps of this lesson (tf-idf, PPMI with
#    a window, SVD) could tell these two *sentences* apart, if each sentence is represented by the sum of its words' vectors? Say why.
