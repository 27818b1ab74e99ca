// The far side's first program: one constant POSIX sh text, the same for every run, that takes the launch line, finds or
// receives the agent and becomes it (lib/wire/PROTOCOL.md section 3). Called by command.ts. Promises:
// - the joined text is one line without single quote, backslash, "!" or newline, so that every login shell passes it on
//   unchanged inside single quotes; nothing that a user or a peer chose is ever part of it;
// - a file is executed only if it and the folders above it pass the checks of `check` below; a new one gets its final
//   name only after its SHA-256 was right;
// - nothing is written outside ~/.tsync, and a temporary file of ours does not outlive this shell.

/** Shell text that finds the home folder and puts it, free of links, into d; uses fail, h and n. A login begins there: no process is needed. */
export const FIND_HOME = `
  # Under sudo HOME may be another user's; ours is known by our name.
  h=\${HOME-};
  test -O "$h" ||
    { n=$(id -un) && expr "$n" : "[a-zA-Z0-9_][a-zA-Z0-9_.-]*$" >/dev/null && eval "h=~$n"; };
  case $h in /*) ;; *) fail "HOME is not set" ;; esac;
  if test "$h" -ef . 2>/dev/null && cd -P . 2>/dev/null; then d=$PWD;
  else d=$(cd -P -- "$h" 2>/dev/null && pwd) || fail "the home folder $h cannot be entered"; fi;
  d=\${d%/};
`;

/** Shell text for a quiet, known start: no options of the caller's, no variables that change how ls prints or where cd goes. */
export const SET_UP = `
set +e +u +x -f;
# A line feed; a shell begins with it as the last of its separators.
x=\${IFS#??};
case $x in ?) ;; *) x=$(echo; echo x); x=\${x%x} ;; esac;
IFS=" ";
# The system's own tools first; a login PATH may lack them.
PATH=/usr/bin:/bin:/usr/sbin:/sbin\${PATH:+:$PATH};
unset CDPATH BLOCK_SIZE LS_BLOCK_SIZE QUOTING_STYLE GZIP;
m=; t=;

clean() { test -z "$t" || rm -f "$t"; t=; };

# The reason, its lines joined, and the end.
fail() {
  set -f; IFS=" $x"; set -- $*; IFS=" ";
  printf "%s FAIL %.2000s" "$m" "$*"; echo;
  clean; trap - EXIT; exit 1;
};

sum() {
  if command -v sha256sum >/dev/null; then sha256sum;
  elif command -v shasum >/dev/null; then shasum -a 256;
  else openssl dgst -sha256; fi;
};
`;

/**
 * Lines are joined by one space, lines that begin with "#" are dropped. Variables: l launch line, m marker, s SHA-256, z size
 * and w machine of the wanted agent; d home, f the agent's file, t our temporary file, o the user's umask where ours is another; e error
 * text, k verdict, x a line feed, n and a passing values. Where the agent is there only one process is started, ls.
 */
const SOURCE = `
${SET_UP}
o=;
trap clean EXIT;
trap "exit 1" HUP INT TERM PIPE;

# Sets k to "good" if the agent's file may be executed, to nothing if it is missing or may not, else to why no file there ever may.
# ls -n prints mode, links, owner, group, size, date and name of each; the folders that are given are those above.
check() {
  k=;
  e=$(LC_ALL=C ls -ldn -- / "$@" "$d/.tsync" "$d/.tsync/bin" "$f" 2>/dev/null);
  while test -n "$e"; do
    a=\${e%%"$x"*};
    e=\${e#"$a"}; e=\${e#"$x"};
    q=/\${a#*/};
    set -- $a;
    case $q in
      "$f" | "$f -> "*)
        case $1 in -rwx------*) test "$2 $5" = "1 $z" && test -O "$f" && k=good ;; esac ;;
      "$d/.tsync" | "$d/.tsync/bin")
        case $1 in
          drwx--[-S]---*) test -O "$q" || { k="$q belongs to user $3, not to $(id -u)"; break; } ;;
          d*) k="$q is open to others; if nobody else has changed it, run: chmod 700 $q"; break ;;
          *) k="$q is not a folder"; break ;;
        esac ;;
      *)
        case $1 in
          l*) k="$q is a link"; break ;;
          ????????w[-x]*) k="others may change $q; run: chmod o-w $q"; break ;;
          ?????w???[-x]*)
            test "$4" = 0 || test "$4" = "$(id -u)" || { k="group $4 may change $q; run: chmod g-w $q"; break; } ;;
        esac ;;
    esac;
  done;
};

# Becomes the agent. A shell that cannot exec either ends (then the trap speaks) or, told so, goes on.
refused() { fail "the agent cannot run here: exec of $f was refused"; };
run() {
  TSYNC_LAUNCH=$l; export TSYNC_LAUNCH;
  test -z "$o" || umask "$o";
  command -v shopt >/dev/null && shopt -s execfail;
  trap refused EXIT;
  exec "$f";
  refused;
};

# Prints n bytes of the standard input and takes no more of it. Not every head and dd can.
choose_piece() {
  case $(echo abcd | { head -c 2 >/dev/null; cat; }) in cd) piece() { head -c "$1"; }; return ;; esac;
  case $(echo abcd | { dd bs=2 count=1 iflag=fullblock >/dev/null 2>&1; cat; }) in
    cd) piece() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null; } ;;
    *) piece() { dd bs=1 count="$1" 2>/dev/null; } ;;
  esac;
};
pieces() { while read -r n && test "$n" -gt 0; do piece "$n" || return; done; };

# What must be there before 40 MB are asked for. The agent gets the user's own umask back.
prepare() {
  o=$(umask); umask 077;
  case $w in
    x86_64) test -e /lib64/ld-linux-x86-64.so.2 ;;
    aarch64) test -e /lib/ld-linux-aarch64.so.1 ;;
  esac || fail "the agent cannot run here: no glibc on this machine";
  command -v gzip >/dev/null || fail "gzip is missing";
  command -v sha256sum >/dev/null || command -v shasum >/dev/null || command -v openssl >/dev/null ||
    fail "sha256sum, shasum and openssl are missing";
  for a in "$d/.tsync" "$d/.tsync/bin"; do
    test -d "$a" || e=$(mkdir "$a" 2>&1) || test -d "$a" || fail "cannot write to the home folder: $e";
  done;
  test -h "$f" || { test -d "$f" && fail "$f is a folder; remove it"; };
  # What a killed upload left behind a day ago or earlier.
  find "$d/.tsync/bin" -name "new-*" -type f -mtime +0 -exec rm -f {} + 2>/dev/null;
};

receive() {
  choose_piece;
  n=$d/.tsync/bin/new-$m;
  e=$( (set -C; : >"$n") 2>&1) || fail "cannot write to the home folder: $e";
  t=$n;
  echo "$m NEED $w";
  e=$( { pieces | gzip -dc >>"$t"; } 2>&1) || fail "cannot unpack the agent: $e";
  case $(sum <"$t") in *"$s"*) ;; *) fail "the agent was damaged on the way: its SHA-256 is wrong" ;; esac;
  e=$(chmod 700 "$t" 2>&1) || fail "$e";
  e=$("$t" --version 2>&1 </dev/null) || fail "the agent cannot run here: $e";
};

# A link is taken away first: mv would go through it.
install() {
  test -h "$f" && rm -f "$f";
  e=$(mv -f "$t" "$f" 2>&1) || fail "$e";
  t=;
};

while read -r l; do
  set -- $l;
  m=$2; s=$3; z=$4; w=$5;
  test $# = 7 && test "$1" = tsync1 && test \${#m} = 32 && test \${#s} = 64 && test \${#l} -le 4096 ||
    { echo "tsync: this is not a launch line" >&2; exit 2; };

${FIND_HOME}
  f=$d/.tsync/bin/tsync-remote-$s;
  set --; p=$d; while test -n "$p"; do set -- "$@" "$p"; p=\${p%/*}; done;

  check "$@";
  case $k in good) run ;; "") ;; *) fail "$k" ;; esac;

  n=$(uname -sm);
  case $n in "Linux "*) ;; *) fail "the agent cannot run here: this is $n" ;; esac;
  n=\${n#* };
  # The client may hold an agent for this machine type too; then it sends another launch line.
  test "$n" = "$w" || { echo "$m NEED $n"; continue; };

  prepare;
  check "$@";
  case $k in good) run ;; "") ;; *) fail "$k" ;; esac;
  receive;
  check "$@";
  case $k in good) clean ;; "") install ;; *) fail "$k" ;; esac;
  check "$@";
  case $k in good) run ;; esac;
  fail "\${k:-$f does not keep its owner, mode or size}";
done;
exit 1
`;

/** The text as one line. */
export const LAUNCHER = joinLines(SOURCE);

/** Drops comment lines and joins the rest by single spaces. */
export function joinLines(source: string): string {
  return source.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#")).join(" ");
}
