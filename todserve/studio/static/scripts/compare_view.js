/** Compare view: two models on the same conversation, side by side. */
import { Component, html } from "./html.js";
import { plain, t } from "./language.js";
import { address } from "./route.js";
import { Wording } from "./wording.js";

/** Part of an answer -> its lines as text. */
const PARTS = {
  intent: (answer) => (answer.intent ? [plain(answer.intent.name)] : []),
  state: (answer) =>
    Object.entries(answer.belief_state ?? {}).flatMap(([domain, slots]) =>
      Object.entries(slots).map(([slot, entry]) => `${plain(domain)} ${plain(slot)}: ${entry.value}`),
    ),
  domain: (answer) => (answer.domain?.active ? [plain(answer.domain.active)] : []),
  acts: (answer) =>
    (answer.dialogue_act ?? []).map(({ domain, act, slot }) =>
      [domain, act, slot].filter(Boolean).map(plain).join(" "),
    ),
  reply: (answer) => (answer.response ? [answer.response.delexicalised] : []),
};

export class CompareView extends Component {
  state = { news: "" };

  submit = async (event) => {
    event.preventDefault();
    const { comparison, conversation } = this.props.app;
    if (conversation.id === null) return this.review();
    const turns = await comparison.run(conversation.id);
    if (turns) this.setState({ news: verdict(turns) });
  };

  review = async () => {
    const turns = await this.props.app.comparison.review();
    if (turns) this.setState({ news: reviewed(turns) });
  };

  render({ app }, { news }) {
    const { comparison, conversation } = app;
    const turns = comparison.of === conversation.id ? comparison.turns : null;
    return html`
      <div class="view-head"><h1 tabindex="-1">${t("compare.title")}</h1></div>
      <form class="card compare-form" onSubmit=${this.submit}>
        ${conversation.id === null
          ? html`
              <p class="muted">
                ${t("compare.none")} <a href=${address("dialogues")}>${t("view.dialogues")}</a>
              </p>
            `
          : html`<p>${t("compare.text", { count: conversation.turns.length })}</p>`}
        <p>${t("review.text")}</p>
        <label class="field">
          <span>${t("compare.model")}</span>
          <input
            required
            value=${comparison.model}
            placeholder="tod/2.0"
            spellcheck="false"
            autocomplete="off"
            onInput=${(event) => comparison.update({ model: event.target.value.trim() })}
          />
        </label>
        <${Versions} comparison=${comparison} />
        <div class="buttons">
          ${conversation.id !== null &&
          html`
            <button class="primary" type="submit" disabled=${comparison.busy || !comparison.model}>
              ${t("compare.run")}
            </button>
          `}
          <button
            class="plain"
            type="button"
            disabled=${comparison.busy || !comparison.model}
            onClick=${this.review}
          >
            ${t("review.run")}
          </button>
        </div>
        ${comparison.failure && html`<p class="failure" role="alert">${comparison.failure}</p>`}
      </form>
      ${comparison.reviewed && html`<p class="compare-sum">${reviewed(comparison.reviewed)}</p>`}
      ${comparison.reviewed?.map(
        (turn) => html`<${Reviewed} key=${`${turn.dialogue_id}-${turn.index}`} turn=${turn} />`,
      )}
      ${turns && html`<p class="compare-sum">${verdict(turns)}</p>`}
      ${turns?.map((turn) => html`<${Pair} key=${turn.index} turn=${turn} />`)}
      <p class="hidden" role="status">${news}</p>
    `;
  }
}

/** The models that answered before, to choose by a press; one that is served no more says so. */
function Versions({ comparison }) {
  const { versions, model } = comparison;
  if (!versions.length) return null;
  return html`
    <div class="versions" role="group" aria-label=${t("compare.versions")}>
      ${versions.map(
        ({ name, served, checkpoint }) => html`
          <button
            key=${name}
            type="button"
            class="plain"
            aria-pressed=${String(name === model)}
            disabled=${!served}
            onClick=${() => comparison.update({ model: name })}
          >
            ${name}
            <span class="muted small">
              ${served ? (checkpoint ?? "").slice(0, 8) : t("compare.gone")}
            </span>
          </button>
        `,
      )}
    </div>
  `;
}

/** A turn that somebody stands for, and what became of it with the other model. */
function Reviewed({ turn }) {
  const title = `reviewed-${turn.dialogue_id}-${turn.index}`;
  return html`
    <section class="card pair" aria-labelledby=${title}>
      <h2 id=${title}>
        <span class=${`badge ${GOOD.includes(turn.change) ? "new" : "changed"}`}>
          ${t(`review.${turn.change.replaceAll(" ", "-")}`)}
        </span>${" "}
        <a href=${address("chat", turn.dialogue_id, turn.index)}>${turn.user}</a>
      </h2>
      ${turn.differences.map(
        ({ aspect, a, b }) => html`
          <p key=${aspect}>
            ${a.length > 0 && html`<span>${t("review.wanted")} <b>${a.join(", ")}</b>. </span>`}
            ${b.length > 0 && html`<span>${t("review.answered")} <b>${b.join(", ")}</b>.</span>`}
          </p>
        `,
      )}
    </section>
  `;
}

const GOOD = ["now right", "right as before"];

function reviewed(turns) {
  if (!turns.length) return t("review.none");
  const count = (change) => turns.filter((turn) => turn.change === change).length;
  return t("review.sum", {
    mended: count("now right"),
    left: count("still wrong"),
    broken: count("no longer right"),
    held: count("right as before"),
  });
}

/** Part -> what the gateway calls it where two answers differ. */
const ASPECTS = {
  intent: "intent",
  state: "belief_state",
  domain: "domain",
  acts: "dialogue_act",
  reply: "response",
};

function Pair({ turn }) {
  const title = `pair-${turn.index}`;
  const refused = turn.differences.find(({ aspect }) => aspect === "refused");
  return html`
    <section class="card pair" aria-labelledby=${title}>
      <details open=${turn.differences.length > 0}>
        <summary>
          <h2 id=${title}>
            <span class="label">${t("turn", { number: turn.index + 1 })}</span> ${turn.user}
          </h2>
          ${turn.differences.length === 0 &&
          html`<span class="badge new">${t("compare.alike")}</span>`}
        </summary>
        ${refused && html`<p class="failure">${refused.b.join(" ")}</p>`}
        ${turn.answer_b && html`<${Table} turn=${turn} title=${title} />`}
      </details>
    </section>
  `;
}

function Table({ turn, title }) {
  const [a, b] = [turn.answer_a, turn.answer_b];
  const differing = turn.differences.map(({ aspect }) => aspect);
  return html`
    <div class="scroll" role="group" tabindex="0" aria-labelledby=${title}>
      <table>
        <thead>
          <tr>
            <td></td>
            <th scope="col">${named(a)} <span class="muted">${t("compare.remembered")}</span></th>
            <th scope="col">${named(b)}</th>
          </tr>
        </thead>
        <tbody>
          ${Object.entries(PARTS).map(([part, lines]) => {
            const [left, right] = [lines(a), lines(b)];
            const differs = differing.includes(ASPECTS[part]);
            return html`
              <tr key=${part} class=${differs ? "differs" : ""}>
                <th scope="row">
                  ${t(part)}
                  ${differs && html`<span class="badge changed">${t("compare.differs")}</span>`}
                </th>
                <td><${Lines} lines=${left} others=${right} wording=${part === "reply"} /></td>
                <td><${Lines} lines=${right} others=${left} wording=${part === "reply"} /></td>
              </tr>
            `;
          })}
        </tbody>
      </table>
    </div>
  `;
}

const Lines = ({ lines, others, wording }) =>
  lines.length === 0
    ? html`<span class="muted">${t("none")}</span>`
    : lines.map(
        (line) => html`
          <div key=${line} class=${others.includes(line) ? "" : "own"}>
            ${wording ? html`<${Wording} text=${line} />` : line}
          </div>
        `,
      );

const named = ({ model }) => `${model.name} ${model.version} · ${model.checkpoint.slice(0, 8)}`;

function verdict(turns) {
  const different = turns.filter(({ differences }) => differences.length).length;
  return t(different ? "compare.some" : "compare.same", { different, count: turns.length });
}
