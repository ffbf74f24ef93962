/**
 * The one table of refusals: every code a caller can see, with its HTTP status and title.
 * @see RFC 9457
 */

type Refusal = { readonly status: number; readonly title: string };

export const REFUSALS = {
  BAD_REQUEST: { status: 400, title: "The request is malformed" },
  INVALID_JSON: { status: 400, title: "The body is not valid JSON" },
  VALIDATION_FAILED: { status: 400, title: "The request failed validation" },
  INVALID_CURSOR: { status: 400, title: "The cursor is not one of ours" },
  UNKNOWN_STREAM_KEY: { status: 400, title: "The stream key is unknown" },
  CHANNEL_DISABLED: { status: 400, title: "The channel is disabled" },
  CHANNEL_HAS_NO_VIDEO: { status: 400, title: "The channel has no video to publish into" },
  ALREADY_LIVE: { status: 400, title: "The channel is already live" },
  UNAUTHENTICATED: { status: 401, title: "Authentication is required" },
  INVALID_TOKEN: { status: 401, title: "The token is not valid" },
  INVALID_CREDENTIALS: { status: 401, title: "The username or password is wrong" },
  REFRESH_TOKEN_REUSED: { status: 401, title: "The refresh token was used before" },
  FORBIDDEN: { status: 403, title: "This is not yours to do" },
  CROSS_ORIGIN_WRITE: {
    status: 403,
    title: "Cookie-authenticated writes must come from our origin",
  },
  NOT_FOUND: { status: 404, title: "Not found" },
  NO_BROADCAST: { status: 404, title: "There has been no broadcast" },
  METHOD_NOT_ALLOWED: { status: 405, title: "The method is not allowed here" },
  CONFLICT: { status: 409, title: "The request conflicts with the current state" },
  USERNAME_TAKEN: { status: 409, title: "The username is taken" },
  CHANNEL_EXISTS: { status: 409, title: "The user has a channel already" },
  VIDEO_IS_LIVE: { status: 409, title: "The video is live" },
  NO_RECORDING: { status: 409, title: "There is no recording to take it from" },
  DOWNLOAD_NOT_READY: { status: 409, title: "The file is not ready yet" },
  STALE_EPOCH: { status: 409, title: "Another media node owns this broadcast by now" },
  PAYLOAD_TOO_LARGE: { status: 413, title: "The body is too large" },
  IMAGE_TOO_LARGE: { status: 413, title: "The image is too large" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: "The content type is not supported" },
  UNSUPPORTED_IMAGE: { status: 415, title: "The file is not an image we accept" },
  RANGE_NOT_SATISFIABLE: { status: 416, title: "The file has no such bytes" },
  RATE_LIMITED: { status: 429, title: "Too many requests" },
  INTERNAL: { status: 500, title: "Something went wrong on our side" },
  UNAVAILABLE: { status: 503, title: "A part we depend on is unavailable" },
} as const satisfies Record<string, Refusal>;

export type RefusalCode = keyof typeof REFUSALS;

/** One failing field: `pointer` is a JSON pointer into the body, query or path. */
export type FieldError = { readonly pointer: string; readonly detail: string };

export type AppErrorOptions = {
  readonly errors?: readonly FieldError[];
  /** Seconds after which a retry may succeed; becomes `Retry-After`. */
  readonly retryAfterS?: number;
  readonly cause?: unknown;
};

/** A refusal the caller can act on; the API answers it as `application/problem+json`. */
export class AppError extends Error {
  readonly code: RefusalCode;
  readonly detail: string;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterS: number | undefined;

  constructor(code: RefusalCode, detail: string, options: AppErrorOptions = {}) {
    super(`${code}: ${detail}`, { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.detail = detail;
    this.errors = options.errors;
    this.retryAfterS = options.retryAfterS;
  }

  get status(): number {
    return REFUSALS[this.code].status;
  }

  get title(): string {
    return REFUSALS[this.code].title;
  }
}

/** The message of anything thrown, for logs and stored errors. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
