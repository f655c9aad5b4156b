"""Checks the arrows between floors: a file includes its own floor and those below, never above; inside transport
and node, the order that ARCHITECTURE.md draws. Prints passed/failed lines for ./test."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
# Each floor and the floors it may include.
below = {
    "crypto": [],
    "transport": ["crypto"],
    "dht": ["transport", "crypto"],
    "node": ["dht", "transport", "crypto"],
    "cli": ["node", "dht", "transport", "crypto"],
    "simulations": ["node", "dht", "transport", "crypto"],
}
# Inside transport, a folder and the folders it may include.
transport = {
    "io": [],
    "address": ["io"],
    "wire": ["io"],
    "oneshot": ["io", "address", "wire"],
    "quic": ["io", "address", "wire"],
    "tcp": ["io", "address", "wire"],
    "webrtc": ["io", "address", "wire"],
    "swarm": ["io", "address", "wire", "oneshot", "quic", "tcp", "webrtc"],
    "identify": ["io", "address", "wire", "oneshot", "quic", "tcp", "webrtc", "swarm"],
    "nat": ["io", "address", "wire", "oneshot", "quic", "tcp", "webrtc", "swarm"],
    "lan": ["io", "address", "wire", "oneshot", "quic", "tcp", "webrtc", "swarm"],
}
# Inside node, services are strangers to each other: only files directly in node/ wire them.
strangers = {"store", "contacts", "chat", "calls", "gateway"}
include = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)

wrong = []
count = 0
for floor, allowed in below.items():
    for path in sorted((root / floor).rglob("*.[ch]pp")):
        parts = path.relative_to(root).parts
        for target in include.findall(path.read_text()):
            count += 1
            to = target.split("/")
            if not (root / target).exists():
                wrong.append(f"{path.relative_to(root)}: {target} is not named from the root")
            elif to[0] != floor and to[0] not in allowed:
                wrong.append(f"{path.relative_to(root)} ({floor}) includes {target}, a floor above")
            elif floor == to[0] == "transport" and len(parts) > 2 and to[1] != parts[1]:
                if to[1] not in transport.get(parts[1], []):
                    wrong.append(f"{path.relative_to(root)} includes {target}: transport/{parts[1]} may not")
            elif to[:2] == ["node", "member"] and floor == "node" and parts[1] != "member":
                wrong.append(f"{path.relative_to(root)} includes {target}: the node holds no media keys")
            elif floor == to[0] == "node" and len(parts) > 2 and len(to) > 2 and to[1] != parts[1]:
                # The store is below the others: it keeps rows, they give them meaning.
                if to[1] in strangers - {"store"} and parts[1] in strangers:
                    wrong.append(f"{path.relative_to(root)} includes {target}: strangers meet in node.cpp")
for line in wrong:
    print("FAILED:", line)
print(f"figure {count} includes checked")
print(f"failed {len(wrong)} (arrows)" if wrong else "passed 1 (arrows)")
sys.exit(1 if wrong else 0)
