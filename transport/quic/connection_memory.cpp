#include "transport/quic/connection_memory.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include <sodium.h>
#include <sys/mman.h>

namespace conclave::quic {
namespace {

constexpr std::size_t slab_size = 2 * 1024 * 1024;  ///< one huge page of x86-64 and of arm64 with small pages of 4 KB
constexpr std::size_t small_slabs = 2;  ///< of small pages, of which those that nobody touched cost nothing
constexpr std::size_t least = 64, most = 32 * 1024;  ///< of a block; larger ones are malloc's
constexpr std::size_t secrets_most = 512;  ///< ngtcp2 keeps the secrets of key updates, in blocks of a hundred bytes

struct alignas(std::max_align_t) Head {
  std::size_t size;  ///< without the head
};

/// Eight classes to every power of two: an eighth at most is wasted.
struct Class {
  std::size_t index, room;
};
Class class_of(std::size_t size) {
  const auto top = std::max(size, least) - 1;
  const auto width = static_cast<std::size_t>(std::bit_width(top));
  const auto eighth = top >> (width - 4) & 7;
  return {width * 8 + eighth, (eighth + 9) << (width - 4)};
}

Head* head_of(void* block) { return static_cast<Head*>(block) - 1; }
ConnectionMemory& of(void* user) { return *static_cast<ConnectionMemory*>(user); }

}  // namespace

ConnectionMemory::ConnectionMemory()
    : interface_{this,
                 [](std::size_t size, void* user) { return of(user).take(size); },
                 [](void* block, void* user) { of(user).give(block); },
                 [](std::size_t count, std::size_t size, void* user) -> void* {
                   if (size > 0 && count > SIZE_MAX / size) return nullptr;
                   auto* out = of(user).take(count * size);
                   if (out) std::memset(out, 0, count * size);
                   return out;
                 },
                 [](void* block, std::size_t size, void* user) { return of(user).resize(block, size); }} {}

const ngtcp2_mem* ConnectionMemory::interface() const {
  return watched ? nullptr : &interface_;
}

void* ConnectionMemory::take(std::size_t size) {
  if (size > most) {
    auto* head = static_cast<Head*>(std::malloc(sizeof(Head) + size));
    if (!head) return nullptr;
    head->size = size;
    return head + 1;
  }
  const auto [index, room] = class_of(sizeof(Head) + size);
  void* place = nullptr;
  if (auto& free = free_[index]; !free.blocks.empty()) {
    place = free.blocks.back();
    free.blocks.pop_back();
  } else {
    if (!free.make_room() || ((slabs_.empty() || carved_ + room > slab_size) && !add_slab())) return nullptr;
    place = slabs_.back().get() + carved_;
    carved_ += (room + alignof(Head) - 1) / alignof(Head) * alignof(Head);
  }
  return new (place) Head{size} + 1;
}

void ConnectionMemory::give(void* block) {
  if (!block) return;
  auto* head = head_of(block);
  if (head->size > most) return std::free(head);
  if (head->size <= secrets_most) sodium_memzero(block, head->size);
  free_[class_of(sizeof(Head) + head->size).index].blocks.push_back(head);
}

void* ConnectionMemory::resize(void* block, std::size_t size) {
  auto* out = take(size);
  if (!out || !block) return out;
  std::memcpy(out, block, std::min(size, head_of(block)->size));
  give(block);
  return out;
}

bool ConnectionMemory::Free::make_room() try {
  if (++made > blocks.capacity()) blocks.reserve(2 * made + 16);
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

void ConnectionMemory::Release::operator()(std::byte* slab) const { std::free(slab); }

bool ConnectionMemory::add_slab() {
  auto* slab = static_cast<std::byte*>(std::aligned_alloc(slab_size, slab_size));
  if (!slab) return false;
  // Where the system has none to give it stays with small pages.
  if (slabs_.size() >= small_slabs) (void)madvise(slab, slab_size, MADV_HUGEPAGE);
  slabs_.emplace_back(slab);
  carved_ = 0;
  return true;
}

}  // namespace conclave::quic
