import { expect, test } from "vitest";
import type { QueuedJob } from "../contracts/jobs.ts";
import { newId } from "../ids.ts";
import { routeJobs } from "./route-jobs.ts";

function sink(isConnected = true) {
  const got: string[] = [];
  return {
    got,
    isConnected: () => isConnected,
    publish: ({ job }: QueuedJob) => {
      got.push(job.kind);
      return Promise.resolve();
    },
  };
}

test("routeJobs() sends each job to the worker that can do it", async () => {
  const [resizer, media] = [sink(), sink()];
  const route = routeJobs({ resizer, media });
  const video = { videoId: newId(), videoUrl: "abc123def456" };
  const download = { downloadId: newId(), playlistKey: "a", targetKey: "b" };
  await route.publish({ id: newId(), job: { kind: "storyboard", ...video } });
  await route.publish({ id: newId(), job: { kind: "download", ...download } });
  expect([resizer.got, media.got]).toEqual([["storyboard"], ["download"]]);
});

test("routeJobs() is connected while every queue is", () => {
  expect(routeJobs({ resizer: sink(), media: sink() }).isConnected()).toBe(true);
  expect(routeJobs({ resizer: sink(), media: sink(false) }).isConnected()).toBe(false);
});
