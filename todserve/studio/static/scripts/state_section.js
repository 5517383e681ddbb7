/** Belief state: by domain, with what this turn changed; a press on a value edits it. */
import { Confidence } from "./confidence.js";
import { Component, html } from "./html.js";
import { plain, t } from "./language.js";
import { CorrectionForm, Section } from "./section.js";
import { SlotRows, rowsOf, stateFrom } from "./slot_rows.js";
import { answerOf, changesOf, meaningOf, refusedOf, stateOf } from "./turn.js";

export class StateSection extends Component {
  edit = () => this.open(0);

  open(place) {
    this.setState({ rows: rowsOf(stateOf(this.props.turn)), place });
    this.props.edit("state");
  }

  openAt(domain, slot) {
    const rows = rowsOf(stateOf(this.props.turn));
    this.open(rows.findIndex((row) => row.domain === domain && row.slot === slot));
  }

  submit = (rerun) => this.props.save({ belief_state: stateFrom(this.state.rows) }, rerun);

  render({ turn, before, turns, catalogue, editing, later, failure, close }, { rows, place }) {
    const domains = changesOf(turn, before);
    return html`
      <${Section} name="state" title=${t("state")} editing=${editing} edit=${this.edit}>
        ${editing === "state"
          ? html`
              <${CorrectionForm} submit=${this.submit} close=${close} later=${later} failure=${failure}>
                <${SlotRows}
                  name="state"
                  rows=${rows}
                  change=${(changed) => this.setState({ rows: changed })}
                  catalogue=${catalogue}
                  turns=${turns}
                  domain=${answerOf(turn).domain?.active ?? ""}
                  focus=${place}
                />
              <//>
            `
          : domains.length === 0
            ? html`<p class="muted">${t("state.empty")}</p>`
            : domains.map(({ domain, rows: slots }) => this.domain(domain, slots))}
        ${editing !== "state" && refusedOf(turn).map((one) => html`<${Refused} ...${one} />`)}
      <//>
    `;
  }

  domain(domain, slots) {
    return html`
      <div class="domain-block" key=${domain}>
        <h4>${this.props.catalogue.title(domain) || plain(domain)}</h4>
        <ul class="slots">
          ${slots.map(
            ({ slot, entry, old, change }) => html`
              <li key=${slot} class=${change}>
                <span class="slot">${plain(slot)}</span>
                ${change === "removed"
                  ? html`<span class="value"><del>${old}</del></span>`
                  : html`
                      <button
                        type="button"
                        class="value"
                        title=${t("edit")}
                        aria-label=${t("edit.slot", { slot: plain(slot), value: entry.value })}
                        onClick=${() => this.openAt(domain, slot)}
                      >
                        ${entry.value}
                      </button>
                    `}
                ${change !== "removed" &&
                entry.normalised &&
                html`
                  <span class="meaning muted">
                    <span class="hidden">${t("value.means")}</span>
                    ${meaningOf(entry.normalised)}
                  </span>
                `}
                ${change === "changed" && html`<span class="old muted"><del>${old}</del></span>`}
                ${change && html`<span class=${`badge ${change}`}>${t(`change.${change}`)}</span>`}
                ${entry.corrected
                  ? html`<span class="badge corrected">${t("badge.corrected")}</span>`
                  : change !== "removed" && html`<${Confidence} share=${entry.confidence} />`}
              </li>
            `,
          )}
        </ul>
      </div>
    `;
  }
}

/** A value that was understood and does not enter the state; the endpoint's own words say more. */
function Refused({ slot, value, reason, detail }) {
  return html`
    <p class="refused muted">
      ${t("refused", { slot: plain(slot), value })}${" – "}${t(`refused.${reason}`)}
      ${detail && html`<span lang="en"> (${detail})</span>`}
    </p>
  `;
}
