/** Export: saves the remembered dialogues as a file, to train on or to test against. */
import { Component, html } from "./html.js";
import { icon } from "./icons.js";
import { t } from "./language.js";

const FORMATS = { sgd: "SGD", jsonl: "JSONL", zip: "ZIP", rasa: "Rasa", parquet: "Parquet" };
const ENDINGS = {
  sgd: "sgd.jsonl",
  jsonl: "jsonl",
  zip: "zip",
  rasa: "rasa.zip",
  parquet: "parquet",
};

export class Export extends Component {
  state = { corrected: false, failure: "" };

  save = async (format) => {
    const { corrected } = this.state;
    this.setState({ failure: "" });
    try {
      // A link could not carry the token.
      const file = await this.props.gateway.file(`/export?format=${format}&corrected=${corrected}`);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(file);
      link.download = `dialogues${corrected ? "-corrected" : ""}.${ENDINGS[format]}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    } catch (refusal) {
      this.setState({ failure: refusal.message });
    }
  };

  render(_, { corrected, failure }) {
    return html`
      <div class="export" role="group" aria-label=${t("export")}>
        <label class="tick">
          <input
            type="checkbox"
            checked=${corrected}
            onChange=${(event) => this.setState({ corrected: event.target.checked })}
          />
          ${t("export.corrected")}
        </label>
        ${Object.entries(FORMATS).map(
          ([format, name]) => html`
            <button key=${format} type="button" class="plain" onClick=${() => this.save(format)}>
              ${icon("save")}${t("export.as", { format: name })}
            </button>
          `,
        )}
        ${failure && html`<p class="failure" role="alert">${failure}</p>`}
      </div>
    `;
  }
}
