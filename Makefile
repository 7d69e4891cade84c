# Everything a newcomer needs: `make demo` and `make test`. The rest is for those who work on it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS ?= dev
comma := ,
STAMP := $(VENV)/.set-up-$(subst $(comma),-,$(EXTRAS))
PYTEST_WORKERS ?= 2
export OPENBLAS_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= passive

.PHONY: setup check format test test-availability demo train serve lock clean help

help: ## List what make can do
	@grep -hE '^[a-z][a-z -]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 24

setup: $(STAMP) ## Make .venv with everything in it

$(STAMP): pyproject.toml constraints.txt
	@# What is in .venv already is used, whatever PYTHON says.
	@$(or $(wildcard $(BIN)/python),$(PYTHON)) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and \
		"Python 3.11 to 3.13 is needed, %s is %d.%d: name another with PYTHON=..., after removing $(VENV) if there is one" \
		% ((sys.executable,) + tuple(sys.version_info[:2])))'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

check: setup ## Lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: setup ## Run all tests
	@# In a folder of its own: a second run closes a shared one to the user that root's databases run as.
	export PYTEST_DEBUG_TEMPROOT=$$(mktemp -d) && \
	$(BIN)/pytest -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder --nbmake --nbmake-timeout=300 \
		notebooks tests && \
	rm -rf "$$PYTEST_DEBUG_TEMPROOT"

test-availability: setup ## Availability over ANSWERS (a million) answers: batch, HTTP, evaluation's pool
	CULTURE_ANSWERS=$(or $(ANSWERS),1000000) $(BIN)/pytest -o junit_family=xunit1 --junitxml=var/availability.xml \
		tests/features/ranking/test_lists.py tests/training/ranking/test_evaluation_pool.py tests/serving/test_availability.py
	grep -oE 'testcase [^>]*name="[^"]*"|name="answers" value="[0-9]+"' var/availability.xml

demo: setup ## Simulated county in, service out
	$(BIN)/culture demo

train: setup ## Learn from the store and release the bundle
	$(BIN)/culture train

serve: setup ## Serve the champion
	$(BIN)/culture serve

# Each takes ARGS; `--help` among them.
bench-ingest: MODULE = speed.ingest ## Ingest of a million bookings against a bare COPY
bench-features: MODULE = speed.features ## Weighted pairs and a panel's counts, beside plain pandas
bench-openings: MODULE = openings ## Planning model at province size: proven gaps and rivals
bench-plans: MODULE = openings.plans ## Plans of openings and latent demand against the truth of simulated counties
bench-ladder: MODULE = openings.ladder ## Where a plan of openings loses value on simulated counties
bench-plan-bound: MODULE = openings.bound ## How near the oracle any plan could come on simulated counties
bench-equity: MODULE = openings.equity ## Reach against evenness on simulated counties
bench-demand: MODULE = demand ## Forecasts on simulated counties (--seeds), on tables (--data), at a province's size (--scale)
bench-demand-bound: MODULE = demand.bound ## How near the oracle any forecaster could come on simulated counties
bench-unconstrain: MODULE = demand.unconstrain ## Bias and time of unconstraining
bench-alarms: MODULE = demand.alarms ## Breaks and drifts found in made-up series, and false alarms
bench-serving: MODULE = speed.serving ## Speed of lists of a running service
bench-recommend: MODULE = speed.recommend ## Speed of lists for a million people, beside a bare product
bench-recommend-store: MODULE = speed.recommend_store ## `culture recommend` for everybody of a stored platform
bench-ingest bench-features bench-openings bench-plans bench-ladder bench-plan-bound bench-equity bench-demand bench-demand-bound bench-unconstrain bench-alarms bench-serving bench-recommend bench-recommend-store: setup
	$(BIN)/python -m benchmarks.$(MODULE) $(ARGS)

bench-ranking: setup ## nDCG@10 of every ranker; TRAIN=a.tsv TEST=b.tsv [OUT=FILE]; with DATA=folder two stages beside peers
ifdef DATA
	$(BIN)/python -m benchmarks.ranking.windows --data $(DATA) --peers $(if $(OUT),--out $(OUT)) $(ARGS)
else
	$(BIN)/python -m benchmarks.ranking.classic $(if $(TRAIN),--train $(TRAIN)) $(if $(TEST),--test $(TEST)) $(if $(OUT),--out $(OUT)) $(ARGS)
endif

bench-windows: setup ## Ranking on past windows of real data; DATA=folder
	$(BIN)/python -m benchmarks.ranking.windows $(if $(DATA),--data $(DATA)) $(ARGS)

bench-ablation: setup ## What each group of ranking's signals is worth; DATA=folder
	$(BIN)/python -m benchmarks.ranking.ablation $(if $(DATA),--data $(DATA)) $(ARGS)

bench-bound: setup ## How near the oracle any list could come on a simulated county; DATA=folder
	$(BIN)/python -m benchmarks.ranking.bound $(if $(DATA),--data $(DATA)) $(ARGS)

bench-tourism: setup ## Hierarchical forecasts on Australian tourism; DATA=folder
	$(BIN)/python -m benchmarks.demand.tourism $(DATA) $(ARGS)

lock: setup ## Write constraints.txt from what is installed
	$(BIN)/python -m pip freeze --exclude-editable | grep -v ' @ ' > constraints.txt

clean: ## Remove what commands wrote, not the environment
	rm -rf var build *.egg-info .pytest_cache .mypy_cache .ruff_cache
