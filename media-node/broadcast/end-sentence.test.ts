import { expect, test } from "vitest";
import { type EndReason, endReasonSchema } from "#shared/contracts/broadcast.ts";
import { sentenceOf } from "./end-sentence.ts";

const HEVC = "The video is HEVC; this server carries H.264. Choose an H.264 encoder.";

test.each<[EndReason, string | null, string | null]>([
  ["key_revoked", null, "The stream key is not valid any more: copy the new one."],
  ["video_deleted", null, "The video was deleted."],
  ["unsupported_source", HEVC, HEVC],
  ["limit_reached", "A broadcast lasts 12 h at most.", "A broadcast lasts 12 h at most."],
  ["limit_reached", null, null],
  // What failed here is for the operator, not for the broadcaster.
  ["transcoder_failed", "ffmpeg: exit 137", "The stream cannot be encoded here."],
  ["storage_failed", "EROFS", "The stream cannot be stored here."],
])("sentenceOf(%s, %j) is %j", (reason, detail, sentence) => {
  expect(sentenceOf(reason, detail)).toEqual(sentence === null ? null : { sentence });
});

test("who stopped by itself, or is to come back, is told nothing", () => {
  const silent = endReasonSchema.options.filter((reason) => sentenceOf(reason, "detail") === null);
  expect(silent).toEqual(
    ["publisher_stopped", "publisher_lost", "never_started", "node_stopped", "node_lost"],
  );
});
