# Shortcuts for `python -m convzoo`; `make` alone lists them.
# Options go on the command line: make lab LAB=--no-browser, make test PYTEST='-k device',
# make report REPORT='--parts sparse', make gpu GPU=--rehearse,
# make experiments EXPERIMENTS='off_diagonal --seeds 3'
FOUND := $(foreach name,python3 python3.13 python3.12 python3.11 python,\
  $(shell command -v $(name) 2>/dev/null))
OUTER := $(firstword $(FOUND))
PYTHON := $(or $(wildcard .venv/bin/python),$(OUTER))
FIRST := $(firstword $(sort $(wildcard lessons/[0-9][0-9]_*.ipynb)))
CONVZOO = PYTHONPATH=lessons $(PYTHON) -m convzoo

.DEFAULT_GOAL := help
.PHONY: help lab test doctor check release report experiments exercises figures slides lecture present clean
.PHONY: book python setup setup-test check-quick grade nbgrader-course tables bench gpu matrix

help:
	@echo "make lab              set up (3 minutes, once), then open the first lesson in JupyterLab"
	@echo "make test             set up with the test tools, then run every test (12 minutes)"
	@echo "make check-quick      the same without what is slow (2 minutes): while a lesson is made"
	@echo "make doctor           check versions, device, widgets and disk, and say what to do"
	@echo "make exercises        list the exercises"
	@echo "make check FILE=...   check the exercises of a notebook and report the results"
	@echo "make release          for teachers: make lessons/ from solutions/"
	@echo "make report           measure this device for figures/data (10 minutes, in parts)"
	@echo "make experiments      train the networks whose results ship (two hours for all, in parts)"
	@echo "make tables           compare the papers' printed counts with ours"
	@echo "make bench            compare the speed of our layers with the framework's (2 minutes)"
	@echo "make gpu              measure everything on a GPU (8 minutes, in parts, without Jupyter)"
	@echo "make matrix           test on every Python and the oldest torch (40 minutes)"
	@echo "make figures          make the pictures in the lessons' text from the lessons' layers"
	@echo "make slides           make the slides of all lessons in build/slides"
	@echo "make lecture          make the whole lecture as one deck, and as a PDF, in build/lecture"
	@echo "make book             make the book of the lessons, a site for students and one for teachers"
	@echo "make present          live slides with sliders (sets up .venv-present once, a minute)"
	@echo "make grade SUBMISSIONS=dir    for teachers: grade a class, into OUT=build/grades"
	@echo "make nbgrader-course          for teachers: an nbgrader course in COURSE=build/course"
	@echo "make clean            remove .venv and caches"

python:
	@test -n "$(OUTER)" || { echo "No Python was found. Install Python 3.11, 3.12 or 3.13 \
	(python.org, your system's packages, or conda) and run this again." >&2; exit 2; }

setup: python
	@"$(OUTER)" -I lessons/convzoo/install.py

setup-test: python
	@"$(OUTER)" -I lessons/convzoo/install.py --test

lab: setup
	@echo "Opening JupyterLab on $(or $(FIRST),the project) (10 seconds). Press Ctrl-C here to stop it."
	@.venv/bin/python -m jupyter lab --ServerApp.root_dir="$(CURDIR)" \
	$(if $(FIRST),--LabApp.default_url=/lab/tree/$(FIRST)) $(LAB)

# In the order of tests/conftest.py: by itself xdist keeps the browser's tests, few and long, for
# the end, when nothing is left to run beside them.
RUFF = .venv/bin/python -m ruff format --check . && .venv/bin/python -m ruff check .
TESTS = .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: setup-test
	@echo "Running every test, two at a time: about 12 minutes."
	@$(RUFF) && $(TESTS) --durations=10 $(PYTEST)

check-quick: setup-test
	@echo "Running what is quick, each exercise with one set of numbers: about 2 minutes."
	@$(RUFF) && .venv/bin/python -m convzoo release --check && $(TESTS) --quick $(PYTEST)

doctor: python
	@$(CONVZOO) doctor

exercises: python
	@$(CONVZOO) exercises

check: python
	@test -n "$(FILE)" || { echo "Which notebook? For example: make check \
	FILE=$(or $(FIRST),lessons/02_resnext.ipynb)" >&2; exit 2; }
	@$(CONVZOO) check $(FILE)

release: python
	@$(CONVZOO) release

report: python
	@$(CONVZOO) report $(REPORT)

experiments: python
	@$(CONVZOO) experiments $(EXPERIMENTS)

tables: python
	@$(CONVZOO) tables

bench: python
	@$(CONVZOO) bench $(BENCH)

gpu: python
	@$(CONVZOO) gpu $(GPU)

matrix: python
	@$(PYTHON) tests/matrix.py $(MATRIX)

# nbgrader, joblib: pip install -e '.[teacher]'
grade: python
	@test -n "$(SUBMISSIONS)" || { echo "Which submissions? For example: make grade \
	SUBMISSIONS=submissions OUT=marks" >&2; exit 2; }
	@$(CONVZOO) grade $(SUBMISSIONS) --out $(or $(OUT),build/grades) $(GRADE)

nbgrader-course: python
	@$(CONVZOO) nbgrader-course $(or $(COURSE),build/course)

figures: python
	@$(CONVZOO) figures

# Sphinx, MyST-NB: pip install -e '.[book]'
book: python
	@$(CONVZOO) book

slides: python
	@$(CONVZOO) slides $(LESSON)

lecture: python
	@$(CONVZOO) lecture

# RISE needs the classic notebook, which cannot be installed with JupyterLab 4: so it has a separate
# environment, with the kernel of .venv.
present: setup
	@test -x .venv-present/bin/jupyter || { echo "Setting up live slides: about a minute."; \
	.venv/bin/python -m venv .venv-present && .venv-present/bin/python -m pip install -q \
	nbclassic==1.3.3 RISE==5.7.1 ipywidgets==8.1.9 && .venv/bin/python -m ipykernel install \
	--prefix .venv-present --name python3 >/dev/null; } || { rm -rf .venv-present; \
	echo "Live slides could not be set up. Use make slides, which needs less." >&2; exit 2; }
	@echo "Open a lesson, then press Alt-R. Press Ctrl-C here to stop it."
	@.venv-present/bin/jupyter nbclassic --ServerApp.root_dir="$(CURDIR)" $(LAB) $(FIRST)

clean:
	rm -rf .venv-present .venv .pytest_cache build lessons/convzoo.egg-info
	find lessons solutions tests -name __pycache__ -prune -exec rm -rf {} +
