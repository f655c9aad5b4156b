#pragma once
/// The DHT of a running node: drives a Core over one-shot requests, on a real clock or a simulated one.
/// Protocol: docs/dht.md.
#include "crypto/sealed_entry.hpp"
#include "dht/parameters.hpp"
#include "dht/position.hpp"
#include "dht/wire.hpp"
#include "transport/io/clock.hpp"

#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace conclave::oneshot {
class Endpoint;
}

namespace conclave::dht {

/// A node that one has been told of: by a link, the LAN, a connection, the file of a former run.
struct Peer {
  NodeKey node;
  io::Endpoint at;
};

/// What `conclave status` shows.
struct Figures {
  std::size_t table = 0;       ///< nodes in the routing table
  double network = 0;          ///< estimated size of the network
  std::size_t records = 0;     ///< entries held for others
  std::size_t points = 0;      ///< meeting points among them
  std::size_t published = 0;   ///< entries of our own that are kept alive
  std::size_t operations = 0;  ///< under way
  std::uint64_t asked = 0, answered = 0, unanswered = 0, served = 0;  ///< questions since the start
};

/// What became of an entry of ours.
struct Stored {
  unsigned holders = 0;  ///< nodes that hold it now; goal: k and more
  Duration took{};
};

class Service {
 public:
  struct Config {
    Parameters parameters;
    int work_bits = public_work_bits;
    /// Of this node's position: `find_nonce` found it, or `nonce_of` a saved table.
    std::uint64_t nonce = 0;
  };
  using OnEntry = std::function<void(const SealedEntry&)>;

  /// `endpoint`, `clock` and `random` outlive the service. It answers Service::dht on the endpoint from now
  /// on.
  Service(boost::asio::any_io_executor executor, io::Clock& clock, Random& random,
          oneshot::Endpoint& endpoint, const NodeKey& self, const Config& config);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();

  /// Enters the network by these, all asked at once. Returns when our neighbours are found. Errc::not_found
  /// if nobody answered; trying again later is the caller's business.
  boost::asio::awaitable<Result<>> bootstrap(std::vector<Peer> peers);
  /// A node we have otherwise come to know: it is asked, and taken in if it answers and is wanted.
  void hear(const Peer& peer);

  /// Leaves `entry` at its meeting point, and keeps it alive until it expires, is withdrawn or a newer one of
  /// the same publisher takes its place. Returns after the first round. Errc::not_found: no node took it (it
  /// is tried again); Errc::limit_reached: too much under way.
  boost::asio::awaitable<Result<Stored>> publish(SealedEntry entry);
  void withdraw(const SigningPublicKey& publisher);

  /// Everything at a meeting point that its publishers signed, newest of each; whether it means something is
  /// for who knows the key behind the point. `on_entry` (may be empty) runs for each as it comes in, long
  /// before the end, on the node's thread; a newer one of the same publisher may follow.
  boost::asio::awaitable<Result<std::vector<SealedEntry>>> read(MeetingPoint point, OnEntry on_entry = {});
  /// The k nodes nearest to `key` that answered, nearest first.
  boost::asio::awaitable<Result<std::vector<Contact>>> find(Key key);

  /// A client is not to be kept by others: set where nobody outside can reach us.
  void set_client(bool client);

  /// The table as bytes: the nonce, then anchors, then everybody else; at most 40 KB.
  Bytes save() const;
  /// Takes up where `save` left off: entries are asked again before they are told to anybody. Returns how
  /// many. Fails as codec::unpack does, or with Errc::unsupported.
  Result<std::size_t> load(ByteView saved);
  /// The nonce within a saved table, so that the work need not be done again.
  static Result<std::uint64_t> nonce_of(ByteView saved);

  Figures figures() const;
  const Key& position() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace conclave::dht
