#include "node/watchers.hpp"

namespace conclave::node {
namespace asio = boost::asio;

struct Watchers::Box {
  Box(asio::any_io_executor executor, io::Clock& clock) : events(std::move(executor), clock, waiting_max) {}
  io::Mailbox<Event> events;
  std::uint64_t missed = 0;
};

class Watchers::BoxWatch final : public Watch {
 public:
  explicit BoxWatch(std::shared_ptr<Box> box) : box_(std::move(box)) {}

  asio::awaitable<std::optional<Event>> next() override { return next_until(TimePoint::max()); }
  asio::awaitable<std::optional<Event>> next_until(TimePoint deadline) override {
    auto box = box_;
    // What was missed lies behind what waits, and before what comes.
    if (box->missed > 0 && box->events.size() == 0) co_return EventsMissed{std::exchange(box->missed, 0)};
    co_return co_await box->events.take_until(deadline);
  }

 private:
  std::shared_ptr<Box> box_;
};

std::unique_ptr<Watch> Watchers::add() {
  auto box = std::make_shared<Box>(executor_, clock_);
  if (closed_) box->events.close();
  boxes_.push_back(box);
  return std::make_unique<BoxWatch>(std::move(box));
}

void Watchers::tell(const Event& event) {
  std::erase_if(boxes_, [](auto& weak) { return weak.expired(); });
  for (auto& weak : boxes_) {
    auto box = weak.lock();
    // Once something was missed, nothing more goes in until the watcher has heard of it.
    if (box && (box->missed > 0 || !box->events.put(event))) ++box->missed;
  }
}

void Watchers::close() {
  closed_ = true;
  for (auto& weak : boxes_)
    if (auto box = weak.lock()) box->events.close();
}

}  // namespace conclave::node
