# The two commands of a newcomer: make demo, make test. 'make help' lists the rest.
PYTHON ?= python3
BIN := .venv/bin
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d%d" % sys.version_info[:2])' 2>/dev/null)
LOCK := requirements/py$(VERSION).txt

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow test-tools bench-demo bench-training bench-ablation bench-emulation bench-exactness bench-quantization bench-quantization-qat bench-distillation bench-pruning bench-pruning-lenet bench-pruning-structured bench-lottery bench-adder-graph bench-allocation bench-learned-bits bench-estimate bench-rtl-estimate calibrate notebook lint clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/.installed ## make .venv with the pinned versions

.venv/.installed: setup.cfg $(wildcard requirements/py*.txt)
	@test -n "$(VERSION)" || { echo "no '$(PYTHON)' found. Do: apt-get install python3 python3-venv, or make PYTHON=/path/to/python3"; exit 2; }
	@test -f "$(LOCK)" || { echo "$(PYTHON) is Python $(VERSION). Expected: 3.11, 3.12 or 3.13, which TensorFlow 2.21 has packages for. Do: make PYTHON=python3.13 ..."; exit 2; }
	@$(PYTHON) -m venv .venv || { echo "no virtual environment could be made. Do: apt-get install python3-venv"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

demo: install ## the main job on the real Fashion-MNIST (about six minutes after installation)
	$(BIN)/fpgacompress run demos/fashion_mnist.yaml

test: install ## the tests (on real data)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not tools" $(ARGS)

test-slow: install ## the long tests: larger firmware, more back ends
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow" $(ARGS)

test-tools: install ## tests that need Icarus Verilog and GHDL (apt-get install iverilog ghdl)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "tools and not slow" tests/firmware tests/cli/test_rtl.py $(ARGS)

bench-demo: install ## time and memory of the main job, and of its second run
	$(BIN)/python -m benchmarks.demo

bench-training: install ## our training step against model.fit, side by side
	$(BIN)/python -m benchmarks.training

bench-emulation: install ## emulation against Keras and hls4ml, samples per second on one core
	$(BIN)/python -m benchmarks.emulation

bench-exactness: install ## differing bits of QKeras, emulation and C simulation on whole test sets (FPGACOMPRESS_DATA: where mnist is)
	$(BIN)/python -m benchmarks.exactness

bench-adder-graph: install ## cells of adder graphs: what rounding and saturation cost (needs da4ml: .venv/bin/pip install da4ml==0.6.0)
	$(BIN)/python -m benchmarks.adder_graph

bench-quantization-qat: install ## 4 bits against float after training, and the ways of training against each other (FPGACOMPRESS_DATA)
	$(BIN)/python -m benchmarks.quantization_qat

bench-quantization: install ## 8 bits after training against float on five tasks, with TFLite beside it (FPGACOMPRESS_DATA)
	$(BIN)/python -m benchmarks.quantization

bench-pruning: install ## every method of pruning at four sparsities on three tasks, with and without a teacher, 3 seeds (hours; FPGACOMPRESS_DATA)
	$(BIN)/python -m benchmarks.pruning

bench-pruning-lenet: install ## LeNet-300-100 on MNIST at 98 and 98.5 % zeros and 4 bits, 3 seeds (FPGACOMPRESS_DATA)
	$(BIN)/python -m benchmarks.pruning_lenet

bench-pruning-structured: install ## 40 % of a CNN's channels taken out: speed and loss, 3 seeds (FPGACOMPRESS_DATA)
	$(BIN)/python -m benchmarks.pruning_structured

bench-lottery: install ## lottery tickets against new weights, 2 tasks, 3 seeds (FPGACOMPRESS_DATA)
	$(BIN)/python -m benchmarks.lottery

bench-distillation: install ## every method of distillation against none, 4 tasks, 5 seeds, paired (FPGACOMPRESS_DATA)
	$(BIN)/python -m benchmarks.distillation

bench-rtl-estimate: install ## estimated LUT and FF of Verilog against Yosys on 20 trained students (20 minutes of Yosys at first; FPGACOMPRESS_DATA)
	$(BIN)/python -m benchmarks.rtl_estimate

bench-ablation: install ## what QAT, QAP and distillation each add, 5 seeds, paired
	$(BIN)/python -m benchmarks.ablation

bench-learned-bits: install ## one training with learned bits against uniform bits and HGQ2 (FPGACOMPRESS_DATA: where magic, drybean, mnist are)
	$(BIN)/python -m benchmarks.learned_bits

bench-allocation: install ## bits per layer for one budget: uniform, greedy, exact, Optuna, AutoQKeras (FPGACOMPRESS_DATA: where magic is)
	$(BIN)/python -m benchmarks.allocation

bench-estimate: install ## our FPGA estimates against rule4ml 0.2 on the same synthesis results (installs it in runs/peers; DATA: another folder of tables)
	$(BIN)/python -m benchmarks.estimate_peers $(if $(DATA),--data $(DATA))

calibrate: install ## fit the estimator again and print its errors on what was left out (DATA: another folder of tables)
	$(BIN)/python -m fpgacompress.hardware.calibrate $(if $(DATA),--data $(DATA))

notebook: install ## run the notebook with small settings
	$(BIN)/python -m pytest -n 0 tests/demos $(ARGS)

lint: install ## style
	$(BIN)/ruff check fpgacompress tests benchmarks

clean: ## remove runs and generated projects, keep .venv
	rm -rf runs hls_projects/*/
