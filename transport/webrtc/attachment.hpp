#pragma once
/// Joins an `Endpoint` to the node's socket and clock: its datagrams come from the demultiplexer, what it sends
/// leaves in batches, its deadline is an alarm.
#include <memory>

#include "transport/io/clock.hpp"
#include "transport/io/demux.hpp"
#include "transport/webrtc/endpoint.hpp"

namespace conclave::webrtc {

class Attachment {
 public:
  /// All three must outlive this.
  Attachment(io::Demux& demux, io::Clock& clock, Endpoint& endpoint);
  ~Attachment();
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;

  /// After the owner has called the endpoint from outside its events: sends what is waiting, looks at the
  /// deadline again.
  void poke();
  /// A sink for `Endpoint::make`: all leave in one call to the system, neighbours of one size to one
  /// address as one piece.
  static Outbox::Sink sink(io::Datagrams& socket);

 private:
  void arm();
  io::Demux& demux_;
  io::Clock& clock_;
  Endpoint& endpoint_;
  io::Clock::Alarm alarm_;
  TimePoint armed_ = TimePoint::max();
};

}  // namespace conclave::webrtc
