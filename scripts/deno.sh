#!/bin/sh
# deno.sh ARGS...: runs the pinned Deno, and fetches it first where it is missing.
# DENO_TLS_CA_STORE: registries behind a company's own certificate are reached with the machine's certificates.
set -eu
. "$(dirname -- "$0")/tools.sh"
deno=$(find_deno)
if [ -z "$deno" ]; then
  get_deno
  deno=$DENO_FILE
fi
export DENO_TLS_CA_STORE="${DENO_TLS_CA_STORE:-system,mozilla}" DENO_NO_UPDATE_CHECK=1
exec "$deno" "$@"
