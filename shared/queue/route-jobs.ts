/**
 * One way in for all jobs: each goes to the queue of the worker it is for.
 */
import { type Worker, workerFor } from "../contracts/jobs.ts";
import type { JobQueue } from "./port.ts";

export type JobSink = Pick<JobQueue, "publish" | "isConnected">;

/** A sink over one queue per worker. Connected while all of them are. */
export function routeJobs(queues: Readonly<Record<Worker, JobSink>>): JobSink {
  return {
    publish: (queued) => queues[workerFor(queued.job)].publish(queued),
    isConnected: () => Object.values(queues).every((queue) => queue.isConnected()),
  };
}
