#pragma once
/// Bytes in, bytes out, in order, and they never move while they wait: a sender's queue must keep them where
/// they are until the peer has acknowledged them (the QUIC library keeps pointers, not copies).
#include "crypto/bytes.hpp"

#include <memory>

#include <boost/container/deque.hpp>

namespace conclave::quic {

class ByteQueue {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  void push(ByteView bytes) {
    size_ += bytes.size();
    while (!bytes.empty()) {
      if (chunks_.empty() || chunks_.back().room() == 0) add_chunk(bytes.size());
      auto& chunk = chunks_.back();
      auto piece = bytes.first(std::min(bytes.size(), chunk.room()));
      std::memcpy(chunk.bytes.get() + chunk.end, piece.data(), piece.size());
      chunk.end += piece.size();
      bytes = bytes.subspan(piece.size());
    }
  }

  /// Forgets the oldest `count` bytes, which are there.
  void drop(std::size_t count) {
    size_ -= count;
    while (count > 0) {
      auto& chunk = chunks_.front();
      auto piece = std::min(count, chunk.end - chunk.begin);
      chunk.begin += piece;
      count -= piece;
      if (chunk.begin == chunk.end) retire_front();
    }
    if (size_ == 0) spare_.clear();
  }

  void clear() {
    chunks_.clear();
    spare_.clear();
    size_ = 0;
  }

  /// Up to N contiguous pieces from `offset` on, at most `wanted` bytes in all; says how many pieces.
  template <std::size_t N>
  std::size_t gather(std::size_t offset, std::size_t wanted, std::array<ByteView, N>& out) const {
    std::size_t count = 0;
    for (auto chunk = chunks_.begin(); chunk != chunks_.end() && count < N && wanted > 0; ++chunk) {
      auto have = chunk->end - chunk->begin;
      if (offset >= have) {
        offset -= have;
        continue;
      }
      auto piece = std::min(wanted, have - offset);
      out[count++] = {chunk->bytes.get() + chunk->begin + offset, piece};
      wanted -= piece;
      offset = 0;
    }
    return count;
  }

  /// Moves up to into.size() of the oldest bytes out.
  std::size_t pop(MutableBytes into) {
    std::size_t done = 0;
    std::array<ByteView, 1> piece;
    while (done < into.size() && gather(0, into.size() - done, piece) == 1) {
      std::memcpy(into.data() + done, piece[0].data(), piece[0].size());
      done += piece[0].size();
      drop(piece[0].size());
    }
    return done;
  }

 private:
  /// Small while there is little, so that hundreds of idle streams cost little; then large enough that a bulk
  /// transfer allocates once in 45 packets.
  struct Chunk {
    static constexpr std::size_t small = 2048, large = 64 * 1024;
    explicit Chunk(std::size_t wanted)
        : capacity(wanted <= small ? small : large),
          bytes(std::make_unique_for_overwrite<Byte[]>(capacity)) {}
    std::size_t room() const { return capacity - end; }
    std::size_t capacity;
    std::unique_ptr<Byte[]> bytes;
    std::size_t begin = 0, end = 0;
  };
  /// While a bulk transfer runs, emptied chunks are used again: the allocator would give their pages back to
  /// the system and fault them in anew.
  static constexpr std::size_t spare_max = 8;
  void add_chunk(std::size_t wanted) {
    if (wanted > Chunk::small && !spare_.empty()) {
      chunks_.push_back(std::move(spare_.back()));
      spare_.pop_back();
    } else {
      chunks_.emplace_back(wanted);
    }
  }
  void retire_front() {
    auto& chunk = chunks_.front();
    if (chunk.capacity == Chunk::large && spare_.size() < spare_max) {
      chunk.begin = chunk.end = 0;
      spare_.push_back(std::move(chunk));
    }
    chunks_.pop_front();
  }
  boost::container::deque<Chunk> chunks_;
  std::vector<Chunk> spare_;
  std::size_t size_ = 0;
};

}  // namespace conclave::quic
