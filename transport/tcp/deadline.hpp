#pragma once
/// A deadline for a sequence of steps over one pipe: when it comes, the pipe is reset, and the step under way fails.
#include "transport/io/clock.hpp"
#include "transport/io/stream.hpp"

namespace conclave::tcp {

class PipeDeadline {
 public:
  /// `pipe` stays as long as this.
  PipeDeadline(io::Clock& clock, TimePoint when, io::Stream& pipe) : clock_(clock) {
    alarm_ = clock.at(when, [this, &pipe] {
      passed_ = true;
      pipe.reset();
    });
  }
  PipeDeadline(const PipeDeadline&) = delete;
  PipeDeadline& operator=(const PipeDeadline&) = delete;
  ~PipeDeadline() {
    if (!passed_) clock_.cancel(alarm_);
  }
  bool passed() const { return passed_; }

 private:
  io::Clock& clock_;
  io::Clock::Alarm alarm_;
  bool passed_ = false;
};

}  // namespace conclave::tcp
