/**
 * A small control plane for tests of the media node: real HTTP, the real contracts, a table of keys
 * in memory. It can be taken down and brought back on the same port.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { EndReason } from "#shared/contracts/broadcast.ts";
import {
  authoriseRequestSchema,
  type AuthoriseResponse,
  type EndedRequest,
  endedRequestSchema,
  type PosterRequest,
  posterRequestSchema,
  type ProgressRequest,
  progressRequestSchema,
  type StartedRequest,
  startedRequestSchema,
} from "#shared/contracts/control.ts";
import { newId, newVideoUrl } from "#shared/ids.ts";

type Open = { answer: AuthoriseResponse; isRunning: boolean; nodeInstanceId: string };

export type ControlServerOptions = {
  readonly settings?: Partial<AuthoriseResponse["settings"]>;
  readonly wantsThumbnail?: boolean;
};

export class ControlServer {
  readonly started: StartedRequest[] = [];
  readonly progress: ProgressRequest["broadcasts"][number][] = [];
  readonly ended: EndedRequest[] = [];
  readonly posters: PosterRequest[] = [];
  /** The last answer to each stream key. */
  readonly authorised = new Map<string, AuthoriseResponse>();
  /** Broadcasts to stop, by id. */
  readonly stop = new Map<string, EndReason>();
  /** Statuses that are answered in place of what there is to say, by path. */
  readonly failing = new Map<string, number>();
  readonly #options: ControlServerOptions;
  readonly #keys = new Map<string, string>();
  readonly #open = new Map<string, Open>();
  #server = createServer();
  #port = 0;

  constructor(options: ControlServerOptions = {}) {
    this.#options = options;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** A channel with this key; the same one when the key is known. */
  addKey(streamKey: string): void {
    if (!this.#keys.has(streamKey)) this.#keys.set(streamKey, newId());
  }

  async up(): Promise<void> {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    await new Promise<void>((resolve) =>
      this.#server.listen(this.#port, "127.0.0.1", () => resolve())
    );
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const [status, body] = this.#answer(request.url ?? "", JSON.parse(text));
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body === undefined ? "" : JSON.stringify(body));
  }

  #answer(path: string, body: unknown): [number, unknown] {
    const failure = this.failing.get(path);
    if (failure !== undefined) return [failure, { code: "TEST", detail: `asked for ${failure}` }];
    switch (path) {
      case "/control/authorise":
        return this.#authorise(authoriseRequestSchema.parse(body));
      case "/control/started":
        return this.#noteStarted(startedRequestSchema.parse(body));
      case "/control/progress":
        return this.#noteProgress(progressRequestSchema.parse(body));
      case "/control/ended":
        return this.#noteEnded(endedRequestSchema.parse(body));
      case "/control/poster":
        this.posters.push(posterRequestSchema.parse(body));
        return [204, undefined];
      default:
        return [404, { code: "NOT_FOUND", detail: path }];
    }
  }

  #authorise({ streamKey, nodeInstanceId }: { streamKey: string; nodeInstanceId: string }): [
    number,
    unknown,
  ] {
    const channelId = this.#keys.get(streamKey);
    if (channelId === undefined) {
      return [400, { code: "UNKNOWN_STREAM_KEY", detail: "No channel has this stream key." }];
    }
    const open = this.#open.get(channelId);
    if (open?.isRunning === true) {
      const resumed = this.#resume(open, nodeInstanceId);
      this.authorised.set(streamKey, resumed);
      return [200, resumed];
    }
    const answer: AuthoriseResponse = {
      broadcastId: newId(),
      epoch: 1,
      isResumed: false,
      channelId,
      videoId: open?.answer.videoId ?? newId(),
      videoUrl: newVideoUrl(),
      wantsThumbnail: this.#options.wantsThumbnail ?? false,
      settings: {
        latency: "low",
        recording: true,
        ladder: "auto",
        reconnectWindowMs: 30_000,
        ...this.#options.settings,
      },
    };
    this.#open.set(channelId, { answer, isRunning: false, nodeInstanceId });
    this.authorised.set(streamKey, answer);
    return [200, answer];
  }

  #resume(open: Open, nodeInstanceId: string): AuthoriseResponse {
    if (open.nodeInstanceId !== nodeInstanceId) {
      open.nodeInstanceId = nodeInstanceId;
      open.answer = { ...open.answer, epoch: open.answer.epoch + 1 };
    }
    return { ...open.answer, isResumed: true };
  }

  #noteStarted(request: StartedRequest): [number, unknown] {
    this.started.push(request);
    const open = this.#find(request.broadcastId);
    if (open !== undefined) open.isRunning = true;
    return [204, undefined];
  }

  #noteProgress({ broadcasts }: ProgressRequest): [number, unknown] {
    this.progress.push(...broadcasts);
    const stop = [...this.stop].map(([broadcastId, reason]) => ({ broadcastId, reason }));
    return [200, { stop }];
  }

  #noteEnded(request: EndedRequest): [number, unknown] {
    this.ended.push(request);
    for (const [channelId, open] of this.#open) {
      if (open.answer.broadcastId === request.broadcastId) this.#open.delete(channelId);
    }
    return [204, undefined];
  }

  #find(broadcastId: string): Open | undefined {
    return [...this.#open.values()].find((open) => open.answer.broadcastId === broadcastId);
  }
}
