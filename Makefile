# Everything runs through tests/run, which creates its own environments below .cache.
PYTHON ?= python3
RUN = $(PYTHON) tests/run

.DEFAULT_GOAL := help
.PHONY: help demo lint test test-fast test-full test-matrix test-real recording fuzz benchmark docs build release coverage mutate format lock clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: ## Back up a simulated fleet; a real one with VEEAM_EM_* set and JOBS='one job,another'
	@$(RUN) demo

test: ## Everything that a change must pass
	@$(RUN) test

lint: ## The checks that take seconds: style, types, licenses
	@$(RUN) lint

test-fast: ## Lint and the quick unit tests, in less than two minutes
	@$(RUN) test-fast

test-full: ## The same as test, plus the long tests
	@$(RUN) test-full

test-matrix: ## Sanity tests and playbooks on each ansible-core that your Pythons can run; CORE=2.18 for one
	@$(RUN) test-matrix

test-real: ## Run the tests of conductorsim against real Conductor servers, which Maven fetches (Java 17 and 21), and those of AWX's mesh
	@$(RUN) test-real

recording: ## Record the backup that README shows, from a real run
	@$(RUN) recording

fuzz: ## Run the modules in 2,000 generated scenarios; COUNT=n for more, SEED=n for one
	@$(RUN) fuzz

benchmark: ## Time the collection beside its peers; COUNT=n for more runs of each
	@$(RUN) benchmark

docs: ## Build the documentation site
	@$(RUN) docs

build: ## Build the collection artifact
	@$(RUN) build

release: ## Build everything of a release: artifact, bill of materials, checksums, and a signature with KEY=...
	@$(RUN) release

coverage: ## Measure which lines and branches the unit tests run; .cache/coverage/html shows them
	@$(RUN) coverage

mutate: ## Make small changes to the code and count how many the unit tests notice; FILE=plan for one file
	@$(RUN) mutate

format: ## Format the code and fix what ruff can fix
	@$(RUN) format

lock: ## Resolve the developers' dependencies again
	@$(RUN) lock

clean: ## Remove everything that the other targets created
	@$(RUN) clean
