/** Annotate view: fresh utterances; the model proposes, a person corrects and saves. */
import { Confidence } from "./confidence.js";
import { Component, html } from "./html.js";
import { icon } from "./icons.js";
import { plain, t } from "./language.js";
import { Choice } from "./section.js";
import { SlotRows, stateFrom } from "./slot_rows.js";

export class AnnotateView extends Component {
  state = { text: "", news: "" };

  propose = async (event) => {
    event.preventDefault();
    const { examples, conversation } = this.props.app;
    const lines = this.state.text.split("\n").map((line) => line.trim());
    const texts = [...new Set(lines.filter(Boolean))];
    const left = await examples.propose(texts, conversation.model);
    this.setState({
      text: left.join("\n"),
      news: t("annotate.proposed", { count: texts.length - left.length }),
    });
  };

  save = async (proposal) => {
    const done = await this.props.app.examples.save(proposal, stateFrom(proposal.rows));
    if (!done) return;
    this.setState({ news: t("annotate.saved", { text: proposal.text }) });
    (document.querySelector(".proposal input") ?? document.getElementById("utterances")).focus();
  };

  discard = (proposal) => {
    this.props.app.examples.discard(proposal.key);
    document.getElementById("utterances").focus();
  };

  render({ app }, { text, news }) {
    const { examples, catalogue } = app;
    return html`
      <div class="view-head"><h1 tabindex="-1">${t("annotate.title")}</h1></div>
      ${!examples.able && html`<p class="card notice">${t("examples.unable")}</p>`}
      <form class="card annotate-form" onSubmit=${this.propose}>
        <label class="field">
          <span>${t("annotate.text")}</span>
          <textarea
            id="utterances"
            rows="4"
            value=${text}
            placeholder=${catalogue.prompts.slice(0, 2).join("\n")}
            onInput=${(event) => this.setState({ text: event.target.value })}
          ></textarea>
        </label>
        <button class="primary" type="submit" disabled=${examples.busy || !text.trim()}>
          ${t(examples.busy ? "annotate.asking" : "annotate.propose")}
        </button>
        ${examples.failure && html`<p class="failure" role="alert">${examples.failure}</p>`}
      </form>
      ${examples.proposals.map(
        (proposal) => html`
          <${Proposal}
            key=${proposal.key}
            proposal=${proposal}
            examples=${examples}
            catalogue=${catalogue}
            save=${this.save}
            discard=${this.discard}
          />
        `,
      )}
      ${examples.saved.length > 0 && html`<${Saved} examples=${examples} />`}
      <p class="hidden" role="status">${news}</p>
    `;
  }
}

function Proposal({ proposal, examples, catalogue, save, discard }) {
  const { key, text, intent, confidence, rows, failure } = proposal;
  const submit = (event) => {
    event.preventDefault();
    save(proposal);
  };
  return html`
    <form class="card proposal" aria-label=${text} onSubmit=${submit}>
      <p class="utterance"><${Marked} text=${text} rows=${rows} /></p>
      <div class="proposal-intent">
        <${Choice}
          id=${`intents-${key}`}
          label=${t("intent")}
          shown=${true}
          value=${intent}
          names=${catalogue.intents([])}
          change=${(name) => examples.change(key, { intent: name, confidence: null })}
        />
        <${Confidence} share=${confidence} />
      </div>
      <p class="label">${t("state")}</p>
      <${SlotRows}
        name=${key}
        rows=${rows}
        change=${(changed) => examples.change(key, { rows: changed })}
        catalogue=${catalogue}
        turns=${[]}
        domain=${rows.at(-1)?.domain ?? ""}
        focus=${-1}
        value=${() => selectionIn(text)}
      />
      ${failure && html`<p class="failure" role="alert">${failure}</p>`}
      <div class="correction-foot">
        <button class="primary" type="submit" disabled=${!examples.able}>${t("annotate.save")}</button>
        <button class="quiet" type="button" onClick=${() => discard(proposal)}>
          ${t("annotate.discard")}
        </button>
      </div>
    </form>
  `;
}

/** The utterance with the slots' values marked in it. */
function Marked({ text, rows }) {
  const values = rows.map((row) => row.value.trim()).filter(Boolean);
  if (!values.length) return text;
  const escaped = values.map((value) => value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pieces = text.split(new RegExp(`(${escaped.join("|")})`, "giu"));
  return pieces.map((piece, index) => (index % 2 ? html`<mark key=${index}>${piece}</mark>` : piece));
}

/** The words somebody selected in the utterance: the value of the slot they are about to add. */
function selectionIn(text) {
  const chosen = String(getSelection()).trim();
  return chosen && text.includes(chosen) ? chosen : "";
}

function Saved({ examples }) {
  return html`
    <section aria-labelledby="saved-title">
      <h2 id="saved-title">${t("annotate.kept")}</h2>
      <ul class="dialogues">
        ${examples.saved.map(
          (one) => html`
            <li key=${one.example_id} class="card">
              <div>
                <span class="last">${one.text}</span>
                <span class="muted small">
                  ${[one.intent && plain(one.intent), ...slotsOf(one.belief_state ?? {})]
                    .filter(Boolean)
                    .join(" · ")}
                </span>
              </div>
              <button
                type="button"
                class="quiet square"
                aria-label=${t("annotate.remove", { text: one.text })}
                onClick=${() => examples.remove(one.example_id)}
              >
                ${icon("remove")}
              </button>
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}

const slotsOf = (state) =>
  Object.entries(state).flatMap(([domain, slots]) =>
    Object.entries(slots).map(([slot, value]) => `${plain(domain)} ${plain(slot)}: ${value}`),
  );
