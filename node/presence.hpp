#pragma once
/// Where we are, for those who know our account; and where others are, and connections to them.
///
/// We leave a sealed entry at our account's meeting point of the day (crypto/sealed_entry.hpp) and read those
/// of the accounts we look for. What was found is remembered, so that the next time we try that first. A link
/// is kept to the eight contacts we last had to do with; others are told that we are here when we start, and
/// are let go.
#include "crypto/link.hpp"
#include "crypto/sealed_entry.hpp"
#include "node/contacts/roster.hpp"
#include "transport/address/peer_address.hpp"
#include "transport/io/scope.hpp"
#include "transport/swarm/swarm.hpp"

#include <functional>
#include <set>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace conclave::node {

/// The DHT, as presence sees it.
struct MeetingPoints {
  /// Gives each entry at the point as it comes in, and returns when no more come.
  std::function<boost::asio::awaitable<void>(MeetingPoint, std::function<void(const SealedEntry&)>)> read;
  /// Stores the entry, and stores it again while it lives. A newer one of the same publisher takes its place.
  std::function<void(const SealedEntry&)> publish;
};

class Presence {
 public:
  static constexpr std::size_t links_max = 8;
  /// An entry is renewed after this, and lives twice as long.
  static constexpr std::chrono::milliseconds renewal = std::chrono::hours(12);
  /// A dial has this long, and a search altogether.
  static constexpr Duration dial_patience = std::chrono::seconds(5);
  static constexpr Duration search_patience = std::chrono::seconds(12);
  /// Remembered addresses have this head start on a search in the DHT.
  static constexpr Duration head_start = std::chrono::milliseconds(100);
  /// Whose known devices are all connected is searched again only after this: there may be new ones.
  static constexpr Duration search_again = std::chrono::hours(1);

  struct Parts {
    boost::asio::any_io_executor executor;
    io::Clock& clock;
    Random& random;
    swarm::Swarm& swarm;
    contacts::Roster& roster;
    MeetingPoints points;
    const NodeKeys& keys;
    Certificate certificate;
    /// What a device of a contact, or of ours, showed at the meeting point.
    std::function<boost::asio::awaitable<void>(Certificate)> learned;
    /// A node that we looked for is connected.
    std::function<void(const AccountKey&, const NodeKey&)> reached;
  };
  explicit Presence(Parts parts);
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  void start();
  boost::asio::awaitable<void> close();

  /// Our addresses from here on, best first.
  void set_addresses(std::vector<address::PeerAddress> addresses, std::vector<address::PeerAddress> relays);
  bool published() const { return published_at_.has_value(); }
  std::optional<UnixTime> published_at() const { return published_at_; }

  /// Nodes of the account that are connected now.
  std::vector<NodeKey> connected(const AccountKey& account) const;
  /// Looks for all nodes of the account and dials them; those that are connected in the end.
  boost::asio::awaitable<std::vector<NodeKey>> reach(AccountKey account);
  /// Addresses that somebody gave us for a node, to be tried when it is looked for.
  void hint(const AccountKey& account, const NodeKey& node, address::PeerAddress address);

  /// We had to do with the account just now: it moves to the front of those that keep a link.
  void touched(const AccountKey& account);
  /// A connection came or went.
  void links_changed();
  bool kept(const NodeKey& node) const { return kept_.contains(node); }

 private:
  struct Search;
  class Part;
  void begin(const std::shared_ptr<Search>& search, boost::asio::awaitable<void> work);
  static boost::asio::awaitable<void> run(std::shared_ptr<Part> part, boost::asio::awaitable<void> work);
  boost::asio::awaitable<void> publish_loop();
  Result<> publish(Day day);
  boost::asio::awaitable<void> dial(std::shared_ptr<Search> search, NodeKey node,
                                    std::vector<address::PeerAddress> addresses);
  boost::asio::awaitable<void> dial_remembered(std::shared_ptr<Search> search, NodeKey node);
  boost::asio::awaitable<void> read_points(std::shared_ptr<Search> search, Duration wait);
  boost::asio::awaitable<void> read_point(std::shared_ptr<Search> search, Day day);
  void found(const std::shared_ptr<Search>& search, Day day, const SealedEntry& entry);
  boost::asio::awaitable<void> follow(std::shared_ptr<Search> search, AccountEntry entry);
  /// What links said, for as long as nothing better is known.
  std::map<NodeKey, std::vector<address::PeerAddress>> hints(const AccountKey& account) const;
  bool all_connected(const AccountKey& account) const;

  Parts parts_;
  io::Event changed_;
  std::vector<address::PeerAddress> addresses_, relays_;
  std::optional<UnixTime> published_at_;
  std::map<AccountKey, TimePoint> searched_;  ///< bounded by the contacts
  std::map<AccountKey, std::map<NodeKey, std::vector<address::PeerAddress>>> hints_;
  std::map<AccountKey, TimePoint> touched_;
  std::set<NodeKey> kept_;
  io::Scope scope_;
};

}  // namespace conclave::node
