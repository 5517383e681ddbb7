/** Help view: what the studio is for, and what the keys do. */
import { Component, html } from "./html.js";
import { areKeysOn, LABEL_KEYS, shown, switchKeys } from "./keys.js";
import { t } from "./language.js";
import { address } from "./route.js";

/** View -> where it leads. */
const PARTS = ["chat", "dialogues", "label", "compare", "annotate"];

const EVERYWHERE = [
  { keys: ["Enter"], does: "send" },
  { keys: ["Shift+Enter"], does: "line" },
  { keys: ["Alt+↑", "Alt+↓"], does: "turns" },
  { keys: ["Tab"], does: "reach" },
  { keys: ["Enter"], does: "save" },
  { keys: ["Esc"], does: "leave" },
];

export class HelpView extends Component {
  switchKeys = (event) => {
    switchKeys(event.target.checked);
    this.setState({});
  };

  render() {
    return html`
      <div class="view-head"><h1 tabindex="-1">${t("help.title")}</h1></div>
      <section class="card help" aria-labelledby="help-what">
        <h2 id="help-what">${t("help.what")}</h2>
        <p>${t("help.text")}</p>
        <dl>
          ${PARTS.map(
            (name) => html`
              <div key=${name}>
                <dt><a href=${address(name)}>${t(`view.${name}`)}</a></dt>
                <dd>${t(`help.${name}`)}</dd>
              </div>
            `,
          )}
        </dl>
        <p>${t("help.training")}</p>
        <pre tabindex="0" role="group" aria-label=${t("help.commands")}><code>${COMMANDS}</code></pre>
        <p class="muted">${t("help.kept")}</p>
      </section>
      <section class="card help" aria-labelledby="help-keys">
        <h2 id="help-keys">${t("keys.what")}</h2>
        <h3>${t("keys.everywhere")}</h3>
        <${Keys} known=${EVERYWHERE} />
        <h3>${t("keys.queue")}</h3>
        <${Keys} known=${LABEL_KEYS} />
        <label class="tick">
          <input type="checkbox" checked=${areKeysOn()} onChange=${this.switchKeys} />
          ${t("keys.on")}
        </label>
      </section>
    `;
  }
}

const COMMANDS = `unzip dialogues-corrected.zip -d corrections
tod replay corrections --against http://localhost:8080 --only state,acts
tod train training.yaml   # corpora: [multiwoz21, corrections]`;

const Keys = ({ known }) => html`
  <dl class="keys">
    ${known.map(
      ({ keys, does }) => html`
        <div key=${does}>
          <dt>${keys.map((key) => html`<kbd key=${key}>${shown(key)}</kbd>`)}</dt>
          <dd>${t(`keys.${does}`)}</dd>
        </div>
      `,
    )}
  </dl>
`;
