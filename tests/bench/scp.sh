#!/usr/bin/env bash
# What scp needs for the same bytes on the same machine: `tests/bench/scp.sh [MB]`, after bench_transport stream_aes.
# A private sshd on loopback with keys of its own; aes128-gcm, the fastest cipher that OpenSSH has here.
set -euo pipefail
megabytes=${1:-1000}
command -v sshd >/dev/null || PATH=$PATH:/usr/sbin
command -v sshd >/dev/null || { echo "skipped 1: no sshd (apt install openssh-server)"; exit 0; }
dir=$(mktemp -d /dev/shm/conclave-scp.XXXXXX)
daemon=
cleanup() { [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true; rm -rf "$dir"; }
trap cleanup EXIT
ssh-keygen -qt ed25519 -N '' -f "$dir/host"
ssh-keygen -qt ed25519 -N '' -f "$dir/user"
cp "$dir/user.pub" "$dir/authorized"
chmod 700 "$dir"
mkdir -p /run/sshd
port=$((20000 + RANDOM % 20000))
"$(command -v sshd)" -D -e -p $port -h "$dir/host" -o ListenAddress=127.0.0.1 -o PidFile=none -o StrictModes=no \
  -o AuthorizedKeysFile="$dir/authorized" -o UsePAM=no 2>"$dir/log" &
daemon=$!
for _ in $(seq 50); do (: </dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
head -c "${megabytes}000000" /dev/zero >"$dir/data"
cpu() { awk '/^cpu / {print $2 + $3 + $4 + $7 + $8}' /proc/stat; }
before=$(cpu) start=$(date +%s.%N)
scp -q -P $port -i "$dir/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
  -c aes128-gcm@openssh.com "$dir/data" "$(id -un)@127.0.0.1:$dir/copy"
end=$(date +%s.%N) after=$(cpu)
awk -v mb="$megabytes" -v s="$start" -v e="$end" -v a="$before" -v b="$after" 'BEGIN {
  printf "figure scp            throughput                   %12.4g GB/s\n", mb / 1000 / (e - s)
  printf "figure scp            cpu_both                     %12.4g s/GB (of the whole machine)\n", (b - a) / 100 / (mb / 1000)}'
