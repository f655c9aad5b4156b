#pragma once
/// The door of a responder: decides about a first packet before any state exists. Sans-IO.
///
/// A stranger gets silence: who does not know our key cannot make an Initial packet that opens (about 8 us),
/// and who does but whose Noise message does not check out, or was seen before, learns nothing either (about
/// 130 us). Work for addresses that have proven nothing is bounded to a tenth of a core; when that runs low,
/// or many handshakes are open, those who know our key are asked by Retry to prove their address first, which
/// costs 10 us. Under that load Retry comes before Noise, so that a flood of well-made first messages from
/// spoofed addresses cannot starve those who are really there.
#include "crypto/time.hpp"
#include "transport/io/endpoint.hpp"
#include "transport/quic/handshake.hpp"
#include "transport/quic/initial.hpp"

#include <map>
#include <variant>

#include <boost/unordered/unordered_flat_set.hpp>

namespace conclave::quic {

/// A budget of CPU time that refills: `share` of a core, at most one second's worth saved up.
class Allowance {
 public:
  explicit Allowance(double share) : share_(share), left_us_(share * 1e6) {}
  bool take(Duration cost, TimePoint now);
  bool low(TimePoint now) const { return level(now) < share_ * 0.5e6; }

 private:
  double level(TimePoint now) const;
  double share_;
  double left_us_;
  TimePoint at_{};
};

/// Ephemeral keys of accepted first messages: a second message with one of them is a replay. Two generations
/// of bounded size; the older is forgotten when the younger is full.
class ReplayCache {
 public:
  static constexpr std::size_t generation_max = 32768;  ///< 2 x 32768 x about 40 bytes
  using Mark = Fixed<struct ReplayMarkTag, 16>;
  bool seen(ByteView ephemeral) const;
  void remember(ByteView ephemeral);

 private:
  boost::unordered_flat_set<Mark, std::hash<Mark>> young_, old_;
};

struct GateSettings {
  double unproven_share = 0.10;  ///< of a core, for all addresses that have proven nothing together
  double network_share = 0.30;   ///< of a core, for each network that has
  double proven_share = 0.60;    ///< of a core, for all of those together
};

class Gate {
 public:
  enum class Reason : Byte {
    malformed,    ///< not a first packet of ours
    over_budget,  ///< too much to do
    stranger,     ///< does not know our key
    replayed,     ///< message 1 was used before
    forged,       ///< Noise or its payload does not check out
  };
  static constexpr std::size_t reasons = 5;
  struct Silence {
    Reason reason;
  };
  struct Retry {
    Bytes datagram;
  };
  /// Everything checked; the sender is who it says, unless this is a replay or our own key was stolen.
  struct Opening {
    Responder responder;
    Bytes message1;
    Cid destination;  ///< as in this packet
    Cid source;
    Cid original;  ///< destination of the very first packet
    Bytes token;   ///< not empty after a Retry
    InitialProtection initial;
  };
  using Verdict = std::variant<Silence, Retry, Opening>;

  Gate(const Identity& identity, Random& random, KeyCache& cache, GateSettings settings = {});

  /// `crowded`: so many handshakes are open that nobody gets one without a proven address.
  Verdict judge(const io::Endpoint& from, ByteView datagram, bool crowded, TimePoint now);
  /// A connection was made of an opening: its message is used up.
  void admitted(const Opening& opening);
  /// Somebody at this address has finished a handshake.
  void proven(const io::IpAddress& address, TimePoint now);

  std::uint64_t silences(Reason reason) const { return silences_[static_cast<std::size_t>(reason)]; }
  std::uint64_t retries() const { return retries_; }

  static constexpr Duration open_cost{8};  ///< measured, 2.6 GHz EPYC: docs/benchmarks.md
  static constexpr Duration retry_cost{4};
  static constexpr Duration noise_cost{130};
  static constexpr Duration token_life = std::chrono::seconds(10);
  static constexpr Duration proof_life = std::chrono::minutes(10);
  static constexpr std::size_t proven_max = 4096;  ///< networks

 private:
  struct Proof {
    TimePoint until;
    Allowance allowance;
  };
  Verdict silence(Reason reason);
  bool pay(Proof* proof, Duration cost, TimePoint now);
  Proof* proof_of(const io::IpAddress& address, TimePoint now);
  Bytes write_retry(const io::Endpoint& from, const LongHeader& header, TimePoint now);
  std::optional<Cid> open_token(const io::Endpoint& from, const LongHeader& header, TimePoint now);

  Identity identity_;
  Random& random_;
  KeyCache& cache_;
  GateSettings settings_;
  Allowance unproven_, proven_all_;
  std::map<io::IpAddress, Proof> proven_;
  ReplayCache replays_;
  crypto::Aead token_key_;
  PacketKey retry_key_;
  Bytes text_;  ///< of the packet that is being judged
  std::array<std::uint64_t, reasons> silences_{};
  std::uint64_t retries_ = 0;
};

}  // namespace conclave::quic
