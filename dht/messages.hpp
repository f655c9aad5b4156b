#pragma once
/// What nodes ask each other. Contacts are handles here; dht/wire.hpp turns these into bytes and back.
#include "crypto/keys.hpp"
#include "crypto/time.hpp"
#include "dht/directory.hpp"

#include <memory>
#include <vector>

namespace conclave::dht {

/// A sealed entry as its holders see it: who wrote it is a key that means nothing, what it says is noise.
struct Record {
  Key point;                   ///< the meeting point
  SigningPublicKey publisher;  ///< fresh per node, meeting point and day
  std::uint64_t sequence = 0;
  UnixTime expires;
  std::uint16_t size = 0;  ///< bytes of `wire`, which simulations at scale leave out
  Bytes wire;              ///< the whole entry as crypto/sealed_entry.hpp writes it
};
using RecordPtr = std::shared_ptr<const Record>;

/// Names one version of one publisher's entry in eight bytes, so that a reader can say what it has already.
std::uint64_t record_tag(const SigningPublicKey& publisher, std::uint64_t sequence);

/// Whether an entry is what its publisher signed. The one place where simulations at scale replace
/// cryptography: there, identity tags (simulations/identity_tags.hpp) stand in.
class Trust {
 public:
  virtual ~Trust() = default;
  virtual bool genuine(const Record& record, UnixTime now) const = 0;
};

/// At most `max` contacts, without an allocation.
class Contacted {
 public:
  static constexpr std::size_t max = 20;
  void push(Handle handle) {
    if (count_ < max) handles_[count_++] = handle;
  }
  std::size_t size() const { return count_; }
  bool full() const { return count_ == max; }
  const Handle* begin() const { return handles_.data(); }
  const Handle* end() const { return handles_.data() + count_; }

 private:
  std::array<Handle, max> handles_;
  std::size_t count_ = 0;
};

enum class Kind : Byte {
  ping = 0,  ///< are you there?
  find = 1,  ///< whom do you know near `target`?
  get = 2,   ///< the same, and what is at `point`?
  put = 3,   ///< keep `record`
};

struct Request {
  Kind kind = Kind::ping;
  Key target{};                       ///< find, get
  Key point{};                        ///< get
  std::vector<std::uint64_t> have{};  ///< get: tags of what the reader has; at most `have_max`
  std::uint64_t token = 0;            ///< put: from the last answer of this node
  RecordPtr record{};                 ///< put
  bool page = false;                  ///< get: further entries only, no contacts
  static constexpr std::size_t have_max = 40;
};

enum class PutStatus : Byte {
  stored = 0,   ///< or held already
  stale = 1,    ///< a newer sequence is here
  crowded = 2,  ///< a bound of the meeting point, of the sender's network or of this node
  refused = 3,  ///< token, signature or expiry is not good
};

struct Response {
  Kind kind = Kind::ping;
  Contacted contacts;              ///< find, get: nearest known, in no order
  std::uint64_t token = 0;         ///< find, get: allows a put from the asker's network for some minutes
  std::vector<RecordPtr> records;  ///< get: of what the reader lacks, as many as fit
  std::uint16_t more = 0;          ///< get: so many did not fit
  PutStatus status = PutStatus::stored;
};

}  // namespace conclave::dht
