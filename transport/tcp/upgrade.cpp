#include "transport/tcp/upgrade.hpp"

#include "transport/tcp/deadline.hpp"

namespace conclave::tcp {
namespace asio = boost::asio;
namespace {

class LinkedConnection final : public io::Connection {
 public:
  LinkedConnection(std::shared_ptr<Link> link, const UpgradeOf& what, const NodeKey& peer)
      : link_(std::move(link)), what_(what), peer_(peer) {}
  ~LinkedConnection() override {
    link_->close();
    link_->drop_unaccepted();
  }

  const NodeKey& peer() const override { return peer_; }
  Kind kind() const override { return what_.kind; }
  io::Endpoint remote() const override { return what_.remote; }
  bool dialled_by_us() const override { return what_.role == Handshake::Role::dialler; }
  Duration smoothed_rtt() const override { return link_->smoothed_rtt(); }

  asio::awaitable<Result<std::unique_ptr<io::Stream>>> open(std::string protocol) override {
    co_return link_->open(std::move(protocol));
  }
  asio::awaitable<Result<Incoming>> accept() override { return link_->accept(); }

  std::size_t datagram_max() const override { return 0; }
  bool send_datagram(ByteView) override { return false; }
  asio::awaitable<Result<Bytes>> receive_datagram() override { co_return fail(Errc::unsupported); }
  Result<Secret<32>> export_secret(std::string_view) const override { return fail(Errc::unsupported); }

  void close() override { link_->close(); }
  bool closed() const override { return link_->over(); }
  asio::awaitable<void> wait_closed() override { return link_->wait_over(); }

 private:
  std::shared_ptr<Link> link_;
  UpgradeOf what_;
  NodeKey peer_;
};

/// Runs the handshake over the pipe. What it still wants to say after a failure is said, as far as it gets.
asio::awaitable<Result<>> shake_hands(io::Stream& pipe, Handshake& handshake) {
  Bytes input(4096);
  for (;;) {
    auto output = handshake.take_output();
    if (!output.empty()) CO_CHECK(co_await pipe.write_all(output));
    if (handshake.done()) co_return Result<>();
    CO_TRY(auto size, co_await pipe.read_some(input));
    auto heard = handshake.receive(ByteView(input).first(size));
    if (!heard) {
      output = handshake.take_output();
      if (!output.empty()) (void)co_await pipe.write_all(output);
      co_return heard;
    }
  }
}

}  // namespace

asio::awaitable<Result<Upgraded>> upgrade(std::unique_ptr<io::Stream> pipe, UpgradeOf what,
                                          UpgradeSettings settings) {
  Handshake handshake(
      {what.role, settings.keys, settings.static_keys, what.expected, settings.random, settings.early_muxer});
  {
    PipeDeadline deadline(settings.link.clock, what.deadline, *pipe);
    auto shaken = co_await shake_hands(*pipe, handshake);
    if (deadline.passed()) co_return fail(Errc::timed_out);
    if (!shaken) co_return fail(shaken.error());
  }
  auto outcome = handshake.take_outcome();
  auto peer = outcome.peer;
  bool early = outcome.early_muxer;
  auto role = what.role == Handshake::Role::dialler ? Yamux::Role::dialler : Yamux::Role::listener;
  auto link = std::make_shared<Link>(settings.link, role, std::move(pipe), std::move(outcome));
  link->start();
  co_return Upgraded{std::make_shared<LinkedConnection>(link, what, peer), link, early};
}

}  // namespace conclave::tcp
