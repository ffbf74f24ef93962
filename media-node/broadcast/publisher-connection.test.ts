import { expect, test } from "vitest";
import { Intake } from "../ingest/intake.ts";
import { Timeline } from "../ingest/timeline.ts";
import { PublisherConnection } from "./publisher-connection.ts";

const ignore = () => {};
const createConnection = () =>
  new PublisherConnection(
    new Intake(new Timeline(), {
      onSource: ignore,
      onFrame: ignore,
      onCaptions: ignore,
      onMistrust: ignore,
      onUnsupported: ignore,
    }),
  );

test("start() says when zero was by the frame that came soonest, and keeps to it", () => {
  const connection = createConnection();
  const beganAtMs = Date.now();
  connection.noteTag(0);
  // The encoder catches up on what it was late with: half a second comes at once.
  connection.noteTag(500);
  connection.noteTag(400);
  const zeroAtMs = connection.start(480);
  expect(zeroAtMs).toBeGreaterThanOrEqual(beganAtMs - 500);
  expect(zeroAtMs).toBeLessThan(beganAtMs - 480);
  // What is announced later has the same zero.
  connection.noteTag(9000);
  expect(connection.start(10_000)).toBe(zeroAtMs);
});
