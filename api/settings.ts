/**
 * Settings and flags of the API as a process of its own.
 */
import { readSettings, type Settings, SettingsError } from "#shared/config.ts";
import type { PublicUrls } from "./deps.ts";

const SETTING_NAMES = [
  "SLUICE_DATA_DIR",
  "SLUICE_SECRET",
  "SLUICE_SERVICE_TOKEN",
  "HOST",
  "API_PORT",
  "RTMP_PORT",
  "HLS_PORT",
  "PUBLIC_API_URL",
  "PUBLIC_RTMP_URL",
  "PUBLIC_HLS_URL",
  "DATABASE_URL",
  "AMQP_URL",
  "NGINX_RTMP_SECRET",
  "NGINX_RTMP_ALLOW",
  "TRUSTED_ORIGINS",
  "RECORDING_BUDGET_BYTES",
  "LOG_LEVEL",
] as const;
export type ApiSettings = Settings<(typeof SETTING_NAMES)[number]> & {
  readonly SLUICE_SECRET: string;
};

/** The settings of the API alone. @throws SettingsError naming every bad one, a missing secret included */
export function readApiSettings(env: Readonly<Record<string, string | undefined>>): ApiSettings {
  const missing = env["SLUICE_SECRET"] === undefined || env["SLUICE_SECRET"] === ""
    ? ["SLUICE_SECRET: missing, expected at least 32 characters (openssl rand -hex 32)"]
    : [];
  try {
    const settings = readSettings(env, SETTING_NAMES);
    if (missing.length > 0) throw new SettingsError([]);
    return { ...settings, SLUICE_SECRET: settings.SLUICE_SECRET ?? "" };
  } catch (error) {
    throw error instanceof SettingsError
      ? new SettingsError([...missing, ...error.problems])
      : error;
  }
}

/** Whether to migrate. @throws SettingsError */
export function readFlags(flags: readonly string[]): boolean {
  const unknown = flags.filter((flag) => flag !== "--no-migrate" && flag !== "--migrate");
  if (unknown.length > 0) {
    throw new SettingsError(unknown.map((flag) => `${flag}: unknown, expected --no-migrate`));
  }
  return !flags.includes("--no-migrate");
}

/** Where the outside reaches us: what is set, else this machine. */
export function publicUrls(settings: ApiSettings, port: number): PublicUrls {
  const withoutSlash = (url: string) => url.replace(/\/+$/, "");
  return {
    api: withoutSlash(settings.PUBLIC_API_URL ?? `http://localhost:${port}`),
    rtmp: withoutSlash(
      settings.PUBLIC_RTMP_URL ?? `rtmp://localhost:${settings.RTMP_PORT}/streaming`,
    ),
    hls: withoutSlash(settings.PUBLIC_HLS_URL ?? `http://localhost:${settings.HLS_PORT}`),
  };
}
