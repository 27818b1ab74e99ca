// tsync, the client: argv in, exit code out. The way of one synchronisation from here:
//
//   lib/cli/run.ts            words -> options -> request; prints; exit code
//   lib/job/job.ts            one run: local, or over a connection
//   lib/deploy, lib/transport the connection, and the agent at its end
//   lib/engine/source_half.ts what reads; lib/engine/target_half.ts what writes

import { runCli } from "./lib/cli/run.ts";
import { calledName, rawArgs } from "./lib/os/process.ts";

if (import.meta.main) Deno.exit(await runCli(rawArgs(), calledName(), { job: () => import("./lib/job/job.ts") }));
