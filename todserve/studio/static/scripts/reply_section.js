/** Reply: with its placeholders, whether it keeps to its acts, and what could not be read. */
import { Component, html } from "./html.js";
import { icon } from "./icons.js";
import { plain, t } from "./language.js";
import { CorrectionForm, Section, focused } from "./section.js";
import { answerOf, unparsedOf, wordingOf } from "./turn.js";
import { Wording } from "./wording.js";

export class ReplySection extends Component {
  edit = (name) => {
    this.setState({ text: wordingOf(this.props.turn) });
    this.props.edit(name);
  };

  submit = (rerun) => {
    const response = this.state.text.trim();
    if (response) this.props.save({ response }, rerun);
    else this.props.close();
  };

  render({ turn, editing, later, failure, close }, { text }) {
    const corrected = turn.correction?.response;
    const note = corrected && html`<span class="badge corrected">${t("badge.corrected")}</span>`;
    const unparsed = unparsedOf(turn);
    // A bot may have said something else.
    const title = turn.bot ? "reply.model" : "reply";
    return html`
      <${Section} name="reply" title=${t(title)} note=${note} editing=${editing} edit=${this.edit}>
        ${editing === "reply"
          ? html`
              <${CorrectionForm} submit=${this.submit} close=${close} later=${later} failure=${failure}>
                <label class="field">
                  <span class="hidden">${t("reply")}</span>
                  <textarea
                    rows="3"
                    value=${text}
                    ref=${focused}
                    onInput=${(event) => this.setState({ text: event.target.value })}
                  ></textarea>
                </label>
              <//>
            `
          : html`<p class="wording"><${Wording} text=${wordingOf(turn) || t("none")} /></p>`}
        <p class="checks">
          <${Consistency} agreed=${answerOf(turn).consistent} />
          ${unparsed.length === 0
            ? html`<span class="check good">${icon("right")}${t("unparsed.none")}</span>`
            : html`<span class="check bad">${icon("wrong")}${t("unparsed")}</span>`}
        </p>
        ${unparsed.map(
          ([task, pieces]) => html`
            <p class="small" key=${task}>
              <span class="muted">${plain(task)}:</span> <code>${pieces.join(" | ")}</code>
            </p>
          `,
        )}
      <//>
    `;
  }
}

function Consistency({ agreed }) {
  if (agreed === null || agreed === undefined) {
    return html`<span class="check muted">${t("consistent.unknown")}</span>`;
  }
  return agreed
    ? html`<span class="check good">${icon("right")}${t("consistent.yes")}</span>`
    : html`<span class="check bad">${icon("wrong")}${t("consistent.no")}</span>`;
}
