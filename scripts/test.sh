#!/bin/sh
# test.sh [--quick] [FOLDER...]: the whole gate: set-up, build, format, lint, types, and every folder of tests/, or the named ones.
# --quick leaves out the set-up of test programs, the build and all folders but unit: what one runs between two edits.
# Reads no standard input. The last line on stdout is "N passed, N failed", with ", N skipped" where there are any; a check that is
# not a test (build, format, lint, types) counts as one. Exits 1 when anything failed.
# TSYNC_TEST_LONG=1 runs every case in full.
set -eu
. "$(dirname -- "$0")/tools.sh"
cd "$ROOT"
exec </dev/null

# Tests ask for what they mean; the caller's habits do not change the answer.
unset RSYNC_RSH TSYNC_RSH RSYNC_PROTECT_ARGS RSYNC_OLD_ARGS RSYNC_PARTIAL_DIR RSYNC_PASSWORD RSYNC_PROXY RSYNC_ICONV RSYNC_MAX_ALLOC
umask 022
export NO_COLOR=1

quick='' folders=''
for arg; do
  case $arg in
    --quick) quick=1 ;;
    -*) die "unknown option $arg; usage: test.sh [--quick] [FOLDER...]" ;;
    *)
      folder=${arg#tests/} folder=${folder%/}
      [ -d "tests/$folder" ] || die "no folder tests/$folder"
      folders="$folders $folder"
      ;;
  esac
done

passed=0 failed=0 skipped=0 failures=''
results=build/test.$$
mkdir -p "$results"
trap 'rm -rf "$results"' EXIT
beside=''
trap 'for one in $beside; do kill "${one#*:}"; done; exit 130' INT TERM

# check NAME COMMAND...: a check of the gate that is not a test.
check() {
  name=$1
  shift
  printf '== %s\n' "$name"
  if "$@" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    failures="$failures
FAILED: $name"
  fi
}

# The folders that hold tests, the fast ones first.
test_folders() {
  for folder in unit wire contract property interop security cli fault $(cd tests && ls); do
    if [ -d "tests/$folder" ] && [ -n "$(find "tests/$folder" -name '*_test.ts' -type f | head -n 1)" ]; then echo "$folder"; fi
  done | awk '!seen[$0]++'
}

# try_folder FOLDER [exec]: one process for each folder. Most run their files side by side, as many as there are processors, those of fault
# two by two: they wait a good deal. Those of the others would disturb each other. A folder that hangs is ended and counts as failed.
try_folder() {
  side_by_side=
  unset DENO_JOBS
  case $1 in
    unit | wire | property | interop) side_by_side=--parallel ;;
    fault) side_by_side=--parallel DENO_JOBS=2 ;;
  esac
  export DENO_JOBS
  limit=
  if [ -z "${TSYNC_TEST_LONG:-}" ] && have timeout; then limit='timeout -k 10 900'; fi
  ${2-} $limit sh scripts/deno.sh test --frozen --no-check --allow-all $side_by_side --junit-path="$results/$1.xml" "tests/$1" 2>&1
}

# count_folder FOLDER CODE: its tests are counted in the end, by its results.
count_folder() {
  code=$2
  # A folder may also fail without a failed test: a file that cannot be loaded, a process that is ended.
  if [ ! -f "$results/$1.xml" ] || { [ $code -ne 0 ] && ! grep -q '<failure' "$results/$1.xml"; }; then
    failed=$((failed + 1))
    failures="$failures
FAILED: tests/$1 ended with code $code"
  fi
}

if [ -n "$quick" ]; then
  [ -n "$(find_deno)" ] || check "set-up" sh scripts/setup.sh
  [ -n "$folders" ] || folders=unit
else
  check "set-up" sh scripts/setup.sh --tests
  check "build" sh scripts/build.sh
  [ -n "$folders" ] || folders=$(test_folders)
fi
check "format" sh scripts/deno.sh fmt --check
check "lint" sh scripts/deno.sh lint --quiet
check "types" sh scripts/deno.sh check --quiet --frozen

# What security, cli and fault do is for the greater part waiting for another side: the first two run beside the third, and are told
# last. What a shell runs so is deaf to Ctrl-C, which tests of cli send: env gives them their ears back.
hears='env --default-signal=INT --default-signal=QUIT'
$hears true 2>/dev/null || hears=
for folder in $folders; do
  if [ "$folder" = security ] || { [ "$folder" = cli ] && [ -n "$hears" ]; }; then
    try_folder "$folder" "exec $hears" >"$results/$folder.log" &
    beside="$beside $folder:$!"
  else
    printf '== tests/%s\n' "$folder"
    if try_folder "$folder"; then count_folder "$folder" 0; else count_folder "$folder" $?; fi
  fi
done
for one in $beside; do
  if wait "${one#*:}"; then code=0; else code=$?; fi
  printf '== tests/%s\n' "${one%:*}"
  cat "$results/${one%:*}.log"
  count_folder "${one%:*}" $code
done
beside=

printf '== result\n'
if [ -n "$folders" ]; then
  if tally=$(sh scripts/deno.sh run --no-config --allow-read scripts/tally.ts tests/skips.txt "$results"/*.xml); then
    printf '%s\n' "$tally" | sed '$d'
    # shellcheck disable=SC2046 # three numbers
    set -- $(printf '%s\n' "$tally" | tail -n 1)
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
  else
    failed=$((failed + 1))
    failures="$failures
FAILED: the results cannot be counted"
  fi
fi
if [ -n "$failures" ]; then printf '%s\n' "${failures#?}"; fi
if [ $skipped -gt 0 ]; then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
[ $failed -eq 0 ]
