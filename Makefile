# Everything a developer or a curious user runs. Each target installs what it needs.
# `make` alone lists the targets.

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

root := $(CURDIR)
engine_python := $(root)/build/engine/bin/python
qgis_python := $(root)/build/qgis/bin/python

# Which scenes the tests take; they skip with a reason where the folder is missing.
export MAMBAHSI_TEST_DATA ?= $(abspath $(root)/../shared)
# The demo's split of labeled pixels: spatial (whole fields apart) or random (the paper's).
PROTOCOL ?= spatial
# The tutorial's scene: indian_pines, or enmap_potsdam of the folder above.
SCENE ?= indian_pines

.PHONY: help setup engine qgis plugin demo test test-matrix lint format package check-package screenshot tutorial benchmark \
	benchmark-cpu benchmark-gpu benchmark-indian-pines benchmark-growing translate engine-python qgis-python clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: engine qgis plugin ## Install everything that the other targets need, below build/
	@echo "Ready. Try: make demo"

engine:
	@scripts/setup.sh engine

qgis:
	@scripts/setup.sh qgis

plugin: engine
	@$(engine_python) scripts/assemble_plugin.py link build/plugins

demo: engine qgis plugin ## Train and classify Indian Pines through QGIS (PROTOCOL=spatial or random)
	@$(engine_python) scripts/demo.py --protocol $(PROTOCOL)

test: engine qgis plugin ## Run all tests: the engine's, then the plugin's in a real QGIS
	@scripts/test.sh

test-matrix: engine ## Run the plugin's tests in QGIS 3.22, 3.40 and 3.44 (root; QGIS="3.40" for one)
	@scripts/test_matrix.sh $(QGIS)

lint: engine ## Check style, types, readiness for Qt 6, and what the plugin repository scans for
	@scripts/lint.sh

format: engine ## Put the code into the project's style
	@$(engine_python) -m ruff check --fix-only --quiet .
	@$(engine_python) -m ruff format --quiet .

translate: engine ## Bring the catalogs of translations up to date with the code, and say what is missing
	@$(engine_python) scripts/translate.py

package: engine ## Make the zip that QGIS installs the plugin from
	@$(engine_python) scripts/assemble_plugin.py zip build

check-package: engine ## Build the engine's wheel, and check it as the package index would and by running it
	@scripts/check_package.sh

screenshot: engine qgis plugin ## Take the README's pictures from a real QGIS window
	@scripts/setup.sh screenshot
	@scripts/screenshot.sh

tutorial: engine qgis plugin ## Go through the README's tutorial in a real QGIS window (SCENE=enmap_potsdam: another scene)
	@scripts/setup.sh screenshot
	@scripts/tutorial.sh $(SCENE)

benchmark: engine ## Test accuracy on real scenes beside a random forest (takes long)
	@$(engine_python) benchmarks/accuracy_real_scenes.py

benchmark-cpu: engine ## Measure speed and memory on this CPU, beside others (leave the machine alone)
	@$(engine_python) -m benchmarks.cpu

benchmark-gpu: engine ## Measure speed and memory on this graphics card, beside the published network
	@$(engine_python) -m benchmarks.gpu

benchmark-growing: qgis plugin ## First click and slider of region growing (leave the machine alone)
	@scripts/in_qgis.sh $(qgis_python) benchmarks/region_growing.py

benchmark-indian-pines: engine ## Indian Pines, ten seeds, two protocols, all methods (takes hours)
	@$(engine_python) benchmarks/indian_pines_protocols.py

engine-python: engine ## Print the engine's interpreter
	@echo $(engine_python)

qgis-python: qgis ## Print the interpreter that the plugin's tests run in
	@echo $(qgis_python)

clean: ## Remove everything below build/
	@rm -rf build
