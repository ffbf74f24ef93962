import { expect, test } from "vitest";
import { createTerminal } from "../terminal.ts";
import { createDevLog } from "./dev-log.ts";

const START = Date.parse("2026-01-02T03:04:05.000Z");
const BEGAN = {
  level: "warn",
  time: "2026-01-02T03:05:28.000Z",
  event: "broadcast.issue_began",
  code: "KEYFRAME_INTERVAL",
  sentence: "Keyframe every 4.2 s.",
  advice: "Set 2 s in OBS › Output › Keyframe interval.",
} as const;

function write(
  isTty: boolean,
  ...lines: Parameters<ReturnType<typeof createDevLog>["write"]>[0][]
) {
  let said = "";
  const env = { NO_COLOR: "1" };
  const writeError = (text: string) => said += text;
  const terminal = createTerminal({ isTty, env, writeOut: () => {}, writeError });
  const log = createDevLog(terminal, START);
  for (const line of lines) log.write(line);
  return said;
}

test("createDevLog() says an issue in its words on a terminal", () => {
  const { time, code } = BEGAN;
  const over = { level: "info", time, event: "broadcast.issue_over", code, durationS: 12 } as const;
  expect(write(true, BEGAN, over)).toBe(
    "[1:23] ▲ Keyframe every 4.2 s. Set 2 s in OBS › Output › Keyframe interval. " +
      "code=KEYFRAME_INTERVAL\n" +
      "[1:23] ● broadcast.issue_over code=KEYFRAME_INTERVAL durationS=12\n",
  );
});

test("createDevLog() writes an issue as it is for machines", () => {
  expect(JSON.parse(write(false, BEGAN))).toEqual(BEGAN);
});
