"""N native members (`conclave call`) in one conference through one real node. Every few seconds somebody joins or
leaves, so that keys change all the time. Fails when a frame does not authenticate, a key is not there in time, a
recording does not decode with ffmpeg, or memory grows."""
import argparse
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from program import PROGRAM, Node, environment  # noqa: E402

GROWTH = 1.25  # of memory between the first third and the end, which is more than arenas settle by
SLACK = 6 << 20


def make_media(directory):
    film, sound = directory / "film.ivf", directory / "sound.ogg"
    quiet = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i"]
    subprocess.run([*quiet, "testsrc=size=160x120:rate=10:duration=6", "-c:v", "libvpx", "-b:v", "80k", "-g", "10",
                    "-deadline", "realtime", "-cpu-used", "8", film], check=True)
    subprocess.run([*quiet, "sine=frequency=440:duration=6", "-c:a", "libopus", "-b:a", "16k", sound], check=True)
    return film, sound


class Member:
    def __init__(self, link, name, media, args, record=None):
        film, sound = media
        self.name, self.record = name, record
        command = [PROGRAM, "call", link, "--json", "--play", film, "--play-audio", sound, "--name", name,
                   "--slots", str(args.slots), "--fps", str(args.fps), "--height", "120"]
        if record:
            command += ["--record", record]
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=environment())

    def leave(self):
        self.process.send_signal(signal.SIGINT)

    def report(self):
        try:
            out, errors = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, errors = self.process.communicate()
        if self.process.returncode == -signal.SIGINT:
            return None  # asked to leave before it had begun
        if self.process.returncode != 0:
            return {"error": (out + errors).strip(), "name": self.name}
        return json.loads(out.splitlines()[-1])


def memory(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except (FileNotFoundError, ProcessLookupError):
        return 0


def decodes(path):
    """Whether ffmpeg's decoder takes every frame of it without a word."""
    done = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of",
                           "csv=p=0", path], capture_output=True, text=True)
    frames = done.stdout.strip()
    good = done.returncode == 0 and not done.stderr.strip() and frames.isdigit() and int(frames) > 0
    return good, done.stderr.strip()[:200] or f"{frames} frames"


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def play(node, link, media, directory, args):
    """The members' reports, and memory of node and sampled members early and late."""
    rng = random.Random(1)
    sampled = [Member(link, f"sampled{i}", media, args, directory / f"record{i}") for i in range(2)]
    others = [Member(link, f"member{i}", media, args) for i in range(args.members - 2)]
    number, gone = len(others), []
    begin = time.monotonic()
    early = None
    joins = True
    while time.monotonic() - begin < args.seconds:
        time.sleep(args.change)
        if early is None and time.monotonic() - begin > args.seconds / 3:
            early = [memory(p.process.pid) for p in [node, *sampled]]
        if joins:
            others.append(Member(link, f"member{number}", media, args))
            number += 1
        else:
            leaving = others.pop(rng.randrange(len(others)))
            leaving.leave()
            gone.append(leaving)
        joins = not joins
    late = [memory(p.process.pid) for p in [node, *sampled]]
    everyone = [*sampled, *others]
    for member in everyone:
        member.leave()
    return [r for r in (m.report() for m in [*everyone, *gone]) if r], early, late


def judge(reports, early, late, directory, args):
    problems = [f"{r['name']}: {r['error']}" for r in reports if "error" in r]
    good = [r for r in reports if "error" not in r]
    total = lambda *path: sum(value(r, *path) for r in good)

    def value(report, *path):
        for name in path:
            report = report[name]
        return report

    opened, failed, late_keys = total("frames", "opened"), total("frames", "failed"), total("frames", "late")
    first = [r["first_frame_ms"] for r in good if r["first_frame_ms"] is not None]
    print(f"figure {len(reports)} members came, {args.members} at once, {total('joins')} arrivals and "
          f"{total('leaves')} departures noticed, {total('keys', 'changed')} changes of keys")
    print(f"figure {opened} frames opened, {failed} failed, {late_keys} without a key in time, "
          f"{total('frames', 'before')} from before a member's time, {total('received', 'freezes')} freezes")
    print(f"figure first picture after p50 {percentile(first, .5):.0f} ms, p95 {percentile(first, .95):.0f} ms")
    files = sorted(directory.glob("record*/*"))
    bad = [(f.name, why) for f in files for ok, why in [decodes(f)] if not ok]
    print(f"figure {len(files)} recordings, {len(bad)} that ffmpeg does not decode")
    print("figure memory, MB: " + ", ".join(
        f"{name} {a / 1e6:.1f} early {b / 1e6:.1f} late" for name, a, b in zip(["node", "member", "member"], early, late)))
    if not opened or failed:
        problems.append(f"{failed} frames failed, {opened} opened")
    if late_keys * 1000 > opened:
        problems.append(f"{late_keys} frames had no key in time, more than one in a thousand")
    if not files or bad:
        problems.append(f"recordings: {len(files)} files, bad {bad[:3]}")
    for name, a, b in zip(["node", "member", "member"], early, late):
        if args.seconds >= 120 and b > a * GROWTH + SLACK:
            problems.append(f"memory of the {name} grew from {a} to {b} bytes")
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("members", type=int)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--change", type=float, default=2)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--fps", type=float, default=10)
    args = parser.parse_args()
    if not shutil.which("ffmpeg"):
        print("skipped 1: ffmpeg is not installed")
        return 0
    directory = pathlib.Path(tempfile.mkdtemp(prefix="conclave-members-"))
    node = None
    try:
        media = make_media(directory)
        node = Node(directory / "node")
        conference = node.api("calls.create", name="lab")["conference"]
        node.api("calls.enter", conference=conference)
        link = node.api("calls.invite", conference=conference, members_max=256)["link"]
        reports, early, late = play(node, link, media, directory, args)
        problems = judge(reports, early, late, directory, args)
    finally:
        if node:
            node.stop()
        shutil.rmtree(directory, ignore_errors=True)
    for problem in problems:
        print("FAILED:", problem)
    print(f"failed {len(problems)} (native members)" if problems else f"passed {args.members} (native members)")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
