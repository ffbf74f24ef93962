/**
 * Settings as flags: `API_PORT` is also `--api-port`. Secrets are not: argv is readable by anybody.
 */
import type { Command } from "commander";
import { type SettingName, SETTINGS } from "#shared/config.ts";

const SECRETS: ReadonlySet<SettingName> = new Set([
  "SLUICE_SECRET",
  "SLUICE_SERVICE_TOKEN",
  "NGINX_RTMP_SECRET",
]);

type Environment = Readonly<Record<string, string | undefined>>;

/** The flag of a setting: `SLUICE_DATA_DIR` → `--data-dir`. */
export function flagOf(name: SettingName): string {
  return `--${name.replace(/^SLUICE_/, "").toLowerCase().replaceAll("_", "-")}`;
}

/** Adds one flag per setting to `command`. */
export function addSettingFlags(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    if (!SECRETS.has(name)) command.option(`${flagOf(name)} <value>`, `overrides ${name}`);
  }
  return command;
}

/** `env` with the flags given to a command laid over it. */
export function applySettingFlags(
  env: Environment,
  flags: Readonly<Record<string, unknown>>,
): Environment {
  const names = Object.keys(SETTINGS) as SettingName[];
  const given = names.flatMap((name) => {
    const value = flags[camelCase(flagOf(name).slice(2))];
    return typeof value === "string" ? [[name, value] as const] : [];
  });
  return { ...env, ...Object.fromEntries(given) };
}

function camelCase(text: string): string {
  return text.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
