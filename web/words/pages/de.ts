/**
 * What the pages say around their player, in German.
 */
import type { PageWords } from "./en.ts";

export const de: PageWords = {
  language: "de",
  liveNow: "Jetzt live",
  nobodyLive: "Niemand ist live. Eine Übertragung erscheint hier, sobald sie beginnt.",
  apiReference: "API-Referenz",
  openApiDocument: "OpenAPI-Dokument",
  noScripts: "Diese Seite braucht zum Abspielen Skripte. Jeder HLS-Player öffnet",
  noSuchVideo: "Kein solches Video",
  noSuchVideoWhy: "Die Adresse ist falsch, oder das Video wurde gelöscht.",
  unavailable: "Nicht erreichbar",
  unavailableWhy: "Gleich noch einmal versuchen.",
  whatIsLive: "Was jetzt live ist",
};
