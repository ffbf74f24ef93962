/**
 * Structured logs: one JSON line per event on stderr, secrets redacted here and nowhere else.
 */

const LEVELS = { debug: 10, info: 20, warn: 30, error: 40 } as const;
export type LogLevel = keyof typeof LEVELS;
export const LOG_LEVELS = Object.keys(LEVELS) as LogLevel[];

export type LogFields = Readonly<Record<string, unknown>>;

/** Writes events named `noun.verb`; `with` adds fields to every later line. */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  with(fields: LogFields): Logger;
}

export type LogLine = { readonly level: LogLevel; readonly time: string; readonly event: string };

export type LoggerOptions = {
  readonly level: LogLevel;
  readonly write: (line: LogLine & LogFields) => void;
  readonly fields?: LogFields;
};

const SECRET_FIELD =
  /^(authorization|cookie|set-cookie|.*(password|secret|token|streamkey)(hash)?)$/i;
const STREAM_KEY = /sk_[a-z0-9]{8,}/g;
const JWT = /eyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g;
const URL_CREDENTIALS = /(\w+:\/\/[^\s:/@]*):[^\s/@]+@/g;

/** `text` with stream keys cut to their first four characters, tokens and URL passwords removed. */
export function redactText(text: string): string {
  return text
    .replace(STREAM_KEY, (key) => `${key.slice(0, 4)}…`)
    .replace(JWT, "[token]")
    .replace(URL_CREDENTIALS, "$1:…@");
}

/** `value` with everything secret inside it redacted; errors become plain objects. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (value === null || typeof value !== "object") return value;
  if (depth > 6) return "[deep]";
  if (value instanceof Error) return redactError(value, depth);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET_FIELD.test(key) && typeof item === "string"
        ? redactSecret(item)
        : redact(item, depth + 1),
    ]),
  );
}

function redactSecret(value: string): string {
  return value.startsWith("sk_") ? redactText(value) : "[redacted]";
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  return {
    name: error.name,
    message: redactText(error.message),
    stack: error.stack === undefined ? undefined : redactText(error.stack),
    cause: error.cause === undefined ? undefined : redact(error.cause, depth + 1),
  };
}

/** A logger that hands each line at or above `level` to `write`. */
export function createLogger(options: LoggerOptions): Logger {
  const { level, write, fields = {} } = options;
  const log = (at: LogLevel, event: string, more: LogFields = {}) => {
    if (LEVELS[at] < LEVELS[level]) return;
    const safe = redact({ ...fields, ...more }) as LogFields;
    write({ time: new Date().toISOString(), level: at, event, ...safe });
  };
  return {
    debug: (event, more) => log("debug", event, more),
    info: (event, more) => log("info", event, more),
    warn: (event, more) => log("warn", event, more),
    error: (event, more) => log("error", event, more),
    with: (more) => createLogger({ level, write, fields: { ...fields, ...more } }),
  };
}

/** The production writer: one JSON line on stderr. */
export function writeJsonLine(line: LogLine & LogFields): void {
  console.error(JSON.stringify(line));
}

/** A logger that drops everything, for tests of code whose logs are not the subject. */
export const silentLogger: Logger = createLogger({ level: "error", write: () => {} });
