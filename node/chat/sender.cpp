#include "node/chat/sender.hpp"

#include <algorithm>
#include <utility>

namespace conclave::chat {

namespace {

std::size_t weight(const Content& content) {
  auto* text = std::get_if<Text>(&content);
  auto* edit = std::get_if<Edit>(&content);
  return 64 + (text ? text->body.size() : edit ? edit->body.size() : 0);
}

}  // namespace

void Sender::progress(const Journal::Progress& progress) {
  auto [found, fresh] = logs_.try_emplace(progress.conversation);
  auto& log = found->second;
  if (fresh) {
    log.base = progress.base;
    log.acked = log.loaded = log.previous = progress.acked;
  }
  log.last = std::max(log.last, progress.last);
}

std::optional<Sender::Load> Sender::next_load() {
  if (loading_ || !window_open()) return std::nullopt;
  for (auto& [conversation, log] : logs_) {
    if (!log.ready.empty() || log.loaded >= log.last) continue;
    loading_ = true;
    return Load{conversation, log.loaded, ++log.serial};
  }
  return std::nullopt;
}

void Sender::loaded(const Load& load, std::vector<Journal::Own> entries) {
  loading_ = false;
  auto& log = logs_[load.conversation];
  if (log.serial != load.serial) return;
  // Nothing left behind this point: what was there has been forgotten.
  log.loaded = entries.empty() ? std::max(log.loaded, log.last) : entries.back().sequence;
  log.last = std::max(log.last, log.loaded);
  std::ranges::move(entries, std::back_inserter(log.ready));
}

std::optional<Entry> Sender::next_entry() {
  if (!window_open()) return std::nullopt;
  for (auto& [conversation, log] : logs_) {
    if (log.ready.empty()) continue;
    auto own = std::move(log.ready.front());
    log.ready.pop_front();
    Entry entry{std::nullopt, own.sequence, log.previous, own.sent, std::move(own.content)};
    if (between_devices_) entry.conversation = conversation;
    log.previous = own.sequence;
    flying_.push_back({conversation, own.sequence, weight(entry.content)});
    flying_bytes_ += flying_.back().bytes;
    return entry;
  }
  return std::nullopt;
}

void Sender::landed(const AccountKey& conversation, std::uint64_t sequence) {
  std::erase_if(flying_, [&](const Flying& one) {
    if (one.conversation != conversation || one.sequence > sequence) return false;
    flying_bytes_ -= one.bytes;
    return true;
  });
}

std::optional<Sender::Confirmed> Sender::on_have(const Have& have, const AccountKey& own_conversation) {
  auto found = logs_.find(have.conversation.value_or(own_conversation));
  if (found == logs_.end()) return std::nullopt;
  auto& [conversation, log] = *found;
  bool first = !std::exchange(log.heard, true);
  if (have.sequence > log.acked) {
    landed(conversation, have.sequence);
    log.acked = have.sequence;
    if (have.sequence > log.loaded) {  // it remembers more of our log than we do: ours was set back
      log.loaded = log.previous = have.sequence;
      log.last = std::max(log.last, have.sequence);
      log.ready.clear();
      ++log.serial;
    }
    return Confirmed{conversation, have.sequence};
  }
  if (first && have.sequence < log.acked) {
    // The other database was set back, or this node is new and starts at its base: again from there.
    landed(conversation, Entry::sequence_max);
    log.ready.clear();
    ++log.serial;
    log.loaded = std::max(log.base, have.sequence);
    log.previous = have.sequence;
    log.acked = log.loaded;
  }
  return std::nullopt;
}

bool Sender::idle() const {
  return flying_.empty() && !loading_ && std::ranges::all_of(logs_, [](auto& entry) {
           return entry.second.ready.empty() && entry.second.loaded >= entry.second.last;
         });
}

}  // namespace conclave::chat
