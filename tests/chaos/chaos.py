"""Kills a sender and a receiver with SIGKILL at random moments while both write to each other, and checks that
every message that was acknowledged to its writer is there exactly once, in order, on both sides.

    tests/chaos/chaos.py build/release/conclave --kills 200 [--seed 1]

A message is acknowledged when messages.send of the local API has answered. One whose call broke may or may not be
there, but once at most.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("conclave", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Refused(Exception):
    pass


class Node:
    """One profile, and the program that runs it from time to time."""

    def __init__(self, program, directory):
        self.program = program
        self.directory = directory
        self.process = None
        self.said = []  # (text, acknowledged), in the order of the calls
        self.key = None
        self.starts = []

    def start(self):
        begin = time.monotonic()
        with open(f"{self.directory}.log", "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "--profile", self.directory, "run", "--quiet", "--no-page", "--no-lan",
                 "--no-map-port", "--listen", "127.0.0.1"], stdout=log, stderr=log)
        while True:
            try:
                self.key = self.call("status")["account"]
                self.starts.append(time.monotonic() - begin)
                return
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"failed 1 (a node does not start again: see {self.directory}.log)")
                time.sleep(0.01)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def call(self, method, **params):
        connection = UnixConnection(pathlib.Path(self.directory) / "api.sock")
        try:
            connection.request("POST", "/api", json.dumps({"id": 1, "method": method, "params": params}),
                               {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        except http.client.HTTPException as broken:
            raise ConnectionError(str(broken)) from broken
        finally:
            connection.close()
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def history(self, other):
        """Texts by author, in the order of this node's database."""
        out = []
        before = 0
        while True:
            params = {"with": other.key, "limit": 500}
            if before:
                params["before"] = before
            page = self.call("messages.history", **params)
            messages = page["messages"] if isinstance(page, dict) else page
            out = messages + out
            if len(messages) < 500:
                return out
            before = messages[0]["position"]


def write(node, other, over, pause):
    """Sends numbered texts until told to stop."""
    number = 0
    while not over.is_set():
        text = f"{number:06d}"
        number += 1
        try:
            node.call("messages.send", to=other.key, body=text)
            node.said.append((text, True))
        except (OSError, ValueError):
            node.said.append((text, False))
            time.sleep(0.02)
        time.sleep(random.uniform(0, pause))


def settle(nodes, patience):
    """Waits until what was acknowledged has arrived."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if all(node.call("status")["outbox"] == 0 for node in nodes):
            return True
        time.sleep(0.2)
    return False


def check(sender, receiver, problems):
    """What `sender` wrote, as both have it."""
    there = [m["body"] for m in sender.history(receiver) if m["author"] == sender.key]
    arrived = [m["body"] for m in receiver.history(sender) if m["author"] == sender.key]
    asked = [text for text, _ in sender.said]
    acknowledged = [text for text, sure in sender.said if sure]
    if len(set(there)) != len(there):
        problems.append("a message is in the sender's database twice")
    if len(set(arrived)) != len(arrived):
        problems.append("a message arrived twice")
    missing = set(acknowledged) - set(there)
    if missing:
        problems.append(f"acknowledged and gone at the sender: {sorted(missing)[:5]}")
    missing = set(acknowledged) - set(arrived)
    if missing:
        problems.append(f"acknowledged and not arrived: {sorted(missing)[:5]} of {len(missing)}")
    if there != [text for text in asked if text in set(there)]:
        problems.append("the sender's order is not the order of writing")
    if arrived != there:
        problems.append("the two sides do not have the same messages in the same order")
    return len(acknowledged)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program")
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=int(time.time()))
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    chance = random.Random(options.seed)
    program = os.path.abspath(options.program)
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
        nodes = [Node(program, os.path.join(directory, name)) for name in ("alice", "bob")]
        try:
            for node in nodes:
                node.start()
            links = [node.call("status")["link"] for node in nodes]
            nodes[0].call("contacts.add", link=links[1], name="bob")
            nodes[1].call("contacts.add", link=links[0], name="alice")
            over = threading.Event()
            writers = [threading.Thread(target=write, args=(nodes[i], nodes[1 - i], over, 0.05)) for i in (0, 1)]
            for writer in writers:
                writer.start()
            begin = time.monotonic()
            for _ in range(options.kills):
                time.sleep(chance.uniform(0.02, 0.8))
                victims = chance.choice([nodes[:1], nodes[1:], nodes])
                for victim in victims:
                    victim.kill()
                time.sleep(chance.choice([0, 0, chance.uniform(0, 0.5)]))
                for victim in victims:
                    victim.start()
            over.set()
            for writer in writers:
                writer.join()
            ended = time.monotonic()
            problems = []
            if not settle(nodes, 180):
                problems.append("something is still on its way after 180 s")
            settled = time.monotonic() - ended
            acknowledged = sum(check(nodes[i], nodes[1 - i], problems) for i in (0, 1))
            starts = sorted(nodes[0].starts + nodes[1].starts)
            print(f"figure {options.kills} kills within {ended - begin:.0f} s, seed {options.seed}: {acknowledged} "
                  f"acknowledged messages; all there {settled:.1f} s after the last kill; start to first answer p50 "
                  f"{starts[len(starts) // 2] * 1000:.0f} ms")
            for problem in problems:
                print("FAILED:", problem)
            print(f"failed {len(problems)} (chaos)" if problems else "passed 1 (chaos)")
            return 1 if problems else 0
        finally:
            for node in nodes:
                if node.process and node.process.poll() is None:
                    node.kill()


sys.exit(main())
