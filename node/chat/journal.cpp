#include "node/chat/journal.hpp"

#include "crypto/codec/msgpack.hpp"
#include "node/chat/history.hpp"
#include "node/error.hpp"

namespace conclave::chat {

namespace {

/// What stands in the column `kind`; the numbers are the schema's.
enum class Kind : int { text = 1, edit = 2, erase = 3, react = 4, read = 5 };
using Marks = std::vector<std::tuple<NodeKey, std::uint64_t>>;

Kind kind_of(const Content& content) { return static_cast<Kind>(content.index() + 1); }

/// The columns target and body of an entry.
struct Columns {
  std::optional<MessageId> target;
  std::string body;
};

Columns columns(const Content& content) {
  struct Visitor {
    Columns operator()(const Text& text) { return {text.reply_to, text.body}; }
    Columns operator()(const Edit& edit) { return {edit.target, edit.body}; }
    Columns operator()(const Erase& erase) { return {erase.target, {}}; }
    Columns operator()(const React& react) { return {react.target, react.emoji}; }
    Columns operator()(const Read& read) {
      Marks marks;
      for (auto& mark : read.marks) marks.emplace_back(mark.node, mark.sequence);
      return {std::nullopt, std::string(text(codec::pack(marks)))};
    }
  };
  return std::visit(Visitor{}, content);
}

Result<Content> content(Kind kind, const std::optional<MessageId>& target, std::string body) {
  if (kind == Kind::text) return Text{target, std::move(body)};
  if (kind == Kind::read) {
    TRY(auto marks, codec::unpack<Marks>(view(body)));
    Read read;
    for (auto& [node, sequence] : marks) read.marks.push_back({node, sequence});
    return read;
  }
  if (!target) return fail(node::Errc::store_damaged);
  if (kind == Kind::edit) return Edit{*target, std::move(body)};
  if (kind == Kind::erase) return Erase{*target};
  return React{*target, std::move(body)};
}

}  // namespace

Verdict judge(std::uint64_t have, const Entry& entry) {
  if (entry.sequence <= have) return Verdict::duplicate;
  return entry.previous <= have ? Verdict::fresh : Verdict::gap;
}

Result<> Journal::ensure_log(const AccountKey& conversation, const AccountKey& account, const NodeKey& node) {
  CHECK(db_.run("INSERT INTO log(conversation, node, account) VALUES(?, ?, ?) ON CONFLICT DO NOTHING",
                {conversation, node, account}));
  if (db_.changes() == 0 || node != self_.node) return {};
  // A conversation begins: our other devices are to have it.
  return db_.run(
      "INSERT INTO receiver(conversation, node, account, base, acked) SELECT ?, node, account, 0, 0 FROM "
      "receiver WHERE conversation = ? ON CONFLICT DO NOTHING",
      {conversation, self_.account});
}

Result<std::uint64_t> Journal::have(const AccountKey& conversation, const NodeKey& node) {
  TRY(auto have,
      db_.integer("SELECT have FROM log WHERE conversation = ? AND node = ?", {conversation, node}));
  return static_cast<std::uint64_t>(have);
}

Result<> Journal::target_exists(const AccountKey& conversation, const MessageId& target, bool ours) {
  TRY(auto author,
      db_.first<AccountKey>("SELECT account FROM entry WHERE conversation = ? AND node = ? AND sequence = ? "
                            "AND kind = 1 AND deleted = 0",
                            {conversation, target.node, target.sequence},
                            [](const store::Row& row) { return row.key<AccountKey>(0); }));
  if (!author) return fail(node::Errc::unknown_message);
  if (ours && *author != self_.account) return fail(node::Errc::not_yours);
  return {};
}

Result<Journal::Appended> Journal::append(const AccountKey& conversation, const Content& content,
                                          UnixTime now) {
  CHECK(check(content));
  if (auto target = columns(content).target) {
    bool ours = std::holds_alternative<Edit>(content) || std::holds_alternative<Erase>(content);
    CHECK(target_exists(conversation, *target, ours));
  }
  CHECK(ensure_log(conversation, self_.account, self_.node));
  TRY(auto last, have(conversation, self_.node));
  MessageId id{self_.node, last + 1};
  if (id.sequence > Entry::sequence_max) return fail(Errc::limit_reached);
  CHECK(db_.run("UPDATE log SET have = ? WHERE conversation = ? AND node = ?",
                {id.sequence, conversation, self_.node}));
  TRY(auto changes, apply(conversation, self_.account, self_.node, id.sequence, now, content, now));
  return Appended{id, std::move(changes)};
}

Result<std::vector<Change>> Journal::read_all(const AccountKey& conversation, bool tell, UnixTime now) {
  Read read;
  CHECK(db_.each("SELECT node, have FROM log WHERE conversation = ? AND account = ? AND have > read LIMIT ?",
                 {conversation, conversation, static_cast<std::int64_t>(Read::marks_max)},
                 [&](const store::Row& row) {
                   read.marks.push_back({row.key<NodeKey>(0), row.number(1)});
                   return true;
                 }));
  if (read.marks.empty()) return std::vector<Change>();
  if (!tell) return marked(conversation, self_.account, read);
  TRY(auto appended, append(conversation, read, now));
  return std::move(appended.changes);
}

Result<std::vector<Journal::Own>> Journal::own_after(const AccountKey& conversation, std::uint64_t after,
                                                     std::size_t count_max) {
  std::vector<Own> out;
  Result<> read;
  CHECK(db_.each(
      "SELECT sequence, kind, sent_ms, target_node, target_sequence, body FROM entry WHERE conversation = ? "
      "AND node = ? AND sequence > ? AND deleted = 0 ORDER BY sequence LIMIT ?",
      {conversation, self_.node, after, static_cast<std::uint64_t>(count_max)}, [&](const store::Row& row) {
        std::optional<MessageId> target;
        if (!row.null(3)) target = MessageId{row.key<NodeKey>(3), row.number(4)};
        auto body = db_.opened(row.blob(5));
        if (!body) return read = fail(body.error()), false;
        auto what = content(static_cast<Kind>(row.integer(1)), target, std::move(*body));
        if (!what) return read = fail(what.error()), false;
        out.push_back({row.number(0), UnixTime{row.integer(2)}, std::move(*what)});
        return true;
      }));
  CHECK(read);
  return out;
}

Result<> Journal::add_receiver(const AccountKey& account, const NodeKey& node) {
  if (node == self_.node) return {};
  if (account == self_.account) {
    // Another device of ours hears what we write from now on, to whomever. The row under our own account
    // stands for the conversations to come.
    CHECK(db_.run(
        "INSERT INTO receiver(conversation, node, account, base, acked) VALUES(?, ?, ?, 0, 0) ON CONFLICT "
        "DO NOTHING",
        {account, node, account}));
    return db_.run(
        "INSERT INTO receiver(conversation, node, account, base, acked) SELECT conversation, ?, ?, have, "
        "have FROM "
        "log WHERE node = ? ON CONFLICT DO NOTHING",
        {node, account, self_.node});
  }
  TRY(auto start, db_.integer("SELECT max(acked) FROM receiver WHERE conversation = ? AND account = ?",
                              {account, account}));
  return db_.run(
      "INSERT INTO receiver(conversation, node, account, base, acked) VALUES(?, ?, ?, ?, ?) ON CONFLICT DO "
      "NOTHING",
      {account, node, account, start, start});
}

Result<> Journal::remove_receiver(const NodeKey& node) {
  return db_.run("DELETE FROM receiver WHERE node = ?", {node});
}

Result<std::vector<Journal::Progress>> Journal::progress(const NodeKey& node) {
  std::vector<Progress> out;
  // Without a log of ours there is nothing to send, but the other may remember one: a database that was set
  // back.
  CHECK(db_.each(
      "SELECT r.conversation, r.base, r.acked, coalesce(l.have, 0) FROM receiver r LEFT JOIN log l ON "
      "l.conversation = r.conversation AND l.node = ? WHERE r.node = ? AND r.conversation <> ?",
      {self_.node, node, self_.account}, [&](const store::Row& row) {
        out.push_back({row.key<AccountKey>(0), row.number(1), row.number(2), row.number(3)});
        return true;
      }));
  return out;
}

Result<std::vector<Journal::Waiting>> Journal::waiting() {
  std::vector<Waiting> out;
  CHECK(db_.each(
      "SELECT DISTINCT r.account, r.node FROM receiver r JOIN log l ON l.conversation = r.conversation "
      "AND l.node = ? WHERE r.acked < l.have",
      {self_.node}, [&](const store::Row& row) {
        out.push_back({row.key<AccountKey>(0), row.key<NodeKey>(1)});
        return true;
      }));
  // An account none of whose nodes is known yet has no receiver.
  CHECK(
      db_.each("SELECT l.conversation FROM log l WHERE l.node = ? AND l.have > 0 AND NOT EXISTS (SELECT 1 "
               "FROM receiver r "
               "WHERE r.conversation = l.conversation AND r.account = l.conversation)",
               {self_.node}, [&](const store::Row& row) {
                 out.push_back({row.key<AccountKey>(0), NodeKey{}});
                 return true;
               }));
  return out;
}

Result<std::vector<Change>> Journal::acknowledged(const AccountKey& conversation, const NodeKey& node,
                                                  std::uint64_t sequence) {
  std::vector<Change> changes;
  CHECK(db_.run("UPDATE receiver SET acked = ? WHERE conversation = ? AND node = ? AND acked < ?",
                {sequence, conversation, node, sequence}));
  if (db_.changes() == 0) return changes;
  CHECK(ensure_log(conversation, self_.account, self_.node));
  CHECK(db_.run("UPDATE log SET have = ? WHERE conversation = ? AND node = ? AND have < ?",
                {sequence, conversation, self_.node, sequence}));
  CHECK(
      db_.run("UPDATE log SET delivered = ?, sent = max(sent, ?) WHERE conversation = ? AND node = ? AND "
              "delivered < ? "
              "AND EXISTS (SELECT 1 FROM receiver WHERE conversation = ? AND node = ? AND account = ?)",
              {sequence, sequence, conversation, self_.node, sequence, conversation, node, conversation}));
  if (db_.changes() > 0)
    changes.push_back(Advanced{conversation, {self_.node, sequence}, Delivery::delivered});
  // A read mark has done its work when everybody has it, and there are many of them.
  CHECK(db_.run(
      "DELETE FROM entry WHERE conversation = ? AND node = ? AND kind = 5 AND sequence <= (SELECT min(acked) "
      "FROM receiver WHERE conversation = ?)",
      {conversation, self_.node, conversation}));
  return changes;
}

Result<std::vector<Change>> Journal::handed_over(const AccountKey& conversation, std::uint64_t sequence) {
  std::vector<Change> changes;
  CHECK(db_.run("UPDATE log SET sent = ? WHERE conversation = ? AND node = ? AND sent < ?",
                {sequence, conversation, self_.node, sequence}));
  if (db_.changes() > 0) changes.push_back(Advanced{conversation, {self_.node, sequence}, Delivery::sent});
  return changes;
}

Result<std::uint64_t> Journal::outbox() {
  TRY(auto count,
      db_.integer("SELECT count(*) FROM entry e JOIN log l ON l.conversation = e.conversation AND "
                  "l.node = e.node WHERE e.node = ? AND e.kind = 1 AND e.deleted = 0 AND "
                  "e.sequence > l.delivered",
                  {self_.node}));
  return static_cast<std::uint64_t>(count);
}

Result<std::vector<Have>> Journal::all_of(const NodeKey& node) {
  std::vector<Have> out;
  CHECK(db_.each("SELECT conversation, have FROM log WHERE node = ?", {node}, [&](const store::Row& row) {
    out.push_back({row.key<AccountKey>(0), row.number(1)});
    return true;
  }));
  return out;
}

Result<Journal::Accepted> Journal::accept(const AccountKey& conversation, const AccountKey& author,
                                          const NodeKey& node, const Entry& entry, UnixTime now,
                                          bool stranger) {
  Accepted out;
  TRY(out.have, have(conversation, node));
  out.verdict = judge(out.have, entry);
  if (out.verdict != Verdict::fresh) return out;
  if (stranger) {
    struct Left {
      std::uint64_t count, bytes;
    };
    TRY(auto left, db_.first<Left>("SELECT count(*), coalesce(sum(length(body)), 0) FROM entry WHERE "
                                   "conversation = ? AND kind = 1",
                                   {conversation},
                                   [](const store::Row& row) { return Left{row.number(0), row.number(1)}; }));
    auto* text = std::get_if<Text>(&entry.content);
    // Later, when the stranger has been accepted, the log goes on from here.
    if (!text || left->count >= stranger_texts_max || left->bytes + text->body.size() > stranger_bytes_max) {
      out.verdict = Verdict::dropped;
      return out;
    }
  }
  CHECK(ensure_log(conversation, author, node));
  CHECK(db_.run("UPDATE log SET have = ? WHERE conversation = ? AND node = ?",
                {entry.sequence, conversation, node}));
  out.have = entry.sequence;
  TRY(out.changes, apply(conversation, author, node, entry.sequence, entry.sent, entry.content, now));
  return out;
}

Result<> Journal::insert(const AccountKey& conversation, const AccountKey& author, const NodeKey& node,
                         std::uint64_t sequence, UnixTime sent, const Content& content, UnixTime now) {
  auto [target, body] = columns(content);
  auto kept = db_.sealed(body);
  return db_.run(
      "INSERT INTO entry(conversation, node, sequence, account, kind, sent_ms, received_ms, target_node, "
      "target_sequence, body) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {conversation, node, sequence, author, static_cast<int>(kind_of(content)), sent.ms, now.ms,
       target ? store::Bind(target->node) : store::Bind(std::nullopt),
       target ? store::Bind(target->sequence) : store::Bind(std::nullopt), kept});
}

Result<bool> Journal::revise(const AccountKey& conversation, const AccountKey& author,
                             const MessageId& target, UnixTime sent, const std::string* body) {
  if (!body) {
    CHECK(
        db_.run("UPDATE entry SET body = ?, deleted = 1 WHERE conversation = ? AND node = ? AND sequence = ? "
                "AND kind = 1 AND account = ? AND deleted = 0",
                {db_.sealed({}), conversation, target.node, target.sequence, author}));
    bool erased = db_.changes() > 0;
    if (erased) {
      CHECK(db_.run("DELETE FROM reaction WHERE conversation = ? AND node = ? AND sequence = ?",
                    {conversation, target.node, target.sequence}));
      // What it once said goes, too. The row stays, because it is part of its author's log.
      CHECK(
          db_.run("UPDATE entry SET body = ?, deleted = 1 WHERE conversation = ? AND target_node = ? AND "
                  "target_sequence = ? AND kind = 2 AND account = ?",
                  {db_.sealed({}), conversation, target.node, target.sequence, author}));
    }
    return erased;
  }
  // Two devices of one account may edit at once: the later one wins, on every node alike.
  CHECK(db_.run(
      "UPDATE entry SET body = ?, edited_ms = ? WHERE conversation = ? AND node = ? AND sequence = ? "
      "AND kind = 1 AND account = ? AND deleted = 0 AND coalesce(edited_ms, ?) <= ?",
      {db_.sealed(*body), sent.ms, conversation, target.node, target.sequence, author, sent.ms, sent.ms}));
  return db_.changes() > 0;
}

Result<> Journal::catch_up(const AccountKey& conversation, const AccountKey& author, const MessageId& text) {
  struct Late {
    Kind kind;
    UnixTime sent;
    Bytes body;
  };
  std::vector<Late> late;
  CHECK(db_.each(
      "SELECT kind, sent_ms, body FROM entry WHERE conversation = ? AND target_node = ? AND "
      "target_sequence = ? AND kind IN (2, 3) AND account = ? ORDER BY sent_ms",
      {conversation, text.node, text.sequence, author}, [&](const store::Row& row) {
        late.push_back({static_cast<Kind>(row.integer(0)), UnixTime{row.integer(1)}, copy(row.blob(2))});
        return true;
      }));
  for (auto& revision : late) {
    TRY(auto body, db_.opened(revision.body));
    CHECK(revise(conversation, author, text, revision.sent, revision.kind == Kind::edit ? &body : nullptr));
  }
  return {};
}

Result<std::vector<Change>> Journal::marked(const AccountKey& conversation, const AccountKey& reader,
                                            const Read& read) {
  std::vector<Change> changes;
  for (auto& mark : read.marks) {
    // Nobody reads his own log, nor what we do not have.
    CHECK(
        db_.run("UPDATE log SET read = min(have, ?) WHERE conversation = ? AND node = ? AND account <> ? AND "
                "read < min(have, ?)",
                {mark.sequence, conversation, mark.node, reader, mark.sequence}));
    if (db_.changes() == 0) continue;
    if (reader == self_.account) {
      if (changes.empty()) changes.push_back(WeRead{conversation});
    } else {
      changes.push_back(Advanced{conversation, mark, Delivery::read});
    }
  }
  return changes;
}

Result<std::vector<Change>> Journal::apply(const AccountKey& conversation, const AccountKey& author,
                                           const NodeKey& node, std::uint64_t sequence, UnixTime sent,
                                           const Content& content, UnixTime now) {
  // Our own log is kept whole, since it has to be sent. Of others', what later entries may refer to.
  auto kind = kind_of(content);
  if (node == self_.node || kind == Kind::text || kind == Kind::edit || kind == Kind::erase)
    CHECK(insert(conversation, author, node, sequence, sent, content, now));
  MessageId shown{node, sequence};
  bool fresh = false;
  switch (kind) {
    case Kind::text:
      CHECK(catch_up(conversation, author, shown));
      fresh = true;
      break;
    case Kind::edit:
    case Kind::erase: {
      auto* edit = std::get_if<Edit>(&content);
      shown = edit ? edit->target : std::get<Erase>(content).target;
      TRY(bool changed, revise(conversation, author, shown, sent, edit ? &edit->body : nullptr));
      if (!changed) return std::vector<Change>();
      break;
    }
    case Kind::react: {
      auto& react = std::get<React>(content);
      shown = react.target;
      CHECK(db_.run(
          "INSERT INTO reaction(conversation, node, sequence, account, emoji, sent_ms) VALUES(?, ?, ?, ?, "
          "?, ?) ON CONFLICT DO UPDATE SET emoji = excluded.emoji, sent_ms = excluded.sent_ms WHERE "
          "excluded.sent_ms >= sent_ms",
          {conversation, shown.node, shown.sequence, author, react.emoji, sent.ms}));
      if (db_.changes() == 0) return std::vector<Change>();
      break;
    }
    case Kind::read:
      return marked(conversation, author, std::get<Read>(content));
  }
  auto message = History(db_, self_).message(conversation, shown);
  // A reaction may come before its message: another device wrote that.
  if (!message && message.error() == node::Errc::unknown_message) return std::vector<Change>();
  if (!message) return fail(message.error());
  return std::vector<Change>{Stored{std::move(*message), fresh}};
}

Result<> Journal::forget(const AccountKey& conversation) {
  CHECK(db_.run("DELETE FROM entry WHERE conversation = ?", {conversation}));
  CHECK(db_.run("DELETE FROM reaction WHERE conversation = ?", {conversation}));
  return db_.run(
      "UPDATE receiver SET acked = max(acked, coalesce((SELECT have FROM log WHERE log.conversation = "
      "receiver.conversation AND log.node = ?), 0)) WHERE conversation = ?",
      {self_.node, conversation});
}

Result<> Journal::forget_stranger(const AccountKey& conversation) {
  CHECK(forget(conversation));
  return db_.run("DELETE FROM log WHERE conversation = ? AND node <> ?", {conversation, self_.node});
}

}  // namespace conclave::chat
