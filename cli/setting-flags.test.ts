import { Command } from "commander";
import { expect, test } from "vitest";
import { addSettingFlags, applySettingFlags, flagOf } from "./setting-flags.ts";

test("flagOf() drops our prefix and writes kebab-case", () => {
  expect(flagOf("SLUICE_DATA_DIR")).toBe("--data-dir");
  expect(flagOf("API_PORT")).toBe("--api-port");
});

test("addSettingFlags() leaves secrets out", () => {
  const command = addSettingFlags(new Command(), ["API_PORT", "SLUICE_SECRET"]);
  expect(command.options.map(({ long }) => long)).toEqual(["--api-port"]);
});

test("applySettingFlags() lays flags over the environment", () => {
  const env = { API_PORT: "1", HLS_PORT: "2" };
  expect(applySettingFlags(env, { apiPort: "3", json: true })).toEqual({
    API_PORT: "3",
    HLS_PORT: "2",
  });
});
