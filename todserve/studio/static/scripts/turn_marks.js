/** Turn marks: one small link for each turn of a dialogue, with what people and the model make of it. */
import { html } from "./html.js";
import { icon } from "./icons.js";
import { t } from "./language.js";
import { address } from "./route.js";

const SHOWN = 24;

export function TurnMarks({ dialogue }) {
  const { dialogue_id: id, marks, turns } = dialogue;
  if (!marks.length) return null;
  return html`
    <ol class="marks" aria-label=${t("marks")}>
      ${marks.slice(0, SHOWN).map((mark) => {
        const kinds = kindsOf(mark);
        const [first] = kinds;
        return html`
          <li key=${mark.index}>
            <a
              class=${`mark ${first ?? ""}`}
              href=${address("chat", id, mark.index)}
              aria-label=${[t("turn", { number: mark.index + 1 }), ...told(mark)].join(", ")}
              title=${told(mark).join(", ")}
            >
              ${first ? icon(DRAWN[first]) : mark.index + 1}
            </a>
          </li>
        `;
      })}
      ${turns > SHOWN && html`<li class="muted small">${t("marks.more", { count: turns - SHOWN })}</li>`}
    </ol>
  `;
}

const DRAWN = { right: "right", wrong: "wrong", corrected: "edit", flagged: "flag" };

/** What a mark shows, the weightiest first. */
function kindsOf({ verdict, corrected, reasons }) {
  return [verdict, corrected && "corrected", reasons.length && "flagged"].filter(Boolean);
}

/** The same in words. */
function told({ verdict, corrected, reasons }) {
  return [
    verdict ? t(`verdict.${verdict}`) : "",
    corrected ? t("badge.corrected") : "",
    ...reasons.map((reason) => t(`reason.${reason}`)),
  ].filter(Boolean);
}
