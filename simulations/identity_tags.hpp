#pragma once
/// The one place where simulations at scale replace cryptography. An entry is genuine when its "body" carries
/// the tag of its publisher: adversaries cannot make it for others, as they cannot sign for them. Nothing
/// else is replaced.
///
/// What stands in for what: handles for proven node keys (a question's sender is who it says), the position
/// in the population for the work done for it, `identity_tag` for the publisher's signature.
#include "dht/messages.hpp"

namespace conclave::sim {

class IdentityTags final : public dht::Trust {
 public:
  static Bytes tag(const dht::Record& record) {
    Bytes out(8);
    auto mark =
        dht::record_tag(record.publisher, record.sequence) ^ dht::big_endian(record.point.bytes.data());
    std::memcpy(out.data(), &mark, sizeof mark);
    return out;
  }
  bool genuine(const dht::Record& record, UnixTime) const override { return record.wire == tag(record); }
};

}  // namespace conclave::sim
