#pragma once
/// Our place in the DHT: works for it, enters the network by whoever is known, remembers everybody for the
/// next time.
#include "dht/service.hpp"
#include "node/store/store.hpp"
#include "transport/io/scope.hpp"

#include <map>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace conclave::node {

class Neighbourhood {
 public:
  static constexpr std::size_t peers_max = 64;  ///< remembered beside the table: from links and connections
  /// Between attempts to enter while nobody answers: twice as long each time.
  static constexpr Duration retry_first = std::chrono::seconds(1);
  static constexpr Duration retry_last = std::chrono::minutes(2);
  /// How often an entry that nobody has taken is put again after `retry_first`, before that is doubled as well.
  static constexpr int quick_tries = 10;
  /// An entry is put again while fewer than this keep it and more could: networks grow.
  static constexpr unsigned holders_wanted = 20;
  static constexpr Duration save_every = std::chrono::minutes(10);

  struct Parts {
    boost::asio::any_io_executor executor;
    io::Clock& clock;
    Random& random;
    oneshot::Endpoint& oneshot;
    NodeKey node;
    store::Store& store;
    int work_bits;
    bool worker;  ///< long computations go to a thread: not in a simulation
  };
  explicit Neighbourhood(Parts parts);
  Neighbourhood(const Neighbourhood&) = delete;
  Neighbourhood& operator=(const Neighbourhood&) = delete;

  /// Takes up what is remembered; entering goes on by itself.
  boost::asio::awaitable<Result<>> start();
  boost::asio::awaitable<void> close();

  /// A node that may know others.
  void hear(const dht::Peer& peer);
  bool knows_somebody() const;
  const std::vector<dht::Peer>& peers() const { return peers_; }
  void set_client(bool client);

  boost::asio::awaitable<void> read(MeetingPoint point, std::function<void(const SealedEntry&)> found);
  void publish(SealedEntry entry);
  /// Somebody keeps each of our entries.
  bool published() const;
  dht::Figures figures() const;
  Duration lookup_median() const;
  std::uint64_t lookups() const { return lookups_; }

 private:
  boost::asio::awaitable<void> run(Bytes saved);
  boost::asio::awaitable<std::uint64_t> work(Bytes saved);
  boost::asio::awaitable<void> enter();
  boost::asio::awaitable<void> put_first(SealedEntry entry);
  boost::asio::awaitable<void> put(SealedEntry entry);
  boost::asio::awaitable<void> spread();
  boost::asio::awaitable<void> save_loop();
  boost::asio::awaitable<void> save();

  Parts parts_;
  std::unique_ptr<dht::Service> dht_;
  std::vector<dht::Peer> peers_;                     ///< the latest last
  struct Own {
    SealedEntry entry;
    unsigned holders = 0;
  };
  std::map<SigningPublicKey, Own> entries_;  ///< one for each day, of the account and of each conference
  io::Event heard_, unheld_;
  bool client_ = false;
  std::uint64_t lookups_ = 0;
  std::vector<Duration> recent_;  ///< how long the last lookups took
  io::Scope scope_;
};

}  // namespace conclave::node
