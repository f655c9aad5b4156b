#include "node/contacts/roster.hpp"

#include "node/error.hpp"

#include <algorithm>

namespace conclave::contacts {
namespace asio = boost::asio;
using store::Database;
using store::Row;

namespace {

struct Rows {
  std::vector<Person> people;
  std::vector<std::pair<Bytes, std::optional<UnixTime>>> certificates;
  std::vector<Bytes> revocations;
};

std::optional<UnixTime> time_at(const Row& row, int column) {
  if (row.null(column)) return std::nullopt;
  return UnixTime{row.integer(column)};
}

Result<Rows> read_all(Database& db) {
  Rows out;
  CHECK(db.each("SELECT key, standing, name, blocked, verified, added_ms, seen_ms, until_ms FROM account", {},
                [&](const Row& row) {
                  out.people.push_back({row.key<AccountKey>(0), static_cast<Standing>(row.integer(1)),
                                        row.text(2), row.truth(3), row.truth(4), UnixTime{row.integer(5)},
                                        time_at(row, 6), time_at(row, 7)});
                  return true;
                }));
  CHECK(db.each("SELECT certificate, seen_ms FROM device", {}, [&](const Row& row) {
    out.certificates.emplace_back(copy(row.blob(0)), time_at(row, 1));
    return true;
  }));
  CHECK(db.each("SELECT statement FROM revocation", {}, [&](const Row& row) {
    out.revocations.push_back(copy(row.blob(0)));
    return true;
  }));
  return out;
}

}  // namespace

asio::awaitable<Result<>> Roster::load() {
  CO_TRY(auto rows, co_await store_.transact<Rows>(read_all));
  for (auto& person : rows.people) people_[person.account] = person;
  // They were verified when they came in.
  for (auto& bytes : rows.revocations)
    if (auto one = decode_revocation(bytes)) revocations_[one->account].emplace(one->node, *one);
  for (auto& [bytes, seen] : rows.certificates) {
    auto one = decode_certificate(bytes);
    if (!one) co_return fail(node::Errc::store_damaged);
    owners_[one->node] = one->account;
    devices_[one->account][one->node] = {*one, seen};
  }
  co_return Result<>();
}

const Person* Roster::find(const AccountKey& account) const {
  auto found = people_.find(account);
  return found == people_.end() ? nullptr : &found->second;
}

std::vector<Person> Roster::people(Standing standing) const {
  std::vector<Person> out;
  for (auto& [account, person] : people_)
    if (person.standing == standing) out.push_back(person);
  return out;
}

std::size_t Roster::count(Standing standing) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(people_, [&](auto& entry) { return entry.second.standing == standing; }));
}

std::map<NodeKey, KnownDevice> Roster::devices(const AccountKey& account) const {
  std::map<NodeKey, KnownDevice> out;
  auto found = devices_.find(account);
  if (found == devices_.end()) return out;
  auto now = clock_.unix_now();
  auto revoked = revocations_.find(account);
  for (auto& [node, device] : found->second) {
    if (revoked != revocations_.end() && revoked->second.contains(node)) continue;
    if (device.certificate.expires < now) continue;
    out.emplace(node, device);
  }
  return out;
}

bool Roster::holds(const AccountKey& account, const NodeKey& node) const {
  return devices(account).contains(node);
}

std::optional<AccountKey> Roster::account_of(const NodeKey& node) const {
  auto found = owners_.find(node);
  if (found == owners_.end() || !holds(found->second, node)) return std::nullopt;
  return found->second;
}

std::vector<Revocation> Roster::revocations(const AccountKey& account) const {
  std::vector<Revocation> out;
  if (auto found = revocations_.find(account); found != revocations_.end())
    for (auto& [node, revocation] : found->second) out.push_back(revocation);
  return out;
}

asio::awaitable<Result<std::vector<std::string>>> Roster::addresses(NodeKey node) {
  co_return co_await store_.transact<std::vector<std::string>>(
      [node](Database& db) -> Result<std::vector<std::string>> {
        std::vector<std::string> out;
        CHECK(db.each("SELECT address FROM address WHERE node = ? ORDER BY heard_ms DESC LIMIT ?",
                      {node, static_cast<std::int64_t>(addresses_max)}, [&](const Row& row) {
                        out.push_back(row.text(0));
                        return true;
                      }));
        return out;
      });
}

/// Memory changes at once and is put back where the database refuses: between question and commit another
/// change of the same person must not be lost.
asio::awaitable<Result<>> Roster::keep(Person person) {
  auto* known = find(person.account);
  std::optional<Person> before;
  if (known) before = *known;
  people_[person.account] = person;
  auto kept = co_await store_.post([person](Database& db) {
    return db.run(
        "INSERT INTO account(key, standing, name, blocked, verified, added_ms, seen_ms, until_ms) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET standing = excluded.standing, name = "
        "excluded.name, "
        "blocked = excluded.blocked, verified = excluded.verified, added_ms = excluded.added_ms, "
        "seen_ms = excluded.seen_ms, until_ms = excluded.until_ms",
        {person.account, static_cast<int>(person.standing), person.name, person.blocked, person.verified,
         person.added.ms, person.seen ? store::Bind(person.seen->ms) : store::Bind(std::nullopt),
         person.until ? store::Bind(person.until->ms) : store::Bind(std::nullopt)});
  });
  if (kept) {
    told(person.account);
  } else if (before) {
    people_[person.account] = *before;
  } else {
    people_.erase(person.account);
  }
  co_return kept;
}

asio::awaitable<Result<>> Roster::add(AccountKey account, std::string name) {
  auto* known = find(account);
  if (!known && people_.size() >= contacts_max) co_return fail(Errc::limit_reached);
  Person person = known ? *known : Person{};
  if (person.standing != Standing::contact) person.added = clock_.unix_now();
  person.account = account;
  person.standing = Standing::contact;
  person.blocked = false;
  person.until.reset();
  if (!name.empty()) person.name = std::move(name);
  co_return co_await keep(std::move(person));
}

asio::awaitable<Result<>> Roster::remove(AccountKey account) {
  CO_CHECK(co_await store_.post([account](Database& db) -> Result<> {
    CHECK(db.run("DELETE FROM address WHERE node IN (SELECT node FROM device WHERE account = ?)", {account}));
    CHECK(db.run("DELETE FROM device WHERE account = ?", {account}));
    return db.run("DELETE FROM account WHERE key = ?", {account});
  }));
  people_.erase(account);
  if (auto found = devices_.find(account); found != devices_.end()) {
    for (auto& [node, device] : found->second) owners_.erase(node);
    devices_.erase(found);
  }
  told(account);
  co_return Result<>();
}

asio::awaitable<Result<>> Roster::refuse(AccountKey account) {
  auto* known = find(account);
  if (!known || known->standing != Standing::request) co_return fail(node::Errc::unknown_account);
  Person person = *known;
  person.standing = Standing::refused;
  person.until = clock_.unix_now() + refusal_life;
  co_return co_await keep(std::move(person));
}

asio::awaitable<Result<>> Roster::set_blocked(AccountKey account, bool blocked) {
  auto* known = find(account);
  if (!known) co_return fail(node::Errc::unknown_account);
  Person person = *known;
  person.blocked = blocked;
  co_return co_await keep(std::move(person));
}

asio::awaitable<Result<>> Roster::set_verified(AccountKey account, bool verified) {
  auto* known = find(account);
  if (!known || known->standing != Standing::contact) co_return fail(node::Errc::unknown_account);
  Person person = *known;
  person.verified = verified;
  co_return co_await keep(std::move(person));
}

asio::awaitable<Result<>> Roster::learn_addresses(NodeKey node, std::vector<std::string> addresses) {
  auto now = clock_.unix_now();
  co_return co_await store_.post([node, addresses = std::move(addresses), now](Database& db) -> Result<> {
    for (auto& address : addresses) {
      CHECK(db.run(
          "INSERT INTO address(node, address, heard_ms) VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET heard_ms = "
          "excluded.heard_ms",
          {node, address, now.ms}));
    }
    return db.run(
        "DELETE FROM address WHERE node = ? AND address NOT IN (SELECT address FROM address WHERE node = ? "
        "ORDER BY heard_ms DESC LIMIT ?)",
        {node, node, static_cast<std::int64_t>(addresses_max)});
  });
}

asio::awaitable<Result<>> Roster::seen(AccountKey account, NodeKey node) {
  auto now = clock_.unix_now();
  if (auto found = people_.find(account); found != people_.end()) found->second.seen = now;
  if (auto found = devices_.find(account); found != devices_.end())
    if (auto device = found->second.find(node); device != found->second.end()) device->second.seen = now;
  co_return co_await store_.post([account, node, now](Database& db) -> Result<> {
    CHECK(db.run("UPDATE account SET seen_ms = ? WHERE key = ?", {now.ms, account}));
    return db.run("UPDATE device SET seen_ms = ? WHERE account = ? AND node = ?", {now.ms, account, node});
  });
}

asio::awaitable<Result<bool>> Roster::learn(Certificate certificate) {
  auto account = certificate.account;
  auto node = certificate.node;
  auto revoked = revocations(account);
  CO_CHECK(verify(certificate, clock_.unix_now(), revoked));
  if (account != account_ && !find(account)) co_return false;  // nobody we would remember
  auto& devices = devices_[account];
  auto known = devices.find(node);
  if (known != devices.end() && known->second.certificate.sequence >= certificate.sequence) co_return false;
  bool fresh = known == devices.end();
  if (fresh && this->devices(account).size() >= devices_max) co_return fail(Errc::limit_reached);
  // A node belongs to one account: the one that it showed first.
  if (auto owner = owners_.find(node); owner != owners_.end() && owner->second != account)
    co_return fail(Errc::refused);
  CO_CHECK(co_await store_.post([certificate, bytes = encode(certificate)](Database& db) {
    return db.run(
        "INSERT INTO device(account, node, certificate, certified_ms, name) VALUES(?, ?, ?, ?, ?) ON "
        "CONFLICT DO UPDATE SET certificate = excluded.certificate, certified_ms = excluded.certified_ms, "
        "name = excluded.name",
        {certificate.account, certificate.node, bytes, certificate.created.ms, certificate.name});
  }));
  devices_[account][node].certificate = std::move(certificate);
  owners_[node] = account;
  told(account);
  co_return fresh;
}

asio::awaitable<Result<bool>> Roster::learn(Revocation revocation) {
  CO_CHECK(verify(revocation));
  if (revocation.account != account_ && !find(revocation.account)) co_return false;
  auto& known = revocations_[revocation.account];
  if (known.contains(revocation.node)) co_return false;
  if (known.size() >= revocations_max) co_return fail(Errc::limit_reached);
  CO_CHECK(co_await store_.post([revocation, bytes = encode(revocation)](Database& db) {
    return db.run("INSERT INTO revocation(account, node, statement) VALUES(?, ?, ?) ON CONFLICT DO NOTHING",
                  {revocation.account, revocation.node, bytes});
  }));
  revocations_[revocation.account].emplace(revocation.node, revocation);
  told(revocation.account);
  co_return true;
}

asio::awaitable<Result<>> Roster::knock(AccountKey account, io::IpAddress from) {
  auto* known = find(account);
  auto now = clock_.unix_now();
  if (known && known->standing == Standing::refused && known->until && *known->until > now)
    co_return fail(Errc::refused);
  if (known && known->standing != Standing::refused) co_return Result<>();
  if (!knocks_.admit(from, count(Standing::request), clock_.now())) co_return fail(Errc::limit_reached);
  Person person = known ? *known : Person{};
  person.account = account;
  person.standing = Standing::request;
  person.added = now;
  person.until.reset();
  co_return co_await keep(std::move(person));
}

}  // namespace conclave::contacts
