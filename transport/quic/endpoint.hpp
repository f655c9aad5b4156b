#pragma once
/// nQUIC on one socket: dials and accepts any number of connections. docs/nquic.md.
///
/// Runs over any io::Datagrams and io::Clock: a real socket (its QUIC channel: transport/io/demux.hpp) or a
/// simulated one. Silent to whoever does not know our public key.
#include "transport/io/clock.hpp"
#include "transport/io/connection.hpp"
#include "transport/io/datagrams.hpp"
#include "transport/quic/settings.hpp"

namespace conclave::quic {

class Switchboard;

class Endpoint {
 public:
  using AcceptHandler = std::function<void(std::shared_ptr<io::Connection>)>;

  /// All must outlive this.
  Endpoint(boost::asio::any_io_executor executor, io::Clock& clock, io::Datagrams& socket,
           const NodeKeys& keys, Random& random, Settings settings = {});
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  ~Endpoint();  ///< closes

  /// Gets every connection whose dialler has proven who it is. Without a handler all are refused.
  void on_accept(AcceptHandler handler);

  /// A connection to `peer`, who is expected at `to`, after one round trip; what we send is under keys that
  /// only `peer` has. Fails with Errc::bad_key, limit_reached, timed_out (also: nobody there, or somebody
  /// else), closed.
  boost::asio::awaitable<Result<std::shared_ptr<io::Connection>>> dial(io::Endpoint to, NodeKey peer,
                                                                       TimePoint deadline);
  /// Says goodbye on every connection and lets go of the socket; idempotent.
  void close();

  struct Status {
    std::size_t connections = 0;
    std::size_t handshakes = 0;  ///< accepted and unfinished
    std::uint64_t accepted = 0;
    std::uint64_t retries = 0;
    std::uint64_t resets = 0;  ///< stateless resets sent
    std::array<std::uint64_t, Gate::reasons> silences{};
    std::uint64_t turned_away = 0;  ///< by the limits of connections, handshakes or one network
  };
  Status status() const;

 private:
  void receive(std::span<const io::Packet> packets);
  void meet(const io::Packet& packet, TimePoint now);
  void reset(const io::Packet& packet, const Cid& cid, TimePoint now);
  bool full(const io::IpAddress& from) const;

  std::shared_ptr<Switchboard> board_;
  std::vector<std::shared_ptr<class Session>> touched_;
  Allowance resets_allowed_{0.01};
  std::uint64_t accepted_ = 0, resets_ = 0, turned_away_ = 0;
};

}  // namespace conclave::quic
