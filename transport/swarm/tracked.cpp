#include "transport/swarm/tracked.hpp"

namespace conclave::swarm {
namespace asio = boost::asio;

class Tracked::CountedStream final : public io::Stream {
 public:
  CountedStream(std::unique_ptr<io::Stream> inner, std::shared_ptr<Use> use)
      : inner_(std::move(inner)), use_(std::move(use)) {
    ++use_->streams;
    use_->last = use_->clock.now();
  }
  ~CountedStream() override {
    inner_.reset();
    use_->last = use_->clock.now();
    if (--use_->streams == 0 && use_->idle) use_->idle();
  }
  asio::awaitable<Result<std::size_t>> read_some(MutableBytes into) override { return inner_->read_some(into); }
  asio::awaitable<Result<>> write_all(ByteView bytes) override { return inner_->write_all(bytes); }
  asio::awaitable<Result<>> close_write() override { return inner_->close_write(); }
  void reset() override { inner_->reset(); }

 private:
  std::unique_ptr<io::Stream> inner_;
  std::shared_ptr<Use> use_;
};

Tracked::Tracked(std::shared_ptr<io::Connection> inner, io::Clock& clock, std::function<void()> idle)
    : inner_(std::move(inner)), use_(std::make_shared<Use>(Use{clock, std::move(idle), 0, clock.now()})) {}

Tracked::~Tracked() { use_->idle = nullptr; }

asio::awaitable<Result<std::unique_ptr<io::Stream>>> Tracked::open(std::string protocol) {
  auto inner = inner_;
  auto use = use_;
  CO_TRY(auto stream, co_await inner->open(std::move(protocol)));
  co_return std::make_unique<CountedStream>(std::move(stream), std::move(use));
}

asio::awaitable<Result<io::Connection::Incoming>> Tracked::accept() {
  auto inner = inner_;
  auto use = use_;
  CO_TRY(auto incoming, co_await inner->accept());
  incoming.stream = std::make_unique<CountedStream>(std::move(incoming.stream), std::move(use));
  co_return incoming;
}

bool Tracked::send_datagram(ByteView bytes) {
  use_->last = use_->clock.now();
  return inner_->send_datagram(bytes);
}

asio::awaitable<Result<Bytes>> Tracked::receive_datagram() {
  auto inner = inner_;
  auto use = use_;
  auto datagram = co_await inner->receive_datagram();
  use->last = use->clock.now();
  co_return datagram;
}

}  // namespace conclave::swarm
