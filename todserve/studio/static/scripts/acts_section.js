/** Acts: what the reply does, by domain and act. */
import { Component, html } from "./html.js";
import { icon } from "./icons.js";
import { plain, t } from "./language.js";
import { Choice, CorrectionForm, Section } from "./section.js";
import { actsOf, answerOf } from "./turn.js";

export class ActsSection extends Component {
  edit = (name) => {
    this.setState({ rows: actsOf(this.props.turn).map((act) => ({ ...act })) });
    this.props.edit(name);
  };

  submit = (rerun) => {
    const rows = this.state.rows.map(({ domain, act, slot }) => ({
      domain: domain.trim(),
      act: act.trim(),
      slot: slot.trim(),
    }));
    this.props.save({ dialogue_act: rows.filter((row) => row.domain && row.act) }, rerun);
  };

  set(index, part) {
    const rows = this.state.rows.map((row, place) => (place === index ? { ...row, ...part } : row));
    this.setState({ rows });
  }

  render({ turn, editing, later, failure, close }) {
    const acts = actsOf(turn);
    const corrected = turn.correction?.dialogue_act;
    const note = corrected && html`<span class="badge corrected">${t("badge.corrected")}</span>`;
    return html`
      <${Section} name="acts" title=${t("acts")} note=${note} editing=${editing} edit=${this.edit}>
        ${editing === "acts"
          ? html`
              <${CorrectionForm} submit=${this.submit} close=${close} later=${later} failure=${failure}>
                ${this.fields()}
              <//>
            `
          : acts.length === 0
            ? html`<p class="muted">${t("acts.none")}</p>`
            : html`
                <ul class="acts">
                  ${grouped(acts).map(
                    ({ domain, act, slots }) => html`
                      <li key=${`${domain}-${act}`}>
                        <span class="muted">${plain(domain)}</span> <b>${plain(act)}</b>
                        ${slots.map((slot) => html`<span class="chip" key=${slot}>${plain(slot)}</span>`)}
                      </li>
                    `,
                  )}
                </ul>
              `}
      <//>
    `;
  }

  fields() {
    const { catalogue, turns, turn } = this.props;
    const domain = answerOf(turn).domain?.active ?? "";
    const { rows } = this.state;
    const names = {
      domain: () => catalogue.actDomains(turns),
      act: () => catalogue.acts(turns),
      slot: (row) => catalogue.actSlots(row.domain, turns),
    };
    return html`
      <ul class="slot-rows">
        ${rows.map(
          (row, index) => html`
            <li key=${index}>
              ${Object.keys(names).map(
                (part) => html`
                  <${Choice}
                    key=${part}
                    id=${`act-${index}-${part}`}
                    label=${t(part === "domain" ? "domain.one" : part)}
                    value=${row[part]}
                    names=${names[part](row)}
                    change=${(text) => this.set(index, { [part]: text })}
                    focus=${part === "act" && (index === 0 || row.fresh)}
                  />
                `,
              )}
              <button
                type="button"
                class="quiet square"
                aria-label=${t("act.remove", { act: row.act })}
                onClick=${() => this.setState({ rows: rows.filter((_, place) => place !== index) })}
              >
                ${icon("remove")}
              </button>
            </li>
          `,
        )}
      </ul>
      <button
        type="button"
        class="quiet add"
        onClick=${() => this.setState({ rows: [...rows, { domain, act: "", slot: "", fresh: true }] })}
      >
        ${icon("plus")} ${t("act.add")}
      </button>
    `;
  }
}

function grouped(acts) {
  const groups = new Map();
  for (const { domain, act, slot } of acts) {
    const key = `${domain} ${act}`;
    if (!groups.has(key)) groups.set(key, { domain, act, slots: [] });
    if (slot && !groups.get(key).slots.includes(slot)) groups.get(key).slots.push(slot);
  }
  return [...groups.values()];
}
