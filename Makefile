# One line per task; CI calls the same ones. ARGS is passed on: make demo ARGS='--events 20000 --exit'

VENV   := .venv
PYTHON := $(VENV)/bin/python
STAMP  := $(VENV)/.installed
LOCK   := requirements/dev.lock
PIP    := $(PYTHON) -m pip --disable-pip-version-check install --quiet
ARGS   ?=
export PYTHONDONTWRITEBYTECODE ?= 1

.PHONY: help install demo test test-room test-faults test-real lint bench render lock jars clean
.DEFAULT_GOAL := help

help:            ## this list
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/  make \1\t\2/p;s/^\([a-z-]*\):  *## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install: $(STAMP) ## the virtual environment, from the lock

demo: $(STAMP)   ## a simulated company on this machine; Ctrl-C ends it
	@$(PYTHON) -m cli.app demo $(ARGS)

test: $(STAMP)   ## everything that Python alone can run, the path through the embedded Apache Kafka included
	@$(PYTHON) -m pytest -m "not real and not faults and not browser and not room" $(ARGS)

test-room: $(STAMP) ## the operations room: walls in a Chromium, a real Prometheus and Alertmanager, the image
	@$(PYTHON) -m pytest -m "browser or room" $(ARGS)

test-faults: $(STAMP) ## what breaks, under load: a short run; the long one by hand: ARGS='--events 10000000 --seed 7'
	@$(PYTHON) -m $(if $(ARGS),tests.faults $(ARGS),pytest -m faults tests/faults)

test-real: $(STAMP) ## the real logs beside the repository, through the real services
	@$(PYTHON) -m pytest -m real $(ARGS)

lint: $(STAMP)   ## ruff and mypy, tests included
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

bench: $(STAMP)  ## every measurement in benchmarks/, one table each
	@set -e; for file in $$(grep -l __main__ benchmarks/*.py); do echo "== $$file"; PYTHONPATH=. $(PYTHON) $$file $(ARGS); done

render: $(STAMP) ## everything that is generated
	@$(PYTHON) -m deploy.render $(ARGS)

lock: $(STAMP)   ## the pins anew, from pyproject.toml
	@set -e; for set in "runtime --extra=archive --extra=embedded" "dev --extra=archive --extra=embedded --extra=dev"; do \
	  file=requirements/$${set%% *}.lock; \
	  $(VENV)/bin/pip-compile --quiet --upgrade pyproject.toml $${set#* } --generate-hashes --allow-unsafe --strip-extras --no-annotate \
	    --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --output-file $$file; \
	  sed -i.old '/^ *#/d' $$file; \
	  { echo '# Written by `make lock` from pyproject.toml: every package with its hashes, for Python 3.11 to 3.13.'; cat $$file; } > $$file.new; \
	  mv $$file.new $$file; rm -f $$file.old; \
	done

jars: $(STAMP)   ## the pins of the broker's jars anew, after a change of its version
	@$(PYTHON) -m deploy.kafka.renew

clean:           ## what can be made again; data and the cache of jars stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): $(LOCK) pyproject.toml
	@set -e; [ -x $(PYTHON) ] || { \
	  for python in python3 python3.13 python3.12 python3.11; do \
	    if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then found="$$python"; break; fi; \
	  done; \
	  [ -n "$$found" ] || { echo "deskpulse needs Python 3.11, 3.12 or 3.13, and none is on the PATH: install one and run make again" >&2; exit 2; }; \
	  echo "making $(VENV) with $$($$found --version)"; \
	  "$$found" -m venv $(VENV) || { rm -rf $(VENV); echo "this Python cannot make virtual environments: on Debian install python3-venv" >&2; exit 2; }; \
	}
	@echo "installing what $(LOCK) pins (a minute on the first run)"
	@$(PIP) --require-hashes --requirement $(LOCK)
	@PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation --editable .
	@touch $(STAMP)
