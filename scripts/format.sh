#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Formats every C file of the repository in place.
set -eu

cd "$(dirname "$0")/.."
git ls-files -z --cached --others --exclude-standard -- '*.c' '*.h' | xargs -0 -r clang-format -i
