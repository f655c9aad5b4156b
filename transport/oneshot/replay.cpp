#include "transport/oneshot/replay.hpp"

namespace conclave::oneshot {

bool ReplayWindow::fresh(std::uint32_t counter) const {
  if (!any_ || counter > newest_) return true;
  auto behind = newest_ - counter;
  if (behind >= width) return false;
  return !(bits_[behind / 64] >> (behind % 64) & 1);
}

void ReplayWindow::mark(std::uint32_t counter) {
  if (!any_ || counter > newest_) {
    auto ahead = any_ ? counter - newest_ : width;
    if (ahead >= width) {
      bits_[0] = bits_[1] = 0;
    } else if (ahead >= 64) {
      bits_[1] = bits_[0] << (ahead - 64);
      bits_[0] = 0;
    } else {
      bits_[1] = bits_[1] << ahead | bits_[0] >> (64 - ahead);
      bits_[0] <<= ahead;
    }
    newest_ = counter;
    any_ = true;
    bits_[0] |= 1;
    return;
  }
  auto behind = newest_ - counter;
  if (behind < width) bits_[behind / 64] |= std::uint64_t{1} << (behind % 64);
}

SeenKeys::Key SeenKeys::key(ByteView ephemeral) {
  Key out{};
  std::copy_n(ephemeral.begin(), std::min(ephemeral.size(), out.size()), out.begin());
  return out;
}

bool SeenKeys::seen(ByteView ephemeral) const {
  auto wanted = key(ephemeral);
  return young_.contains(wanted) || old_.contains(wanted);
}

SeenKeys::Verdict SeenKeys::add(ByteView ephemeral, TimePoint now) {
  if (now >= turned_ + span_) {
    old_ = now < turned_ + 2 * span_ ? std::move(young_) : std::set<Key>();
    young_.clear();
    turned_ = now;
  }
  if (seen(ephemeral)) return Verdict::replayed;
  if (young_.size() >= half_) return Verdict::cannot_tell;
  young_.insert(key(ephemeral));
  return Verdict::fresh;
}

}  // namespace conclave::oneshot
