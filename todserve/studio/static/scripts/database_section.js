/** Database: how many entries satisfy the state, and the first of them. */
import { html } from "./html.js";
import { own } from "./keyed.js";
import { plain, t } from "./language.js";
import { Section } from "./section.js";
import { answerOf } from "./turn.js";

const SHOWN = 4;
const NAMED = ["name", "id", "trainid", "title", "phone"];

export function DatabaseSection({ turn }) {
  const found = answerOf(turn).database;
  const matches = found?.matches ?? null;
  const results = found?.results?.slice(0, SHOWN) ?? [];
  const note =
    matches === null
      ? null
      : html`<span class="count">${t(matches === 1 ? "matches.one" : "matches", { count: matches })}</span>`;
  return html`
    <${Section} name="database" title=${t("database")} note=${note}>
      ${matches === null && html`<p class="muted">${t("database.none")}</p>`}
      ${results.length > 0 &&
      html`
        <ul class="matches">
          ${results.map(
            (entry, index) => html`<${Match} key=${index} entry=${entry} telling=${telling(results)} />`,
          )}
        </ul>
        ${matches > results.length &&
        html`<p class="muted small">${t("matches.more", { count: matches - results.length })}</p>`}
      `}
    <//>
  `;
}

/** The keys in which the results differ come first: they say which is which. */
function telling(results) {
  const differs = (key) => results.some((entry) => own(entry, key) !== own(results[0], key));
  const keys = Object.keys(results[0] ?? {});
  return [...keys.filter(differs), ...keys.filter((key) => !differs(key))];
}

function Match({ entry, telling: keys }) {
  const title = NAMED.find((key) => own(entry, key)) ?? Object.keys(entry)[0];
  const facts = keys
    .filter((key) => key !== title && own(entry, key))
    .map((key) => [key, String(own(entry, key))]);
  return html`
    <li>
      <details>
        <summary>
          <b>${String(own(entry, title) ?? "")}</b>
          <span class="muted">${facts.slice(0, 3).map(([, value]) => value).join(" · ")}</span>
        </summary>
        <dl class="facts">
          ${facts.map(([key, value]) => html`<div key=${key}><dt>${plain(key)}</dt><dd>${value}</dd></div>`)}
        </dl>
      </details>
    </li>
  `;
}
