// What the shells complete by, made from the option table (--help=bash, zsh, fish): options, local paths, and paths on a far machine,
// asked of it over ssh without a password prompt. Loaded only when asked for. Promises: nothing that a far machine says is evaluated.

import type { Option } from "./option.ts";
import { OPTIONS } from "./option_table.ts";

/** Long and short words with their arguments' places: "--name=" where one follows. */
function words(option: Option): string[] {
  const value = option.argument === undefined ? "" : "=";
  return [
    ...[option.name, ...option.aliases ?? []].filter((name) => name !== "").map((name) => `--${name}${value}`),
    ...(option.short === undefined ? [] : [`-${option.short}`]),
    ...(option.unset === undefined ? [] : [`--no-${option.name || option.short}`]),
  ];
}

const firstLine = ({ help }: Option): string => help.split("\n").join(" ");

export function bashCompletions(): string {
  return `# bash completion for tsync: source it, or put it where bash-completion looks (as "tsync")
_tsync_remote() {
  local host=\${1%%:*} path=\${1#*:} home= name
  case $path in "~/"*) home="~/" path=\${path:2} ;; esac
  path="$home'\${path//\\'/\\'\\\\\\'\\'}'"
  ssh -o BatchMode=yes -o ConnectTimeout=5 -- "$host" "ls -1dp -- $path*" 2>/dev/null </dev/null |
    while IFS= read -r name; do printf '%s:%s\\n' "$host" "$name"; done
}

_tsync() {
  local line=\${COMP_LINE:0:COMP_POINT} options cur keep i
  options="${OPTIONS.flatMap(words).join(" ")} --as-rsync"
  # The last word, in which a space may stand behind a backslash.
  [[ $line =~ (([^[:space:]\\\\]|\\\\.)*)$ ]]
  cur=\${BASH_REMATCH[1]//\\\\/}
  COMPREPLY=()
  case $cur in
    --*=*) mapfile -t COMPREPLY < <(compgen -P "\${cur%%=*}=" -f -- "\${cur#*=}") ;;
    -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur") ;;
    [!/.]*:*) mapfile -t COMPREPLY < <(_tsync_remote "$cur") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
  esac
  for i in "\${!COMPREPLY[@]}"; do
    [ -d "\${COMPREPLY[i]}" ] && COMPREPLY[i]=\${COMPREPLY[i]}/
  done
  case \${COMPREPLY[0]-} in */ | *=) compopt -o nospace 2>/dev/null ;; esac
  # Readline replaces only what stands behind the last of these.
  case $cur in
    *[:=]*)
      keep=\${cur%"\${cur##*[:=]}"}
      case $COMP_WORDBREAKS in *:*=* | *=*:*) COMPREPLY=("\${COMPREPLY[@]#"$keep"}") ;; esac
      ;;
  esac
}
complete -o filenames -F _tsync tsync
`;
}

export function zshCompletions(): string {
  const plain = (text: string) => text.replaceAll(/[\\[\]:]/g, "\\$&").replaceAll("'", "'\\''");
  const specs = OPTIONS.flatMap((option) =>
    words(option).map((word) => {
      const isNegation = word.startsWith("--no-") && word !== `--${option.name}`;
      const takes = option.argument !== undefined && !isNegation;
      const place = !takes ? "" : word.endsWith("=") ? "" : "+";
      const value = takes ? `:${plain(option.argument!)}:_files` : "";
      const text = isNegation ? "takes it back" : plain(firstLine(option));
      return `    '*${word}${place}[${text}]${value}'`;
    })
  );
  return `#compdef tsync
# zsh completion for tsync: put it into a folder of fpath, as "_tsync"
_tsync_paths() {
  if compset -P 1 '[^./][^/]#:'; then
    _remote_files -- ssh
  else
    _alternative 'files:file:_files' 'hosts:host:_hosts -S :'
  fi
}

_tsync() {
  setopt localoptions extendedglob
  _arguments -s -S \\
${specs.join(" \\\n")} \\
    '*:path:_tsync_paths'
}

if [ "$funcstack[1]" = _tsync ]; then _tsync "$@"; else compdef _tsync tsync; fi
`;
}

export function fishCompletions(): string {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = OPTIONS.flatMap((option) => {
    const takes = option.argument === undefined ? "" : " -r";
    const text = ` -d ${quoted(firstLine(option))}`;
    const short = option.short === undefined ? "" : ` -s ${quoted(option.short)}`;
    const long = option.name === "" ? "" : ` -l ${option.name}`;
    return [
      `complete -c tsync${short}${long}${takes}${text}`,
      ...(option.aliases ?? []).map((alias) => `complete -c tsync -l ${alias}${takes}${text}`),
      ...(option.unset === undefined
        ? []
        : [`complete -c tsync -l no-${option.name || option.short} -d 'takes it back'`]),
    ];
  });
  return `# fish completion for tsync: put it into ~/.config/fish/completions, as tsync.fish
function __tsync_is_remote
    string match -qr '^[^/.-][^/]*:' -- (commandline -ct)
end
function __tsync_remote
    set -l word (commandline -ct)
    set -l host (string split -m 1 : -- $word)[1]
    set -l path (string split -m 1 : -- $word)[2]
    set -l safe (string replace -a "'" "'\\\\''" -- $path)
    ssh -o BatchMode=yes -o ConnectTimeout=5 -- $host "ls -1dp -- '$safe'*" 2>/dev/null </dev/null | while read -l name
        echo "$host:$name"
    end
end
complete -c tsync -n __tsync_is_remote -f -a '(__tsync_remote)'
${lines.join("\n")}
`;
}
