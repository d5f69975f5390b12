# SPDX-License-Identifier: Apache-2.0
# The short way to everything. Each target is a script that also runs alone.
.PHONY: build test lint format demo faults bench docker-test clean

build test lint format demo faults bench docker-test:
	@scripts/$@.sh

clean:
	rm -rf build
