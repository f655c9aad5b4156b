#pragma once
/// Wire messages of `/conclave/conference/1`, the control stream between two nodes of a conference. docs/calls.md,
/// section 7. Each travels with its length in four bytes in front.
#include <variant>
#include <vector>

#include "node/calls/invitation.hpp"
#include "node/calls/plan.hpp"
#include "node/calls/statement.hpp"

namespace conclave::calls {

inline constexpr std::string_view protocol = "/conclave/conference/1";
inline constexpr std::size_t message_max = 64 * 1024;
/// Opaque bytes from member to member: a key message or a line of chat, sealed.
inline constexpr std::size_t parcel_max = 4096;
/// Statements in one message; a longer roster takes several.
inline constexpr std::size_t statements_per_message_max = 24;

enum class MediaKind : Byte { audio = 1, video = 2, screen = 3 };

/// First 3 bytes of the member id, then kind·16 + layer.
std::uint32_t stream_number(const MemberId& member, MediaKind kind, Byte layer);

struct Hello {
  ConferenceKey conference;
  std::uint32_t link = 0;            ///< our number of the media link between us; 0: no media over this connection
  std::vector<EntryNode> entries;    ///< where pages can enter through us, for links that others make
  std::vector<Bytes> statements;
  Byte proven = 0;                   ///< how many of the entries, from the first on, strangers have got in at
  bool operator==(const Hello&) const = default;
};
struct Statements {
  std::vector<Bytes> statements;
  bool operator==(const Statements&) const = default;
};
struct To {
  MemberId from, to;
  Bytes parcel;
  bool operator==(const To&) const = default;
};
struct All {
  MemberId from;
  std::uint64_t number = 0;  ///< per sender, so that a flood meets everyone once
  Bytes parcel;
  bool operator==(const All&) const = default;
};
/// A stream that one of the sender's members publishes.
struct Published {
  MemberId member;
  MediaKind kind = MediaKind::audio;
  Byte layer = 0;
  std::uint32_t stream = 0;
  std::uint16_t width = 0, height = 0;
  std::uint32_t bps = 0;
  Byte level = 127;  ///< audio level, -dBov: 0 loudest, 127 silence (RFC 6464)
  bool operator==(const Published&) const = default;
};
struct Streams {
  std::vector<Published> streams;
  bool operator==(const Streams&) const = default;
};
struct Subscribe {
  std::uint32_t stream = 0;
  Byte part = 0, parts = 1;
  std::uint32_t after = 0;
  bool operator==(const Subscribe&) const = default;
};
struct Answer {
  std::uint32_t stream = 0;
  Byte part = 0;
  bool accepted = false;
  bool operator==(const Answer&) const = default;
};
struct Unsubscribe {
  std::uint32_t stream = 0;
  Byte part = 0;
  bool operator==(const Unsubscribe&) const = default;
};
struct KeyFrame {
  std::uint32_t stream = 0;
  bool operator==(const KeyFrame&) const = default;
};
struct Announce {
  std::uint64_t plan_version = 0;
  bool operator==(const Announce&) const = default;
};
struct Report {
  std::vector<NodeKey> dead;
  bool operator==(const Report&) const = default;
};
struct Demand {
  std::vector<std::uint32_t> wanted;
  std::uint64_t uplink_bps = 0;  ///< what is free for others
  std::vector<std::pair<NodeKey, std::uint32_t>> rtts_us;
  bool operator==(const Demand&) const = default;
};
struct PlanMessage {
  std::vector<NodeKey> nodes;  ///< what the plan's numbers mean
  Plan plan;
  bool operator==(const PlanMessage&) const = default;
};
struct Refused {
  std::string why;
  bool operator==(const Refused&) const = default;
};
/// In the order of their numbers on the wire, from 1.
using Message = std::variant<Hello, Statements, To, All, Streams, Subscribe, Answer, Unsubscribe, KeyFrame, Announce,
                             Report, Demand, PlanMessage, Refused>;

/// Without the length in front. At most `message_max` bytes.
Bytes encode(const Message& message);
/// The one place where a message from another node is checked for form and limits. Statements inside are still to be
/// opened, plans to be checked. Fails with Errc of the codec, too_long or unsupported.
Result<Message> decode_message(ByteView in);

}  // namespace conclave::calls
