/**
 * The home page: what is live, and where the API is explained.
 */
import type { Video } from "../api-client.ts";
import type { PageWords } from "../words/pages/en.ts";
import { Layout } from "./layout.tsx";

export type HomeProps = {
  readonly stylesheet: string;
  readonly live: readonly Video[];
  readonly words: PageWords;
};

export function HomePage({ stylesheet, live, words }: HomeProps) {
  return (
    <Layout title="Sluice" language={words.language} stylesheet={stylesheet}>
      <main>
        <h1>{words.liveNow}</h1>
        {live.length === 0 ? <p class="quiet">{words.nobodyLive}</p> : (
          <ul class="videos">
            {live.map((video) => (
              <li class="card">
                <a href={`/watch/${video.url}`}>{video.title}</a>
              </li>
            ))}
          </ul>
        )}
        <p>
          <a href="/docs">{words.apiReference}</a> ·{" "}
          <a href="/openapi.json">{words.openApiDocument}</a>
        </p>
      </main>
    </Layout>
  );
}
