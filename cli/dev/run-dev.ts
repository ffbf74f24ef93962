/**
 * `sluice dev`: looks at the machine, starts everything in this process, says so, and drains.
 */
import type { ReadStream } from "node:tty";
import { createLogger } from "#shared/log.ts";
import { startServices } from "#shared/lifecycle.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { openBrowser } from "../open-browser.ts";
import { choosePort } from "../preflight/ports.ts";
import type { Terminal } from "../terminal.ts";
import { renderBanner } from "./banner.ts";
import { composeDev, type Composition } from "./compose.ts";
import { type Demo, startDemo } from "./demo.ts";
import { createDevLog, type DevLog } from "./dev-log.ts";
import { listenForKeys } from "./keys.ts";
import type { DevOptions } from "./options.ts";
import { checkDev, refuseBadChecks } from "./preflight.ts";
import { isUp } from "./health.ts";
import { lanName, loopbackOf, type Ports, publicAddresses } from "./urls.ts";

export type DevContext = {
  readonly terminal: Terminal;
  /** Resolves at the first request to stop. */
  readonly stopRequested: Promise<StopReason>;
  readonly requestStop: (reason: StopReason) => void;
  readonly startedAtMs: number;
  readonly stdin: ReadStream;
  readonly version: string;
};

export type StopReason = "SIGINT" | "SIGTERM" | "SIGHUP" | "quit";

/** Runs until it is asked to stop; the exit code. @throws CommandError, or what a service threw */
export async function runDev(options: DevOptions, context: DevContext): Promise<number> {
  const devLog = createDevLog(context.terminal, context.startedAtMs);
  const log = createLogger({ level: options.settings.LOG_LEVEL, write: devLog.write });
  const checks = await checkDev(options);
  refuseBadChecks(checks);
  const ports = await choosePorts(options);
  const name = options.lan ? lanName() ?? "localhost" : "localhost";
  const addresses = publicAddresses(options.settings, ports, name);
  const composition = await composeDev({ options, ports, addresses, log });
  const stopServices = await startServices(composition.services, log);
  let demo: Demo | null = null;
  let releaseKeys = () => {};
  try {
    const host = loopbackOf(options.settings.HOST);
    await isUp(`http://${host}:${ports.api}/readyz`, `http://${host}:${ports.hls}/livez`);
    if (options.demo) demo = await startDemo({ options, ports, addresses, log });
    const streamKey = demo?.document.streamKey ?? null;
    const watch = demo === null ? null : `${addresses.api}/watch/${demo.document.videoUrl}`;
    context.terminal.say(renderBanner({
      checks,
      ports: [ports.api, ports.rtmp, ports.hls],
      version: `${Bun.version} · sluice ${context.version}`,
      ...composition.words,
      startedInMs: Date.now() - context.startedAtMs,
      api: addresses.api,
      rtmp: addresses.rtmp,
      watch,
      streamKey,
    }, context.terminal));
    if (options.json) {
      context.terminal.print(readyDocument({ addresses, watch, composition, demo }));
    }
    if (options.open) await openBrowser(watch ?? addresses.api);
    releaseKeys = bindKeys({ context, devLog, demo, page: watch ?? addresses.api, streamKey });
    const reason = await context.stopRequested;
    context.terminal.say(` draining (${reason}) …`);
  } finally {
    releaseKeys();
    await demo?.publisher.stop();
    await stopServices();
  }
  return EXIT_CODES.ok;
}

async function choosePorts({ settings }: DevOptions): Promise<Ports> {
  const [api, rtmp, hls] = await Promise.all([
    choosePort(settings.HOST, settings.API_PORT),
    choosePort(settings.HOST, settings.RTMP_PORT),
    choosePort(settings.HOST, settings.HLS_PORT),
  ]);
  return { api, rtmp, hls };
}

type ReadyFacts = {
  readonly addresses: { readonly api: string; readonly rtmp: string; readonly hls: string };
  readonly watch: string | null;
  readonly composition: Composition;
  readonly demo: Demo | null;
};

function readyDocument({ addresses, watch, composition, demo }: ReadyFacts) {
  const pids = { sluice: process.pid, ...composition.pids() };
  const demoPid = demo?.publisher.pid ?? null;
  return {
    ...addresses,
    watch,
    pids: demoPid === null ? pids : { ...pids, demo: demoPid },
    demo: demo?.document ?? null,
  };
}

type KeyFacts = {
  readonly context: DevContext;
  readonly devLog: DevLog;
  readonly demo: Demo | null;
  readonly page: string;
  readonly streamKey: string | null;
};

function bindKeys({ context, devLog, demo, page, streamKey }: KeyFacts): () => void {
  const { terminal, stdin } = context;
  if (!terminal.isInteractive || !stdin.isTTY) return () => {};
  const actions = {
    o: () => void openBrowser(page),
    l: () => terminal.say(devLog.toggle() ? " logs: everything" : " logs: news only"),
    q: () => context.requestStop("quit"),
    d: () => void toggleDemo(terminal, demo),
    c: () => copy(terminal, streamKey),
  };
  return listenForKeys(stdin, actions, () => context.requestStop("SIGINT"));
}

async function toggleDemo(terminal: Terminal, demo: Demo | null): Promise<void> {
  if (demo === null) return terminal.say(" no demo here: start with --demo");
  const { publisher } = demo;
  terminal.say(publisher.isRunning ? " demo off" : " demo on");
  await (publisher.isRunning ? publisher.stop() : publisher.start());
}

/** OSC 52: the terminal puts the text on the clipboard; it is also shown, for those that do not. */
function copy(terminal: Terminal, streamKey: string | null): void {
  if (streamKey === null) return terminal.say(" no key here: start with --demo");
  const encoded = Buffer.from(streamKey).toString("base64");
  terminal.say(`\u001b]52;c;${encoded}\u0007 key ${streamKey}`);
}
