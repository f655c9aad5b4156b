#pragma once
// What the unit tests of the DHT stand on: a directory of made-up contacts, and trust in all of them.
#include "dht/core.hpp"

namespace conclave::dht::test {

class Book final : public Directory {
 public:
  Handle add(const Key& position, Networks networks = {}) {
    people_.push_back({position, networks});
    return Handle(static_cast<std::uint32_t>(people_.size() - 1));
  }
  const Key& position(Handle handle) const override { return people_[handle.raw()].position; }
  Networks networks(Handle handle) const override { return people_[handle.raw()].networks; }
  std::size_t size() const { return people_.size(); }

 private:
  struct Person {
    Key position;
    Networks networks;
  };
  std::vector<Person> people_;
};

class Credulous final : public Trust {
 public:
  bool genuine(const Record& record, UnixTime) const override { return record.sequence != forged; }
  static constexpr std::uint64_t forged = 666;
};

/// A key whose first bytes are these; the rest zero.
inline Key key(std::initializer_list<Byte> head) {
  Key out;
  std::copy(head.begin(), head.end(), out.bytes.begin());
  return out;
}

/// Surroundings whose parts live as long as they do. Handle 0 is oneself, at position zero unless said
/// otherwise.
struct World {
  explicit World(const Key& self = {}) { book.add(self); }
  Handle person(std::initializer_list<Byte> head, Networks networks = {}) {
    return book.add(key(head), networks);
  }
  Handle random_person() { return book.add(random.fixed<Key>()); }

  Parameters parameters;
  Book book;
  Credulous trust;
  SeededRandom random{1};
  Surroundings around{parameters, book, trust, random};
};

inline RecordPtr record(const Key& point, Byte publisher, std::uint64_t sequence,
                        std::int64_t expires_ms = 1'000'000, std::uint16_t size = 300) {
  auto out = std::make_shared<Record>();
  out->point = point;
  out->publisher.bytes[0] = publisher;
  out->sequence = sequence;
  out->expires = {expires_ms};
  out->size = size;
  return out;
}

}  // namespace conclave::dht::test
