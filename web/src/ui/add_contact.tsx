/** Two people become contacts by exchanging links: ours to hand out, theirs to paste. */
import { useState } from "preact/hooks";
import type { NodeApi } from "../node/api";
import type { Contact, Status } from "../node/types";
import { texts } from "../texts";
import { SafetyNumber } from "./contact_dialog";
import { Dialog } from "./dialog";
import { Copy, Qr } from "./invite";
import { say } from "./use_node";
import { named } from "./words";

function Added(props: { contact: Contact; safety: string; onOpen: () => void }) {
  return (
    <section class="added">
      <p role="status">{texts.add.added(named(props.contact.name, props.contact.account))}</p>
      <SafetyNumber digits={props.safety} />
      <p class="faint">{texts.contact.safetyWhy}</p>
      <button class="primary" onClick={props.onOpen}>{texts.add.write}</button>
    </section>
  );
}

export function AddContact(props: { api: NodeApi; status: Status | null; onOpen: (account: string) => void; onClose: () => void }) {
  const [link, setLink] = useState("");
  const [name, setName] = useState("");
  const [problem, setProblem] = useState("");
  const [added, setAdded] = useState<{ contact: Contact; safety_number: string } | null>(null);
  const add = async (event: Event) => {
    event.preventDefault();
    if (!link.trim()) return;
    try {
      setAdded(await props.api.call("contacts.add", { link: link.trim(), ...(name.trim() ? { name: name.trim() } : {}) }));
    } catch (error) {
      setProblem(say(error));
    }
  };
  return (
    <Dialog title={texts.add.heading} class="add" onClose={props.onClose}>
      {added ? <Added contact={added.contact} safety={added.safety_number} onOpen={() => props.onOpen(added.contact.account)} /> : (
        <form class="stack" onSubmit={(event) => void add(event)}>
          <label><span>{texts.add.link}</span>
            <textarea rows={2} id="contact-link" spellcheck={false} autocapitalize="off" value={link} placeholder={texts.add.linkPlaceholder}
              onInput={(event) => setLink(event.currentTarget.value)} />
          </label>
          <label><span>{texts.add.name}</span><input dir="auto" id="contact-name" maxLength={60} value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
          {problem ? <p class="trouble" role="alert">{problem}</p> : null}
          <button class="primary" disabled={!link.trim()}>{texts.add.go}</button>
        </form>
      )}
      {props.status ? (
        <section class="own-link">
          <div>
            <h3>{texts.add.yours}</h3>
            <p class="faint">{texts.add.yoursWhy}</p>
            <Copy text={props.status.link} label={texts.add.copy} />
            <Copy text={props.status.account} label={texts.add.copyKey} quiet />
          </div>
          <Qr text={props.status.link} label={texts.add.yours} />
        </section>
      ) : null}
    </Dialog>
  );
}
