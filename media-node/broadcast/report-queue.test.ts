import { expect, test } from "vitest";
import { ControlRefusal, ControlUnavailable } from "#shared/control-plane.ts";
import { silentLogger } from "#shared/log.ts";
import { ReportQueue } from "./report-queue.ts";

function createQueue() {
  const sent: string[] = [];
  let stale = 0;
  const queue = new ReportQueue({ log: silentLogger, onStale: () => stale += 1 });
  const add = (name: string, ...failures: Error[]) =>
    queue.add({
      name,
      send: () => {
        const failure = failures.shift();
        if (failure !== undefined) return Promise.reject(failure);
        sent.push(name);
        return Promise.resolve();
      },
    });
  return { queue, sent, add, staleCount: () => stale };
}

const down = () => new ControlUnavailable("the API is down");

test("ReportQueue repeats a report until it arrives, and keeps the order", async () => {
  const { queue, sent, add } = createQueue();
  add("started", down(), down());
  add("ended");
  await queue.drained;
  expect(sent).toEqual(["started", "ended"]);
});

test("ReportQueue goes on behind a report that was refused", async () => {
  const { queue, sent, add, staleCount } = createQueue();
  add("poster", new ControlRefusal(400, "VALIDATION_FAILED", "no"));
  add("ended");
  await queue.drained;
  expect(sent).toEqual(["ended"]);
  expect(staleCount()).toBe(0);
});

test("ReportQueue falls silent when another node owns the broadcast", async () => {
  const { queue, sent, add, staleCount } = createQueue();
  add("started", new ControlRefusal(409, "STALE_EPOCH", "no"));
  add("ended");
  await queue.drained;
  expect(sent).toEqual([]);
  expect(staleCount()).toBe(1);
});

test("ReportQueue.close() gives up at once", async () => {
  const { queue, sent, add } = createQueue();
  add("ended", ...Array.from({ length: 50 }, down));
  queue.close();
  await queue.drained;
  expect(sent).toEqual([]);
});
