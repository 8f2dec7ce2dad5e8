# Sourced by scripts/test and scripts/test-long: runs steps, shows them, counts tests.

logs=build/logs
mkdir -p $logs
began=$SECONDS
steps=0
passed=0
failed=0
failures=""

# step NAME COMMAND...: runs it, output shown and kept. Its failure counts as one failed test.
step() {
  local name=$1 log status from=$SECONDS
  shift
  steps=$((steps + 1))
  log=$logs/$(printf %02d $steps)-${name//[^a-z0-9]/-}.log
  echo "== $name"
  "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  echo "== $name: $([ "$status" = 0 ] && echo done || echo "FAILED ($status)"), $((SECONDS - from)) s"
  if [ "$status" != 0 ]; then
    failed=$((failed + 1))
    failures="$failures"$'\n'"  $name: $log"
  fi
  return "$status"
}

# build PRESET [TARGET]: configures and builds it, or one target of it.
build() {
  step "configure $1" cmake --preset "$1" &&
    step "build $1" cmake --build --preset "$1" -j "$(nproc)" --target "${2:-all}"
}

# tests PRESET CTEST-OPTIONS...: runs the tests of a build and counts each of them.
tests() {
  local preset=$1 counts
  shift
  step "tests $preset" ctest --test-dir "build/$preset" --output-on-failure --no-tests=error \
    -j "$(nproc)" "$@"
  local status=$?
  counts=$(sed -n 's/.* tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' \
    "$logs/$(printf %02d $steps)-tests-$preset.log" | tail -n 1)
  if [ -n "$counts" ]; then
    # shellcheck disable=SC2086  # two numbers
    set -- $counts
    [ $status = 0 ] || failed=$((failed - 1)) # the step itself; its tests count instead
    failed=$((failed + $1))
    passed=$((passed + $2 - $1))
  fi
  return $status
}

# tests_of NAME COUNT COMMAND...: a command that stands for COUNT tests.
tests_of() {
  local name=$1 count=$2
  shift 2
  step "$name" "$@" && passed=$((passed + count))
}

finish() {
  echo
  [ -z "$failures" ] || echo "Failed:$failures"
  echo "Took $((SECONDS - began)) s."
  echo "$passed passed, $failed failed"
  [ $failed = 0 ] && [ $passed -gt 0 ]
  exit
}
