// Under which name the program speaks: its messages, its help. Set once, by lib/cli at the very beginning, where the program is used
// in rsync's place; read by whoever makes a sentence.

let name: "tsync" | "rsync" = "tsync";

export function programName(): "tsync" | "rsync" {
  return name;
}

export function setProgramName(to: "tsync" | "rsync"): void {
  name = to;
}
