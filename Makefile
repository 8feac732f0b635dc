# Everything that people and scripts run. `make demo` and `make test` set up what they need.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
# From the root, without it on the path: tests and the demo import `tests` and `solutions` from here.
export PYTHONPATH := $(CURDIR)
export TF_CPP_MIN_LOG_LEVEL := 3
export TF_ENABLE_ONEDNN_OPTS := 0
export CUDA_VISIBLE_DEVICES := -1

.PHONY: setup demo test test-full bench bench-quick bench-needs lab notebooks lint clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt pyproject.toml .ci/setup
	.ci/setup $(VENV)

demo: setup
	$(BIN)/python -m tests.classroom build/demo

# JOBS processes; each loads TensorFlow and takes up to 2 GB.
JOBS ?= 2
PYTEST := $(BIN)/pytest --numprocesses $(JOBS) --dist worksteal

test: setup
	$(PYTEST) -m "not full"

test-full: setup
	$(PYTEST)

# Needs PyTorch, gensim and Otter besides, to measure beside them: `.[bench]` in pyproject.toml.
bench: setup bench-needs
	$(BIN)/python -m tests.bench $(BENCH)

# A small class, in under five minutes.
bench-quick: setup bench-needs
	$(BIN)/python -m tests.bench --quick grading

bench-needs: setup
	$(BIN)/python -c "import gensim, otter, torch" 2>/dev/null || $(BIN)/pip install --quiet -e ".[bench]"

notebooks: setup
	$(BIN)/python -m autograder.build lessons

lab: notebooks
	$(BIN)/jupyter lab --notebook-dir=lessons/en

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf build $(VENV)
