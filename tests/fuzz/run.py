"""Runs every fuzz target of a build, two at a time, and prints executions per second.

    python3 tests/fuzz/run.py build/fuzz 300 [NAME ...]

Seconds are the target's own CPU time, so that a busy machine fuzzes as much as an idle one. Seeds come from
tests/fuzz/seeds/<name>/ and from $CONCLAVE_VECTORS/rtp-corpora/<name>/ where those exist; what a run discovers stays in
build/fuzz-corpus/<name>/ and is where the next run starts. A finding is kept in build/fuzz-findings/ and fails the run.
"""
import concurrent.futures
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

build, seconds, wanted = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
vectors = os.environ.get("CONCLAVE_VECTORS")
input_seconds = 10  # of one input; more is a finding
interrupted, timed_out = 72, 70  # libFuzzer's exit codes


def seeds_of(name):
    places = [pathlib.Path("tests/fuzz/seeds") / name]
    if vectors:
        places.append(pathlib.Path(vectors) / "rtp-corpora" / name)
    return [str(place) for place in places if place.is_dir()]


def run_for(command, cpu_seconds):
    """Interrupts the command when it has used that much; returns exit code, seconds used, what it said."""
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        ticks = os.sysconf("SC_CLK_TCK")
        asked = False
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                break
            with open(f"/proc/{process.pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            if not asked and (int(fields[11]) + int(fields[12])) / ticks >= cpu_seconds:
                process.send_signal(signal.SIGINT)
                asked = True
            time.sleep(0.1)
        log.seek(0)
        return process.returncode, usage.ru_utime + usage.ru_stime, log.read()


def is_quick(program, artifact):
    """libFuzzer's clock goes on while others have the machine; a slow input is slow by its own time."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (input_seconds, input_seconds))
    return subprocess.run([program, "-timeout=0", artifact], capture_output=True, preexec_fn=limit).returncode == 0


def fuzz(program):
    name = program.name.removeprefix("fuzz_")
    corpus = pathlib.Path("build/fuzz-corpus") / name
    findings = pathlib.Path("build/fuzz-findings") / name
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    command = [program, f"-timeout={input_seconds}", "-rss_limit_mb=1500", "-print_final_stats=1",
               f"-artifact_prefix={findings}/", str(corpus), *seeds_of(name)]
    used = cases = 0
    while used < seconds:
        status, took, log = run_for(command, seconds - used)
        used += took
        executed = re.search(r"number_of_executed_units:\s*(\d+)", log)
        cases += int(executed[1]) if executed else 0
        if status == interrupted:
            continue
        slow = list(findings.glob("timeout-*"))
        if status == timed_out and slow and all(is_quick(program, artifact) for artifact in slow):
            for artifact in slow:
                artifact.unlink()
            continue
        return name, used, cases, log[-3000:] or f"exit code {status}"
    return name, used, cases, None


targets = sorted(path for path in build.glob("fuzz_*") if path.is_file() and os.access(path, os.X_OK))
if wanted:
    targets = [path for path in targets if path.name.removeprefix("fuzz_") in wanted]
if not targets:
    print(f"failed 1: no fuzz target in {build}")
    sys.exit(1)
broken = 0
with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
    for name, used, cases, finding in pool.map(fuzz, targets):
        if finding:
            broken += 1
            print(f"FAILED: fuzz_{name} found something:\n{finding}", flush=True)
        else:
            print(f"figure fuzz_{name}: {used:.0f} s, {cases} inputs, {cases / used:.0f} a second, no finding", flush=True)
print(f"passed {len(targets) - broken} (fuzz targets)")
if broken:
    print(f"failed {broken} (fuzz targets)")
sys.exit(1 if broken else 0)
