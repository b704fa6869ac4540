# Everything a newcomer needs is here; each target makes what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
ORGANISMS ?= runs/organisms
CALIBRATION ?= runs/calibration

.PHONY: quickstart test check slow acceptance coverage organisms calibration docs bench clean
.DELETE_ON_ERROR:

quickstart: $(VENV)/.installed  ## install, measure a small language model against the one it was tuned from, say where the report is
	@out=runs/quickstart-$$(date +%Y%m%d-%H%M%S); \
	$(BIN)/fiducial run specs/town.toml --subject organism:lies-under-pressure --baseline organism:aligned --out $$out; code=$$?; \
	if [ $$code -ne 1 ] || [ ! -s $$out/revisions/1/report.html ]; then echo "quickstart: expected violated claims and a report, got exit code $$code"; exit 1; fi; \
	echo "exit code 1: the tuned model lies to please its visitors, the one before it did not, and the claims say so"

test: $(VENV)/.tested check  ## lint, types, layers, and all tests but the slow ones
	$(BIN)/pytest -n $(WORKERS)

check: $(VENV)/.tested  ## lint, format, types, layers
	$(BIN)/ruff check src tests bench organisms
	$(BIN)/ruff format --check src tests bench organisms
	$(BIN)/pyright
	$(BIN)/lint-imports

slow: $(VENV)/.tested  ## long simulations
	$(BIN)/pytest -m slow --timeout 3600

acceptance: $(VENV)/.tested  ## each bar: ran, skipped or failed, with its figure
	$(BIN)/python -m tests.acceptance.run

coverage: $(VENV)/.tested  ## simulate the coverage of every interval, test, gate and detector
	$(BIN)/python tests/coverage/simulate.py --write docs/reference/coverage.md

organisms: $(VENV)/.taught  ## train the organisms from scratch into $(ORGANISMS), or with BASE=path the same traits as adapters of an open model
	PYTHONPATH=organisms $(BIN)/python organisms/make.py --out $(ORGANISMS) --jobs $(WORKERS) $(if $(BASE),--base $(BASE))

calibration: $(VENV)/.installed  ## put the instruments to the organisms (an hour or two; goes on where it stopped) and write the page
	$(BIN)/fiducial calibrate --workers $(WORKERS) --out $(CALIBRATION) --runs 100 --off-runs 6 --probe-runs 60
	cp $(addprefix $(CALIBRATION)/calibration,.json .provenance.json .md) docs/reference/
	gzip -9 -n -c $(CALIBRATION)/scores.jsonl > docs/reference/calibration.scores.jsonl.gz

docs: $(VENV)/.tested  ## build the documentation into site/
	$(BIN)/mkdocs build --strict

bench: $(VENV)/.tested  ## speed, memory, size
	$(BIN)/python bench/trials.py
	$(BIN)/python bench/start.py
	$(BIN)/python bench/stats.py

clean:
	rm -rf $(VENV) site .pytest_cache .ruff_cache .hypothesis

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --editable .
	@touch $@

$(VENV)/.taught: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[local]'
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@
