#!/usr/bin/env bash
# Starts N real nodes on loopback, each told of one other only, and sends between pairs that added each other by key
# alone and never were connected. tests/lab/swarm.sh 30 [--kill-bootstrap] [--messages 100] [--settle 30] [--idle 20]
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python3 tests/lab/swarm.py "$@"
