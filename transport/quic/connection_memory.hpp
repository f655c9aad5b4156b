#pragma once
/// Memory for connections. ngtcp2 takes 130 KB in forty blocks for one, of which it touches half; the session
/// is one more. malloc finds such blocks slowly among those that other connections have let go, and gives them pages
/// that the system clears again. Here blocks stay for the next connection of their size, and from the third slab
/// on they lie in huge pages: the blocks of a connection are on forty small pages, and with a thousand connections the
/// processor took a fifth of a handshake to find them.
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include <ngtcp2/ngtcp2.h>

namespace conclave::quic {

/// For one thread. Gives nothing back before its end: what it holds is bounded by the most connections that were ever
/// open at a time.
class ConnectionMemory {
 public:
  ConnectionMemory();
  ConnectionMemory(const ConnectionMemory&) = delete;
  ConnectionMemory& operator=(const ConnectionMemory&) = delete;
  /// What ngtcp2_conn_client_new and ngtcp2_conn_server_new take; it outlives them. Where every block is watched: null,
  /// ngtcp2's default.
  const ngtcp2_mem* interface() const;

  /// Null where there is no memory. Aligned for anything, not cleared.
  void* take(std::size_t size);
  void give(void* block);
  void* resize(void* block, std::size_t size);

  /// For std::allocate_shared and the like: keeps the memory for as long as something of it is in use.
  template <class T>
  struct Allocator {
    using value_type = T;
    std::shared_ptr<ConnectionMemory> memory;
    explicit Allocator(std::shared_ptr<ConnectionMemory> from) : memory(std::move(from)) {}
    template <class U>
    Allocator(const Allocator<U>& other) : memory(other.memory) {}
    T* allocate(std::size_t count) {
      if (watched) return std::allocator<T>().allocate(count);
      if (auto* block = memory->take(count * sizeof(T))) return static_cast<T*>(block);
      throw std::bad_alloc();
    }
    void deallocate(T* block, std::size_t count) {
      watched ? std::allocator<T>().deallocate(block, count) : memory->give(block);
    }
    friend bool operator==(const Allocator&, const Allocator&) = default;
  };

 private:
  /// Under AddressSanitizer every block is malloc's own.
#if defined(__has_feature)
  static constexpr bool watched = __has_feature(address_sanitizer);
#else
  static constexpr bool watched = false;
#endif
  /// Those of one size that nobody has, apart from themselves: a block that was let go is in no cache any more.
  struct Free {
    std::vector<void*> blocks;
    std::size_t made = 0;
    /// Before one more is made: so much that letting it go needs no memory, which a C library could not be told of.
    bool make_room();
  };
  struct Release {
    void operator()(std::byte* slab) const;
  };
  bool add_slab();

  ngtcp2_mem interface_;
  static constexpr std::size_t classes = 17 * 8;
  std::array<Free, classes> free_;
  std::vector<std::unique_ptr<std::byte, Release>> slabs_;
  std::size_t carved_ = 0;  ///< of the last slab
};

}  // namespace conclave::quic
