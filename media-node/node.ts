/**
 * A media node: RTMP in, HLS out, and the API told about it. Everything it needs comes as a value,
 * so that `sluice dev` and tests run it beside other services in one process.
 */
import { join } from "node:path";
import type { LadderRung } from "#shared/contracts/ladder.ts";
import { type ControlPlane, ControlRefusal } from "#shared/control-plane.ts";
import { messageOf } from "#shared/errors.ts";
import { type Service, startServices } from "#shared/lifecycle.ts";
import type { Logger } from "#shared/log.ts";
import type { Storage } from "#shared/storage/port.ts";
import { Broadcasts } from "./broadcast/broadcasts.ts";
import type { IngestLimits } from "./ingest/admission/limits.ts";
import { createIngestServer } from "./ingest/rtmp/server.ts";
import type { Encoder } from "./ladder/ffmpeg/ffmpeg-args.ts";
import type { StartEngine } from "./ladder/engine.ts";
import { startFfmpegEngine } from "./ladder/ffmpeg/ffmpeg-engine.ts";
import { type FfmpegFacts, probeFfmpeg } from "./ladder/ffmpeg/probe-ffmpeg.ts";
import { BroadcastJournal } from "./broadcast/journal.ts";
import { isRunning, type JournalEntry } from "./broadcast/journal-entry.ts";
import { ReportQueue } from "./broadcast/report-queue.ts";
import { loadNodeId } from "./node-id.ts";
import { LiveRegistry } from "./live/live-registry.ts";
import { lastWriteMs, removeSpools } from "./packager/spools.ts";
import { createPlaybackServer } from "./playback/server.ts";
import { createRecorder } from "./recorder/recorder.ts";
import { recoverRecordings } from "./recorder/recover.ts";

export type MediaNodeOptions = {
  /** Address to listen on, for publishers and viewers alike. */
  readonly host: string;
  /** 0: any free port; `ports` then says which. */
  readonly rtmpPort: number;
  readonly hlsPort: number;
  /** The node's own small files: its id and its journal. */
  readonly dataDir: string;
  readonly ladder: readonly LadderRung[];
  /** A path, or a name on PATH. */
  readonly ffmpegPath: string;
  readonly encoder: Encoder;
  /** What `probeFfmpeg` said, when it was asked before: `start` does not ask again. */
  readonly ffmpeg?: FfmpegFacts;
  readonly control: ControlPlane;
  readonly storage: Storage;
  /** How far viewers of a live broadcast can go back, as far as it is recorded. Default 2 h. */
  readonly dvrWindowS?: number;
  readonly log: Logger;
  /** The path in `rtmp://host/<app>`. Default `streaming`. */
  readonly app?: string;
  readonly ingestLimits?: Partial<IngestLimits>;
};

export interface MediaNode extends Service {
  /** Where it listens, once started. */
  readonly ports: { readonly rtmp: number; readonly hls: number };
  /** Broadcasts that run or wait for their publisher. */
  readonly broadcasts: number;
}

/** A full playlist of it is some 270 KB, compressed a fifth. */
const DVR_WINDOW_S = 7200;

type Running = {
  readonly broadcasts: Broadcasts;
  readonly ports: MediaNode["ports"];
  readonly stop: () => Promise<void>;
};

/**
 * A media node that is not started yet. `start` finishes what a crash left behind first.
 * `start` throws FfmpegUnusable when ffmpeg cannot do the work, ListenError when a port is taken.
 */
export function createMediaNode(options: MediaNodeOptions): MediaNode {
  let running: Running | null = null;
  let stopping: Promise<void> | null = null;
  return {
    name: "media-node",
    get ports() {
      return running?.ports ?? { rtmp: options.rtmpPort, hls: options.hlsPort };
    },
    get broadcasts() {
      return running?.broadcasts.count ?? 0;
    },
    async start() {
      running = await startNode(options);
    },
    stop() {
      stopping ??= running?.stop() ?? Promise.resolve();
      return stopping;
    },
  };
}

async function startNode(options: MediaNodeOptions): Promise<Running> {
  const ffmpeg = options.ffmpeg ?? await probeFfmpeg(options.ffmpegPath, options.encoder);
  const nodeId = await loadNodeId(options.dataDir);
  const log = options.log.with({ nodeId });
  const { control, storage } = options;
  const journal = new BroadcastJournal(join(options.dataDir, "broadcasts"), log);
  const spoolFolder = join(options.dataDir, "spool");
  const live = new LiveRegistry();
  const recorder = createRecorder({ storage, nodeId, log });
  const broadcasts = new Broadcasts({
    nodeId,
    nodeInstanceId: crypto.randomUUID(),
    ladder: options.ladder,
    ffmpegPath: ffmpeg.path,
    frameModeFlag: ffmpeg.frameModeFlag,
    createEngine: (engineLog) => createEngine(options, ffmpeg, engineLog),
    control,
    live,
    recorder,
    storage,
    journal,
    spoolFolder,
    dvrWindowS: options.dvrWindowS ?? DVR_WINDOW_S,
    log,
  });
  const parts = { journal, control, storage, nodeId, log, broadcasts, spoolFolder };
  const leftovers = await takeOver(parts);
  const { host, rtmpPort, hlsPort, app = "streaming" } = options;
  const playback = createPlaybackServer({ host, port: hlsPort, storage, live, log });
  const ingest = createIngestServer({
    host,
    port: rtmpPort,
    app,
    limits: options.ingestLimits,
    onPublish: (request) => broadcasts.admit(request),
    log,
  });
  const runner: Service = {
    name: "broadcasts",
    start: async () => broadcasts.start(),
    stop: () => broadcasts.stop(),
  };
  // Stopped in reverse: broadcasts end and are finished while viewers can still read them.
  const stopServices = await startServices([recorder, playback, ingest, runner], log);
  log.info("node.started", { ffmpeg: ffmpeg.version, rtmp: ingest.port, hls: playback.port });
  const stop = async () => {
    leftovers.close();
    await stopServices();
    live.close();
  };
  return { broadcasts, ports: { rtmp: ingest.port, hls: playback.port }, stop };
}

function createEngine(options: MediaNodeOptions, ffmpeg: FfmpegFacts, log: Logger): StartEngine {
  const { path: ffmpegPath, frameModeFlag } = ffmpeg;
  return startFfmpegEngine({ ffmpegPath, frameModeFlag, encoder: options.encoder, log });
}

type LeftoverDeps = Pick<MediaNodeOptions, "control" | "storage" | "log"> & {
  readonly journal: BroadcastJournal;
  readonly nodeId: string;
};

type TakeOverDeps = LeftoverDeps & {
  readonly broadcasts: Broadcasts;
  readonly spoolFolder: string;
};

/**
 * Goes on with what a crash cut off, or makes it playable and tells the API its end. Returns what
 * gives up telling.
 */
async function takeOver(deps: TakeOverDeps): Promise<{ close: () => void }> {
  const { journal, spoolFolder } = deps;
  const entries = await journal.readAll();
  const resumed: JournalEntry[] = [];
  for (const entry of entries) if (await resumeBroadcast(deps, entry)) resumed.push(entry);
  await removeSpools(spoolFolder, resumed.map(({ broadcastId }) => broadcastId));
  return await finishLeftovers(deps, entries.filter((entry) => !resumed.includes(entry)), resumed);
}

/** False when there is nothing to go on with. */
async function resumeBroadcast(deps: TakeOverDeps, entry: JournalEntry): Promise<boolean> {
  const { broadcasts, spoolFolder, log } = deps;
  const { broadcastId } = entry;
  if (!isRunning(entry)) return false;
  const { reconnectWindowMs } = entry.running.settings;
  const lastSignMs = await lastWriteMs(join(spoolFolder, broadcastId)) ??
    Date.parse(entry.startedAt);
  // Whoever was away for longer than the window does not come back: the end is decided at once.
  const windowMs = Date.now() - lastSignMs > reconnectWindowMs ? 0 : reconnectWindowMs;
  try {
    await broadcasts.resume(entry, windowMs);
    return true;
  } catch (error) {
    log.error("broadcast.resume_failed", { broadcastId, reason: messageOf(error) });
    return false;
  }
}

/**
 * Makes what a crash cut off playable, and tells the API its end, now or when it can be reached.
 * Returns what gives up telling.
 */
async function finishLeftovers(
  deps: LeftoverDeps,
  entries: readonly JournalEntry[],
  except: readonly JournalEntry[],
): Promise<{ close: () => void }> {
  const { storage, nodeId, log } = deps;
  const recovering = recoverRecordings({ storage, nodeId, log, except });
  const recovered = await recovering.catch((error: unknown) => {
    log.error("node.recovery_failed", { reason: messageOf(error) });
    return [];
  });
  const queues = entries.map((entry) => {
    const recording = recovered.find(({ videoUrl, epoch }) =>
      videoUrl === entry.videoUrl && epoch === entry.epoch
    );
    return reportLeftover(deps, entry, recording ?? { durationMs: 0, recordedBytes: 0 });
  });
  return { close: () => queues.forEach((queue) => queue.close()) };
}

function reportLeftover(
  { journal, control, nodeId, log }: LeftoverDeps,
  entry: JournalEntry,
  recording: { readonly durationMs: number; readonly recordedBytes: number },
): ReportQueue {
  const { broadcastId, controlEpoch: epoch } = entry;
  const { durationMs, recordedBytes } = recording;
  const endedAt = new Date(Date.parse(entry.startedAt) + durationMs).toISOString();
  const detail = "the media node stopped unexpectedly";
  const lost = { endedAt, reason: "node_lost" as const, detail, durationMs, recordedBytes };
  const ended = { nodeId, broadcastId, epoch, ...(entry.ended ?? lost) };
  const forget = () => journal.remove(broadcastId);
  const queue = new ReportQueue({ log, onStale: forget });
  const send = async () => {
    try {
      await control.ended(ended);
    } catch (error) {
      // Whatever the reason, asking again at every start would not change the answer.
      if (error instanceof ControlRefusal) forget();
      throw error;
    }
    forget();
  };
  queue.add({ name: "ended", send });
  log.info("broadcast.recovered", { broadcastId, reason: ended.reason, durationMs, recordedBytes });
  return queue;
}
