/** App: the parts of the page put together; the rest of the scripts each hold one of them. */
import { AnnotateView } from "./annotate_view.js";
import { Catalogue } from "./catalogue.js";
import { ChatView } from "./chat_view.js";
import { CompareView } from "./compare_view.js";
import { Comparison } from "./comparison.js";
import { Conversation } from "./conversation.js";
import { Dialogues } from "./dialogues.js";
import { DialoguesView } from "./dialogues_view.js";
import { Examples } from "./examples.js";
import { Gateway } from "./gateway.js";
import { Header } from "./header.js";
import { HelpView } from "./help_view.js";
import { Component, createRef, html } from "./html.js";
import { t } from "./language.js";
import { go, route } from "./route.js";
import { Releases } from "./releases.js";
import { ReleasesView } from "./releases_view.js";
import { LabelQueue } from "./label_queue.js";
import { LabelView } from "./label_view.js";
import { Session } from "./session.js";
import { SignIn } from "./sign_in.js";

const SHOWN = {
  chat: ChatView,
  dialogues: DialoguesView,
  label: LabelView,
  compare: CompareView,
  annotate: AnnotateView,
  releases: ReleasesView,
  help: HelpView,
};

export class App extends Component {
  main = createRef();
  state = route();

  constructor() {
    super();
    const changed = () => this.setState({});
    this.session = new Session(changed);
    this.gateway = new Gateway(this.session);
    this.catalogue = new Catalogue(this.gateway, changed);
    this.conversation = new Conversation(this.gateway, changed);
    this.dialogues = new Dialogues(this.gateway, changed);
    this.labelQueue = new LabelQueue(this.gateway, changed);
    this.comparison = new Comparison(this.gateway, changed);
    this.releases = new Releases(this.gateway, changed);
    this.examples = new Examples(this.gateway, changed);
  }

  componentDidMount() {
    addEventListener("hashchange", this.follow);
    this.arrive();
  }

  follow = () => {
    const before = this.state.view;
    this.setState(route(), () => {
      this.arrive();
      // A new view is a new page to somebody who cannot see it change.
      if (before !== this.state.view) this.main.current?.querySelector("h1")?.focus();
    });
  };

  /** Load what the address names. */
  arrive = () => {
    const { view, id, turn } = this.state;
    this.catalogue.load(this.conversation.model);
    if (view === "dialogues") this.dialogues.load();
    if (view === "label") this.labelQueue.load();
    if (view === "annotate") this.examples.load();
    if (view === "releases") this.releases.load();
    if (view === "compare") this.comparison.load();
    if ((view === "chat" || view === "compare") && id) this.conversation.open(id, turn);
    else if (view === "chat" && this.conversation.id) go("chat", this.conversation.id, { replace: true });
  };

  enter = (token) => {
    this.session.enter(token);
    this.catalogue.asked = null;
    this.conversation.update({ failure: "" });
    this.arrive();
  };

  render(_, { view }) {
    document.title = `${t(`view.${view}`)} · todserve studio`;
    const View = SHOWN[view];
    return html`
      <a class="skip" href="#main" onClick=${this.skip}>${t("skip")}</a>
      <${Header} view=${view} conversation=${this.conversation} again=${() => this.setState({})} />
      <main id="main" ref=${this.main} tabindex="-1" class=${`view view-${view}`}>
        ${this.session.wanted
          ? html`<${SignIn} refused=${this.session.refused} enter=${this.enter} />`
          : html`<${View} app=${this} />`}
      </main>
    `;
  }

  skip = (event) => {
    event.preventDefault();
    this.main.current.focus();
  };
}
