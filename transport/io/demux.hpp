#pragma once
/// Shares one UDP socket among protocols, by the first byte of each datagram.
///
/// RFC 7983 and RFC 9443 divide the first byte; the range 16–19, which they leave to ZRTP, carries our media
/// packets, and 4–15, unassigned, our one-shot requests:
///
///     0–3 STUN | 4–15 one-shot | 16–19 media | 20–63 DTLS | 64–127 QUIC | 128–191 RTP, RTCP | 192–255 QUIC
#include "transport/io/datagrams.hpp"

#include <array>
#include <memory>

namespace conclave::io {

class Demux {
 public:
  enum class Kind : Byte { stun, oneshot, media, dtls, quic, rtp };
  static constexpr std::size_t kinds = 6;
  static Kind kind_of(Byte first);

  /// `socket` must outlive this.
  explicit Demux(Datagrams& socket);
  Demux(const Demux&) = delete;
  Demux& operator=(const Demux&) = delete;
  ~Demux();

  /// Every datagram of this kind from now on, in batches; an empty receiver stops it. What nobody listens for
  /// is dropped. A receiver may replace or remove itself and others while it runs.
  void on(Kind kind, Datagrams::Receiver receiver);
  /// The socket as one protocol sees it: it sends like the socket and receives its own kind only.
  Datagrams& channel(Kind kind);
  Datagrams& socket() { return socket_; }

 private:
  class Channel;
  void deliver(std::span<const Packet> packets);
  Datagrams& socket_;
  std::array<std::shared_ptr<Datagrams::Receiver>, kinds> receivers_;
  std::array<std::unique_ptr<Channel>, kinds> channels_;
};

}  // namespace conclave::io
