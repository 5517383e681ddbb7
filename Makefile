# todserve: `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

CHECKPOINT ?= checkpoints/multiwoz
CONFIG ?= multiwoz
ARGS ?=
MINUTES ?= 5

BIN := .venv/bin
# Stamps: what is installed already is not installed again.
RUNTIME := .venv/.runtime.stamp
RAY := .venv/.ray.stamp
TRAIN := .venv/.train.stamp
DEV := .venv/.dev.stamp
BENCH := .venv/.bench.stamp
# The pins of rasa-sdk and of kserve contradict ours, so each has a place of its own.
RASA := .venv-rasa/.stamp
KSERVE := .venv-kserve/.stamp
ARCHIVE := archive/store/tod.mar
# Tests without a TorchServe share the cores; the others have several processes each and are left
# alone. Whoever names tests or markers in ARGS gets one run of just these.
JOBS ?= 2
SOME_TESTS := $(findstring tests/,$(ARGS))$(findstring -m,$(ARGS))$(findstring -k,$(ARGS))
# Everything that travels inside the archive or shapes it.
PACKED := $(wildcard $(CHECKPOINT)/* $(CHECKPOINT)/fidelity/*/* handlers/*.py model_defs/*.py archive/*.* \
	todserve/fidelity/*.py) $(shell find todserve/runtime -name '*.py' -o -name '*.json')

# An archive of another checkpoint is as good as none.
PACKED_FROM := .venv/.packed-from
ifneq ($(CHECKPOINT),$(shell cat $(PACKED_FROM) 2>/dev/null))
.PHONY: $(ARCHIVE)
endif

.PHONY: help setup demo studio ray kserve test fuzz check fix start stop bench train evaluate archive wheel clean

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  CHECKPOINT=$(CHECKPOINT)   what demo, archive and evaluate take"
	@echo "  CONFIG=$(CONFIG)   what train takes"
	@echo "  MINUTES=$(MINUTES)   how long fuzz goes on"
	@echo "  ARGS=\"...\"   passed on to studio, ray, kserve, test, bench, train and evaluate, e.g. make test ARGS='-m \"not e2e\"'"

setup: $(DEV) ## make .venv and install everything, tests and checks included

demo: $(ARCHIVE) ## install, pack, start TorchServe and hold a dialogue with it
	@scripts/demo.sh

studio: $(ARCHIVE) ## the same in a browser: talk, see why it answers so, correct it
	@scripts/studio.sh $(ARGS)

ray: $(RAY) $(ARCHIVE) ## the same model by Ray Serve: replicas by the length of the queue
	@$(BIN)/tod serve ray $(ARGS)

kserve: $(KSERVE) $(ARCHIVE) ## the same by KServe's own server: Open Inference Protocol, REST and gRPC
	@.venv-kserve/bin/python -m todserve serve kserve $(ARCHIVE) $(ARGS)

test: $(DEV) $(RASA) $(KSERVE) ## run every test, a real TorchServe among them
	@if [ -z '$(SOME_TESTS)' ]; then \
	  $(BIN)/python -m pytest -m 'not e2e' -n $(JOBS) --dist loadfile $(ARGS) && \
	  $(BIN)/python -m pytest -m e2e $(ARGS); \
	else $(BIN)/python -m pytest $(ARGS); fi

fuzz: $(DEV) ## feed what nobody would write to every reader for MINUTES; cases that fail are kept
	@$(BIN)/python -m tests.fuzz.run --minutes $(MINUTES) $(ARGS)

check: $(DEV) ## lint, formatting and types; writes nothing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

fix: $(DEV) ## repair what lint and formatting can repair
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

start: $(RUNTIME) ## start TorchServe with the archive there is and wait until it answers
	@[ -f $(ARCHIVE) ] || $(MAKE) --no-print-directory archive
	@$(BIN)/tod start

stop: ## stop TorchServe
	@if [ -x $(BIN)/tod ]; then $(BIN)/tod stop; else echo "nothing is installed here"; fi

bench: $(BENCH) ## measure a turn against a cascade, a stock handler, LitServe, Ray Serve and OpenVINO
	@$(BIN)/tod bench $(ARGS)

train: $(TRAIN) ## train a checkpoint from CONFIG (a file, or the name of a shipped one)
	@$(BIN)/tod train $(CONFIG) $(ARGS)

evaluate: $(TRAIN) ## score CHECKPOINT on a sample of the dev split
	@$(BIN)/tod evaluate multiwoz --checkpoint $(CHECKPOINT) --quick $(ARGS)

archive: $(RUNTIME) ## pack CHECKPOINT into archive/store/tod.mar
	@$(BIN)/tod archive $(CHECKPOINT)
	@echo "$(CHECKPOINT)" > $(PACKED_FROM)

wheel: $(DEV) ## build dist/todserve-*.whl: the whole product in one file
	@rm -rf build dist
	@$(BIN)/python -m pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w dist .
	@rm -rf build
	@ls dist

clean: stop ## stop the server and remove what was made here, but not .venv and runs/
	@rm -rf build dist logs .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find archive/store -mindepth 1 ! -name .gitkeep -delete
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

$(ARCHIVE): $(PACKED) | $(RUNTIME)
	@$(BIN)/tod archive $(CHECKPOINT)
	@echo "$(CHECKPOINT)" > $(PACKED_FROM)

$(RUNTIME): pyproject.toml requirements/runtime.txt requirements/java.txt scripts/setup.sh
	@scripts/setup.sh runtime

$(RAY): $(RUNTIME) requirements/ray.txt
	@scripts/setup.sh ray

$(TRAIN): $(RUNTIME) requirements/train.txt
	@scripts/setup.sh train

$(DEV): $(RUNTIME) requirements/train.txt requirements/ray.txt requirements/dev.txt
	@scripts/setup.sh dev

$(RASA): requirements/rasa-sdk.txt | $(DEV)
	@echo "making .venv-rasa with rasa-sdk, for the tests of its actions"
	@$(BIN)/python -m venv .venv-rasa
	@$(BIN)/python scripts/hashed.py requirements/rasa-sdk.txt > .venv-rasa/.hashed.txt
	@.venv-rasa/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r .venv-rasa/.hashed.txt
	@touch $@

$(KSERVE): requirements/kserve.txt | $(RUNTIME)
	@echo "making .venv-kserve with KServe's server: a minute, and its downloads"
	@$(BIN)/python -m venv .venv-kserve
	@$(BIN)/python scripts/hashed.py requirements/kserve.txt > .venv-kserve/.hashed.txt
	@.venv-kserve/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r .venv-kserve/.hashed.txt
	@touch $@

$(BENCH): $(DEV) requirements/bench.txt
	@scripts/setup.sh bench
