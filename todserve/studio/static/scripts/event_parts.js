/**
 * Event parts: server-sent events out of the pieces of text that they come in.
 *
 * Example: [...parts.take('event: piece\ndata: {"text":"To "}\n\n')] is [{ name: "piece", content: { text: "To " } }].
 * The browser's own reader of such events can neither post nor show a token.
 */
export const EVENTS = "text/event-stream";

export class EventParts {
  rest = "";

  /** The events that have become whole with this piece; comments are none. */
  *take(piece) {
    const blocks = (this.rest + piece).split("\n\n");
    this.rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map(parted));
      if (fields.data) yield { name: fields.event, content: JSON.parse(fields.data) };
    }
  }
}

const parted = (line) => {
  const end = line.indexOf(": ");
  return [line.slice(0, end), line.slice(end + 2)];
};
