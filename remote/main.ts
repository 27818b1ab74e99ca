// tsync-remote, the agent: started by the client on the other machine, by the launcher or as it is. It reads one launch line,
// answers, and does the job it is given (agent.ts). It never speaks to a person: what it has to say travels to the client.

import { args } from "../lib/os/process.ts";
import { runAgent } from "./agent.ts";

if (import.meta.main) Deno.exit(await runAgent(args()));
