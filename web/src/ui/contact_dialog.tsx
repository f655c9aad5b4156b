/** One contact: the name we call them, the number to compare, blocking and removing. */
import { useEffect, useState } from "preact/hooks";
import type { NodeApi } from "../node/api";
import type { Contact } from "../node/types";
import { texts } from "../texts";
import { Confirm, Dialog } from "./dialog";
import { Icon } from "./icons";
import { Face } from "./tile";
import { say } from "./use_node";
import { named } from "./words";

/** Sixty digits as people read them: in rows. */
export function SafetyNumber({ digits }: { digits: string }) {
  return <output class="digits">{digits.split(" ").map((group, i) => <span key={i}>{group} </span>)}</output>;
}

export function ContactDialog(props: { api: NodeApi; contact: Contact; onClose: () => void }) {
  const { api, contact } = props;
  const [name, setName] = useState(contact.name);
  const [safety, setSafety] = useState("");
  const [problem, setProblem] = useState("");
  const [removing, setRemoving] = useState(false);
  useEffect(() => {
    void api.call<{ safety_number: string }>("contacts.get", { contact: contact.account }).then((found) => setSafety(found.safety_number), () => {});
  }, [contact.account]);
  const attempt = (method: string, params: object, done?: () => void) =>
    void api.call(method, params).then(() => (setProblem(""), done?.()), (error) => setProblem(say(error)));
  const rename = (event: Event) => {
    event.preventDefault();
    attempt("contacts.add", { link: contact.account, name: name.trim() });
  };
  return (
    <Dialog title={texts.contact.heading} class="contact" onClose={props.onClose}>
      <div class="identity">
        <Face name={contact.name} id={contact.account} />
        <div><b dir="auto">{named(contact.name, contact.account)}</b><code>{contact.account}</code></div>
      </div>
      <form class="line" onSubmit={rename}>
        <label><span>{texts.contact.name}</span><input dir="auto" value={name} maxLength={60} onInput={(event) => setName(event.currentTarget.value)} /></label>
        <button disabled={name.trim() === contact.name}>{texts.contact.rename}</button>
      </form>
      <section>
        <h3>{texts.contact.safety}</h3>
        {safety ? <SafetyNumber digits={safety} /> : null}
        <p>{contact.verified ? texts.contact.verified : texts.contact.safetyWhy}</p>
        {contact.verified ? (
          <button onClick={() => attempt("contacts.verify", { contact: contact.account, verified: false })}>{texts.contact.unverify}</button>
        ) : (
          <button class="primary" onClick={() => attempt("contacts.verify", { contact: contact.account, verified: true })}><Icon name="shield" /> {texts.contact.verify}</button>
        )}
      </section>
      {problem ? <p class="trouble" role="alert">{problem}</p> : null}
      <div class="actions">
        <button class="danger" onClick={() => attempt("contacts.block", { contact: contact.account, blocked: true }, props.onClose)}>{texts.contact.block}</button>
        <button class="danger" onClick={() => setRemoving(true)}>{texts.contact.remove}</button>
      </div>
      {removing ? (
        <Confirm title={texts.contact.remove} words={texts.contact.removeWhy(named(contact.name, contact.account))} action={texts.contact.remove}
          onClose={() => setRemoving(false)} onConfirm={() => attempt("contacts.remove", { contact: contact.account }, props.onClose)} />
      ) : null}
    </Dialog>
  );
}
