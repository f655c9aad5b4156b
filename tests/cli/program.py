"""Runs the built `conclave` for tests: nodes of their own profile on loopback, and commands against them."""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = pathlib.Path(os.environ.get("CONCLAVE_PROGRAM", ROOT / "build/release/conclave"))

# Loopback only.
QUIET = ["--listen", "127.0.0.1", "--no-lan", "--no-map-port"]


def environment():
    """Without the tester's own config, profile and passphrase."""
    out = {k: v for k, v in os.environ.items() if k not in ("CONCLAVE_PASSPHRASE", "XDG_DATA_HOME")}
    out["XDG_CONFIG_HOME"] = "/nonexistent"
    return out


def command(*arguments, stdin=None, timeout=60, env=None):
    """What `conclave ARGUMENTS` gave: returncode, stdout, stderr."""
    return subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          timeout=timeout, env={**environment(), **(env or {})},
                          **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))


class Socket(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path):
        super().__init__("conclave", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Node:
    """A running `conclave run --json`."""

    def __init__(self, profile, *options, page=False, wait=True):
        self.profile = pathlib.Path(profile)
        self.options = [*QUIET, *([] if page else ["--no-page"]), *map(str, options)]
        self.log = tempfile.TemporaryFile("w+")
        self.ready = None
        self.start(wait)

    def start(self, wait=True):
        self.spawned = time.monotonic()
        self.process = subprocess.Popen(
            [PROGRAM, "run", "--json", "--profile", self.profile, *self.options], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment())
        if wait:
            self.wait_ready()

    def wait_ready(self, timeout=30):
        killer = threading.Timer(timeout, self.process.kill)
        killer.start()
        line = self.process.stdout.readline()
        killer.cancel()
        if not line:
            raise RuntimeError(f"{self.profile} did not start: {self.errors()}")
        message = json.loads(line)
        if message.get("event") != "ready":
            raise RuntimeError(f"{self.profile} did not start: {line}")
        self.ready = message["data"]
        self.ready_wall_ms = (time.monotonic() - self.spawned) * 1000
        return self.ready

    def errors(self):
        self.log.seek(0)
        return self.log.read()

    @property
    def key(self):
        return self.ready["account"]

    def run(self, *arguments, **more):
        return command("--profile", self.profile, *arguments, **more)

    def json(self, *arguments, **more):
        """The first JSON value that a command which must succeed prints."""
        done = self.run("--json", *arguments, **more)
        if done.returncode != 0:
            raise AssertionError(f"{arguments} gave {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout.splitlines()[0]) if done.stdout else None

    def api(self, method, **params):
        """What the local API answers; docs/api.md."""
        connection = Socket(self.profile / "api.sock")
        connection.request("POST", "/api", json.dumps({"id": 1, "method": method, "params": params}),
                           {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def lines(self, *arguments, **more):
        done = self.run("--json", *arguments, **more)
        if done.returncode != 0:
            raise AssertionError(f"{arguments} gave {done.returncode}: {done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def address(self):
        """A multiaddr of this node, for --bootstrap."""
        return next(a for a in self.ready["addresses"] if "/udp/" in a)

    def stop(self, how=signal.SIGTERM, timeout=20):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process.stdout.close()
        return code


def wait_for(what, seconds=20, every=0.05):
    """Until what() is true; its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(every)
