# What the stages of ./test share. Sourced from the root of the checkout.

# configure <preset> [cmake options]: the dev preset file by file, for the inner loop, the others in batches.
configure() {
  local preset=$1 unity=ON
  shift
  [ "$preset" = dev ] && unity=OFF
  cmake --preset "$preset" -DCONCLAVE_UNITY=$unity "$@" >/dev/null
}

# build <preset> [cmake options]
build() {
  local preset=$1
  configure "$@"
  cmake --build --preset "$preset" -- -k 0
}

# The release build as every stage wants it: one set of options, so that no stage builds it anew.
build_release() { build release -DCONCLAVE_WERROR=ON -DCONCLAVE_TESTS=ON -DCONCLAVE_BENCH=ON; }

# run_tests <preset>: every test_* program of that build; prints the passed, failed and skipped counts.
run_tests() {
  local preset=$1 program report status=0
  for program in build/"$preset"/test_*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    report=build/$preset/$(basename "$program").xml
    rm -f "$report"
    timeout 900 "$program" --gtest_brief=1 --gtest_output="xml:$report" || status=1
    python3 tests/count.py "$report" "$(basename "$program")" || status=1
  done
  return $status
}
