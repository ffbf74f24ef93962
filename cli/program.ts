/**
 * The commands of `sluice` with their flags. Unknown flags and commands are errors.
 */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { addSettingFlags, applySettingFlags } from "./setting-flags.ts";
import { DB_SETTINGS, migrateCommand, statusCommand } from "./commands/db.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { probeCommand } from "./commands/probe.ts";
import { DEV_SETTINGS, type DevFlags, readDevOptions } from "./dev/options.ts";
import { type DevContext, runDev } from "./dev/run-dev.ts";
import type { Terminal } from "./terminal.ts";

export type ProgramContext = Omit<DevContext, "terminal"> & {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
};

type Flags = Readonly<Record<string, unknown>>;

/** Parses `argv` (without runtime and script), runs the command and gives its exit code. */
export async function runProgram(
  argv: readonly string[],
  context: ProgramContext,
): Promise<number> {
  let exitCode = 0;
  const program = createProgram(context, (code) => exitCode = code);
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version are answers; everything else is a wrong command line.
    return error.exitCode === 0 ? 0 : 2;
  }
  return exitCode;
}

function createProgram(context: ProgramContext, setExitCode: (code: number) => void): Command {
  const { env, terminal } = context;
  const program = new Command("sluice")
    .description("Live streaming in a box for developers.")
    .version(context.version, "-V, --version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.say(text.trimEnd()),
    })
    .showHelpAfterError("(see sluice --help)");

  const dev = program.command("dev")
    .description("run everything in this process on embedded parts")
    .option("--demo", "publish a test pattern")
    .option("--no-demo", "publish nothing (the default)")
    .option("--open", "open the browser")
    .option("--lan", "let others on this network connect")
    .option("--json", "print one JSON document when everything is ready")
    .action(async (flags: DevFlags) =>
      setExitCode(await runDev(readDevOptions(env, flags), context))
    );
  // Two flags of one name leave it true when neither is given.
  dev.setOptionValueWithSource("demo", false, "default");
  addSettingFlags(dev, DEV_SETTINGS);

  const doctor = program.command("doctor")
    .description("look at this machine: runtime, ffmpeg, ports, disk, database, queue")
    .option("--json", "print the results as JSON")
    .action(async (flags: DevFlags) => {
      setExitCode(await doctorCommand(readDevOptions(env, flags), terminal));
    });
  addSettingFlags(doctor, DEV_SETTINGS);
  addDbCommands(program, context);
  addProbeCommand(program, context, setExitCode);
  program.command("version")
    .description("print the version")
    .option("--json", "print it as JSON")
    .action((flags: Flags) => {
      const { version } = context;
      terminal.print(flags["json"] === true ? { sluice: version, bun: Bun.version } : version);
    });
  return program;
}

function addDbCommands(program: Command, { env, terminal }: ProgramContext): void {
  const db = program.command("db").description("the database's schema");
  const commands = [
    ["migrate", "run what is pending", migrateCommand],
    ["status", "list the migrations", statusCommand],
  ] as const;
  for (const [name, description, run] of commands) {
    const command = db.command(name)
      .description(description)
      .option("--json", "print the result as JSON")
      .action(async (flags: Flags) => {
        await run({ env: applySettingFlags(env, flags), terminal, json: flags["json"] === true });
      });
    addSettingFlags(command, DB_SETTINGS);
  }
}

function addProbeCommand(
  program: Command,
  { terminal, stopRequested }: ProgramContext,
  setExitCode: (code: number) => void,
): void {
  type ProbeFlags = { readonly seconds: number; readonly json?: boolean };
  program.command("probe")
    .description("check an HLS stream against the rules, and how far behind live it is")
    .argument("<url>", "a multivariant or media playlist", parseHttpUrl)
    .option("--seconds <n>", "how long to look at it, 1…600", parseSeconds, 10)
    .option("--json", "print the report as JSON")
    .action(async (url: string, { seconds, json = false }: ProbeFlags) => {
      const stop = new AbortController();
      void stopRequested.then(() => stop.abort());
      setExitCode(await probeCommand({ url, seconds, json, terminal, signal: stop.signal }));
    });
}

function parseHttpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError("expected an address like http://host/stream.m3u8");
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds >= 1 && seconds <= 600) return seconds;
  throw new InvalidArgumentError("expected 1…600");
}
