#!/bin/sh
# setup.sh: gets what the build needs.
set -eu
. "$(dirname -- "$0")/tools.sh"
[ -n "$(find_deno)" ] || get_deno
