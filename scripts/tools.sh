# tools.sh: what the other scripts share. Sourced, never run.
# It knows which tools the project pins, where they are kept and how they are fetched. Every fetched file is checked by SHA-256
# before it gets its final name, and gets that name by one rename, so that two set-ups at once do no harm.

DENO_VERSION=2.7.11

# The deno program itself, the same bytes in Deno's own download, on npm and on PyPI.
DENO_SHA256_x86_64=e518fbc96877fbc2b37820ec54a02e473166cb25a5d4d627ffde37360fd7d210
DENO_SHA256_aarch64=228096f60994ffe64a6af4eb7b6f089263db62a43bef82a74f7b6f0f0c17c18d

# The machine types that agents exist for, in `uname -m`'s words.
MACHINES='x86_64 aarch64'

# The compile base, the program that `deno compile` puts in front of a payload: its size and SHA-256. Where Deno's own download is not
# reachable, it is cut from an npm package that is itself a program compiled by this version of Deno.
BASE_BYTES_x86_64=97076048
BASE_SHA256_x86_64=f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6
BASE_BYTES_aarch64=90596104
BASE_SHA256_aarch64=9c888d915647ff971a497acd39ee45ea63da5f19d12d4363124942c257c055ef
BASE_PACKAGE_x86_64=@stdy/cli-linux-x64@0.22.2
BASE_PACKAGE_aarch64=@stdy/cli-linux-arm64@0.22.2
BASE_MEMBER=bin/steady

# The bundler that `deno bundle` of this version runs, from npm; put where Deno looks for it, so that it runs only after the check.
ESBUILD_VERSION=0.25.5
ESBUILD_SHA256_x86_64=3331e0b23c99d93d9a39e436a4838de40ca1c95ac3bcbd9874ba169d8545b634
ESBUILD_SHA256_aarch64=d6d656d9326ce1c55c01f73604a3cffda35c63cce60016e9ed795ac91cd1e67d

ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
TOOLS=${TSYNC_TOOLS:-${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/tsync-build}
DENO_FILE=$TOOLS/deno-$DENO_VERSION/deno

say() { printf '%s\n' "$*" >&2; }
die() {
  say "$(basename -- "$0"): $*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# The machine type in Rust's words, as the names of Deno's files use it.
machine() {
  case $(uname -s)/$(uname -m) in
    Linux/x86_64 | Linux/amd64) echo x86_64 ;;
    Linux/aarch64 | Linux/arm64) echo aarch64 ;;
    *) die "tsync is built on Linux x86-64 or arm64; this is $(uname -s) $(uname -m)" ;;
  esac
}

# machine_of_target TRIPLE: the machine type of a target that the project builds for.
machine_of_target() {
  case $1 in
    x86_64-unknown-linux-gnu) echo x86_64 ;;
    aarch64-unknown-linux-gnu) echo aarch64 ;;
    *) die "unknown target '$1': x86_64-unknown-linux-gnu or aarch64-unknown-linux-gnu" ;;
  esac
}

# base_file MACHINE: where its compile base is kept.
base_file() { echo "$TOOLS/base-$DENO_VERSION/$1"; }

# pinned NAME MACHINE: the pin of that name for a machine type.
pinned() { eval "echo \"\$$1_$2\""; }

sha256_of() {
  if have sha256sum; then
    sha256sum <"$1"
  elif have shasum; then
    shasum -a 256 <"$1"
  elif have openssl; then
    openssl dgst -sha256 -r <"$1"
  else
    python3 -c 'import hashlib,sys; print(hashlib.sha256(open(sys.argv[1],"rb").read()).hexdigest())' "$1"
  fi | cut -c1-64
}

# sha256_is FILE HASH: true when the file exists and has that hash.
sha256_is() { [ -f "$1" ] && [ "$(sha256_of "$1")" = "$2" ]; }

# A private work folder on the same file system as the tools. The caller removes it.
work_dir() {
  mkdir -p "$TOOLS"
  mktemp -d "$TOOLS/work.XXXXXXXX"
}

# download URL FILE: one try with a short wait for a site that is not reachable.
download() {
  if have curl; then
    curl -fsSL --connect-timeout 5 --max-time 600 -o "$2" "$1" 2>/dev/null
  elif have wget; then
    wget -q -t 1 --connect-timeout=5 --read-timeout=60 -O "$2" "$1" 2>/dev/null
  elif have python3; then
    python3 - "$1" "$2" 2>/dev/null <<'PY'
import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=10) as answer, open(sys.argv[2], "wb") as out:
    shutil.copyfileobj(answer, out)
PY
  else
    return 1
  fi
}

# unzip_member ZIP MEMBER FILE: a wheel is a zip too.
unzip_member() {
  if have python3; then
    python3 - "$@" <<'PY'
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z, z.open(sys.argv[2]) as member, open(sys.argv[3], "wb") as out:
    shutil.copyfileobj(member, out)
PY
  elif have unzip; then
    unzip -p "$1" "$2" >"$3"
  elif have busybox; then
    busybox unzip -p "$1" "$2" >"$3"
  else
    return 1
  fi
}

# npm_member PACKAGE@VERSION MEMBER FILE: one file of an npm package, by npm's own client and configuration.
npm_member() {
  have npm || return 1
  npm_work=$(work_dir)
  (cd "$npm_work" && npm pack --silent "$1" >/dev/null 2>&1 </dev/null) &&
    tar -xzOf "$npm_work"/*.tgz "package/$2" >"$3" 2>/dev/null
  npm_rc=$?
  rm -rf "$npm_work"
  return $npm_rc
}

# pip_member NAME==VERSION PLATFORM MEMBER FILE: one file of a wheel, by pip's own client and configuration.
pip_member() {
  have python3 && python3 -m pip --version >/dev/null 2>&1 || return 1
  pip_work=$(work_dir)
  python3 -m pip download -q --no-deps --only-binary=:all: --platform "$2" -d "$pip_work" "$1" >/dev/null 2>&1 </dev/null &&
    unzip_member "$pip_work"/*.whl "$3" "$4" 2>/dev/null
  pip_rc=$?
  rm -rf "$pip_work"
  return $pip_rc
}

# A last resort on a machine that reaches package registries only: pip from the system's packages.
apt_pip() {
  [ "$(id -u)" = 0 ] && have apt-get && apt-get update -qq >/dev/null 2>&1 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-pip >/dev/null 2>&1 </dev/null
}

# The deno that the project runs: the one fetched earlier, else one of exactly the pinned version on PATH. Prints nothing when there is none.
find_deno() {
  if [ -x "$DENO_FILE" ]; then
    echo "$DENO_FILE"
  elif have deno && [ "$(DENO_NO_UPDATE_CHECK=1 deno --version 2>/dev/null | sed -n '1s/^deno \([0-9.]*\) .*/\1/p')" = "$DENO_VERSION" ]; then
    command -v deno
  fi
}

# accept FILE HASH NAME MODE: puts a fetched file at its place if it is the pinned one.
accept() {
  if ! sha256_is "$1" "$2"; then
    say "setup: the file has another SHA-256 than $2; it is not used"
    return 1
  fi
  chmod "$4" "$1"
  mkdir -p "${3%/*}"
  mv -f "$1" "$3"
}

# npm's word for a machine type.
npm_cpu() {
  case $1 in
    x86_64) echo x64 ;;
    aarch64) echo arm64 ;;
  esac
}

get_deno() {
  m=$(machine)
  deno_work=$(work_dir)
  for way in npm pip site apt; do
    say "setup: fetching Deno $DENO_VERSION ($way)"
    case $way in
      npm) npm_member "@deno/linux-$(npm_cpu "$m")-glibc@$DENO_VERSION" deno "$deno_work/deno" ;;
      pip) pip_member "deno==$DENO_VERSION" "manylinux_2_27_$m" "deno-$DENO_VERSION.data/scripts/deno" "$deno_work/deno" ;;
      site) download "https://dl.deno.land/release/v$DENO_VERSION/deno-$m-unknown-linux-gnu.zip" "$deno_work/deno.zip" &&
        unzip_member "$deno_work/deno.zip" deno "$deno_work/deno" ;;
      apt) apt_pip && pip_member "deno==$DENO_VERSION" "manylinux_2_27_$m" "deno-$DENO_VERSION.data/scripts/deno" "$deno_work/deno" ;;
    esac || continue
    if accept "$deno_work/deno" "$(pinned DENO_SHA256 "$m")" "$DENO_FILE" 755; then
      rm -rf "$deno_work"
      return 0
    fi
  done
  rm -rf "$deno_work"
  die "cannot get Deno $DENO_VERSION: install npm, or python3 with pip, or put that version of deno on PATH"
}

# deno_member PACKAGE@VERSION MEMBER FILE: one file of an npm package, fetched by Deno itself; a machine without npm can do this.
deno_member() {
  fetch_work=$(work_dir)
  DENO_DIR=$fetch_work sh "$ROOT/scripts/deno.sh" cache --quiet --no-config "npm:$1" >/dev/null 2>&1 </dev/null
  # The folder below npm/ bears the registry's name, which is the machine's business.
  fetch_path=${1%@*}/${1##*@}/$2
  find "$fetch_work/npm" -path "*/$fetch_path" -type f -exec mv -f {} "$3" \; 2>/dev/null
  rm -rf "$fetch_work"
  [ -f "$3" ]
}

get_base() {
  m=$1
  base_package=$(pinned BASE_PACKAGE "$m")
  base_work=$(work_dir)
  for way in site deno npm; do
    say "setup: fetching the compile base for $m ($way)"
    case $way in
      site) download "https://dl.deno.land/release/v$DENO_VERSION/denort-$m-unknown-linux-gnu.zip" "$base_work/zip" &&
        unzip_member "$base_work/zip" denort "$base_work/program" ;;
      deno) deno_member "$base_package" "$BASE_MEMBER" "$base_work/program" ;;
      npm) npm_member "$base_package" "$BASE_MEMBER" "$base_work/program" ;;
    esac || continue
    head -c "$(pinned BASE_BYTES "$m")" "$base_work/program" >"$base_work/base"
    if accept "$base_work/base" "$(pinned BASE_SHA256 "$m")" "$(base_file "$m")" 755; then
      rm -rf "$base_work"
      return 0
    fi
  done
  rm -rf "$base_work"
  die "cannot get the compile base of Deno $DENO_VERSION for $m from Deno's site or from npm"
}

# Where Deno keeps what it fetches.
deno_dir() { NO_COLOR=1 sh "$ROOT/scripts/deno.sh" info --json | sed -n 's/^ *"denoDir": "\(.*\)",$/\1/p'; }

bundler_file() { echo "$(deno_dir)/dl/esbuild-$ESBUILD_VERSION/esbuild-linux-$(npm_cpu "$(machine)")"; }

get_bundler() {
  m=$(machine)
  bundler_package=@esbuild/linux-$(npm_cpu "$m")@$ESBUILD_VERSION
  bundler_work=$(work_dir)
  for way in deno npm; do
    say "setup: fetching the bundler ($way)"
    "${way}_member" "$bundler_package" bin/esbuild "$bundler_work/esbuild" || continue
    if accept "$bundler_work/esbuild" "$(pinned ESBUILD_SHA256 "$m")" "$(bundler_file)" 755; then
      rm -rf "$bundler_work"
      return 0
    fi
  done
  rm -rf "$bundler_work"
  die "cannot get $bundler_package"
}
