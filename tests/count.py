"""Reads a GoogleTest JSON report and prints what ./test adds up: passed, failed, and each skip with its reason."""
import json
import sys

report, name = sys.argv[1:3]
try:
    suites = json.load(open(report))["testsuites"]
except (OSError, ValueError):
    print(f"failed 1: {name} ended without a report (a crash?)")
    sys.exit(1)
tests = [test for suite in suites for test in suite["testsuite"]]
failed = [test for test in tests if test.get("failures")]
skipped = [test for test in tests if test.get("result") == "SKIPPED"]
for test in skipped:
    reasons = [line for skip in test.get("skipped", []) for line in skip.get("message", "").splitlines()[1:]]
    print(f"skipped 1: {test['classname']}.{test['name']}: {' '.join(reasons) or 'no reason given'}")
for test in failed:
    print(f"FAILED: {test['classname']}.{test['name']}")
print(f"passed {len(tests) - len(failed) - len(skipped)} ({name})")
if failed:
    print(f"failed {len(failed)} ({name})")
    sys.exit(1)
