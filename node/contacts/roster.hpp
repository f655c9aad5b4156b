#pragma once
/// Accounts and their devices: who is a contact, who knocked, which node is whose, who has been revoked.
///
/// Kept in memory, as it is in the database: questions are answered at once, a change is committed first. On
/// the node's thread.
#include "crypto/certificate.hpp"
#include "node/contacts/contact.hpp"
#include "node/contacts/knocks.hpp"
#include "node/store/store.hpp"
#include "transport/io/clock.hpp"

#include <functional>
#include <map>
#include <set>

namespace conclave::contacts {

/// What we are to each other. The numbers are the schema's.
enum class Standing : Byte { unknown = 0, contact = 1, request = 2, refused = 3 };

struct Person {
  AccountKey account;
  Standing standing = Standing::unknown;
  std::string name;
  bool blocked = false;
  bool verified = false;
  UnixTime added;
  std::optional<UnixTime> seen;
  std::optional<UnixTime> until;  ///< of a refusal
};

struct KnownDevice {
  Certificate certificate;
  std::optional<UnixTime> seen;
};

class Roster {
 public:
  static constexpr std::size_t contacts_max = 10'000;
  /// Of one account, not revoked. An account key can certify any number.
  static constexpr std::size_t devices_max = 16;
  static constexpr std::size_t revocations_max = 16;
  static constexpr std::size_t addresses_max = 8;  ///< of one node
  static constexpr std::chrono::milliseconds refusal_life = std::chrono::hours(24 * 30);

  Roster(store::Store& store, io::Clock& clock, const AccountKey& account, const NodeKey& node)
      : store_(store), clock_(clock), account_(account), node_(node) {}

  boost::asio::awaitable<Result<>> load();

  const Person* find(const AccountKey& account) const;
  std::vector<Person> people(Standing standing) const;
  std::size_t count(Standing standing) const;
  /// The devices of an account that hold at this time: certified, not expired, not revoked.
  std::map<NodeKey, KnownDevice> devices(const AccountKey& account) const;
  bool holds(const AccountKey& account, const NodeKey& node) const;
  std::optional<AccountKey> account_of(const NodeKey& node) const;
  std::vector<Revocation> revocations(const AccountKey& account) const;
  /// Where the node was found before, the latest first.
  boost::asio::awaitable<Result<std::vector<std::string>>> addresses(NodeKey node);

  // Changes. Each is in the database when it returns.

  /// Makes it a contact, with `name` unless that is empty.
  boost::asio::awaitable<Result<>> add(AccountKey account, std::string name);
  boost::asio::awaitable<Result<>> remove(AccountKey account);
  boost::asio::awaitable<Result<>> refuse(AccountKey account);
  boost::asio::awaitable<Result<>> set_blocked(AccountKey account, bool blocked);
  boost::asio::awaitable<Result<>> set_verified(AccountKey account, bool verified);
  boost::asio::awaitable<Result<>> learn_addresses(NodeKey node, std::vector<std::string> addresses);
  boost::asio::awaitable<Result<>> seen(AccountKey account, NodeKey node);

  /// A certificate that arrived from outside: verified here, and remembered if it is a contact's, a request's
  /// or our own. Says whether it is a device that was not known before. Fails as verify(Certificate) does,
  /// and with Errc::limit_reached.
  boost::asio::awaitable<Result<bool>> learn(Certificate certificate);
  /// A revocation that arrived from outside. Says whether it was new.
  boost::asio::awaitable<Result<bool>> learn(Revocation revocation);
  /// A stranger knocks from there. Errc::limit_reached.
  boost::asio::awaitable<Result<>> knock(AccountKey account, io::IpAddress from);

  /// Called after each change of a contact, of its devices, or of who is one.
  void on_change(std::function<void(const AccountKey&)> changed) { changed_ = std::move(changed); }

 private:
  boost::asio::awaitable<Result<>> keep(Person person);
  void told(const AccountKey& account) {
    if (changed_) changed_(account);
  }
  store::Store& store_;
  io::Clock& clock_;
  AccountKey account_;
  NodeKey node_;
  Knocks knocks_;
  std::map<AccountKey, Person> people_;
  std::map<AccountKey, std::map<NodeKey, KnownDevice>> devices_;
  std::map<AccountKey, std::map<NodeKey, Revocation>> revocations_;
  std::map<NodeKey, AccountKey> owners_;
  std::function<void(const AccountKey&)> changed_;
};

}  // namespace conclave::contacts
