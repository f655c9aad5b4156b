#pragma once
/// How an endpoint behaves, and the bounds beside everything that strangers and peers can make grow.
#include "transport/quic/gate.hpp"

namespace conclave::quic {

struct Settings {
  GateSettings gate;
  std::size_t connections_max = 2048;  ///< open at a time, both ways
  std::size_t per_network_max = 128;   ///< accepted from one /24 or /48; loopback is not counted
  std::size_t handshakes_max =
      256;                        ///< accepted and not finished; above half of it, addresses must be proven
  std::size_t streams_max = 256;  ///< that the peer may have open at a time
  /// Bytes a peer may send on a stream before we read; half as much again on a connection. It grows by need.
  /// Less starves a path of 500 Mbit/s, 40 ms and 1 % loss, where what follows a lost packet must wait here.
  std::uint64_t window_initial = 6 * 1024 * 1024;
  std::uint64_t window_max = 24 * 1024 * 1024;     ///< per stream; a connection gets three times as much
  std::size_t datagrams_max = 1024;                ///< received and not fetched; beyond it the oldest go
  std::size_t datagram_queue = 1 << 20;            ///< bytes of datagrams that wait to be sent
  Duration keep_alive = std::chrono::seconds(20);  ///< by the one who dialled; 0 for never
  Duration idle = std::chrono::seconds(60);        ///< nothing heard for so long: the connection is over
  Duration handshake = std::chrono::seconds(10);
  std::vector<Suite> suites = preferred_suites();  ///< best first
  Bytes certificate;                               ///< shown to whoever dials us; see Hello
};

}  // namespace conclave::quic
