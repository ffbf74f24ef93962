/**
 * The control plane as media node and resizer see it: typed calls to the API's `/control/*` with the
 * service token, a deadline and retries. Every call is idempotent, so a retry is always safe.
 */
import type * as z from "zod";
import {
  type AuthoriseRequest,
  type AuthoriseResponse,
  authoriseResponseSchema,
  type DownloadReport,
  type EndedRequest,
  type ImageReport,
  type PosterRequest,
  type ProgressRequest,
  type ProgressResponse,
  progressResponseSchema,
  type StartedRequest,
  type StoryboardReport,
} from "./contracts/control.ts";
import { messageOf } from "./errors.ts";
import { retry } from "./retry.ts";

/** The API said no: `status` and problem `code` say why. Not worth retrying. */
export class ControlRefusal extends Error {
  override readonly name = "ControlRefusal";
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  constructor(status: number, code: string, detail: string) {
    super(`${status} ${code}: ${detail}`);
    this.status = status;
    this.code = code;
    this.detail = detail;
  }
}

/** The API could not be reached, was too slow or is broken. Worth retrying. */
export class ControlUnavailable extends Error {
  override readonly name = "ControlUnavailable";
  /** It answered, and failed at what it was told: it may do so however often it is told. */
  readonly isFault: boolean;
  constructor(message: string, options: { isFault?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.isFault = options.isFault ?? false;
  }
}

export interface ControlPlane {
  /** 3 s in all, one retry: a publisher is waiting. @throws ControlRefusal, ControlUnavailable */
  authorise(request: AuthoriseRequest): Promise<AuthoriseResponse>;
  started(request: StartedRequest): Promise<void>;
  progress(request: ProgressRequest): Promise<ProgressResponse>;
  ended(request: EndedRequest): Promise<void>;
  poster(request: PosterRequest): Promise<void>;
  image(report: ImageReport): Promise<void>;
  /** @throws ControlRefusal NOT_FOUND when nobody wants the file any more */
  download(report: DownloadReport): Promise<void>;
  /** @throws ControlRefusal NOT_FOUND when the video or its recording is gone */
  storyboard(report: StoryboardReport): Promise<void>;
}

export type ControlPlaneOptions = {
  /** Base URL of the API. */
  readonly url: string;
  readonly serviceToken: string;
  readonly fetch?: typeof fetch;
};

/** RFC 6585 and RFC 9110: too many requests, and what a proxy says of an API that is away. */
const AWAY: ReadonlySet<number> = new Set([429, 502, 503, 504]);

type Call = {
  readonly path: string;
  readonly body: unknown;
  readonly deadlineMs: number;
  readonly delaysMs: readonly number[];
};

/** The HTTP adapter of the control plane. */
export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  const call = (request: Call) =>
    retry(() => post(options, request), {
      delaysMs: request.delaysMs,
      isRetryable: (error) => error instanceof ControlUnavailable,
    });
  const REPORT = { deadlineMs: 5000, delaysMs: [200, 1000] };
  return {
    authorise: async (body) =>
      parse(
        authoriseResponseSchema,
        await call({ path: "/control/authorise", body, deadlineMs: 1400, delaysMs: [100] }),
      ),
    started: async (body) => {
      await call({ path: "/control/started", body, ...REPORT });
    },
    progress: async (body) =>
      parse(
        progressResponseSchema,
        await call({ path: "/control/progress", body, deadlineMs: 5000, delaysMs: [] }),
      ),
    ended: async (body) => {
      await call({ path: "/control/ended", body, ...REPORT });
    },
    poster: async (body) => {
      await call({ path: "/control/poster", body, ...REPORT });
    },
    image: async (body) => {
      await call({ path: "/control/image", body, ...REPORT });
    },
    download: async (body) => {
      await call({ path: "/control/download", body, ...REPORT });
    },
    storyboard: async (body) => {
      await call({ path: "/control/storyboard", body, ...REPORT });
    },
  };
}

async function post(options: ControlPlaneOptions, request: Call): Promise<unknown> {
  const send = options.fetch ?? fetch;
  let response: Response;
  let text: string;
  try {
    response = await send(new URL(request.path, options.url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${options.serviceToken}`,
      },
      body: JSON.stringify(request.body),
      signal: AbortSignal.timeout(request.deadlineMs),
      redirect: "error",
    });
    text = await response.text();
  } catch (error) {
    throw new ControlUnavailable(`POST ${request.path}: ${messageOf(error)}`, { cause: error });
  }
  const { status } = response;
  if (response.ok) return readAnswer(request.path, text);
  const { code, detail } = readProblem(text);
  const isAway = AWAY.has(status);
  if (!isAway && status < 500) throw new ControlRefusal(status, code, detail);
  const message = `POST ${request.path}: ${status} ${code}: ${detail}`;
  throw new ControlUnavailable(message, { isFault: !isAway });
}

function readAnswer(path: string, text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch (cause) {
    throw new ControlUnavailable(`POST ${path}: the answer is not JSON`, { isFault: true, cause });
  }
}

function readProblem(text: string): { code: string; detail: string } {
  try {
    const { code, detail } = JSON.parse(text) as Record<string, unknown>;
    return {
      code: typeof code === "string" ? code : "UNKNOWN",
      detail: typeof detail === "string" ? detail : "",
    };
  } catch {
    return { code: "UNKNOWN", detail: text.slice(0, 200) };
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ControlUnavailable(
    `the API answered something else than asked: ${parsed.error.message}`,
    { isFault: true },
  );
}
