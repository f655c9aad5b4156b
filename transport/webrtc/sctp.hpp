#pragma once
/// Data channels: SCTP over DTLS (RFC 8831, RFC 8261) with usrsctp, whose threads are not started, and the data
/// channel establishment protocol (RFC 8832).
///
/// Channel 0 is negotiated by both programs being what they are: it is there as soon as SCTP is, without a
/// message. Others are opened by the peer, as many as fit under `channels_max`.
///
/// usrsctp keeps one process-wide stack with its own randomness (cookies, tags). Its timers are moved by the time
/// that is handed in, but it measures round trips by `gettimeofday`: in virtual time it retransmits only where
/// that function is replaced as well, as the tests do.
#include <memory>
#include <optional>

#include "crypto/bytes.hpp"
#include "crypto/time.hpp"

namespace conclave::webrtc {

class Sctp {
 public:
  static constexpr std::uint16_t channels_max = 16;
  static constexpr std::size_t message_max = 64 * 1024;   ///< what the page's answer states as max-message-size
  static constexpr std::size_t unsent_max = 1024 * 1024;  ///< held for a peer that does not read
  static constexpr std::size_t inbox_max = 256;           ///< messages not yet taken
  /// usrsctp's timers are this coarse.
  static constexpr Duration tick{10'000};

  struct Message {
    std::uint16_t channel = 0;
    bool text = false;
    Bytes bytes;
  };
  enum class State : Byte { connecting, connected, closed };

  /// `packet_max` bytes is what the layer below carries in one piece.
  explicit Sctp(std::size_t packet_max);
  ~Sctp();
  Sctp(const Sctp&) = delete;
  Sctp& operator=(const Sctp&) = delete;

  void receive(ByteView packet, TimePoint now);
  /// To be called every `tick` while any association exists; moves the time of all of them.
  static void advance(TimePoint now);

  /// Reliable and ordered. Fails with Errc::closed unless connected, Errc::not_found for a channel that is not
  /// open, Errc::too_long, Errc::limit_reached while the peer does not keep up.
  Result<> send(std::uint16_t channel, ByteView message, bool is_text);
  void close();

  State state() const;
  std::vector<Bytes> take_packets();
  std::vector<Message> take_messages();

  struct Impl;  ///< public for usrsctp's callbacks, which are not members

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace conclave::webrtc
