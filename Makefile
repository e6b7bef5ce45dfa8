# What people do with this repository. `make help` lists it; everything sets itself up first.

.DEFAULT_GOAL := help
.PHONY: help setup run test conformance check storm wirestorm bench docs translations screenshots protos lock clean

VENV := .venv
BIN := $(VENV)/bin
# Made last, so that a broken set-up is done again and a whole one costs nothing.
READY := $(VENV)/.ready
# Other people's clients have an environment of their own: they agree with nobody about versions.
SDK := .sdk
SDK_READY := $(SDK)/.ready

ARGS ?=
SEEDS ?= 100000

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## .venv with everything: by uv where it is installed, else by pip
	@echo "ready: $(BIN)/kedge"

run: $(READY) ## start the desk with a paper venue (ARGS="--for 60s" ends by itself)
	$(BIN)/kedge up $(ARGS)

test: check $(READY) $(SDK_READY) ## everything that must hold before a change is done
	$(BIN)/python -m pytest -n auto $(ARGS)
	$(SDK)/bin/python -m pytest -c tests/conformance/pytest.ini tests/conformance

conformance: $(READY) $(SDK_READY) ## only this: other people's clients trade against our testnets (ARGS="-k pybit")
	$(SDK)/bin/python -m pytest -c tests/conformance/pytest.ini tests/conformance $(ARGS)

check: $(READY) ## style and types only: the quick half of test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

storm: $(READY) ## the long storm (SEEDS=100000)
	$(BIN)/kedge storm --seeds $(SEEDS) $(ARGS)

wirestorm: $(READY) ## the long storm of the venues' own protocols (SEEDS=20000)
	$(BIN)/kedge storm --wire --seeds $(if $(filter 100000,$(SEEDS)),20000,$(SEEDS)) $(ARGS)

bench: $(READY) ## measure, side by side with the peers; writes bench/RESULTS.md
	$(BIN)/python -m bench $(ARGS)

docs: $(READY) ## write the generated parts of the reference anew
	$(BIN)/python -m kedge.journal.kinds docs/reference/journal.md
	KEDGE_WRITE_PAGES=1 $(BIN)/python -m pytest -n0 -k "page or pages" tests

translations: $(READY) ## new sentences into the catalogues, .mo files anew; says what is not translated
	$(BIN)/python -m tools.translations

screenshots: $(READY) ## take the pictures in docs/pictures anew (needs Chromium; ARGS="--minutes 10")
	$(BIN)/python tools/screenshots.py $(ARGS)

protos: $(READY) ## the Python of venues' gRPC contracts anew, from kedge/protos/*/*.proto
	$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. kedge/protos/*/*.proto

lock: ## choose new versions of all dependencies (needs uv)
	uv lock --upgrade
	$(EXPORT)
	$(SDK_LOCK)

clean: ## take away caches and build output; .venv stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find kedge tests -type d -name __pycache__ -prune -exec rm -rf {} +

# ── how .venv is made ───────────────────────────────────────────────────────────────────────────

EXPORT := uv export --quiet --frozen --no-emit-project --all-groups --output-file requirements.lock

SDK_LOCK := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	tests/conformance/requirements.in --output-file tests/conformance/requirements.txt

# The first of these that is Python 3.11 or newer and can make an environment with pip in it.
PYTHONS := python3 python3.13 python3.12 python3.11 python
FITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

$(READY): pyproject.toml uv.lock requirements.lock Makefile
	@set -eu; \
	if command -v uv >/dev/null 2>&1; then \
		uv sync --quiet --frozen; \
	else \
		if ! $(BIN)/python -c '$(FITS)' 2>/dev/null; then \
			python=; \
			for one in $(PYTHONS); do \
				if $$one -c '$(FITS)' >/dev/null 2>&1; then python=$$one; break; fi; \
			done; \
			if [ -z "$$python" ]; then \
				echo "Kedge needs Python 3.11 or newer with its venv module, and none was found." >&2; \
				echo "On Debian or Ubuntu: apt-get install python3 python3-venv. Or install uv." >&2; \
				exit 1; \
			fi; \
			$$python -m venv --clear $(VENV); \
		fi; \
		$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock; \
		$(BIN)/python -m pip install --quiet --no-deps -e .; \
	fi
	@touch $@

$(SDK_READY): tests/conformance/requirements.txt $(READY)
	@set -eu; \
	if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --clear --python $(BIN)/python $(SDK); \
		uv pip install --quiet --python $(SDK)/bin/python --require-hashes -r $<; \
	else \
		$(BIN)/python -m venv --clear $(SDK); \
		$(SDK)/bin/python -m pip install --quiet --require-hashes -r $<; \
	fi
	@touch $@
