/** What the local API tells, as far as the page looks at it. docs/api.md. */

export interface Contact { account: string; name: string; online: boolean; verified: boolean; blocked: boolean; seen_ms: number | null }
export interface Asking { account: string; preview: string; messages: number }
export interface Reaction { from: string; emoji: string }
export interface Message {
  id: string;
  conversation: string;
  author: string;
  ours: boolean;
  body: string;
  sent_ms: number;
  position: number;
  reply_to: string | null;
  delivery: "received" | "queued" | "sent" | "delivered" | "read";
  edited: boolean;
  deleted: boolean;
  reactions: Reaction[];
}
export interface Conversation { with: string; unread: number; last: Message | null }
export interface KnownConference { conference: string; name: string; members: number; founded: boolean; lasting: boolean }
export interface Status {
  account: string;
  link: string;
  version: string;
  reachability: { kind: string; words: string };
  peers: unknown[];
  traffic: { sent_bytes: number; received_bytes: number };
  dht: { entries_held: number };
}
export interface Finding { kind: "good" | "note" | "bad"; what: string; todo: string }
export interface Given { packets_to_nodes: number; packets_to_pages: number; relayed_bytes: number; uplink_bps: number; fixed: boolean }
export interface Invitation { link: string; links: string[]; fragment: string; mirrored: boolean; outside: "yes" | "no" | "unknown"; words: string }
