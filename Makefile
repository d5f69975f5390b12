# SPDX-License-Identifier: Apache-2.0
# The short way to everything. Each target is a script that also runs alone.
.PHONY: demo test faults bench lint format build static static-test debs debs-test docker-test clean

# a server and a plant of five gateways; STORY=1 plays the main job
demo:
	@scripts/demo.sh

# everything that must be green
test:
	@scripts/test.sh

# long fault, soak and fuzz runs
faults:
	@scripts/faults.sh

# figures, into build/bench.json
bench:
	@scripts/bench.sh

# what CI says about the text itself
lint:
	@scripts/lint.sh

# lay out all C
format:
	@scripts/format.sh

# the release build
build:
	@scripts/build.sh

# the agent as one static file for gateways of three kinds
static:
	@scripts/static.sh

# their tests: in an empty root, and under qemu-user
static-test:
	@scripts/static-test.sh

# Debian packages, into build/debs
debs:
	@scripts/debs.sh

# installed, used, upgraded, removed and purged in a bare Debian
debs-test:
	@scripts/debs-test.sh

# images and compose file, built and started
docker-test:
	@scripts/docker-test.sh

clean:
	rm -rf build
