#!/usr/bin/env bash
# A node behind a real router (nftables masquerade and miniupnpd) in network namespaces of its own: it maps its port by
# UPnP and, with UPnP off, by NAT-PMP; a node on the other side reaches it by public key; after the router has
# restarted, again within 60 s; the mapping is gone after the node has ended.
#
#     tests/lab/nat.sh [build directory, default build/dev]        as root
#
# Two rounds with a node reduced to what matters here (nat_node.cpp), so that what fails is found; then, where the build
# has it, one with `conclave` itself: a node outside that knows nothing but an account key finds the one inside.
#
#     LAN 10.77.0.2 -- 10.77.0.1 router 45.45.45.1 -- 45.45.45.2 WAN
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/dev}
node=$build/nat_node
name=cnat$$
lan=$name-lan router=$name-rt wan=$name-wan
work=$(mktemp -d)
conclave=$build/conclave
node_pid='' router_pid='' people=()
passed=0 failed=0

clean_up() {
  [ -n "$node_pid" ] && kill "$node_pid" 2>/dev/null
  [ -n "$router_pid" ] && kill "$router_pid" 2>/dev/null
  [ ${#people[@]} = 0 ] || kill "${people[@]}" 2>/dev/null
  wait 2>/dev/null
  for namespace in "$lan" "$router" "$wan"; do ip netns del "$namespace" 2>/dev/null; done
  rm -rf "$work"
}
trap clean_up EXIT

check() { # check <what> <command…>
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "ok: $what"
  else
    failed=$((failed + 1))
    echo "FAILED: $what"
  fi
}

within() { # within <seconds> <command…>: until it succeeds
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.3
  done
}

cable() { # cable <namespace> <device> <address> <other namespace> <device> <address>
  ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
  ip -n "$1" addr add "$3" dev "$2" && ip -n "$1" link set "$2" up
  ip -n "$4" addr add "$6" dev "$5" && ip -n "$4" link set "$5" up
}

build_network() {
  for namespace in "$lan" "$router" "$wan"; do
    ip netns add "$namespace" && ip -n "$namespace" link set lo up
  done
  cable "$lan" inside 10.77.0.2/24 "$router" tolan 10.77.0.1/24
  cable "$wan" outside 45.45.45.2/24 "$router" towan 45.45.45.1/24
  ip -n "$wan" addr add 45.45.45.3/24 dev outside
  ip -n "$wan" addr add 45.45.45.4/24 dev outside
  ip -n "$lan" route add default via 10.77.0.1
  ip netns exec "$router" sysctl -qw net.ipv4.ip_forward=1
  ip netns exec "$router" nft -f - <<'RULES'
table ip home {
  chain out {
    type nat hook postrouting priority srcnat;
    oifname "towan" masquerade
  }
}
table inet filter {
  chain forward {
    type filter hook forward priority 0; policy accept;
    iifname "towan" ct state established,related accept
    iifname "towan" ct status dnat accept
    iifname "towan" drop
  }
}
RULES
}

router_forgets() {
  ip netns exec "$router" nft delete table inet miniupnpd 2>/dev/null
  ip netns exec "$router" nft -f - <<'RULES'
table inet miniupnpd {
  chain forward { type filter hook forward priority -25; policy accept; }
  chain prerouting { type nat hook prerouting priority dstnat; policy accept; }
  chain postrouting { type nat hook postrouting priority srcnat; policy accept; }
}
RULES
}

start_router() { # start_router <upnp: yes|no>
  cat > "$work/upnpd.conf" <<CONFIG
ext_ifname=towan
listening_ip=tolan
port=0
enable_natpmp=yes
enable_upnp=$1
secure_mode=yes
system_uptime=no
uuid=00000000-0000-4000-8000-000000000001
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
upnp_forward_chain=forward
upnp_nat_chain=prerouting
upnp_nat_postrouting_chain=postrouting
allow 1024-65535 10.77.0.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
CONFIG
  router_forgets
  ip netns exec "$router" miniupnpd -d -f "$work/upnpd.conf" -P "$work/upnpd.pid" > "$work/upnpd.log" 2>&1 &
  router_pid=$!
  # Until it listens: for SSDP, or for NAT-PMP where that is all it speaks.
  local port=1900
  [ "$1" = yes ] || port=5351
  within 20 router_listens $port || echo "miniupnpd does not listen on UDP port $port"
}

router_listens() { [[ $(ip netns exec "$router" ss -Hlun "sport = :$1") == *:$1* ]]; }

stop_router() {
  kill "$router_pid" && wait "$router_pid" 2>/dev/null
  router_pid=''
  rm -f "$work/upnpd.pid"
}

start_node() {
  : > "$work/node.log"
  ip netns exec "$lan" "$node" serve 4001 > "$work/node.log" 2>&1 &
  node_pid=$!
  within 5 grep -q '^key ' "$work/node.log"
  key=$(sed -n 's/^key //p' "$work/node.log")
}

stop_node() {
  kill "$node_pid" && wait "$node_pid" 2>/dev/null
  node_pid=''
}

reached() { ip netns exec "$wan" "$node" ask "$key" 45.45.45.1:4001 > "$work/ask.log"; }
unreached() { ! reached; }
mapping_exists() { [[ $(ip netns exec "$router" nft list table inet miniupnpd) == *dnat* ]]; }
mapping_gone() { ! mapping_exists; }

round() { # round <upnp: yes|no> <name of the way>
  local way=$2 since
  start_router "$1"
  since=$(date +%s.%N)
  start_node
  check "$way: the node maps its port" within 15 grep -q "^mapped 45.45.45.1:4001 by $way" "$work/node.log"
  echo "figure nat $way: mapped $(python3 -c "import time; print(f'{time.time() - $since:.1f}')") s after the start"
  check "$way: the router has the mapping" mapping_exists
  check "$way: a node outside reaches it by its public key" within 6 reached
  cat "$work/ask.log"

  stop_router
  router_forgets
  check "$way: without the router's mapping nobody gets in" unreached
  start_router "$1"
  since=$(date +%s.%N)
  check "$way: reached again within 60 s of the router's restart" within 60 reached
  echo "figure nat $way: reached again $(python3 -c "import time; print(f'{time.time() - $since:.1f}')") s after the restart"

  stop_node
  check "$way: the mapping is gone after the node has ended" within 5 mapping_gone
  check "$way: nobody gets in any more" unreached
  stop_router
}

# person <name> <namespace> <options of run…>: starts `conclave run` with a profile of its own.
person() {
  local name=$1 namespace=$2
  shift 2
  ip netns exec "$namespace" env XDG_CONFIG_HOME=/nonexistent "$conclave" run --json --profile "$work/$name" --no-page \
    --no-lan "$@" > "$work/$name.out" 2> "$work/$name.err" &
  people+=($!)
  person_pid=$!
  within 20 grep -q '"ready"' "$work/$name.out"
}
ready_value() { # ready_value <name> <expression of the ready event's data>
  head -n 1 "$work/$1.out" | python3 -c "import json, sys; data = json.load(sys.stdin)['data']; print($2)"
}
as() { # as <name> <namespace> <command…>
  local name=$1 namespace=$2
  shift 2
  ip netns exec "$namespace" env XDG_CONFIG_HOME=/nonexistent "$conclave" --profile "$work/$name" "$@"
}
published_outside() {
  as inside "$lan" --json status | python3 -c "
import json, sys
status = json.load(sys.stdin)
sys.exit(not (status['dht']['published'] and any('/ip4/45.45.45.1/udp/' in a for a in status['addresses'])))"
}
pinged() { as "$1" "$wan" --json ping "$account" --timeout 8 > "$work/ping.log" 2>&1; }

people_round() {
  local seed account since
  start_router yes
  person helper "$wan" --listen 45.45.45.3 --udp-port 4003 --no-map-port
  seed=$(ready_value helper "next(a for a in data['addresses'] if '/udp/' in a)")
  person inside "$lan" --udp-port 4002 --bootstrap "$seed"
  local inside_pid=$person_pid
  account=$(ready_value inside "data['account']")
  check "conclave: the node inside publishes the router's address" within 60 published_outside
  person outside "$wan" --listen 45.45.45.2 --no-map-port --bootstrap "$seed"
  local outside_pid=$person_pid
  as outside "$wan" contact add "$account" friend > /dev/null
  since=$(date +%s.%N)
  check "conclave: a node outside reaches it by the account's key alone" within 30 pinged outside
  echo "figure nat conclave: reached $(python3 -c "import time; print(f'{time.time() - $since:.1f}')") s after it was asked for"
  check "conclave: through the router's port" \
    grep -q '/ip4/45.45.45.1/udp/' <(as outside "$wan" --json status)

  kill "$outside_pid"
  stop_router
  router_forgets
  start_router yes
  since=$(date +%s.%N)
  person newcomer "$wan" --listen 45.45.45.4 --no-map-port --bootstrap "$seed"
  as newcomer "$wan" contact add "$account" friend > /dev/null
  check "conclave: reached by a newcomer within 60 s of the router's restart" within 60 pinged newcomer
  echo "figure nat conclave: reached again $(python3 -c "import time; print(f'{time.time() - $since:.1f}')") s after the restart"
  kill "$inside_pid" && wait "$inside_pid" 2>/dev/null
  check "conclave: the mapping is gone after the node has ended" within 5 mapping_gone
}

build_network
round yes UPnP
round no NAT-PMP
if [ -x "$conclave" ]; then people_round; else echo "skipped 1: $conclave is not built"; fi
[ $failed = 0 ] || tail -n 30 "$work"/*.log "$work"/*.err
[ $passed = 0 ] || echo "passed $passed (NAT lab)"
[ $failed = 0 ] || { echo "failed $failed"; exit 1; }
