/**
 * Settings from the environment. Every process picks the ones it needs; all bad ones are reported
 * at once, each with what was expected.
 */
import * as z from "zod";
import { DEFAULT_LADDER, ladderSchema } from "./contracts/ladder.ts";
import { LOG_LEVELS } from "./log.ts";

const port = (fallback: number) =>
  z.string().default(String(fallback))
    .refine((text) => /^\d{1,5}$/.test(text) && Number(text) <= 65535, "expected a port 0…65535")
    .transform(Number);

const url = (protocols: readonly string[]) =>
  z.string().refine(
    (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
    `expected a URL starting with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
  );

const secret = z.string().min(32, "expected at least 32 characters");
const HTTP = ["http:", "https:"];

/** Every setting of Sluice, by the name of its environment variable. */
export const SETTINGS = {
  SLUICE_DATA_DIR: z.string().min(1).default("./.sluice"),
  SLUICE_SECRET: secret.optional(),
  SLUICE_SERVICE_TOKEN: secret.optional(),
  HOST: z.string().min(1).default("0.0.0.0"),
  API_PORT: port(8000),
  RTMP_PORT: port(1935),
  HLS_PORT: port(8080),
  PUBLIC_API_URL: url(HTTP).optional(),
  PUBLIC_RTMP_URL: url(["rtmp:", "rtmps:"]).optional(),
  PUBLIC_HLS_URL: url(HTTP).optional(),
  /** Where media node and resizer reach the API. */
  CONTROL_URL: url(HTTP).default("http://localhost:8000"),
  DATABASE_URL: url(["postgres:", "postgresql:"]).optional(),
  AMQP_URL: url(["amqp:", "amqps:"]).optional(),
  FFMPEG_PATH: z.string().min(1).default("ffmpeg"),
  LADDER: z.string().default(DEFAULT_LADDER).pipe(ladderSchema),
  ENCODER: z.enum(["libx264", "h264_nvenc", "h264_qsv", "h264_vaapi", "h264_videotoolbox"])
    .default("libx264"),
  /** How far viewers of a live broadcast can go back, as far as it is recorded. */
  DVR_WINDOW_S: z.string().default("7200").refine(
    (text) => /^\d{1,6}$/.test(text),
    "expected seconds, 0 for nothing but what memory holds",
  ).transform(Number),
  /** `verify`/`end` for an nginx-rtmp in front: its shared secret, or the addresses it calls from. */
  NGINX_RTMP_SECRET: z.string().min(16, "expected at least 16 characters").optional(),
  NGINX_RTMP_ALLOW: z.string().optional().transform((text) =>
    text?.split(",").map((address) => address.trim()).filter((address) => address !== "") ?? []
  ),
  /** Origins whose pages may call the API with the user's cookies: `https://app.example.com,…`. */
  TRUSTED_ORIGINS: z.string().default("").transform((text) =>
    text.split(",").map((origin) => origin.trim()).filter((origin) => origin !== "")
  ).refine(
    (origins) =>
      origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin),
    "expected origins like https://app.example.com, separated by commas",
  ),
  /** What recordings may take in all; the oldest make room. Unset: no limit. */
  RECORDING_BUDGET_BYTES: z.string().optional().refine(
    (text) => text === undefined || /^\d{1,15}$/.test(text),
    "expected a whole number of bytes",
  ).transform((text) => text === undefined ? undefined : Number(text)),
  LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
} as const;

export type SettingName = keyof typeof SETTINGS;
export type Settings<Name extends SettingName> = {
  readonly [Key in Name]: z.output<(typeof SETTINGS)[Key]>;
};

/** Bad settings: print `message` and exit with 2. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`bad settings:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}

/**
 * Reads the named settings. An empty variable counts as unset.
 * @throws SettingsError naming every bad one
 */
export function readSettings<Name extends SettingName>(
  env: Readonly<Record<string, string | undefined>>,
  names: readonly Name[],
): Settings<Name> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const name of names) {
    const parsed = SETTINGS[name].safeParse(env[name] === "" ? undefined : env[name]);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(`${name}: ${parsed.error.issues.map((issue) => issue.message).join("; ")}`);
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return values as Settings<Name>;
}
