#include "transport/io/agenda.hpp"

#include <map>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace conclave::io {
namespace {

// Against a list in order: whatever is added, cancelled and taken, the first is the first.
RC_GTEST_PROP(Agenda, gives_what_an_ordered_list_would, ()) {
  Agenda agenda;
  std::map<std::pair<TimePoint, std::uint64_t>, std::uint64_t> list;
  std::vector<std::pair<TimePoint, std::uint64_t>> all;
  std::uint64_t done = 0;
  const auto steps = *rc::gen::container<std::vector<std::pair<int, unsigned>>>(
      rc::gen::pair(rc::gen::inRange(0, 8), rc::gen::inRange(0u, 300u)));
  for (auto [what, number] : steps) {
    if (what < 3) {
      const auto when = TimePoint(std::chrono::microseconds(number));
      const auto name = all.size() + 1;
      RC_ASSERT(agenda.add(when, [&done, name] { done = name; }) == name);
      all.emplace_back(when, name);
      list.emplace(all.back(), name);
    } else if (what < 7 && !all.empty()) {
      const auto& some = all[number % all.size()];
      RC_ASSERT(agenda.cancel(some.second) == (list.erase(some) == 1));
    } else if (!list.empty()) {
      RC_ASSERT(agenda.next() == list.begin()->first.first);
      agenda.take()();
      RC_ASSERT(done == list.begin()->second);
      list.erase(list.begin());
    }
    RC_ASSERT(agenda.empty() == list.empty());
    RC_ASSERT(agenda.next().has_value() == !list.empty());
  }
}

}  // namespace
}  // namespace conclave::io
