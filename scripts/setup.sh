#!/bin/sh
# setup.sh [--tests | --ssh]: gets what is missing on a bare machine: the pinned Deno, the compile bases of both machine types (a
# client knows the agents of both), the bundler and the packages of deno.lock; with --tests the programs that the tests run, with
# --ssh only the SSH client. Works as root and as a plain user; a second run does nothing.
# Tools live in $TSYNC_TOOLS, by default ~/.cache/tsync-build.
set -eu
. "$(dirname -- "$0")/tools.sh"

programs=
for arg; do
  case $arg in
    --tests | --ssh) programs=${arg#--} ;;
    *) die "unknown option $arg; usage: setup.sh [--tests | --ssh]" ;;
  esac
done

did=
if [ -z "$(find_deno)" ]; then
  get_deno
  did=1
fi

for m in $MACHINES; do
  if [ ! -f "$(base_file "$m")" ]; then
    get_base "$m"
    did=1
  fi
done

if ! sha256_is "$(bundler_file)" "$(pinned ESBUILD_SHA256 "$(machine)")"; then
  get_bundler
  did=1
fi

# The packages of deno.lock, each checked by the hash that stands there.
fetched=$(cd "$ROOT" && NO_COLOR=1 sh scripts/deno.sh install --frozen 2>&1 </dev/null) || die "cannot get the packages of deno.lock:
$fetched"
case $fetched in *Download*) did=1 ;; esac

# program=package: what the tests run, and what Debian calls it.
test_programs='sshd=openssh-server ssh=openssh-client ssh-keygen=openssh-client rsync=rsync setfacl=acl setfattr=attr strace=strace
  bash=bash dash=dash zsh=zsh fish=fish tcsh=tcsh busybox=busybox mksh=mksh python3=python3 mkfs.ext4=e2fsprogs mkfs.xfs=xfsprogs mkfs.btrfs=btrfs-progs lowntfs-3g=ntfs-3g ip=iproute2'

if [ "$programs" = ssh ]; then test_programs='ssh=openssh-client'; fi

missing_packages() {
  for pair in $test_programs; do
    PATH=$PATH:/usr/sbin:/sbin have "${pair%%=*}" || echo "${pair#*=}"
  done | sort -u
}

# A package that brings a daemon does not start it: the tests start their own.
apt_install() {
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    trap 'exit 130' INT TERM
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null 2>&1 || true
  # One at a time where all at once fails: one package that is not to be had leaves the others.
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 </dev/null ||
    for package in "$@"; do
      apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 </dev/null || true
    done
}

if [ -n "$programs" ]; then
  missing=$(missing_packages)
  if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && have apt-get; then
    say "setup: installing" $missing
    # shellcheck disable=SC2086 # a list of words
    apt_install $missing
    did=1
    missing=$(missing_packages)
  fi
  [ -z "$missing" ] || say "setup: missing programs, install them as root:" $missing
fi

[ -n "$did" ] || say "setup: nothing to do"
