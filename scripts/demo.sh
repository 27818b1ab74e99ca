#!/bin/sh
# demo.sh: builds tsync and runs its main job on real input: a tree of tens of thousands of this machine's files is pushed through a
# throw-away SSH server on loopback into an empty home, again unchanged, again after a change, and pulled back. Each step is compared
# without tsync. Exits 0 only if everything is equal. Needs no root and no server; leaves nothing behind but the build.
set -eu
. "$(dirname -- "$0")/tools.sh"
cd "$ROOT"

sh scripts/build.sh
sh scripts/setup.sh --ssh
have ssh || die "tsync speaks to other machines through the system's ssh, which is missing: install the OpenSSH client
(package openssh-client or openssh-clients) as root and run this again"

exec sh scripts/deno.sh run --quiet --frozen --no-prompt --allow-all scripts/demo.ts
