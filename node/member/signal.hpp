#pragma once
/// A member's half of the signalling with its node: JSON on data channel 0. docs/calls.md, section 4; the node's half
/// is node/calls/signal.hpp.
#include <variant>

#include "node/calls/message.hpp"

namespace conclave::member {

/// Which member's picture is wanted in which slot.
struct Watch {
  std::uint16_t mid = 0;
  calls::MemberId member;
  calls::MediaKind kind = calls::MediaKind::video;
  std::uint16_t height = 0;  ///< pixels
};
std::string hello_json(const ConferenceKey& conference, const std::vector<Bytes>& statements);
std::string statements_json(const std::vector<Bytes>& statements);
std::string to_json(const calls::MemberId& member, ByteView parcel);
std::string watch_json(const std::vector<Watch>& slots);
std::string bye_json();

struct NewStatements {
  bool welcome = false;  ///< the whole roster: we are in, or at least heard
  std::vector<Bytes> statements;
};
struct FromMember {
  Bytes parcel;
};
struct Refusal {
  std::string why;  ///< expired, revoked, full, knock
};
/// Words for a screen, which a member without one leaves aside: slots, speakers, quality, chat.
struct Shown {};
using FromNode = std::variant<NewStatements, FromMember, Refusal, Shown>;

/// The one place where a node's words are checked. Fails with Errc::malformed, too_long, unsupported.
Result<FromNode> decode_from_node(std::string_view json);

/// Messages of at most 16 KiB that say the same as a long one.
std::vector<std::string> cut(const std::string& json);
/// Puts them together again.
class Parts {
 public:
  static constexpr std::uint64_t parts_max = 64;
  /// The whole, or nothing while parts are to come. Fails with Errc::malformed, too_long.
  Result<std::optional<std::string>> take(std::string_view message);

 private:
  std::string have_;
  std::uint64_t next_ = 0;
};

}  // namespace conclave::member
