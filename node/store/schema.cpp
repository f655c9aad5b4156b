#include "node/store/schema.hpp"

namespace conclave::store {

namespace {

constexpr std::string_view steps[] = {
    // 1: what a node needs to keep contacts and conversations.
    R"sql(
-- Small things with a name: ports, peers to start from.
CREATE TABLE setting(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- Who we know, and who would like to be known. standing: 1 contact, 2 request, 3 refused until until_ms.
CREATE TABLE account(
  key BLOB PRIMARY KEY CHECK(length(key) = 32),
  standing INTEGER NOT NULL,
  name TEXT NOT NULL DEFAULT '',
  blocked INTEGER NOT NULL DEFAULT 0,
  verified INTEGER NOT NULL DEFAULT 0,
  added_ms INTEGER NOT NULL,
  seen_ms INTEGER,
  until_ms INTEGER
) WITHOUT ROWID;

-- Nodes of accounts, ours too, each with the certificate that says so.
CREATE TABLE device(
  account BLOB NOT NULL CHECK(length(account) = 32),
  node BLOB NOT NULL CHECK(length(node) = 32),
  certificate BLOB NOT NULL,
  certified_ms INTEGER NOT NULL,
  name TEXT NOT NULL DEFAULT '',
  seen_ms INTEGER,
  PRIMARY KEY(account, node)
) WITHOUT ROWID;
CREATE INDEX device_node ON device(node);

CREATE TABLE revocation(
  account BLOB NOT NULL,
  node BLOB NOT NULL,
  statement BLOB NOT NULL,
  PRIMARY KEY(account, node)
) WITHOUT ROWID;

-- Where a node was last found.
CREATE TABLE address(
  node BLOB NOT NULL CHECK(length(node) = 32),
  address TEXT NOT NULL,
  heard_ms INTEGER NOT NULL,
  PRIMARY KEY(node, address)
) WITHOUT ROWID;

-- A conversation is a set of logs, one for each node that writes in it. `have` is how far we have it; of our
-- own node's log, how long it is. sent, delivered: how far our own log has come. read: how far the other
-- account has read a log of ours, or we one of theirs.
CREATE TABLE log(
  conversation BLOB NOT NULL CHECK(length(conversation) = 32),
  node BLOB NOT NULL CHECK(length(node) = 32),
  account BLOB NOT NULL CHECK(length(account) = 32),
  have INTEGER NOT NULL DEFAULT 0,
  sent INTEGER NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0,
  read INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(conversation, node)
) WITHOUT ROWID;

-- Up to where each node that is to have our log has acknowledged it. What comes before `base` is not for it.
CREATE TABLE receiver(
  conversation BLOB NOT NULL CHECK(length(conversation) = 32),
  node BLOB NOT NULL CHECK(length(node) = 32),
  account BLOB NOT NULL CHECK(length(account) = 32),
  base INTEGER NOT NULL,
  acked INTEGER NOT NULL,
  PRIMARY KEY(conversation, node)
) WITHOUT ROWID;
CREATE INDEX receiver_node ON receiver(node);

-- The logs' entries. kind: 1 text, 2 edit, 3 erasure, 4 reaction, 5 read mark. body is sealed in a profile
-- with a passphrase.
CREATE TABLE entry(
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  conversation BLOB NOT NULL CHECK(length(conversation) = 32),
  node BLOB NOT NULL CHECK(length(node) = 32),
  sequence INTEGER NOT NULL,
  account BLOB NOT NULL CHECK(length(account) = 32),
  kind INTEGER NOT NULL,
  sent_ms INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  target_node BLOB,
  target_sequence INTEGER,
  body BLOB NOT NULL,
  edited_ms INTEGER,
  deleted INTEGER NOT NULL DEFAULT 0,
  UNIQUE(conversation, node, sequence)
);
CREATE INDEX entry_shown ON entry(conversation, position) WHERE kind = 1;
CREATE INDEX entry_target ON entry(conversation, target_node, target_sequence) WHERE kind IN (2, 3);

-- The last reaction of each account to a message; an empty one was taken back.
CREATE TABLE reaction(
  conversation BLOB NOT NULL,
  node BLOB NOT NULL,
  sequence INTEGER NOT NULL,
  account BLOB NOT NULL,
  emoji TEXT NOT NULL,
  sent_ms INTEGER NOT NULL,
  PRIMARY KEY(conversation, node, sequence, account)
) WITHOUT ROWID;
)sql",
    // 2: conferences, so that their links live across restarts.
    R"sql(
CREATE TABLE conference(
  key BLOB PRIMARY KEY CHECK(length(key) = 32),
  seed BLOB,  -- of its key pair, where this node founded it
  name TEXT NOT NULL DEFAULT '',
  created_ms INTEGER NOT NULL,
  used_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE conference_statement(
  conference BLOB NOT NULL,
  digest BLOB NOT NULL,
  statement BLOB NOT NULL,
  PRIMARY KEY(conference, digest)
) WITHOUT ROWID;
CREATE TABLE conference_invite(
  conference BLOB NOT NULL,
  seed BLOB NOT NULL,
  PRIMARY KEY(conference, seed)
) WITHOUT ROWID;
)sql",
};

}  // namespace

Schema schema() { return steps; }

}  // namespace conclave::store
