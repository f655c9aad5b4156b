#pragma once
/// What travels on a stream `/conclave/chat/1`. Layout and rules: docs/chat.md.
///
/// A stream carries the log of the node that opened it, and acknowledgements back. Each frame is a varint
/// length and a msgpack array `[kind, fields…]`.
#include "node/chat/message.hpp"

#include <variant>

namespace conclave::chat {

inline constexpr std::string_view protocol = "/conclave/chat/1";
inline constexpr std::uint8_t protocol_version = 1;

// Contents of an entry. What each one does to a conversation is in node/chat/journal.hpp.

struct Text {
  std::optional<MessageId> reply_to;
  std::string body;  ///< 1 to `body_max` bytes of UTF-8
  bool operator==(const Text&) const = default;
};
struct Edit {
  MessageId target;
  std::string body;
  bool operator==(const Edit&) const = default;
};
struct Erase {
  MessageId target;
  bool operator==(const Erase&) const = default;
};
struct React {
  MessageId target;
  std::string emoji;  ///< up to `emoji_max` bytes of UTF-8; empty takes the reaction back
  bool operator==(const React&) const = default;
};
/// Everything up to these has been read, one for each log.
struct Read {
  static constexpr std::size_t marks_max = 64;
  std::vector<MessageId> marks;
  bool operator==(const Read&) const = default;
};
using Content = std::variant<Text, Edit, Erase, React, Read>;

/// First frame in both directions. Whoever opens the stream says for whom it is, so that a node never tells
/// its account to somebody who does not know it.
struct Hello {
  static constexpr std::size_t certificate_max = 512;
  static constexpr std::size_t revocations_max = 16;
  std::uint8_t version = protocol_version;
  AccountKey to;
  AccountKey from;
  Bytes certificate;               ///< that the sending node is a device of `from`
  std::vector<Bytes> revocations;  ///< of devices of `from`
  bool operator==(const Hello&) const = default;
};

/// One entry of the log of the stream's opener.
struct Entry {
  /// Sequences stay exact in JSON.
  static constexpr std::uint64_t sequence_max = (std::uint64_t{1} << 53) - 1;
  /// Which conversation, between devices of one account; nothing where it is the one between the two
  /// accounts.
  std::optional<AccountKey> conversation;
  std::uint64_t sequence = 0;  ///< from 1
  std::uint64_t previous = 0;  ///< the sequence before this one, as far as this receiver is concerned
  UnixTime sent;
  Content content;
  bool operator==(const Entry&) const = default;
};

/// Everything up to `sequence` is in the receiver's database.
struct Have {
  std::optional<AccountKey> conversation;
  std::uint64_t sequence = 0;
  bool operator==(const Have&) const = default;
};

using Frame = std::variant<Hello, Entry, Have>;

/// The longest frame is a hello with all its revocations, or a text.
inline constexpr std::size_t frame_max = 20 * 1024;

Bytes encode(const Frame& frame);
/// Fails with Errc::malformed, unexpected_type, wrong_length, trailing_bytes, too_long, unsupported (another
/// version, or a kind that this version does not know).
Result<Frame> decode(ByteView in);

/// The rules for content alone, for what people hand in as well as for what arrives. Errc::malformed,
/// too_long.
Result<> check(const Content& content);

}  // namespace conclave::chat
