#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Everything that can be said about the sources without running them. A tool
# that is not installed is named and skipped.
# shellcheck disable=SC2317  # functions are called through check()
set -u

cd "$(dirname "$0")/.." || exit 1
failed=0

check() {
    name=$1
    shift
    if "$@"; then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        failed=1
    fi
}

with_tool() {
    if command -v "$1" >/dev/null; then
        return 0
    fi
    echo "skipped $1: not installed"
    return 1
}

list() {
    git ls-files -z --cached --others --exclude-standard -- "$@"
}

formatted() {
    list '*.c' '*.h' | xargs -0 -r clang-format --dry-run -Werror
}

shell_scripts() {
    list '*.sh' | xargs -0 -r shellcheck
}

spelling() {
    list '*.c' '*.h' '*.md' '*.py' '*.sh' '*.sql' '*.yaml' '*.cmake' |
        xargs -0 -r codespell --ignore-words-list=ths,nd,te,crate,upto,fo,iif,ndoes
}

for script in layers sizes units wording; do
    check "$script" python3 "tests/lint/$script.py"
done
with_tool clang-format && check clang-format formatted
with_tool shellcheck && check shellcheck shell_scripts
with_tool codespell && check codespell spelling
exit "$failed"
