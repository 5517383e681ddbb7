/** Label view: the queue of turns most worth a look, worked by keys alone. */
import { Component, html } from "./html.js";
import { icon } from "./icons.js";
import { areKeysOn, meaningOf, shown, switchKeys, LABEL_KEYS } from "./keys.js";
import { percent, plain, t } from "./language.js";
import { address, go } from "./route.js";
import { TurnInChat } from "./turn_in_chat.js";
import { Understanding } from "./understanding.js";

const SHOWN_BEFORE = 2;
const SECTIONS = ["intent", "state", "acts", "reply"];

export class LabelView extends Component {
  state = { news: "" };

  componentDidMount() {
    addEventListener("keydown", this.key);
  }

  componentWillUnmount() {
    removeEventListener("keydown", this.key);
  }

  key = (event) => {
    const does = meaningOf(event);
    if (!does) return;
    event.preventDefault();
    if (does === "help") go("help");
    else if (does === "next") this.step(1);
    else if (does === "previous") this.step(-1);
    else if (does === "undo") this.undo();
    else if (SECTIONS.includes(does)) document.getElementById(`edit-${does}`)?.click();
    else document.querySelector(`.verdicts .${does}`)?.click();
  };

  step = async (by) => {
    const { labelQueue } = this.props.app;
    await labelQueue.step(by);
    const { current } = labelQueue;
    this.setState({ news: current ? `${reasonsIn(current)}: ${current.user}` : t("queue.done") });
  };

  /** A verdict is all that most turns need: the next one comes by itself. */
  judged = () => {
    this.props.app.labelQueue.settle();
    this.step(1);
  };

  saved = () => this.props.app.labelQueue.settle();

  undo = async () => {
    const done = await this.props.app.labelQueue.undo();
    if (done) this.setState({ news: t("undone") });
  };

  switchKeys = (event) => {
    switchKeys(event.target.checked);
    this.setState({});
  };

  render({ app }, { news }) {
    const { labelQueue, catalogue } = app;
    const { current, conversation, waiting, second, people } = labelQueue;
    const turn = conversation.selected;
    const failure = labelQueue.failure || (conversation.failed === "say" ? conversation.failure : "");
    return html`
      <div class="view-head">
        <h1 tabindex="-1">${t("queue.title")}</h1>
        <p class="count" role="status">${labelQueue.loaded && t("queue.waiting", { count: waiting })}</p>
      </div>
      <div class="queue-bar">
        <button type="button" class="plain" onClick=${() => this.step(-1)}>
          ${icon("previous")}${t("queue.previous")}
        </button>
        <button type="button" class="plain" onClick=${() => this.step(1)}>
          ${t("queue.next")}${icon("next")}
        </button>
        <label class="tick">
          <input type="checkbox" checked=${areKeysOn()} onChange=${this.switchKeys} />
          ${t("keys.on")}
        </label>
        ${named(people) &&
        html`
          <label class="tick">
            <input
              type="checkbox"
              checked=${second}
              onChange=${(event) => labelQueue.load({ second: event.target.checked })}
            />
            ${t("queue.second")}
          </label>
        `}
        <a href=${address("help")}>${t("keys.what")}</a>
      </div>
      ${failure && html`<p class="failure" role="alert">${failure}</p>`}
      ${labelQueue.loaded &&
      !labelQueue.busy &&
      !failure &&
      !current &&
      html`<p class="card nothing muted">${t("queue.done")}</p>`}
      ${current &&
      turn &&
      conversation.id === current.dialogue_id &&
      html`
        <div class="columns queue">
          <section class="card queued" aria-labelledby="queued-title">
            <h2 id="queued-title">${t("queue.turn")}</h2>
            <p class="checks">
              ${current.reasons.map(
                (reason) => html`<span key=${reason} class=${`badge flag-${reason}`}>${t(`reason.${reason}`)}</span>`,
              )}
              <a class="small" href=${address("chat", current.dialogue_id, current.index)}>
                ${t("queue.open")}
              </a>
            </p>
            ${conversation.turns
              .slice(Math.max(0, turn.index - SHOWN_BEFORE), turn.index + 1)
              .map(
                (one) => html`
                  <${TurnInChat}
                    key=${one.index}
                    turn=${one}
                    selected=${one === turn}
                    blind=${second && one === turn}
                  />
                `,
              )}
          </section>
          <${Understanding}
            conversation=${conversation}
            catalogue=${catalogue}
            announce=${(text) => this.setState({ news: text })}
            judged=${this.judged}
            saved=${this.saved}
            blind=${second}
          />
        </div>
      `}
      ${areKeysOn() && html`<${KeyLine} />`}
      ${people && html`<${People} ...${people} />`}
      <p class="hidden" role="status">${news}</p>
    `;
  }
}

const reasonsIn = ({ reasons }) => reasons.map((reason) => t(`reason.${reason}`)).join(", ");

const named = (people) => people?.people.some(({ name }) => name);

/** The keys in one line, for those who have not learnt them yet. */
const KeyLine = () => html`
  <p class="key-line muted small" aria-hidden="true">
    ${LABEL_KEYS.map(
      ({ keys, does }) => html`<span key=${does}><kbd>${shown(keys[0])}</kbd> ${t(`keys.${does}`)}</span>`,
    )}
  </p>
`;

/** Who labelled how much, and how far two agree beyond chance. */
function People({ people, pairs }) {
  if (!people.some(({ name }) => name)) return null;
  return html`
    <section class="card people" aria-labelledby="people-title">
      <h2 id="people-title">${t("people")}</h2>
      <ul>
        ${people.map(
          ({ name, right, wrong, corrected }) => html`
            <li key=${name}>
              <b>${name || t("people.nobody")}</b>${" "}
              <span class="muted">${t("people.did", { right, wrong, corrected })}</span>
            </li>
          `,
        )}
        ${pairs
          .filter(({ turns }) => turns)
          .map(
            ({ a, b, turns, agreed, kappa }) => html`
              <li key=${`${a} ${b}`}>
                <b>${a || t("people.nobody")} · ${b || t("people.nobody")}</b>${" "}
                <span class="muted">
                  ${t("people.agree", { share: percent(agreed / turns), turns })}${" "}
                  ${t("people.kappa", { kappa: kappa === null ? plain(t("none")) : kappa.toFixed(2) })}
                </span>
              </li>
            `,
          )}
      </ul>
    </section>
  `;
}
