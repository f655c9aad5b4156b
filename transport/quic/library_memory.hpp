#pragma once
/// Memory for ngtcp2. A connection takes 130 KB in forty blocks, of which it touches half. malloc finds such blocks slowly
/// among those that other connections have let go, and gives them pages that the system clears again. Here blocks stay for the next connection of their size.
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include <ngtcp2/ngtcp2.h>

namespace conclave::quic {

/// For one thread. Outlives the connections that use it. Gives nothing back before its end: what it holds is bounded by
/// the most connections that were ever open at a time.
class LibraryMemory {
 public:
  LibraryMemory();
  LibraryMemory(const LibraryMemory&) = delete;
  LibraryMemory& operator=(const LibraryMemory&) = delete;
  /// What ngtcp2_conn_client_new and ngtcp2_conn_server_new take. Under AddressSanitizer null: the default, which it
  /// watches.
  const ngtcp2_mem* interface() const;

  /// Null where there is no memory. Aligned for anything, not cleared.
  void* take(std::size_t size);
  void give(void* block);
  void* resize(void* block, std::size_t size);

 private:
  struct Free {
    Free* next;
  };
  bool add_slab();

  ngtcp2_mem interface_;
  static constexpr std::size_t classes = 17 * 8;
  std::array<Free*, classes> free_{};
  std::vector<std::unique_ptr<std::byte[]>> slabs_;
  std::size_t carved_ = 0;  ///< of the last slab
};

}  // namespace conclave::quic
