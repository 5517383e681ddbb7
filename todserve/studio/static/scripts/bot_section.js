/** Bot: what the rules around the model did: form, fallback, hand-off, actions. */
import { html } from "./html.js";
import { icon } from "./icons.js";
import { plain, t } from "./language.js";
import { Section } from "./section.js";

export function BotSection({ bot }) {
  const { form, events = [] } = bot;
  return html`
    <${Section} name="bot" title=${t("bot.part")}>
      ${form &&
      html`
        <p class="checks">
          <span class="label">${t("bot.form")}</span>
          <span class="chip strong">${plain(form.name)}</span>
          ${form.awaiting_confirmation && html`<span class="badge new">${t("bot.confirm")}</span>`}
        </p>
        ${Object.keys(form.values ?? {}).length > 0 &&
        html`
          <dl class="facts">
            ${Object.entries(form.values).map(
              ([slot, value]) => html`<div key=${slot}><dt>${plain(slot)}</dt><dd>${value}</dd></div>`,
            )}
          </dl>
        `}
        ${form.missing?.length > 0 &&
        html`
          <p class="checks">
            <span class="label">${t("bot.missing")}</span>
            ${form.missing.map((slot) => html`<span class="chip" key=${slot}>${plain(slot)}</span>`)}
          </p>
        `}
      `}
      ${bot.fallback && html`<p class="check bad">${icon("again")}${t("bot.fallback")}</p>`}
      ${bot.handed_off && html`<p class="check bad">${icon("send")}${t("bot.handed_off")}</p>`}
      ${bot.error && html`<p class="failure">${bot.error}</p>`}
      ${events.length > 0 &&
      html`
        <ul class="events">
          ${events.map(
            (event, index) => html`
              <li key=${index}>
                <span class="chip">${plain(event.event)}</span>
                ${" "}${"name" in event && (event.name ?? t("none"))}
                ${event.value !== undefined && event.value !== null && html` = <b>${String(event.value)}</b>`}
              </li>
            `,
          )}
        </ul>
      `}
      ${!form &&
      !bot.fallback &&
      !bot.handed_off &&
      events.length === 0 &&
      html`<p class="muted">${t("bot.quiet")}</p>`}
    <//>
  `;
}
