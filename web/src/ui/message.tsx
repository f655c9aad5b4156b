/** One message of a conversation: what it says, how far it has come, and what one can do with it. */
import { useState } from "preact/hooks";
import type { Message } from "../node/types";
import { texts } from "../texts";
import { Icon, IconButton, type IconName } from "./icons";
import { clock, Linked } from "./words";

export interface MessageActions {
  reply(message: Message): void;
  edit(message: Message): void;
  erase(message: Message): void;
  /** Empty takes ours back. */
  react(message: Message, emoji: string): void;
}

const emojis = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const signs: Record<string, IconName> = { queued: "clock", sent: "clock", delivered: "tick", read: "ticks" };

/** The same emoji of several people once, with their number; ours is marked. */
export function counted(message: Message): { emoji: string; count: number; ours: boolean }[] {
  const out = new Map<string, { emoji: string; count: number; ours: boolean }>();
  for (const { emoji, from } of message.reactions) {
    const one = out.get(emoji) ?? { emoji, count: 0, ours: false };
    out.set(emoji, { emoji, count: one.count + 1, ours: one.ours || from !== message.conversation });
  }
  return [...out.values()];
}

function Delivery({ state }: { state: Message["delivery"] }) {
  const sign = signs[state];
  const words = texts.chat.delivery[state];
  return sign ? <span class={`delivery ${state}`} role="img" aria-label={words} title={words}><Icon name={sign} /></span> : null;
}

function Actions(props: { message: Message; actions: MessageActions }) {
  const { message, actions } = props;
  const [choosing, setChoosing] = useState(false);
  const pick = (emoji: string) => {
    setChoosing(false);
    actions.react(message, counted(message).some((each) => each.ours && each.emoji === emoji) ? "" : emoji);
  };
  return (
    <span class={`message-actions ${choosing ? "open" : ""}`} onKeyDown={(event) => event.key === "Escape" && setChoosing(false)}>
      {choosing ? (
        <span class="emojis" role="group" aria-label={texts.chat.react}>
          {emojis.map((emoji) => <button key={emoji} type="button" aria-label={texts.chat.reactWith(emoji)} onClick={() => pick(emoji)}>{emoji}</button>)}
        </span>
      ) : null}
      <IconButton icon="smile" label={texts.chat.react} on={choosing} onClick={() => setChoosing(!choosing)} />
      <IconButton icon="reply" label={texts.chat.reply} onClick={() => actions.reply(message)} />
      {message.ours ? <IconButton icon="edit" label={texts.chat.edit} onClick={() => actions.edit(message)} /> : null}
      {message.ours ? <IconButton icon="trash" label={texts.chat.delete} onClick={() => actions.erase(message)} /> : null}
    </span>
  );
}

export function MessageLine(props: { message: Message; answered: Message | null; whose: string; follows: boolean; actions: MessageActions }) {
  const { message, answered } = props;
  return (
    <li class={`message ${message.ours ? "ours" : ""} ${props.follows ? "follows" : ""}`} data-message={message.id}>
      <div class="bubble">
        <span class="unseen">{message.ours ? texts.call.yourself : props.whose}: </span>
        {answered ? <blockquote dir="auto">{answered.deleted ? texts.chat.deleted : answered.body}</blockquote> : null}
        <p dir="auto">{message.deleted ? <i>{texts.chat.deleted}</i> : <Linked text={message.body} />}</p>
        <small>
          {message.edited && !message.deleted ? `${texts.chat.edited} ` : ""}
          <time dateTime={new Date(message.sent_ms).toISOString()}>{clock(message.sent_ms)}</time>
          {message.ours && !message.deleted ? <Delivery state={message.delivery} /> : null}
        </small>
      </div>
      {message.deleted ? null : <Actions message={message} actions={props.actions} />}
      {message.reactions.length > 0 ? (
        <div class="reactions">
          {counted(message).map(({ emoji, count, ours }) => (
            <button key={emoji} type="button" class={ours ? "on" : ""} aria-pressed={ours} aria-label={texts.chat.reactedWith(emoji, count)}
              onClick={() => props.actions.react(message, ours ? "" : emoji)}>
              {emoji}{count > 1 ? ` ${count}` : ""}
            </button>
          ))}
        </div>
      ) : null}
    </li>
  );
}
