#pragma once
/// A node: find a person by public key, and talk.
///
/// Everything runs on the one thread of the executor handed in; no call blocks. Whatever a call returns as
/// done is in the database. `start()` is awaited once before anything else, `close()` once at the end; after
/// that, calls fail with Errc::not_running. `status()`, `account()` and `node_key()` are always good.
///
/// Names of accounts here are keys: texts (`z6Mk…`, links) are parsed by node/contacts/link.hpp.
#include "node/contacts/link.hpp"
#include "node/error.hpp"
#include "node/event.hpp"
#include "node/profile.hpp"
#include "node/status.hpp"
#include "transport/io/clock.hpp"
#include "transport/io/datagrams.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace conclave::calls {
class Host;
}

namespace conclave::node {

struct Options {
  std::uint16_t udp_port = 0;  ///< 0: the one used last time, or any
  std::uint16_t tcp_port = 0;  ///< the same
  std::string listen = "::";   ///< address to bind; "::" takes IPv4 as well
  bool tcp = true;
  bool lan = true;                     ///< find and be found by mDNS
  bool map_port = true;                ///< ask the router by UPnP and NAT-PMP
  bool read_receipts = true;           ///< tell contacts what we have read
  /// What conferences may send from here, for us and for others; without: what `set_uplink` kept, or 20 Mbit/s.
  std::optional<std::uint64_t> uplink_bps;
  std::vector<std::string> page_urls;  ///< https mirrors of the page, for links; addressed by its hash
  std::vector<std::string> bootstrap;  ///< multiaddrs, or links, to start from
  int work_bits = 20;  ///< proof of work for a place in the DHT: all nodes of a network use the same
};

/// What a node is given.
struct Surroundings {
  boost::asio::any_io_executor executor;
  io::Clock& clock;
  Random& random;
  /// The network of a simulation: no TCP, LAN or port mapping then. Null: the machine's own sockets.
  io::Datagrams* datagrams = nullptr;
  /// The addresses of `datagrams`, for the meeting-point entry.
  std::vector<io::Endpoint> simulated_addresses = {};
};

/// Receives events while it lives. Holds at most 1024; a slower watcher is told `EventsMissed`.
class Watch {
 public:
  virtual ~Watch() = default;
  /// Nothing once the node has closed.
  virtual boost::asio::awaitable<std::optional<Event>> next() = 0;
  virtual boost::asio::awaitable<std::optional<Event>> next_until(TimePoint deadline) = 0;
};

struct Ping {
  NodeKey node;
  std::string transport;  ///< as in PeerStatus
  std::string address;
  Duration found{};  ///< until its addresses were known; zero if it was connected
  Duration dialled{};
  Duration rtt{};
};

class Node {
 public:
  Node(Surroundings surroundings, Profile profile, Options options = {});
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Opens the database and the sockets. Errc::port_taken, store_damaged, store_too_new, disk_full,
  /// store_failed. Returns before the network is found.
  boost::asio::awaitable<Result<>> start();
  /// Says goodbye to peers, unmaps ports, commits and closes. Idempotent.
  boost::asio::awaitable<void> close();

  const AccountKey& account() const;
  const NodeKey& node_key() const;
  Status status() const;
  /// A link to hand to friends: our account and 3–8 nodes to start from, this one first if others can reach
  /// it.
  std::string link() const;
  /// Whether anybody is known who could be asked for others: peers, cached or configured nodes, LAN.
  bool knows_somebody() const;
  std::unique_ptr<Watch> watch();

  /// Tells the node of other nodes (multiaddrs that end in /p2p/…, or links); they are tried at once and
  /// remembered. Fails with Errc::malformed for the first that does not parse, and takes none then.
  boost::asio::awaitable<Result<>> bootstrap(std::vector<std::string> nodes);

  // --- contacts ---

  /// Adds, or renames where it exists; accepts a request of the same account; unblocks. Errc::own_account,
  /// nobody_known (a bare key while no node is known: ask for the link), not_text, too_long.
  boost::asio::awaitable<Result<contacts::Contact>> add_contact(contacts::Link link, std::string name);
  /// Its conversation goes too. Errc::unknown_account.
  boost::asio::awaitable<Result<>> remove_contact(AccountKey account);
  boost::asio::awaitable<Result<>> set_blocked(AccountKey account, bool blocked);
  boost::asio::awaitable<Result<>> set_verified(AccountKey account, bool verified);
  boost::asio::awaitable<Result<std::vector<contacts::Contact>>> contacts();
  boost::asio::awaitable<Result<contacts::Contact>> contact(AccountKey account);
  /// Sixty digits in groups of five that both sides see alike; two people compare them.
  std::string safety_number(const AccountKey& account) const;

  boost::asio::awaitable<Result<std::vector<contacts::Request>>> requests();
  /// The stranger becomes a contact, and its messages are acknowledged.
  boost::asio::awaitable<Result<contacts::Contact>> accept_request(AccountKey account, std::string name);
  /// Its messages are forgotten, and it is not heard for 30 days. It is not told.
  boost::asio::awaitable<Result<>> refuse_request(AccountKey account);

  // --- conversations ---

  /// Returns when the message is in the database; delivery follows by itself, and events tell. Only to
  /// contacts (Errc::unknown_account). Errc::too_long (chat::body_max), not_text, malformed (empty), blocked,
  /// unknown_message (of `reply_to`), disk_full.
  boost::asio::awaitable<Result<chat::MessageId>> send(
      AccountKey to, std::string body, std::optional<chat::MessageId> reply_to = std::nullopt);
  /// Replaces the body of a message of ours. Errc::not_yours, unknown_message.
  boost::asio::awaitable<Result<chat::MessageId>> edit(AccountKey conversation, chat::MessageId message,
                                                       std::string body);
  /// Takes a message of ours back: its body goes on both sides. Whoever has read it, has read it.
  boost::asio::awaitable<Result<chat::MessageId>> erase(AccountKey conversation, chat::MessageId message);
  /// Our reaction to a message; empty takes it back. Errc::too_long (chat::emoji_max).
  boost::asio::awaitable<Result<chat::MessageId>> react(AccountKey conversation, chat::MessageId message,
                                                        std::string emoji);
  /// Everything in the conversation is read; tells the other side unless `read_receipts` is off or it is a
  /// request.
  boost::asio::awaitable<Result<>> mark_read(AccountKey conversation);
  /// Up to `limit` (at most 500) messages before `before` (a position; 0: the newest), oldest first.
  boost::asio::awaitable<Result<std::vector<chat::Message>>> history(AccountKey conversation,
                                                                     std::uint64_t before, std::size_t limit);
  boost::asio::awaitable<Result<chat::Message>> message(AccountKey conversation, chat::MessageId id);
  /// Conversations with contacts; those with strangers are in `requests()`.
  boost::asio::awaitable<Result<std::vector<chat::Conversation>>> conversations();
  /// Messages that contain all the words of `query`, newest first, at most 100.
  boost::asio::awaitable<Result<std::vector<chat::Message>>> search(std::string query);

  /// Finds a node of the account, connects and measures. Errc::unreachable, timed_out.
  boost::asio::awaitable<Result<std::vector<Ping>>> ping(AccountKey account, Duration patience);

  // --- devices of this account ---

  boost::asio::awaitable<Result<std::vector<contacts::Device>>> devices();
  /// Certifies the node of another device (`Profile::create_device`) and returns the certificate as text
  /// for `Profile::adopt`. Errc::no_account_key.
  boost::asio::awaitable<Result<std::string>> add_device(NodeKey node, std::string name);
  /// Takes a certificate back for good: contacts are told, and drop the device. Errc::no_account_key.
  boost::asio::awaitable<Result<>> revoke_device(NodeKey node);

  /// Conferences on this node. Only while running.
  calls::Host& calls();
  /// Rings at all devices of a contact that can be reached, or tells them the rest of it (RingKind). Where we may
  /// invite to the conference the ring lets them in. Errc::unknown_account, unreachable.
  boost::asio::awaitable<Result<>> ring(AccountKey account, ConferenceKey conference, RingKind kind);
  /// From now on, and at the next starts. Errc::refused where `Options` say it.
  boost::asio::awaitable<Result<>> set_uplink(std::uint64_t bps);
  bool uplink_is_fixed() const;

  /// As `Profile::backup`, while running.
  boost::asio::awaitable<Result<>> backup(std::filesystem::path file, std::string passphrase);

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace conclave::node
