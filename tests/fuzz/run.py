"""Runs every fuzz target of a build for some seconds, two at a time, and prints executions per second.

    python3 tests/fuzz/run.py build/asan 6

Seeds come from tests/fuzz/seeds/<name>/ and from $CONCLAVE_VECTORS/rtp-corpora/<name>/ where those exist; what a
run discovers stays in build/fuzz-corpus/<name>/ and is where the next run starts. A finding is kept in
build/fuzz-findings/ and fails the run.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

build, seconds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
vectors = os.environ.get("CONCLAVE_VECTORS")


def seeds_of(name):
    places = [pathlib.Path("tests/fuzz/seeds") / name]
    if vectors:
        places.append(pathlib.Path(vectors) / "rtp-corpora" / name)
    return [str(place) for place in places if place.is_dir()]


def fuzz(program):
    name = program.name.removeprefix("fuzz_")
    corpus = pathlib.Path("build/fuzz-corpus") / name
    findings = pathlib.Path("build/fuzz-findings") / name
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(
        [program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1500", "-print_final_stats=1",
         f"-artifact_prefix={findings}/", str(corpus), *seeds_of(name)],
        capture_output=True, text=True, errors="replace", check=False)
    rate = re.search(r"average_exec_per_sec:\s*(\d+)", run.stderr)
    cases = re.search(r"number_of_executed_units:\s*(\d+)", run.stderr)
    return name, run.returncode, rate and int(rate[1]), cases and int(cases[1]), run.stderr[-3000:]


targets = sorted(path for path in build.glob("fuzz_*") if path.is_file() and os.access(path, os.X_OK))
if not targets:
    print(f"failed 1: no fuzz target in {build}")
    sys.exit(1)
broken = 0
with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
    for name, status, rate, cases, log in pool.map(fuzz, targets):
        if status != 0:
            broken += 1
            print(f"FAILED: fuzz_{name} found something:\n{log}")
        else:
            print(f"figure fuzz_{name}: {seconds} s, {cases} inputs, {rate} a second, no finding")
print(f"passed {len(targets) - broken} (fuzz targets)")
if broken:
    print(f"failed {broken} (fuzz targets)")
sys.exit(1 if broken else 0)
