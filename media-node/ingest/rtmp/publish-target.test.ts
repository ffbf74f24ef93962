import { expect, test } from "vitest";
import { readPublishTarget } from "./publish-target.ts";

test.each([
  ["streaming", "sk_a"],
  ["streaming/", "sk_a"],
  ["/streaming/sk_a", ""],
  ["streaming/sk_a/", ""],
  ["streaming?x=1/2", "sk_a?token=b"],
  ["streaming/sk_old", "sk_a"],
  // the app's name with the key, or only there
  ["", "streaming/sk_a"],
  ["/", "/streaming/sk_a"],
  ["streaming", "streaming/sk_a"],
  ["streaming", "rtmp://example.org:1935/streaming/sk_a"],
  ["", "rtmps://example.org/streaming/sk_a?x=y"],
  // instances of the app
  ["streaming/_definst_", "sk_a"],
  ["streaming/_definst_/sk_a", ""],
  ["streaming", "_definst_/sk_a"],
  ["streaming/room/sk_a", ""],
  ["streaming/room", "sk_a"],
  // what a copy brings along
  ["streaming", "  sk_a \r\n"],
  [" streaming\u00a0", "\tsk_a\u00a0"],
  ["streaming", "\u200bsk_a"],
  ["streaming", "sk_\u200b\u200da\u2060"],
  ["\ufeffstreaming", "\ufeffsk_a\ufe0f"],
  ["streaming", "s\u00adk_\u202aa\u202c"],
  ["streaming", "s k _ a"],
  ["streaming", '"sk_a"'],
  ["streaming", "'sk_a'"],
  ["streaming", "\u201csk_a\u201d"],
  ["streaming", "`sk_a`"],
  ["streaming", "<sk_a>"],
  ["streaming", "sk_a."],
  ["streaming", "=sk_a,"],
  ["streaming", "%20sk_a%0A"],
  ["streaming", "%E2%80%8Bsk_a"],
  ["streaming/%22sk_a%22", ""],
])("readPublishTarget(%j, %j) is the key sk_a of streaming", (appPath, name) => {
  expect(readPublishTarget(appPath, name)).toEqual({ app: "streaming", streamKey: "sk_a" });
});

test.each([
  ["", "", "", ""],
  ["", "sk_a", "", "sk_a"],
  ["live", "sk_a", "live", "sk_a"],
  ["", "live/sk_a", "live", "sk_a"],
  ["live", "streaming/sk_a", "live", "sk_a"],
  ["streaming", "", "streaming", ""],
  ["streaming/_definst_", "", "streaming", ""],
  ["streaming", "\u200b", "streaming", ""],
  ["streaming", "-sk-a_", "streaming", "-sk-a_"],
  ["streaming", "%sk_a", "streaming", "sk_a"],
  ["streaming", "\u043a\u043b\u044e\u0447", "streaming", "\u043a\u043b\u044e\u0447"],
])("readPublishTarget(%j, %j) is %j, %j", (appPath, name, app, streamKey) => {
  expect(readPublishTarget(appPath, name)).toEqual({ app, streamKey });
});
