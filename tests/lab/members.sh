#!/usr/bin/env bash
# Native members in one conference, all on this machine, through one entry node; somebody joins or leaves every two
# seconds. tests/lab/members.sh 8 [--seconds 20] [--change 2] [--slots 4] [--fps 10]
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python3 tests/lab/members.py "$@"
