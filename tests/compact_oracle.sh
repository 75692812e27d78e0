#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The oracle's counts against those of the compact mode.
MEMTOP_COMPACT=1
export MEMTOP_COMPACT
. "${srcdir:-$(dirname "$0")/..}/tests/oracle.sh"
