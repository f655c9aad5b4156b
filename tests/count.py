"""Reads a GoogleTest XML report and prints what ./test adds up: passed, failed, and each skip with its reason."""
import sys
import xml.etree.ElementTree

report, name = sys.argv[1:3]
try:
    tests = xml.etree.ElementTree.parse(report).getroot().findall("./testsuite/testcase")
except (OSError, xml.etree.ElementTree.ParseError):
    print(f"failed 1: {name} ended without a report (a crash?)")
    sys.exit(1)
failed = [test for test in tests if test.find("failure") is not None]
skipped = [test for test in tests if test.get("result") == "skipped"]
for test in skipped:
    # The first line says where.
    reasons = [line for skip in test.findall("skipped") for line in skip.get("message", "").splitlines()[1:]]
    print(f"skipped 1: {test.get('classname')}.{test.get('name')}: {' '.join(reasons) or 'no reason given'}")
for test in failed:
    print(f"FAILED: {test.get('classname')}.{test.get('name')}")
print(f"passed {len(tests) - len(failed) - len(skipped)} ({name})")
if failed:
    print(f"failed {len(failed)} ({name})")
    sys.exit(1)
