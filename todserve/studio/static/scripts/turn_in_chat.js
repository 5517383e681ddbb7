/** A turn in the chat: what was said, what was answered, and what people made of it. */
import { html } from "./html.js";
import { icon } from "./icons.js";
import { t } from "./language.js";
import { isCorrected, readAsOf, repliesOf, unparsedOf, verdictOf } from "./turn.js";
import { Wording } from "./wording.js";

/** `blind`: without what people say of it; `choose`: called with its number, where it can be chosen. */
export function TurnInChat({ turn, selected, choose, blind = false }) {
  const { texts, kind } = repliesOf(turn);
  const verdict = blind ? null : verdictOf(turn);
  return html`
    <article class=${`turn${selected ? " selected" : ""}`} aria-label=${t("turn", { number: turn.index + 1 })}>
      <p class="bubble user"><span class="hidden">${t("you")}: </span>${turn.user}</p>
      ${readAsOf(turn) &&
      html`<p class="read-as small muted">${t("read_as", { text: readAsOf(turn) })}</p>`}
      ${texts.map(
        (text, number) => html`
          <p class=${`bubble bot ${kind}`} key=${number}>
            <span class="hidden">${t("bot")}: </span>
            ${kind === "corrected" ? html`<${Wording} text=${text} />` : text}
          </p>
        `,
      )}
      ${texts.length === 0 && html`<p class="bubble bot muted">${t("bot.silent")}</p>`}
      <div class="turn-foot">
        ${choose
          ? html`
              <button
                type="button"
                class="link"
                aria-pressed=${String(selected)}
                onClick=${() => choose(turn.index)}
              >
                ${t("turn.details", { number: turn.index + 1 })}
              </button>
            `
          : html`<span class="muted small">${t("turn", { number: turn.index + 1 })}</span>`}
        ${verdict &&
        html`<span class=${`badge ${verdict}`}>${icon(verdict)}${t(`verdict.${verdict}`)}</span>`}
        ${turn.correction?.disputed && html`<span class="badge changed">${t("reason.disputed")}</span>`}
        ${isCorrected(turn) && html`<span class="badge corrected">${t("badge.corrected")}</span>`}
        ${kind === "rerun" && html`<span class="badge rerun">${t("badge.rerun")}</span>`}
        ${unparsedOf(turn).length > 0 &&
        html`<span class="badge wrong">${t("badge.unparsed")}</span>`}
        ${turn.bot?.handed_off && html`<span class="badge handed">${t("bot.handed_off")}</span>`}
      </div>
      ${kind &&
      html`
        <details class="said">
          <summary>${t("said.first")}</summary>
          <p>${turn.reply}</p>
        </details>
      `}
    </article>
  `;
}
