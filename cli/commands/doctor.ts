/**
 * `sluice doctor`: everything `dev` would need, looked at without starting it.
 */
import { connect } from "node:net";
import { createDatabase } from "#db/client.ts";
import { messageOf } from "#shared/errors.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { bad, type CheckResult, good } from "../preflight/check.ts";
import { checkDev } from "../dev/preflight.ts";
import type { DevOptions } from "../dev/options.ts";
import type { Terminal } from "../terminal.ts";

const DEADLINE_MS = 3000;

/** Prints one line per check (or all as JSON) and gives the exit code: 0, 1, or 5 for missing parts. */
export async function doctorCommand(options: DevOptions, terminal: Terminal): Promise<number> {
  const results: readonly CheckResult[] = [
    good("runtime", `bun ${Bun.version}`),
    ...await checkDev(options),
    ...await Promise.all([checkDatabase(options), checkBroker(options)]),
  ];
  if (options.json) {
    terminal.print(results.map(({ name, state, detail, hint }) => ({ name, state, detail, hint })));
  } else {
    for (const result of results) terminal.print(renderResult(result, terminal));
  }
  const wrong = results.filter(({ state }) => state === "bad");
  if (wrong.length === 0) return EXIT_CODES.ok;
  return wrong.some(({ exit }) => exit === "missing") ? EXIT_CODES.missing : EXIT_CODES.failed;
}

async function checkDatabase({ settings }: DevOptions): Promise<CheckResult> {
  if (settings.DATABASE_URL === undefined) return good("database", "embedded (no DATABASE_URL)");
  const client = createDatabase({ url: settings.DATABASE_URL, poolSize: 2 });
  try {
    await client.ping(DEADLINE_MS);
    return good("database", `answers at ${new URL(settings.DATABASE_URL).host}`);
  } catch (error) {
    return bad("database", "failed", messageOf(error), "check DATABASE_URL and the server");
  } finally {
    await client.close();
  }
}

async function checkBroker({ settings }: DevOptions): Promise<CheckResult> {
  if (settings.AMQP_URL === undefined) return good("queue", "in-process (no AMQP_URL)");
  const { hostname, port } = new URL(settings.AMQP_URL);
  const problem = await tryConnect(hostname, port === "" ? 5672 : Number(port));
  if (problem === null) return good("queue", `a broker listens at ${hostname}`);
  return bad("queue", "failed", `${hostname}: ${problem}`, "check AMQP_URL and the broker");
}

function tryConnect(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: DEADLINE_MS });
    const finish = (problem: string | null) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once("connect", () => finish(null));
    socket.once("timeout", () => finish("does not answer"));
    socket.once("error", (error) => finish(error.message));
  });
}

function renderResult({ name, state, detail, hint }: CheckResult, terminal: Terminal): string {
  const { style } = terminal;
  const marks = { good: style.good("✓"), warning: style.warn("▲"), bad: style.bad("✗") };
  const next = hint === null ? "" : `\n    → ${hint}`;
  return ` ${marks[state]} ${name}: ${detail}${next}`;
}
