# Two commands need nothing but Python 3.11 and pip: `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
TORCH := torch==2.13.0+cpu
TORCH_INDEX := https://download.pytorch.org/whl/cpu

.PHONY: install prove demo test check fast bench refusals-rate server-rows trainers docs notebook clean

# What a user on this machine needs, without a demonstration.
install: $(VENV)/.demo
	$(BIN)/python -m pip install -qq --editable ".[cpu,train]"
	$(BIN)/constitution doctor --mend

demo: $(VENV)/.demo
	$(BIN)/constitution demo

# What the method does to the small model, by code that no model sees: one seed, an hour and a half on two cores.
SEED ?= 0
prove: install
	$(BIN)/constitution prove --seed $(SEED) --out runs/proof

# What shares no engine and wants no core for itself runs side by side.
LIGHT := not engine and not train and not kill
SIDE_BY_SIDE := --numprocesses=auto --maxprocesses=4 --dist=loadscope

test: $(VENV)/.test
	$(BIN)/ruff format --check src tests benchmarks docs/render.py docs/run_notebook.py
	$(BIN)/ruff check src tests benchmarks docs/render.py docs/run_notebook.py
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "$(LIGHT)" --durations=15
	$(BIN)/python -m pytest -m "not ($(LIGHT))" --durations=15

# While working: no engine, no training, no kills.
fast: $(VENV)/.test
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "$(LIGHT) and not slow"

bench: $(VENV)/.test
	$(BIN)/python benchmarks/run_rate.py

# Ten minutes on one core: refusals tagged, against one regular expression.
refusals-rate: $(VENV)/.test
	$(BIN)/python benchmarks/refusals_rate.py

# Half an hour on two cores: 500 records in this process and through vLLM's server, compared row by row.
server-rows: $(VENV)/.test
	$(BIN)/python -m benchmarks.server_rows

# Other trainers read our exports with their own code, each in a venv of its own: 5 GB and twenty minutes at first.
trainers: $(VENV)/.test .trainers/torch/.ready
	$(BIN)/python -m tests.trainers

# Pages that are made from the code; a test compares them.
docs: $(VENV)/.test
	$(BIN)/python docs/render.py

# Starts a real engine; a test compares what does not depend on the machine.
notebook: $(VENV)/.test
	$(BIN)/python docs/run_notebook.py

# torch comes first and from PyTorch's CPU index where pip finds it nowhere else: otherwise the CUDA build comes along.
$(VENV)/.torch:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq "$(TORCH)" || $(BIN)/python -m pip install -qq "$(TORCH)" --extra-index-url $(TORCH_INDEX)
	touch $@

.trainers/torch/.ready:
	$(PYTHON) -m venv .trainers/torch
	.trainers/torch/bin/python -m pip install -qq "$(TORCH)" \
		|| .trainers/torch/bin/python -m pip install -qq "$(TORCH)" --extra-index-url $(TORCH_INDEX)
	touch $@

$(VENV)/.demo: $(VENV)/.torch pyproject.toml
	$(BIN)/python -m pip install -qq --editable ".[cpu]"
	$(BIN)/constitution doctor --mend
	touch $@

$(VENV)/.test: $(VENV)/.torch pyproject.toml
	$(BIN)/python -m pip install -qq --editable ".[cpu,train,dev]"
	$(BIN)/constitution doctor --mend
	touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) .trainers build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
