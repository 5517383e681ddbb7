/** Chat view: the conversation, and beside it what the model understood. */
import { Composer } from "./composer.js";
import { Component, createRef, html } from "./html.js";
import { icon } from "./icons.js";
import { nowHere, plain, t } from "./language.js";
import { address, go } from "./route.js";
import { TurnInChat } from "./turn_in_chat.js";
import { Understanding } from "./understanding.js";

export class ChatView extends Component {
  state = { pane: "chat", news: "" };
  log = createRef();

  componentDidMount() {
    addEventListener("keydown", this.key);
    this.follow();
  }

  componentWillUnmount() {
    removeEventListener("keydown", this.key);
  }

  componentDidUpdate() {
    const { turns, pending, busy } = this.props.app.conversation;
    const size = turns.length + (pending && busy ? 0.5 : 0);
    if (size !== this.size) this.follow();
    this.size = size;
  }

  /** Keep the newest message in sight. */
  follow() {
    if (this.log.current && this.props.app.conversation.turns.length) this.log.current.scrollTop = this.log.current.scrollHeight;
  }

  key = (event) => {
    const { conversation } = this.props.app;
    if (!event.altKey || !conversation.selected) return;
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    conversation.select(conversation.selected.index + step);
    const { index, user } = conversation.selected;
    this.setState({ news: t("turn.chosen", { number: index + 1, user }) });
  };

  say = async (text) => {
    const { conversation, catalogue } = this.props.app;
    const turn = await conversation.say(text, catalogue.typed ? { now: nowHere() } : {});
    if (turn) go("chat", conversation.id, { replace: true });
    return turn;
  };

  fresh = () => {
    if (this.props.app.conversation.busy) return;
    this.props.app.conversation.reset();
    go("chat");
    document.getElementById("message")?.focus();
  };

  undo = async () => {
    const { conversation } = this.props.app;
    const done = await conversation.undo();
    if (!done) return;
    this.setState({ news: t("undone") });
    if (!conversation.correctedAnywhere) document.getElementById("message")?.focus();
  };

  choose = (index) => {
    this.props.app.conversation.select(index);
    this.setState({ pane: "turn" });
  };

  render({ app }, { pane, news }) {
    const { conversation, catalogue } = app;
    const { turns, selected, pending, heard, busy } = conversation;
    const failure = conversation.failed === "say" ? conversation.failure : "";
    const panes = ["chat", "turn"];
    return html`
      <h1 class="hidden" tabindex="-1">${t("view.chat")}</h1>
      ${selected &&
      html`
        <div class="switch" role="group" aria-label=${t("pane")}>
          ${panes.map(
            (name) => html`
              <button
                key=${name}
                type="button"
                aria-pressed=${String(name === pane)}
                onClick=${() => this.setState({ pane: name })}
              >
                ${t(`pane.${name}`)}
              </button>
            `,
          )}
        </div>
      `}
      <div class=${`columns${selected ? "" : " alone"}`} data-pane=${selected ? pane : "chat"}>
        <section class="chat card" aria-labelledby="chat-title">
          <div class="chat-head">
            <h2 id="chat-title">${t("chat.title")}</h2>
            ${turns.length > 0 && html`<${ModelName} model=${turns.at(-1).model} />`}
            <div class="actions">
              ${conversation.correctedAnywhere &&
              html`
                <button type="button" class="quiet" onClick=${this.undo}>
                  ${icon("undo")} ${t("undo")}
                </button>
              `}
              ${selected &&
              html`
                <button type="button" class="quiet" onClick=${this.fresh}>
                  ${icon("plus")} ${t("chat.fresh")}
                </button>
              `}
            </div>
          </div>
          <div class="log" ref=${this.log} role="log" tabindex="0" aria-label=${t("chat.log")}>
            ${turns.length === 0 && !(busy && pending) && html`<${Empty} app=${app} say=${this.say} />`}
            ${turns.map(
              (turn) => html`
                <${TurnInChat}
                  key=${turn.index}
                  turn=${turn}
                  selected=${turn === selected}
                  choose=${this.choose}
                />
              `,
            )}
            ${busy &&
            pending &&
            html`
              <div class="turn" key="pending">
                <p class="bubble user">${pending.user}</p>
                ${heard && html`<${Heard} answer=${heard.answer} catalogue=${catalogue} />`}
                ${heard?.text
                  ? html`<p class="bubble bot" aria-hidden="true">${heard.text}</p>`
                  : html`
                      <p class="bubble bot thinking">
                        <span class="hidden">${t("chat.waiting")}</span><i></i><i></i><i></i>
                      </p>
                    `}
              </div>
            `}
          </div>
          <${Composer} say=${this.say} busy=${busy} failure=${failure} retrying=${pending !== null} />
        </section>
        ${selected &&
        html`
          <${Understanding}
            conversation=${conversation}
            catalogue=${catalogue}
            announce=${(text) => this.setState({ news: text })}
          />
        `}
      </div>
      <p class="hidden" role="status">${news}</p>
    `;
  }
}

/** What was understood of a message whose reply is still being written. */
function Heard({ answer, catalogue }) {
  const { intent, belief_state: state, database } = answer;
  const slots = Object.entries(state ?? {}).flatMap(([domain, known]) =>
    Object.entries(known).map(([slot, { value }]) => `${catalogue.title(domain)} ${plain(slot)}: ${value}`),
  );
  const matches = database?.matches ?? null;
  const found = matches === null ? [] : [t(matches === 1 ? "matches.one" : "matches", { count: matches })];
  const lines = [intent && plain(intent.name), ...slots, ...found].filter(Boolean);
  return html`<p class="read-as small muted heard">${t("heard", { what: lines.join(" · ") || t("none") })}</p>`;
}

const ModelName = ({ model }) => html`
  <p class="model" title=${model.checkpoint}>
    <span class="hidden">${t("model")}: </span>${model.name} ${model.version}
    <span class="muted"> ${model.checkpoint.slice(0, 8)}</span>
  </p>
`;

const STEPS = ["talk", "see", "correct", "train"];

/** What there is before the first message: what this is for, and what might be said. */
function Empty({ app, say }) {
  const { conversation, catalogue } = app;
  const { prompts, subjects } = catalogue;
  const begin = (text) => {
    say(text);
    document.getElementById("message").focus();
  };
  return html`
    <div class="empty">
      <h2>${t("empty.title")}</h2>
      <ol class="steps">
        ${STEPS.map((step) => html`<li key=${step}>${t(`step.${step}`)}</li>`)}
      </ol>
      <p><a href=${address("help")}>${t("empty.more")}</a></p>
      ${subjects.length > 0 &&
      html`<p class="muted">${t("empty.subjects", { subjects: subjects.join(", ") })}</p>`}
      ${prompts.length > 0 &&
      html`
        <ul class="suggestions" aria-label=${t("empty.prompts")}>
          ${prompts.map(
            (prompt) => html`
              <li key=${prompt}>
                <button type="button" onClick=${() => begin(prompt)}>${prompt}</button>
              </li>
            `,
          )}
        </ul>
      `}
      <label class="field narrow">
        <span>${t("empty.model")}</span>
        <input
          value=${conversation.model}
          placeholder=${catalogue.told?.name ?? "tod"}
          spellcheck="false"
          autocomplete="off"
          onChange=${(event) => {
            conversation.model = event.target.value.trim();
            app.catalogue.load(conversation.model);
          }}
        />
        <small class="muted">${t("empty.model.why")}</small>
      </label>
    </div>
  `;
}
