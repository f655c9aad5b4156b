#pragma once
/// DNS messages (RFC 1035) as far as multicast DNS (RFC 6762) and service discovery (RFC 6763) need them: questions,
/// PTR and TXT records; other records are skipped.
///
/// Everybody on the local network sends these: every length and count is checked, compressed names may only
/// point backwards.
#include <string>
#include <vector>

#include "crypto/bytes.hpp"

namespace conclave::lan::dns {

enum class Type : std::uint16_t { ptr = 12, txt = 16, any = 255 };

struct Question {
  std::string name;  ///< "_p2p._udp.local", lower case
  Type type{};
  bool operator==(const Question&) const = default;
};

struct Record {
  std::string name;
  Type type{};
  std::uint32_t ttl_s = 0;
  std::string target;              ///< of a PTR
  std::vector<std::string> texts;  ///< of a TXT
  bool operator==(const Record&) const = default;
};

struct Message {
  static constexpr std::size_t size_max = 4096;
  static constexpr std::size_t questions_max = 16;
  static constexpr std::size_t records_max = 64;
  static constexpr std::size_t texts_max = 32;

  bool response = false;
  std::vector<Question> questions;
  std::vector<Record> records;  ///< of all three sections
  bool operator==(const Message&) const = default;
};

/// All records go into the answer section but `additional`, which go behind. Names have labels of 1–63 bytes, texts at
/// most 255.
Bytes encode(const Message& message, std::size_t additional = 0);
/// Fails with Errc::malformed or Errc::too_long.
Result<Message> decode(ByteView packet);

}  // namespace conclave::lan::dns
