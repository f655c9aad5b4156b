#pragma once
/// Tells one lookup, read or put of a run step by step: who was asked when, what it said, why the search
/// stopped. The same seed makes the same run, so any lookup of a former run can be told afterwards.
#include "simulations/scale/swarm.hpp"
#include "simulations/scenario.hpp"

namespace conclave::sim {

class Trace {
 public:
  /// `wanted` is empty or "lookup=K", counted from 0. Listens to the questions of `swarm` while it lives.
  Trace(Swarm& swarm, const std::string& wanted, Report* report);
  ~Trace();
  Trace(const Trace&) = delete;
  bool wants(std::uint64_t lookup) const { return report_ && index_ == lookup; }
  void start(dht::Handle node, dht::OperationId id, const dht::Key& target);
  void end(const dht::Outcome& outcome, bool right);

 private:
  void asked(dht::Handle to, const dht::Response* response, TimePoint sent);
  double ms(TimePoint at) const { return static_cast<double>((at - started_).count()) / 1000; }
  Swarm& swarm_;
  Report* report_;
  std::optional<std::uint64_t> index_;
  dht::Handle node_ = dht::no_handle;
  dht::OperationId id_{};
  dht::Key target_;
  TimePoint started_{};
};

}  // namespace conclave::sim
