#!/bin/sh
# build.sh [--target TRIPLE]: makes dist/tsync-remote and dist/tsync, for another machine type in dist/TRIPLE/. Needs no Deno to start.
#
# A program is the compile base of its machine type and a payload. The payload does not depend on the machine type. Each program is
# first bundled, so that it embeds only what it uses: an npm package is otherwise embedded whole. What is imported when it is needed is a
# file of its own: all that is in one file is read at each start (measured: 37 ms instead of 52).
#
# In a compiled program all modules lie in one folder, and these files beside them:
#   agent/payload.bin      the payload of tsync-remote, the same for every machine type (the client only)
#   agent/manifest.json    {"payload": {bytes, sha256}, "agents": [{machine, baseBytes, baseSha256, bytes, sha256}, ...]}: base and
#                          whole file of the agent for each machine type, named as `uname -m` does (the client only)
#   NAME_worker.ts         each lib/**/NAME_worker.ts that the program starts by new Worker(new URL("./NAME_worker.ts", import.meta.url))
# They are read by Deno.readFileSync(new URL("./agent/payload.bin", Deno.mainModule)) where Deno.build.standalone is true. A program
# that runs from source finds the same files in build/agent/.
#
# What was built from is remembered in build/MACHINE/stamp; a second run checks it against the tree and the programs and does nothing.
set -eu
. "$(dirname -- "$0")/tools.sh"
cd "$ROOT"

host=$(machine)
target_machine=$host
while [ $# -gt 0 ]; do
  case $1 in
    --target)
      [ $# -gt 1 ] || die "--target needs a value"
      target_machine=$(machine_of_target "$2")
      shift
      ;;
    *) die "unknown option $1; usage: build.sh [--target TRIPLE]" ;;
  esac
  shift
done
triple=$target_machine-unknown-linux-gnu
dist=dist
[ "$target_machine" = "$host" ] || dist=dist/$triple

sh scripts/setup.sh

# What the programs are made from, and by what.
sources() {
  find main.ts remote lib deno.json deno.lock scripts/build.sh scripts/tools.sh -type f -print | LC_ALL=C sort | while IFS= read -r file; do
    echo "$(sha256_of "$file") $file"
  done
}
stamp=build/$target_machine/stamp
work=build/work.$$
mkdir -p "$dist" build/agent "build/$target_machine" "$work/remote" "$work/client/agent"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

programs() { echo "tsync-remote $(sha256_of "$dist/tsync-remote") tsync $(sha256_of "$dist/tsync")"; }
sources >"$work/sources"
if [ -f "$stamp" ] && [ -f "$dist/tsync" ] && [ -f "$dist/tsync-remote" ] &&
  [ "$(cat "$stamp")" = "$(sha256_of "$work/sources") $(programs)" ]; then
  say "build: $dist/tsync is up to date"
  exit 0
fi

# bundle ENTRY WORDS...: one module and all that it imports, as the words say. Minified, because otherwise the packages' places on this
# machine stand in it and two machines make two different programs.
bundle() {
  entry=$1
  shift
  sh scripts/deno.sh bundle --quiet --frozen --minify "$@" "$entry" </dev/null
}

# bundle_program ENTRY FOLDER: as main.js, and a file for what is imported later.
bundle_program() {
  bundle "$1" --code-splitting --outdir "$2"
  # A module that Deno does not know would be looked for beside the bundle at run time.
  if grep -rqF "$ROOT/" "$2"; then die "$2 names this source tree"; fi
}

# workers FOLDER: bundles each worker that the program in FOLDER names, and prints it.
workers() {
  find lib -name '*_worker.ts' -type f | LC_ALL=C sort | while IFS= read -r file; do
    name=${file##*/}
    if grep -qF "$name" "$1"/*.js; then
      bundle "$file" -o "$1/$name"
      echo "--include=$1/$name"
    fi
  done
}

# compile FOLDER PROGRAM INCLUDES...: --no-code-cache because Deno keeps that cache in the shared temp folder under a name that
# anyone can guess. --no-config because a bundle imports nothing that a configuration names. The files' times are embedded: one
# fixed time makes two builds of one tree the same program. V8 would otherwise collect a heap of 12 MB that has hardly any garbage, in
# each thread (measured: a run of 0.38 s over 100,000 files takes 0.01 s less). And it would compile 400 functions beside the run that are
# called once for each of a thousand folders (measured: 1 % of 100,000 files changed takes 0.93 of the time, and 0.91 of processor time).
compile() {
  folder=$1 program=$2
  shift 2
  find "$folder" -type f -exec env TZ=UTC0 touch -t 200001010000 {} +
  DENORT_BIN=$(base_file "$target_machine") sh scripts/deno.sh compile --quiet --no-config --no-check --no-code-cache --allow-all \
    --v8-flags=--initial-old-space-size=32,--invocation-count-for-maglev=2000 --target "$triple" --output "$program" "$@" "$folder/main.js" </dev/null
}

# describe PAYLOAD: the manifest of the agents made of this payload and each base.
describe() {
  payload_bytes=$(wc -c <"$1" | tr -d ' ')
  printf '{\n  "payload": { "bytes": %s, "sha256": "%s" },\n  "agents": [' "$payload_bytes" "$(sha256_of "$1")"
  comma=
  for m in $MACHINES; do
    agent_base_bytes=$(pinned BASE_BYTES "$m")
    cat "$(base_file "$m")" "$1" >"$work/whole"
    printf '%s\n    { "machine": "%s", "baseBytes": %s, "baseSha256": "%s", "bytes": %s, "sha256": "%s" }' "$comma" "$m" \
      "$agent_base_bytes" "$(pinned BASE_SHA256 "$m")" "$((agent_base_bytes + payload_bytes))" "$(sha256_of "$work/whole")"
    comma=,
  done
  printf '\n  ]\n}\n'
}

say "build: $dist/tsync-remote"
bundle_program remote/main.ts "$work/remote"
# shellcheck disable=SC2046 # a list of words
compile "$work/remote" "$work/tsync-remote" $(workers "$work/remote")

base_bytes=$(pinned BASE_BYTES "$target_machine")
tail -c "+$((base_bytes + 1))" "$work/tsync-remote" >"$work/client/agent/payload.bin"
describe "$work/client/agent/payload.bin" >"$work/client/agent/manifest.json"

say "build: $dist/tsync"
bundle_program main.ts "$work/client"
# shellcheck disable=SC2046
compile "$work/client" "$work/tsync" --include="$work/client/agent" $(workers "$work/client")

# The promise that deployment rests on: the client's own base and the payload it carries are the agent.
{ head -c "$base_bytes" "$work/tsync" && cat "$work/client/agent/payload.bin"; } | cmp -s - "$work/tsync-remote" ||
  die "the client's base and the agent's payload do not make up tsync-remote"
grep -q "\"machine\": \"$target_machine\".*\"sha256\": \"$(sha256_of "$work/tsync-remote")\"" "$work/client/agent/manifest.json" ||
  die "the manifest does not describe tsync-remote"

mv -f "$work/client/agent/payload.bin" "$work/client/agent/manifest.json" build/agent/
mv -f "$work/tsync-remote" "$work/tsync" "$dist/"
echo "$(sha256_of "$work/sources") $(programs)" >"$stamp"
