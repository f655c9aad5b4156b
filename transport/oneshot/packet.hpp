#pragma once
/// The five datagrams of one-shot requests, and what is sealed inside them. Layouts: docs/oneshot.md.
///
/// All integers are big endian. The first byte is the type; 4–15 is ours on the shared socket.
#include <optional>

#include "crypto/keys.hpp"
#include "transport/io/endpoint.hpp"
#include "transport/oneshot/limits.hpp"

namespace conclave::oneshot {

enum class Type : Byte { first = 4, answer = 5, cookie = 6, request = 7, reply = 8 };
inline constexpr Byte version = 1;

/// Chosen at random by the receiver of the packets that carry it.
using Index = std::uint32_t;

inline constexpr std::size_t mac_size = 16;
inline constexpr std::size_t tag_size = 16;
/// type, version, index: in front of first messages, answers and cookies.
inline constexpr std::size_t header_size = 6;
/// type, index, counter: in front of what travels within a session.
inline constexpr std::size_t session_header_size = 9;
/// Noise IK message 1 around its payload: e, sealed s, tag.
inline constexpr std::size_t message1_overhead = 32 + 48 + tag_size;
inline constexpr std::size_t message2_overhead = 32 + tag_size;
/// Payload of message 1 without the body: key, time, service, length of the body.
inline constexpr std::size_t question_overhead = 32 + 8 + 1 + 2;
static_assert(first_body_max ==
              datagram_max - header_size - message1_overhead - question_overhead - 2 * mac_size);
inline constexpr std::size_t cookie_packet_size = header_size + 24 + mac_size + tag_size;

enum class Status : Byte {
  ok = 0,
  refused = 1,    ///< nobody serves this here
  too_long = 2,   ///< the answer fits no datagram
  in_session = 3  ///< ask again within the session: the request may be a replay, or its answer was too long
                  ///< for an address that is not proven
};

/// The first six bytes of types 4, 5 and 6.
struct Header {
  Type type{};
  Index index = 0;
  std::array<Byte, header_size> encode() const;
  /// Fails with Errc::malformed, Errc::unsupported for another version.
  static Result<Header> decode(ByteView packet);
};

/// The first nine bytes of types 7 and 8, and the associated data of what follows.
struct SessionHeader {
  Type type{};
  Index index = 0;
  std::uint32_t counter = 0;
  std::array<Byte, session_header_size> encode() const;
  /// Fails with Errc::malformed.
  static Result<SessionHeader> decode(ByteView packet);
};

/// Payload of Noise message 1.
struct Question {
  NodeKey asker;
  UnixTime sent;
  Service service{};
  ByteView body;  ///< points into what was decoded
  /// Zeros fill it up to `size`, where that is more.
  Bytes encode(std::size_t size) const;
  static Result<Question> decode(ByteView payload);
};

/// Payload of Noise message 2.
struct FirstAnswer {
  Status status{};
  Index index = 0;        ///< of the responder: where packets of the session go
  io::Endpoint observed;  ///< the asker's address as the responder sees it
  ByteView body;
  static std::size_t overhead(const io::Endpoint& observed);
  Bytes encode() const;
  static Result<FirstAnswer> decode(ByteView payload);
};

/// What is sealed in types 7 and 8.
struct SessionRequest {
  Service service{};
  ByteView body;
  Bytes encode() const;
  static Result<SessionRequest> decode(ByteView plain);
};
struct SessionReply {
  static constexpr std::size_t overhead = 5;
  Status status{};
  std::uint32_t counter = 0;  ///< of the request
  ByteView body;
  Bytes encode() const;
  static Result<SessionReply> decode(ByteView plain);
};
static_assert(body_max + SessionReply::overhead + session_header_size + tag_size <= datagram_max);

}  // namespace conclave::oneshot
