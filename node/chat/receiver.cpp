#include "node/chat/receiver.hpp"

#include "crypto/ensure.hpp"

namespace conclave::chat {

Result<> Receiver::on_entry(Entry entry) {
  if (waiting_.size() + under_way_ >= waiting_max) return fail(Errc::limit_reached);
  waiting_.push_back(std::move(entry));
  return {};
}

std::vector<Entry> Receiver::next_batch() {
  if (under_way_ > 0) return {};
  std::vector<Entry> batch(std::make_move_iterator(waiting_.begin()),
                           std::make_move_iterator(waiting_.end()));
  waiting_.clear();
  under_way_ = batch.size();
  return batch;
}

std::vector<Have> Receiver::committed(const std::map<std::optional<AccountKey>, std::uint64_t>& have) {
  ensure(under_way_ > 0, "only what was taken is committed");
  under_way_ = 0;
  std::vector<Have> out;
  for (auto& [conversation, sequence] : have) out.push_back({conversation, sequence});
  return out;
}

}  // namespace conclave::chat
