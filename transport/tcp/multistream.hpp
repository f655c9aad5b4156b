#pragma once
/// multistream-select 1.0: two ends agree on a protocol by its name. Sans-IO.
///
/// Spec: multiformats/multistream-select and libp2p/specs, connections/README.md, "Protocol Negotiation". A
/// message is an unsigned varint length, a line and '\n', which the length counts. The dialler sends
/// `/multistream/1.0.0` and the protocol, in one write if it likes, and data right behind them; the listener echoes
/// each, or answers `na` to a name it does not speak, whereupon the dialler may propose another.
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "crypto/bytes.hpp"

namespace conclave::tcp {

/// Longer lines break the negotiation; the specification says 1024.
constexpr std::size_t multistream_line_max = 1024;
/// Names longer than this are answered `na` and never proposed: io::Connection's limit.
constexpr std::size_t protocol_name_max = 64;
constexpr std::string_view multistream_header = "/multistream/1.0.0";

Bytes encode_multistream(std::string_view line);

/// Cuts lines out of a byte stream that other data follows: never takes a byte behind the line it returns.
class MultistreamReader {
 public:
  struct Taken {
    std::size_t bytes = 0;            ///< of the input; give the rest again, or to whom it belongs
    std::optional<std::string> line;  ///< without its '\n'; nothing if more bytes are needed
  };
  /// Fails with Errc::malformed or Errc::too_long, for good.
  Result<Taken> take(ByteView in);

 private:
  Bytes pending_;
  std::optional<std::size_t> length_;
};

/// The dialler's end: proposes one protocol.
class Proposal {
 public:
  explicit Proposal(std::string protocol);
  /// What to send: the header and the name in one piece. Data may follow at once.
  Bytes opening() const;
  /// Takes bytes from the front of `in` until the answer is complete; says how many it took.
  /// Fails with Errc::unsupported when the peer does not speak the protocol, Errc::malformed or Errc::too_long
  /// when it does not speak multistream-select.
  Result<std::size_t> receive(ByteView in);
  bool agreed() const { return agreed_; }

 private:
  std::string protocol_;
  MultistreamReader reader_;
  bool greeted_ = false;
  bool agreed_ = false;
};

/// The listener's end: picks the first proposed protocol that it speaks.
class Choice {
 public:
  using Speaks = std::function<bool(std::string_view protocol)>;
  /// More proposals on one stream are nobody's honest need.
  static constexpr std::size_t proposals_max = 32;

  explicit Choice(Speaks speaks) : speaks_(std::move(speaks)) {}
  /// As Proposal::receive; fails with Errc::limit_reached after `proposals_max` names.
  Result<std::size_t> receive(ByteView in);
  /// What to send now; empties.
  Bytes take_reply() { return std::exchange(reply_, {}); }
  /// The protocol, once there is one.
  const std::optional<std::string>& chosen() const { return chosen_; }

 private:
  Result<> hear(std::string line);
  Speaks speaks_;
  MultistreamReader reader_;
  Bytes reply_;
  bool greeted_ = false;
  std::size_t proposals_ = 0;
  std::optional<std::string> chosen_;
};

}  // namespace conclave::tcp
