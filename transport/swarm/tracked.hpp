#pragma once
/// A connection that knows how many streams are open on it and when something last happened.
#include <functional>

#include "transport/io/clock.hpp"
#include "transport/io/connection.hpp"

namespace conclave::swarm {

class Tracked final : public io::Connection {
 public:
  /// `idle` runs when the last stream has gone; it may outlive the connection.
  Tracked(std::shared_ptr<io::Connection> inner, io::Clock& clock, std::function<void()> idle);
  ~Tracked() override;

  std::size_t streams() const { return use_->streams; }
  TimePoint last_use() const { return use_->last; }
  /// Nothing new is opened on it: another connection to this peer has won.
  void retire() { retired_ = true; }
  void reinstate() { retired_ = false; }
  bool retired() const { return retired_; }

  const NodeKey& peer() const override { return inner_->peer(); }
  Kind kind() const override { return inner_->kind(); }
  io::Endpoint remote() const override { return inner_->remote(); }
  bool dialled_by_us() const override { return inner_->dialled_by_us(); }
  Duration smoothed_rtt() const override { return inner_->smoothed_rtt(); }
  boost::asio::awaitable<Result<std::unique_ptr<io::Stream>>> open(std::string protocol) override;
  boost::asio::awaitable<Result<Incoming>> accept() override;
  std::size_t datagram_max() const override { return inner_->datagram_max(); }
  bool send_datagram(ByteView bytes) override;
  boost::asio::awaitable<Result<Bytes>> receive_datagram() override;
  Result<Secret<32>> export_secret(std::string_view label) const override { return inner_->export_secret(label); }
  void close() override { inner_->close(); }
  bool closed() const override { return inner_->closed(); }
  boost::asio::awaitable<void> wait_closed() override { return inner_->wait_closed(); }

 private:
  /// Shared with the streams, which may outlive the connection.
  struct Use {
    io::Clock& clock;
    std::function<void()> idle;
    std::size_t streams = 0;
    TimePoint last;
  };
  class CountedStream;
  std::shared_ptr<io::Connection> inner_;
  std::shared_ptr<Use> use_;
  bool retired_ = false;
};

}  // namespace conclave::swarm
