#include "transport/quic/connection_memory.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using conclave::quic::ConnectionMemory;

namespace {

struct Held {
  std::size_t size;
  unsigned char mark;
};

bool intact(const void* block, const Held& held) {
  auto* bytes = static_cast<const unsigned char*>(block);
  for (std::size_t i = 0; i < held.size; ++i)
    if (bytes[i] != held.mark) return false;
  return true;
}

}  // namespace

// Every block keeps its bytes whatever is taken, let go and resized around it: blocks never overlap.
RC_GTEST_PROP(ConnectionMemory, blocks_keep_what_they_hold, ()) {
  ConnectionMemory memory;
  std::map<unsigned char*, Held> held;
  auto mark = [&](void* place, std::size_t size) {
    auto* block = static_cast<unsigned char*>(place);
    RC_ASSERT(bool(block));
    RC_ASSERT(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t) == 0u);
    auto one = Held{size, static_cast<unsigned char>(held.size() + size + 1)};
    std::memset(block, one.mark, size);
    RC_ASSERT(held.emplace(block, one).second);
  };
  const auto steps = *rc::gen::container<std::vector<std::pair<int, std::size_t>>>(
      rc::gen::pair(rc::gen::inRange(0, 4), rc::gen::oneOf(rc::gen::inRange<std::size_t>(0, 600),
                                                          rc::gen::inRange<std::size_t>(0, 40'000))));
  for (auto [what, size] : steps) {
    auto some = held.empty() ? held.end() : std::next(held.begin(), static_cast<long>(size % held.size()));
    if (what < 2 || some == held.end()) {
      mark(memory.take(size), size);
      continue;
    }
    auto [block, was] = *some;
    RC_ASSERT(intact(block, was));
    held.erase(some);
    if (what == 2) {
      memory.give(block);
      continue;
    }
    auto* moved = memory.resize(block, size);
    RC_ASSERT(intact(moved, {std::min(size, was.size), was.mark}));
    mark(moved, size);
  }
  for (auto& [block, one] : held) {
    RC_ASSERT(intact(block, one));
    memory.give(block);
  }
}

TEST(ConnectionMemory, what_was_let_go_serves_the_next_of_its_size) {
  ConnectionMemory memory;
  auto* first = memory.take(4248);
  auto* beside = memory.take(4248);
  memory.give(first);
  EXPECT_NE(memory.take(8216), first);
  EXPECT_EQ(memory.take(4248), first);
  memory.give(nullptr);
  memory.give(beside);
}

TEST(ConnectionMemory, secrets_do_not_outlive_their_block) {
  ConnectionMemory memory;
  auto* block = static_cast<unsigned char*>(memory.take(111));
  std::memset(block, 0x5e, 111);
  memory.give(block);
  auto* again = static_cast<unsigned char*>(memory.take(111));
  ASSERT_EQ(again, block);
  for (std::size_t i = 0; i < 111; ++i) EXPECT_NE(again[i], 0x5e) << i;
}

TEST(ConnectionMemory, counts_that_overflow_get_nothing) {
  ConnectionMemory memory;
  auto* library = memory.interface();
  if (!library) GTEST_SKIP() << "under AddressSanitizer the library has its own";
  EXPECT_EQ(library->calloc(SIZE_MAX / 2, 3, library->user_data), nullptr);
  auto* zeros = static_cast<unsigned char*>(library->calloc(3, 100, library->user_data));
  for (std::size_t i = 0; i < 300; ++i) EXPECT_EQ(zeros[i], 0) << i;
  library->free(zeros, library->user_data);
}
