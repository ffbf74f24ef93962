import { StrictMode, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import type { SluicePlayer } from "sluice-player/react";

const SRC = "http://localhost:8080/hls-live/<url>.m3u8";

function Show() {
  const player = useRef<SluicePlayer>(null);
  const [badge, setBadge] = useState("");
  const [told, setTold] = useState<readonly string[]>([]);
  const tell = (what: string) => setTold((before) => [...before, what]);
  return (
    <main>
      <h1>A React page with a player</h1>
      <sluice-player
        ref={player}
        src={SRC}
        autoplay
        muted
        controls
        onlive={() => tell("live")}
        onbehind={({ detail }) => tell(`behind: ${detail.seconds} s`)}
        onended={() => tell("ended")}
        onerror={({ detail }) => tell(`error: ${detail.message}`)}
        onrendition={({ detail }) => tell(`rendition: ${detail.height}p`)}
        onscreen={({ detail }) => setBadge(detail.badge)}
      />
      <p>
        <strong>{badge}</strong>
        <button type="button" onClick={() => player.current?.goToLive()}>Go to live</button>
      </p>
      <ol>{told.map((what, index) => <li key={index}>{what}</li>)}</ol>
    </main>
  );
}

const root = document.querySelector("#root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Show />
    </StrictMode>,
  );
}
