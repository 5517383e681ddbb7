/** Confidence: a share as a bar and a number; nothing where the model gave none. */
import { html } from "./html.js";
import { percent, t } from "./language.js";

const LOW = 0.5;
const FAIR = 0.8;

export function Confidence({ share }) {
  if (share === null || share === undefined) return null;
  const kind = share < LOW ? "low" : share < FAIR ? "fair" : "high";
  return html`
    <span class=${`confidence ${kind}`} title=${t("confidence")}>
      <span class="track" aria-hidden="true"><i style=${{ width: percent(share) }}></i></span>
      <span class="hidden">${t("confidence")} </span>${percent(share)}
    </span>
  `;
}
