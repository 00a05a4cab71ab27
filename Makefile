# One command each; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= 1
TESTS ?=

# Many images set it; hundreds of processes that tests start would each compile the whole project.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run monitoring test check format

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

run: $(VENV)/run.stamp ## Start the whole site at http://127.0.0.1:8000/ (DEMO=0: no demo traffic); Ctrl-C stops it
	@DEMO=$(DEMO) $(BIN)/python manage.py run_site

monitoring: $(VENV)/run.stamp ## Prometheus, Alertmanager and exporters of Debian's packages beside `make run`; Ctrl-C stops them
	@$(BIN)/python manage.py monitoring start

test: $(VENV)/dev.stamp ## The whole test suite, on real servers (TESTS=path or -k …: a part of it)
	$(BIN)/python -m pytest -n $(or $(JOBS),auto) --dist loadgroup --cov --cov-report=term:skip-covered $(TESTS)

check: $(VENV)/dev.stamp ## Format, lint, types, import contracts, migrations, deployment settings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	git ls-files -z '*.py' | xargs -0 $(BIN)/django-upgrade --target-version 5.2 --check
	git ls-files -z '*.html' | xargs -0 $(BIN)/djade --target-version 5.2 --check
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	secret=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))'); \
		LOCAL=0 SECRET_KEY=$$secret METRICS_TOKEN=$$secret ALERTS_TOKEN=$$secret SANDBOX_WEBHOOK_SECRET=$$secret SANDBOX_KEY=$$secret \
		ALLOWED_HOSTS=shop.example $(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(VENV)/dev.stamp ## Bring the code into its form
	git ls-files -z '*.py' | xargs -0 $(BIN)/django-upgrade --target-version 5.2
	git ls-files -z '*.html' | xargs -0 -r $(BIN)/djade --target-version 5.2
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/run.stamp: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing requirements (once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
