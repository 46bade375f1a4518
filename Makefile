# A thin cover over make.py, which does the work and runs on Windows too.
# More words: make run ARGS="--port 8600", make test ARGS="-k archive"
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help setup run host room test lint showcase image workshop ray-test federated messages clean

help:
	@$(PYTHON) make.py --help

setup lint showcase messages clean:
	@$(PYTHON) make.py $@

run host room test image ray-test federated:
	@$(PYTHON) make.py $@ $(ARGS)

# make workshop PLATFORMS="win_amd64 macosx_arm64"
workshop:
	@$(PYTHON) make.py $@ $(PLATFORMS) $(ARGS)
