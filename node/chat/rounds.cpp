#include "node/chat/rounds.hpp"

#include <algorithm>

namespace conclave::chat {

void Rounds::want(const AccountKey& account, TimePoint when) {
  auto [found, fresh] = turns_.try_emplace(account);
  if (fresh) found->second.number = ++last_number_;
  if (fresh || found->second.due == TimePoint::max()) found->second.due = when;
  if (found->second.under_way) found->second.again = true;
}

void Rounds::hurry(const AccountKey& account, TimePoint now) {
  auto& turn = turns_[account];
  turn.due = now;
  turn.patience = patience_min;
  turn.again = turn.under_way;
}

void Rounds::forget(const AccountKey& account) {
  auto found = turns_.find(account);
  if (found == turns_.end() || found->second.under_way) return;
  turns_.erase(found);
}

std::optional<AccountKey> Rounds::next(TimePoint now) {
  if (under_way_ >= parallel_max) return std::nullopt;
  // Few accounts wait at a time: a walk is cheaper than a second index.
  auto best = turns_.end();
  for (auto turn = turns_.begin(); turn != turns_.end(); ++turn) {
    if (turn->second.under_way || turn->second.due > now) continue;
    auto order = [](auto& one) { return std::pair(one->second.due, one->second.number); };
    if (best == turns_.end() || order(turn) < order(best)) best = turn;
  }
  if (best == turns_.end()) return std::nullopt;
  best->second.under_way = true;
  best->second.again = best->second.broken = false;
  ++under_way_;
  return best->first;
}

void Rounds::ended(const AccountKey& account, Outcome outcome, TimePoint now) {
  auto found = turns_.find(account);
  if (found == turns_.end() || !found->second.under_way) return;
  auto& turn = found->second;
  turn.under_way = false;
  --under_way_;
  if (turn.again) {
    turn.due = now;
    return;
  }
  if (outcome == Outcome::not_reached || turn.broken) return postpone(turn, now);
  if (outcome == Outcome::nothing_waits) {
    turns_.erase(found);
  } else if (outcome == Outcome::handed_over) {
    turn.due = TimePoint::max();  // patience is remembered, in case the stream breaks at once
  } else {
    turn.due = now + spread(patience_for_devices);
  }
}

void Rounds::broke(const AccountKey& account, bool progressed, TimePoint now) {
  auto& turn = turns_.try_emplace(account, Turn{TimePoint::max()}).first->second;
  if (progressed) turn.patience = patience_min;
  turn.broken = turn.under_way;
  if (turn.under_way) return;
  // Another device of the account may be due much later; this one was there a moment ago.
  auto due = turn.due;
  postpone(turn, now);
  turn.due = std::min(turn.due, due);
}

Duration Rounds::spread(Duration patience) {
  return std::chrono::duration_cast<Duration>(patience * (0.8 + 0.4 * random_.unit()));
}

void Rounds::postpone(Turn& turn, TimePoint now) {
  turn.due = now + spread(turn.patience);
  turn.patience = std::min<Duration>(turn.patience * 2, patience_max);
}

TimePoint Rounds::wake() const {
  auto wake = TimePoint::max();
  if (under_way_ >= parallel_max) return wake;
  for (auto& [account, turn] : turns_)
    if (!turn.under_way) wake = std::min(wake, turn.due);
  return wake;
}

}  // namespace conclave::chat
