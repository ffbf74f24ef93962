/**
 * Every failure leaves as `application/problem+json`.
 * @see RFC 9457
 */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import * as z from "zod";
import { AppError, type AppErrorOptions, type RefusalCode } from "#shared/errors.ts";
import { DatabaseUnavailableError } from "#db/errors.ts";
import { StorageError } from "#shared/storage/port.ts";
import type { ApiEnv, Deps } from "../deps.ts";

/** The body of every refusal and failure. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  requestId: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
}).meta({ id: "Problem" });
export type Problem = z.infer<typeof problemSchema>;

const RETRY_UNAVAILABLE_S = 2;

/** The response for `error`; bugs are logged with all they carry and answered with nothing of it. */
export function renderProblem(c: Context<ApiEnv>, error: AppError): Response {
  const body: Problem = {
    type: `urn:sluice:problem:${error.code.toLowerCase().replaceAll("_", "-")}`,
    title: error.title,
    status: error.status,
    detail: error.detail,
    code: error.code,
    requestId: c.get("requestId") ?? "",
    ...(error.errors === undefined ? {} : { errors: [...error.errors] }),
  };
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (error.retryAfterS !== undefined) headers["retry-after"] = String(error.retryAfterS);
  if (error.status === 401) headers["www-authenticate"] = `Bearer realm="sluice"`;
  const status = error.status as ContentfulStatusCode;
  return c.newResponse(JSON.stringify(body), { status, headers });
}

/** The `onError` of the app. */
export function createErrorHandler(deps: Pick<Deps, "log">) {
  return (error: Error, c: Context<ApiEnv>): Response => {
    const refusal = toAppError(error);
    if (refusal.status >= 500) {
      const level = refusal.code === "INTERNAL" ? "error" : "warn";
      deps.log[level]("request.failed", {
        requestId: c.get("requestId"),
        method: c.req.method,
        path: c.req.path,
        error,
      });
    }
    return renderProblem(c, refusal);
  };
}

/** What the caller is told about `error`. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof DatabaseUnavailableError) return unavailable("the database", error);
  if (error instanceof StorageError) return unavailable("the storage", error);
  if (error instanceof HTTPException) {
    if (error.message === HONO_MALFORMED_JSON) {
      return new AppError("INVALID_JSON", "the body is not valid JSON");
    }
    const code = HTTP_CODES[error.status] ?? (error.status < 500 ? "BAD_REQUEST" : "INTERNAL");
    return new AppError(code, error.message || "the request cannot be served");
  }
  return new AppError("INTERNAL", "the request could not be served; the cause is in our log", {
    cause: error,
  });
}

// hono/validator throws this before any hook of ours runs.
const HONO_MALFORMED_JSON = "Malformed JSON in request body";

const HTTP_CODES: Readonly<Record<number, RefusalCode>> = {
  401: "UNAUTHENTICATED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
};

function unavailable(what: string, cause: Error): AppError {
  const options: AppErrorOptions = { retryAfterS: RETRY_UNAVAILABLE_S, cause };
  return new AppError("UNAVAILABLE", `${what} does not answer, try again shortly`, options);
}
