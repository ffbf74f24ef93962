import { expect, test } from "vitest";
import { ControlRefusal, ControlUnavailable } from "#shared/control-plane.ts";
import { silentLogger } from "#shared/log.ts";
import { ReportQueue } from "./report-queue.ts";

function createQueue(delaysMs?: readonly number[]) {
  const sent: string[] = [];
  const lost: string[] = [];
  let stale = 0;
  const queue = new ReportQueue({
    log: silentLogger,
    onStale: () => stale += 1,
    ...(delaysMs === undefined ? {} : { delaysMs }),
  });
  const add = (name: string, ...failures: Error[]) =>
    queue.add({
      name,
      onLost: () => lost.push(name),
      send: () => {
        const failure = failures.shift();
        if (failure !== undefined) return Promise.reject(failure);
        sent.push(name);
        return Promise.resolve();
      },
    });
  return { queue, sent, lost, add, staleCount: () => stale };
}

const down = () => new ControlUnavailable("the API is down");
const broken = () => new ControlUnavailable("500", { isFault: true });
const times = (count: number, failure: () => Error) => Array.from({ length: count }, failure);

test("ReportQueue repeats a report until it arrives, and keeps the order", async () => {
  const { queue, sent, add } = createQueue();
  add("started", down(), down());
  add("ended");
  await queue.drained;
  expect(sent).toEqual(["started", "ended"]);
});

test("ReportQueue goes on behind a report that was refused", async () => {
  const { queue, sent, lost, add, staleCount } = createQueue();
  add("poster", new ControlRefusal(400, "VALIDATION_FAILED", "no"));
  add("ended");
  await queue.drained;
  expect([sent, lost]).toEqual([["ended"], ["poster"]]);
  expect(staleCount()).toBe(0);
});

test("ReportQueue gives a report up at which the API fails again and again", async () => {
  const { queue, sent, lost, add } = createQueue([1, 2]);
  add("started", broken(), down(), broken(), down(), broken());
  add("poster", broken(), broken());
  add("ended", ...times(3, () => new SyntaxError("a bug")));
  add("last");
  await queue.drained;
  expect([sent, lost]).toEqual([["poster", "last"], ["started", "ended"]]);
});

test("ReportQueue waits for an API that is away, however long", async () => {
  const { queue, sent, lost, add } = createQueue([1, 2]);
  add("ended", ...times(50, down));
  await queue.drained;
  expect([sent, lost]).toEqual([["ended"], []]);
});

test("ReportQueue falls silent when another node owns the broadcast", async () => {
  const { queue, sent, lost, add, staleCount } = createQueue();
  add("started", new ControlRefusal(409, "STALE_EPOCH", "no"));
  add("ended");
  await queue.drained;
  expect([sent, lost]).toEqual([[], []]);
  expect(staleCount()).toBe(1);
});

test("ReportQueue.close() gives up at once", async () => {
  const { queue, sent, add } = createQueue();
  add("ended", ...times(50, down));
  queue.close();
  await queue.drained;
  expect(sent).toEqual([]);
});
