#pragma once
/// Datagrams on their way to the socket, side by side in one piece of memory, handed over in batches: nothing is
/// allocated per packet, and packets to one place follow each other so that the system can take them in one call.
#include <functional>
#include <optional>

#include "transport/io/endpoint.hpp"

namespace conclave::webrtc {

class Outbox {
 public:
  struct Datagram {
    io::Endpoint to;
    std::optional<io::IpAddress> from;
    ByteView bytes;
  };
  using Sink = std::function<void(std::span<const Datagram>)>;
  static constexpr std::size_t bytes_max = 256 * 1024, datagrams_max = 256;

  explicit Outbox(Sink sink) : sink_(std::move(sink)), memory_(bytes_max) { datagrams_.reserve(datagrams_max); }

  /// Room for one datagram of up to `size` bytes, valid until `commit` or the next `room`.
  MutableBytes room(std::size_t size) {
    if (datagrams_.size() == datagrams_max || used_ + size > memory_.size()) flush();
    return MutableBytes(memory_).subspan(used_, size);
  }
  /// The first `size` bytes of the last room are a datagram.
  void commit(const io::Endpoint& to, const std::optional<io::IpAddress>& from, std::size_t size) {
    datagrams_.push_back({to, from, ByteView(memory_).subspan(used_, size)});
    used_ += size;
  }
  void put(const io::Endpoint& to, const std::optional<io::IpAddress>& from, ByteView bytes) {
    std::ranges::copy(bytes, room(bytes.size()).begin());
    commit(to, from, bytes.size());
  }
  void flush() {
    if (!datagrams_.empty()) sink_(datagrams_);
    datagrams_.clear();
    used_ = 0;
  }
  /// The newest datagram, until it is flushed.
  ByteView last() const { return datagrams_.back().bytes; }
  bool empty() const { return datagrams_.empty(); }

 private:
  Sink sink_;
  Bytes memory_;
  std::size_t used_ = 0;
  std::vector<Datagram> datagrams_;
};

}  // namespace conclave::webrtc
