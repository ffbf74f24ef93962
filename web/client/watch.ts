/**
 * The watch page's island: waits for the broadcast, plays it close to its live edge or in real time,
 * and says in words what is going on when there is no picture.
 */
import { askNewest } from "../player/ask-newest.ts";
import { askForParts } from "../player/early-playlist.ts";
import { readAhead } from "../player/read-ahead.ts";
import { ServerClock } from "../player/server-clock.ts";
import { isQuestionDue, noFacts, noteEvent, type WatchEvent } from "../player/watch-facts.ts";
import { screenOf } from "../player/watch-screen.ts";
import { page, show } from "./page.ts";
import { Stage } from "./stage.ts";
import { fetchVideo, removalWords, type VideoState } from "./video-state.ts";

const POLL_MS = 2000;
const LOOK_MS = 250;
/** The controls come by then, picture or not. */
const CONTROLS_PATIENCE_MS = 3000;
/** Shorter answers to a patient question than this are not repeated at once. */
const ASK_AGAIN_MS = 500;

const videoUrl = page.root.dataset["video"] ?? "";
const serverClock = new ServerClock(new URL("../livez", page.root.dataset["playback"]).href);
const stage = new Stage(page.video, note);

let facts = noFacts(stage.nowMs());
let playbackUrl = page.root.dataset["playback"] ?? "";
let isRealTime = false;
let isAsking = false;
let nextPoll: ReturnType<typeof setTimeout> | undefined;

function note(event: WatchEvent): void {
  facts = noteEvent(facts, event, stage.nowMs());
  // The API is the first to know whether it is over.
  if (event.kind === "cut") void poll();
}

/** What the page knows and says, a few times a second. */
function look(): void {
  stage.look();
  const takenAtMs = stage.takenAtMs();
  const serverMs = serverClock.nowMs();
  const ageS = takenAtMs === null || serverMs === null
    ? null
    : Math.max(0, serverMs - takenAtMs) / 1000;
  note({ kind: "age", ageS, usualS: stage.player?.holder?.targetS ?? null });
  if (!isAsking && isQuestionDue(facts, stage.nowMs())) void ask();
  update();
}

function update(): void {
  show(screenOf(facts, stage.nowMs()));
  const { holder = null } = stage.player ?? {};
  page.edge.hidden = facts.video !== "RUNNING" || holder === null || holder.isAtLive;
  page.realTime.hidden = facts.video !== "RUNNING" || !("MediaSource" in window);
  page.realTime.setAttribute("aria-pressed", String(isRealTime));
}

async function ask(): Promise<void> {
  isAsking = true;
  note({ kind: "asked" });
  const playlistUrl = stage.player?.playlistUrl ?? null;
  const answer =
    await (playlistUrl === null
      ? askNewest(playbackUrl, true, () => stage.nowMs())
      : askNewest(askForParts(playlistUrl), false, () => stage.nowMs()));
  isAsking = false;
  note({ kind: "answer", answer });
  update();
}

/** Acts on a change of the video's status; a broadcast that ends is played out first. */
function become(next: VideoState["status"]): void {
  const before = facts.video;
  note({ kind: "video", status: next });
  if (next !== before) {
    if (next === "CREATED") {
      if (stage.isEmpty) stage.prepare(playbackUrl);
      void waitForStart();
    } else if (next === "RUNNING") playLive();
    else if (before === "RUNNING") {
      // It has shown all there was, and would only go on asking for more.
      if (isRealTime) stage.stop();
      isRealTime = false;
    } else playRecording();
  }
  update();
}

function playLive(): void {
  void stage.play({ playbackUrl, what: isRealTime ? "realTime" : "live" });
}

function playRecording(): void {
  void stage.play({ playbackUrl, what: "recording" });
}

async function poll(): Promise<void> {
  clearTimeout(nextPoll);
  try {
    const state = await fetchVideo(videoUrl);
    if (state === null) remove("This video is gone.");
    // The playback server is sooner to know of a start than the API.
    else if (state.status !== "CREATED" || facts.video !== "RUNNING") apply(state);
  } catch {
    note({ kind: "unanswered" });
  }
  clearTimeout(nextPoll);
  if (facts.video !== "ENDED") nextPoll = setTimeout(() => void poll(), POLL_MS);
}

function apply(state: VideoState): void {
  page.title.textContent = state.title;
  playbackUrl = state.playbackUrl;
  const removal = removalWords(state);
  if (removal === null) return become(state.status);
  note({ kind: "video", status: state.status });
  remove(removal);
}

function remove(words: string): void {
  stage.stop();
  note({ kind: "removed", words });
  update();
}

/** The playback server keeps the question until there is something to play. */
async function waitForStart(): Promise<void> {
  while (facts.video === "CREATED") {
    const askedAtMs = performance.now();
    const answer = await fetch(`${playbackUrl}?wait=YES`, { cache: "no-store" }).catch(() => null);
    if (answer?.ok === true && facts.video === "CREATED") {
      // The player asks for itself, and says what is wrong.
      readAhead(playbackUrl, answer.text()).catch(() => {});
      become("RUNNING");
    }
    const tookMs = performance.now() - askedAtMs;
    if (tookMs < ASK_AGAIN_MS) await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

/** A bundle of their own: to begin with they keep a browser busy for as long as the picture takes. */
function loadControls(): Promise<unknown> {
  return import("media-chrome");
}

function loadControlsAfterPicture(): void {
  const load = () => {
    clearTimeout(late);
    page.video.removeEventListener("playing", load);
    void loadControls();
  };
  const late = setTimeout(load, CONTROLS_PATIENCE_MS);
  page.video.addEventListener("playing", load);
}

const goToLive = () => stage.player?.holder?.jumpToLive();

page.action.addEventListener("click", playRecording);
page.edge.addEventListener("click", goToLive);
page.badge.addEventListener("click", goToLive);
page.realTime.addEventListener("click", () => {
  isRealTime = !isRealTime;
  playLive();
  update();
});
document.addEventListener("visibilitychange", () => {
  note({ kind: "hidden", isHidden: document.hidden });
});
// What was rendered is a moment old at most: no need to wait for the API's word.
const rendered = page.badge.dataset["status"];
if (rendered === "CREATED" || rendered === "RUNNING" || rendered === "ENDED") become(rendered);
if (facts.video === "RUNNING") loadControlsAfterPicture();
else void loadControls();
setInterval(look, LOOK_MS);
nextPoll = setTimeout(() => void poll(), facts.video === null ? 0 : POLL_MS);
