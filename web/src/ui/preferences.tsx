/** What the owner may choose: how calls and messages make themselves known, and who is blocked. */
import { useState } from "preact/hooks";
import type { NodeApi } from "../node/api";
import type { Contact } from "../node/types";
import { texts } from "../texts";
import { Dialog } from "./dialog";
import { Icon } from "./icons";
import { quietHours, setQuietHours } from "./quiet";
import { named } from "./words";

function Hour(props: { label: string; value: number; onChange: (hour: number) => void }) {
  return (
    <label>
      <span>{props.label}</span>
      <select value={String(props.value)} onChange={(event) => props.onChange(Number(event.currentTarget.value))}>
        {Array.from({ length: 24 }, (_, each) => <option key={each} value={String(each)}>{`${String(each).padStart(2, "0")}:00`}</option>)}
      </select>
    </label>
  );
}

function QuietHours() {
  const [hours, setHours] = useState(quietHours());
  const change = (next: typeof hours) => {
    setQuietHours(next);
    setHours(next);
  };
  return (
    <section>
      <h3>{texts.preferences.quiet}</h3>
      <label class="switch">
        <input type="checkbox" checked={hours !== null} onChange={(event) => change(event.currentTarget.checked ? { from: 22, to: 7 } : null)} />
        <span>{texts.preferences.quietWhy}</span>
      </label>
      {hours ? (
        <div class="hours">
          <Hour label={texts.preferences.from} value={hours.from} onChange={(from) => change({ ...hours, from })} />
          <Hour label={texts.preferences.until} value={hours.to} onChange={(to) => change({ ...hours, to })} />
        </div>
      ) : null}
    </section>
  );
}

const permitted = (): NotificationPermission => ("Notification" in window ? Notification.permission : "denied");

/** Asked once, beside the contacts from whom calls and messages may come; a no is remembered. */
export function NotifyHint() {
  const [shown, setShown] = useState(permitted() === "default" && localStorage.getItem("notify") !== "no");
  if (!shown) return null;
  const decide = (yes: boolean) => {
    setShown(false);
    if (yes) void Notification.requestPermission();
    else localStorage.setItem("notify", "no");
  };
  return (
    <section class="request">
      <Icon name="bell" /><p>{texts.preferences.hint}</p>
      <div><button onClick={() => decide(true)}>{texts.preferences.allow}</button><button onClick={() => decide(false)}>{texts.preferences.later}</button></div>
    </section>
  );
}

function Notifications() {
  const [permission, setPermission] = useState(permitted());
  return (
    <section>
      <h3>{texts.preferences.notifications}</h3>
      {permission === "default" ? (
        <button onClick={() => void Notification.requestPermission().then(setPermission)}>{texts.preferences.notify}</button>
      ) : (
        <p>{permission === "granted" ? texts.preferences.notified : texts.preferences.notNotified}</p>
      )}
    </section>
  );
}

export function Preferences(props: { api: NodeApi; contacts: Contact[]; onClose: () => void }) {
  const blocked = props.contacts.filter((contact) => contact.blocked);
  return (
    <Dialog title={texts.preferences.heading} class="preferences" onClose={props.onClose}>
      <Notifications />
      <QuietHours />
      {blocked.length > 0 ? (
        <section>
          <h3>{texts.preferences.blocked}</h3>
          <ul class="plain">
            {blocked.map((contact) => (
              <li key={contact.account} class="line">
                <span dir="auto">{named(contact.name, contact.account)}</span>
                <button onClick={() => void props.api.call("contacts.block", { contact: contact.account, blocked: false })}>{texts.preferences.unblock}</button>
              </li>
            ))}
          </ul>
        </section>
      ) : null}
    </Dialog>
  );
}
