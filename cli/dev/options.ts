/**
 * What `sluice dev` was asked to do: settings from environment and flags, with dev's own defaults.
 */
import { resolve } from "node:path";
import { readSettings, type SettingName, type Settings } from "#shared/config.ts";
import { applySettingFlags } from "../setting-flags.ts";

/** The settings `dev` reads; each is also a flag, except secrets. */
export const DEV_SETTINGS = [
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
  "FFMPEG_PATH",
  "LADDER",
  "DVR_WINDOW_S",
  "ENCODER",
  "NGINX_RTMP_SECRET",
  "NGINX_RTMP_ALLOW",
  "TRUSTED_ORIGINS",
  "RECORDING_BUDGET_BYTES",
  "LOG_LEVEL",
] as const satisfies readonly SettingName[];

export type DevSettings = Settings<(typeof DEV_SETTINGS)[number]>;

export type DevFlags = Readonly<Record<string, unknown>> & {
  readonly demo?: boolean;
  readonly open?: boolean;
  readonly lan?: boolean;
  readonly json?: boolean;
};

export type DevOptions = {
  readonly settings: DevSettings;
  /** Absolute. */
  readonly dataDirectory: string;
  readonly demo: boolean;
  readonly open: boolean;
  readonly lan: boolean;
  readonly json: boolean;
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Only this machine can connect unless `--lan` or HOST says otherwise.
 * @throws SettingsError naming every bad setting
 */
export function readDevOptions(env: Environment, flags: DevFlags): DevOptions {
  const lan = flags.lan === true;
  const host = lan ? "0.0.0.0" : "127.0.0.1";
  const settings = readSettings({ HOST: host, ...applySettingFlags(env, flags) }, DEV_SETTINGS);
  return {
    settings,
    dataDirectory: resolve(settings.SLUICE_DATA_DIR),
    demo: flags.demo === true,
    open: flags.open === true,
    lan,
    json: flags.json === true,
  };
}
