#pragma once
/// Requests and answers as bytes: the bodies of one-shot requests of Service::dht. Layout: docs/dht.md, "On
/// the wire".
///
/// Both are msgpack arrays that start with the version and the kind. Every request names the nonce of its
/// sender's position, every answer that of the answerer, so that both know where the other stands.
#include "dht/messages.hpp"
#include "transport/io/endpoint.hpp"

namespace conclave::dht {

inline constexpr std::uint8_t wire_version = 1;

/// How a node is reached: 46 bytes on the wire with a v4 address, 58 with v6.
struct Contact {
  NodeKey node;
  std::uint64_t nonce = 0;
  io::Endpoint at;
  friend auto operator<=>(const Contact&, const Contact&) = default;
};
Bytes encode(const Contact& contact);
/// Fails with Errc::wrong_length, or malformed for an address that no node can have (port 0, 0.0.0.0,
/// multicast).
Result<Contact> decode_contact(ByteView in);

struct WireRequest {
  Kind kind = Kind::ping;
  bool client = false;      ///< cannot be reached by others: is not to be kept
  std::uint64_t nonce = 0;  ///< of the asker's position
  Key target;
  Key point;
  std::vector<std::uint64_t> have;
  bool page = false;
  std::uint64_t token = 0;
  Bytes entry{};  ///< put: a sealed entry, at most SealedEntry::size_max
  bool operator==(const WireRequest&) const = default;
};
Bytes encode(const WireRequest& request);
/// Fails with Errc::unsupported for another version or kind, too_long, or as codec::unpack does.
Result<WireRequest> decode_request(ByteView in);

struct WireResponse {
  Kind kind = Kind::ping;
  std::uint64_t nonce = 0;
  std::vector<Contact> contacts;
  std::uint64_t token = 0;
  std::vector<Bytes> entries;
  std::uint16_t more = 0;
  PutStatus status = PutStatus::stored;
  bool operator==(const WireResponse&) const = default;
};
Bytes encode(const WireResponse& response);
/// Contacts that cannot be are left out; the rest stands. Fails like decode_request.
Result<WireResponse> decode_response(ByteView in);

/// A sealed entry as a holder keeps it: form checked, signature not. Fails like decode_entry.
Result<RecordPtr> record_of(ByteView entry);

/// The publisher's signature and the time, by crypto/sealed_entry.hpp.
class EntryTrust final : public Trust {
 public:
  bool genuine(const Record& record, UnixTime now) const override;
};

}  // namespace conclave::dht
