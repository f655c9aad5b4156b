"""N real nodes on loopback, each with its own profile and told of one other only. A hundred `conclave send` by public
key, each between two people who added each other by key alone and whose nodes never were connected. Prints how long
from the command to the delivery receipt, and what the nodes cost. Fails when a message is not delivered exactly once."""
import argparse
import concurrent.futures
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from program import Node, wait_for  # noqa: E402

HEADERS = 28  # IPv4 and UDP, per packet


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def figures(name, values, unit, more=""):
    print(f"figure {name}: p50 {percentile(values, .5):.1f} {unit}, p95 {percentile(values, .95):.1f} {unit}, "
          f"max {max(values):.1f} {unit} of {len(values)}{more}", flush=True)


def start(directory, count, parallel):
    """The first node alone, then all others, told of it alone."""
    first = Node(directory / "0")
    seed = first.address()
    nodes = [first]
    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        nodes += pool.map(lambda i: Node(directory / str(i), "--bootstrap", seed), range(1, count))
    return nodes


def ready(nodes, seconds):
    """Waits until everybody can be found by key; how long that took, or None."""
    begin = time.monotonic()
    missing = list(nodes)

    def step():
        missing[:] = [n for n in missing if not n.json("status")["dht"]["published"]]
        return not missing

    return time.monotonic() - begin if wait_for(step, seconds, every=0.5) else None


def peers(node):
    return {peer["node"] for peer in node.json("status")["peers"]}


def known(one, other):
    """What a node knows of the way to another: for a message that did not arrive."""
    status = one.json("status")
    ways = [peer for peer in status["peers"] if peer["node"] == other.ready["node"]]
    contact = [c for c in one.json("contact", "list")["contacts"] if c["account"] == other.key]
    return f"{one.ready['node']} outbox {status['outbox']}, ways {ways}, contact {contact}, log {one.errors()[-400:]!r}"


def strangers(nodes, count, rng):
    """Pairs of nodes, each pair once, in random order and direction."""
    pairs = [(a, b) for i, a in enumerate(nodes) for b in nodes[:i]]
    rng.shuffle(pairs)
    return [pair if rng.random() < .5 else pair[::-1] for pair in pairs[:count]]


def talk(number, sender, receiver, result):
    if receiver.ready["node"] in peers(sender):
        result["connected_before"] += 1
    receiver.json("contact", "add", sender.key, f"n{number}")
    sender.json("contact", "add", receiver.key, f"n{number}")
    begin = time.monotonic()
    done = sender.run("--json", "send", receiver.key, f"message {number}", "--wait", "--timeout", "30")
    wall_ms = (time.monotonic() - begin) * 1000
    if done.returncode != 0:
        result["late"].append((number, f"{done.stdout.strip()}{done.stderr.strip()}\n    sender {known(sender, receiver)}"
                                       f"\n    receiver {known(receiver, sender)}"))
        return
    result["wall_ms"].append(wall_ms)


def heard(receiver, sender, number):
    return [m["body"] for m in receiver.lines("history", sender.key)].count(f"message {number}")


def costs(nodes, settle_s, idle_s):
    """What the nodes cost while nobody writes, once connections of the messages have had time to go."""
    time.sleep(settle_s)
    before = [(time.monotonic(), n.json("status")) for n in nodes]
    time.sleep(idle_s)
    after = [(time.monotonic(), n.json("status")) for n in nodes]
    cpu, sent, rss = [], [], []
    for (t0, a), (t1, b) in zip(before, after):
        traffic = lambda s: s["traffic"]["sent_bytes"] + HEADERS * s["traffic"]["sent_packets"]
        cpu.append((b["process"]["cpu_us"] - a["process"]["cpu_us"]) / (t1 - t0) / 1e4)
        sent.append((traffic(b) - traffic(a)) / (t1 - t0))
        rss.append(b["process"]["rss_bytes"] / 1e6)
    figures("memory", rss, "MB", " nodes (goal 15 MB)")
    figures(f"idle CPU over {idle_s:.0f} s, two status calls included", cpu, "%", " nodes (goal 0.1 %)")
    figures(f"idle sent over {idle_s:.0f} s, IP and UDP headers included", sent, "B/s", " nodes (goal 200 B/s)")
    figures("nodes in the routing table", [b["dht"]["table"] for _, b in after], "", " nodes")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nodes", type=int)
    parser.add_argument("--kill-bootstrap", action="store_true", help="kill the node that everybody was told of before anybody writes")
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--idle", type=float, default=20, help="seconds over which idle cost is measured; 0: not")
    parser.add_argument("--settle", type=float, default=30, help="seconds to wait before that")
    parser.add_argument("--parallel", type=int, default=4, help="nodes started at a time")
    parser.add_argument("--seed", type=int, default=1, help="which pairs")
    parser.add_argument("--keep", action="store_true", help="keep the profiles")
    args = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="conclave-swarm-"))
    nodes = []
    result = {"wall_ms": [], "late": [], "connected_before": 0}
    try:
        nodes = start(directory, args.nodes, args.parallel)
        print(f"figure {len(nodes)} nodes run", flush=True)
        figures("start to ready, new profile", [n.ready["ready_ms"] for n in nodes], "ms", " nodes")
        found = ready(nodes, 120)
        if found is None:
            print("failed 1 (not everybody could be found by key within 120 s)")
            return 1
        print(f"figure everybody can be found by key {found:.1f} s after the last start", flush=True)
        if args.kill_bootstrap:
            nodes[0].stop(signal.SIGKILL)
            nodes = nodes[1:]
            print("figure bootstrap node killed", flush=True)
        pairs = strangers(nodes, args.messages, random.Random(args.seed))
        for number, (sender, receiver) in enumerate(pairs):
            talk(number, sender, receiver, result)
        counts = [heard(receiver, sender, number) for number, (sender, receiver) in enumerate(pairs)]
        missing = sum(count != 1 for count in counts)
        print(f"figure {len(pairs)} messages between strangers ({result['connected_before']} pairs were connected before), "
              f"{len(result['wall_ms'])} receipts within 30 s, {sum(counts)} stored at the receivers", flush=True)
        for number, why in result["late"][:5]:
            print(f"  message {number}: {why}")
        if result["wall_ms"]:
            figures("command to receipt", result["wall_ms"], "ms", " (goal p50 100 ms, p95 500 ms)")
        if args.idle:
            costs(nodes, args.settle, args.idle)
        bad = missing + len(result["late"])
        print(f"passed {len(pairs) - min(bad, len(pairs))} (messages delivered exactly once)")
        if bad:
            print(f"failed {bad} (messages)")
        return int(bad != 0)
    finally:
        for node in nodes:
            if node.process.poll() is None:
                node.process.send_signal(signal.SIGTERM)
        for node in nodes:
            node.stop()
        if args.keep:
            print(f"profiles and logs: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
