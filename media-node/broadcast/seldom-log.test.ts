import { expect, test } from "vitest";
import { createLogger, type LogFields } from "#shared/log.ts";
import { SeldomLog } from "./seldom-log.ts";

test("SeldomLog says once in 5 s what happened, and how often", () => {
  const lines: LogFields[] = [];
  const log = createLogger({ level: "info", write: (line) => lines.push(line) });
  const seldom = new SeldomLog(log, "source.changed");
  for (let nowMs = 0; nowMs <= 10_000; nowMs += 100) seldom.note({ nowMs }, nowMs);
  expect(lines).toMatchObject([
    { event: "source.changed", nowMs: 0, times: 1 },
    { event: "source.changed", nowMs: 5000, times: 50 },
    { event: "source.changed", nowMs: 10_000, times: 50 },
  ]);
});
