/** Time: each stage as a bar, the gateway's own after the worker's. */
import { html } from "./html.js";
import { t } from "./language.js";
import { Section } from "./section.js";

const STAGES = ["prepare", "replay", "understand", "look_up", "reply", "choose", "phrase"];
const AROUND = ["gateway_waiting", "gateway_reading", "gateway_model", "gateway_bot"];

export function TimingSection({ turn }) {
  const times = turn.timing_ms;
  const known = [...STAGES, ...AROUND, "total"];
  const names = [
    ...STAGES.filter((name) => Object.hasOwn(times, name)),
    ...Object.keys(times).filter((name) => !known.includes(name)),
    ...AROUND.filter((name) => Object.hasOwn(times, name)),
  ];
  const longest = Math.max(...names.map((name) => times[name]), 0.001);
  const whole = AROUND.reduce((sum, name) => sum + (times[name] ?? 0), 0) || times.total;
  const note = whole && html`<span class="count">${t("ms", { count: rounded(whole) })}</span>`;
  return html`
    <${Section} name="timing" title=${t("timing")} note=${note}>
      <table class="timing">
        <caption class="hidden">${t("timing")}</caption>
        <tbody>
          ${names.map(
            (name) => html`
              <tr key=${name} class=${AROUND.includes(name) ? "around" : ""}>
                <th scope="row">${label(name)}</th>
                <td aria-hidden="true">
                  <span class="bar" style=${{ width: `${(100 * times[name]) / longest}%` }}></span>
                </td>
                <td class="number">${t("ms", { count: rounded(times[name]) })}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
    <//>
  `;
}

function label(name) {
  const key = `stage.${name}`;
  const said = t(key);
  return said === key ? name.replaceAll("_", " ") : said;
}

const rounded = (time) => (time >= 10 ? Math.round(time) : time.toFixed(time >= 1 ? 1 : 2));
