/** Intent: what the user wants. */
import { Confidence } from "./confidence.js";
import { Component, html } from "./html.js";
import { plain, t } from "./language.js";
import { Choice, CorrectionForm, Section } from "./section.js";
import { answerOf, intentOf } from "./turn.js";

export class IntentSection extends Component {
  edit = (name) => {
    this.setState({ name: intentOf(this.props.turn)?.name ?? "" });
    this.props.edit(name);
  };

  submit = (rerun) => {
    const intent = this.state.name.trim();
    if (intent) this.props.save({ intent }, rerun);
    else this.props.close();
  };

  render({ turn, turns, catalogue, editing, later, failure, close }, { name }) {
    const intent = intentOf(turn);
    const { domain } = answerOf(turn);
    return html`
      <${Section} name="intent" title=${t("intent")} editing=${editing} edit=${this.edit}>
        ${editing === "intent"
          ? html`
              <${CorrectionForm} submit=${this.submit} close=${close} later=${later} failure=${failure}>
                <${Choice}
                  id="intents"
                  label=${t("intent")}
                  value=${name}
                  names=${catalogue.intents(turns)}
                  change=${(value) => this.setState({ name: value })}
                  focus=${true}
                />
              <//>
            `
          : html`
              <p class="intent">
                <b>${intent ? plain(intent.name) : t("none")}</b>
                ${intent?.corrected
                  ? html`<span class="badge corrected">${t("badge.corrected")}</span>`
                  : html`<${Confidence} share=${intent?.confidence} />`}
              </p>
              ${intent?.corrected &&
              intent.said &&
              html`<p class="muted small">${t("model.said", { what: plain(intent.said.name) })}</p>`}
            `}
        ${domain &&
        html`
          <p class="domain">
            <span class="label">${t("domain")}</span>
            <span class="chip strong">
              ${(domain.active && catalogue.title(domain.active)) || t("none")}
            </span>
            ${domain.switched && html`<span class="badge new">${t("domain.switched")}</span>`}
            <span class="muted small">${domain.reason}</span>
          </p>
        `}
      <//>
    `;
  }
}
