/** A window above the page. The browser's own <dialog>: it keeps the focus inside, closes on Escape, gives the focus back. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { texts } from "../texts";
import { IconButton } from "./icons";

export function Dialog(props: { title: string; class?: string; onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => before?.focus?.();
  }, []);
  return (
    <dialog ref={dialog} class={`dialog ${props.class ?? ""}`} aria-labelledby={heading} onClose={props.onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
      <div class="dialog-inside">
        <header>
          <h2 id={heading}>{props.title}</h2>
          <IconButton icon="close" label={texts.dialog.close} onClick={() => dialog.current?.close()} />
        </header>
        {props.children}
      </div>
    </dialog>
  );
}

/** A question before something that cannot be taken back. */
export function Confirm(props: { title: string; words: string; action: string; onConfirm: () => void; onClose: () => void; children?: ComponentChildren }) {
  return (
    <Dialog title={props.title} class="confirm" onClose={props.onClose}>
      <p>{props.words}</p>
      {props.children}
      <div class="actions">
        <button autofocus onClick={props.onClose}>{texts.dialog.cancel}</button>
        <button class="primary danger" onClick={() => { props.onConfirm(); props.onClose(); }}>{props.action}</button>
      </div>
    </Dialog>
  );
}
