#include "simulations/scale/trace.hpp"

#include <charconv>
#include <stdexcept>

#include <fmt/format.h>

namespace conclave::sim {

using dht::Handle;

Trace::Trace(Swarm& swarm, const std::string& wanted, Report* report) : swarm_(swarm), report_(report) {
  if (wanted.empty()) return;
  std::uint64_t index = 0;
  const auto* end = wanted.data() + wanted.size();
  if (!wanted.starts_with("lookup=") || std::from_chars(wanted.data() + 7, end, index).ptr != end ||
      wanted.size() == 7)
    throw std::runtime_error("--trace " + wanted + ": lookup=K is wanted, K a number");
  index_ = index;
  swarm.on_ask([this](Handle node, dht::OperationId id, Handle to, const dht::Request&,
                      const dht::Response* response, TimePoint sent) {
    if (node == node_ && id == id_ && id_ != dht::OperationId{}) asked(to, response, sent);
  });
}

Trace::~Trace() { swarm_.on_ask({}); }

void Trace::start(Handle node, dht::OperationId id, const dht::Key& target) {
  node_ = node, id_ = id, target_ = target, started_ = swarm_.now();
  report_->line(fmt::format("trace: node {} searches {}", node.raw(), hex(target.view().first(8))));
}

void Trace::asked(Handle to, const dht::Response* response, TimePoint sent) {
  auto bits = [&](Handle h) { return dht::distance(swarm_.population().position(h), target_).common_bits(); };
  std::string said = "no answer";
  if (response) {
    int best = 0;
    for (Handle contact : response->contacts) best = std::max(best, bits(contact));
    said = fmt::format("{} contacts, best shares {} bits", response->contacts.size(), best);
    if (!response->records.empty()) said += fmt::format(", {} entries", response->records.size());
    if (response->kind == dht::Kind::put)
      said = response->status == dht::PutStatus::stored ? "stored" : "not stored";
  }
  report_->line(fmt::format("  {:8.1f} ms  asked {:>8} ({:>3} bits{})  {:8.1f} ms  {}", ms(sent), to.raw(),
                            bits(to), swarm_.population().at(to).role == Role::adversary ? ", adversary" : "",
                            ms(swarm_.now()), said));
}

void Trace::end(const dht::Outcome& outcome, bool right) {
  report_->line(fmt::format("  ended after {:.1f} ms and {} questions: {} found, {}{}",
                            static_cast<double>(outcome.took.count()) / 1000, outcome.asks,
                            outcome.closest.size(), right ? "right" : "WRONG",
                            outcome.escalated ? ", escalated" : ""));
  id_ = {};
}

}  // namespace conclave::sim
