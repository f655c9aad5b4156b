#include "transport/io/agenda.hpp"

#include <algorithm>

#include "crypto/ensure.hpp"

namespace conclave::io {
namespace {
constexpr std::size_t order_least = 64;  ///< cancelled entries that are not worth dropping
}

std::uint64_t Agenda::add(TimePoint when, Action action) {
  actions_.emplace(++last_, std::move(action));
  order_.emplace_back(when, last_);
  std::ranges::push_heap(order_, std::greater());
  return last_;
}

bool Agenda::cancel(std::uint64_t entry) {
  auto found = actions_.find(entry);
  if (found == actions_.end()) return false;
  // What it held goes last, and may come back here when it does.
  const auto action = std::move(found->second);
  actions_.erase(found);
  if (order_.size() > 2 * actions_.size() + order_least) {
    std::erase_if(order_, [this](const auto& each) { return !actions_.contains(each.second); });
    std::ranges::make_heap(order_, std::greater());
  }
  return true;
}

std::optional<TimePoint> Agenda::next() {
  while (!order_.empty() && !actions_.contains(order_.front().second)) drop_first();
  if (order_.empty()) return std::nullopt;
  return order_.front().first;
}

Agenda::Action Agenda::take() {
  ensure(next().has_value(), "something is on the agenda");
  auto first = actions_.find(order_.front().second);
  auto action = std::move(first->second);
  actions_.erase(first);
  drop_first();
  return action;
}

void Agenda::drop_first() {
  std::ranges::pop_heap(order_, std::greater());
  order_.pop_back();
}

}  // namespace conclave::io
