#pragma once
/// Two byte pipes that are each other's other end, in memory: what one writes, the other reads, after `delay`.
/// `cut` decides how many bytes a read gives at most, so that a test can have the bytes arrive in any pieces.
#include <deque>
#include <functional>
#include <memory>

#include "transport/io/event.hpp"
#include "transport/io/stream.hpp"

namespace conclave::test {

struct PipeSettings {
  Duration delay{};
  std::size_t held_max = 256 * 1024;  ///< bytes under way; a writer waits above that
  std::function<std::size_t(std::size_t available)> cut = [](std::size_t available) { return available; };
  /// Sees what is written, and may change it.
  std::function<void(Bytes&)> tamper = [](Bytes&) {};
};

class Pipe final : public io::Stream {
 public:
  using Pair = std::pair<std::unique_ptr<io::Stream>, std::unique_ptr<io::Stream>>;
  static Pair make(const boost::asio::any_io_executor& executor, io::Clock& clock, const PipeSettings& settings = {}) {
    auto forth = std::make_shared<Half>(executor, clock, settings);
    auto back = std::make_shared<Half>(executor, clock, settings);
    return {std::make_unique<Pipe>(back, forth), std::make_unique<Pipe>(forth, back)};
  }

  struct Half {
    Half(const boost::asio::any_io_executor& executor, io::Clock& the_clock, PipeSettings the_settings)
        : clock(the_clock),
          settings(std::move(the_settings)),
          readable(executor, the_clock),
          writable(executor, the_clock) {}
    io::Clock& clock;
    PipeSettings settings;
    io::Event readable;
    io::Event writable;
    std::deque<std::pair<TimePoint, Bytes>> under_way;
    std::size_t held = 0;
    bool finished = false;
    bool broken = false;
  };

  Pipe(std::shared_ptr<Half> in, std::shared_ptr<Half> out) : in_(std::move(in)), out_(std::move(out)) {}
  ~Pipe() override { reset(); }

  boost::asio::awaitable<Result<std::size_t>> read_some(MutableBytes into) override {
    auto half = in_;
    for (;;) {
      if (closed_) co_return fail(Errc::closed);
      if (half->under_way.empty()) {
        if (half->broken) co_return fail(Errc::stream_reset);
        if (half->finished) co_return fail(Errc::end_of_stream);
        co_await half->readable.wait();
        continue;
      }
      auto& [when, bytes] = half->under_way.front();
      if (half->clock.now() < when) {
        co_await half->readable.wait_until(when);
        continue;
      }
      auto cut = std::max<std::size_t>(1, half->settings.cut(bytes.size()));
      auto size = std::min({into.size(), bytes.size(), cut});
      std::copy_n(bytes.begin(), size, into.begin());
      bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      if (bytes.empty()) half->under_way.pop_front();
      half->held -= size;
      half->writable.ring();
      co_return size;
    }
  }

  boost::asio::awaitable<Result<>> write_all(ByteView bytes) override {
    auto half = out_;
    while (!closed_ && !half->broken && half->held >= half->settings.held_max) co_await half->writable.wait();
    if (closed_ || half->finished) co_return fail(Errc::closed);
    if (half->broken) co_return fail(Errc::stream_reset);
    Bytes copied = copy(bytes);
    half->settings.tamper(copied);
    if (copied.empty()) co_return Result<>();
    half->held += copied.size();
    half->under_way.emplace_back(half->clock.now() + half->settings.delay, std::move(copied));
    half->readable.ring();
    co_return Result<>();
  }

  boost::asio::awaitable<Result<>> close_write() override {
    out_->finished = true;
    out_->readable.ring();
    co_return Result<>();
  }

  void reset() override {
    closed_ = true;
    for (auto& half : {in_, out_}) {
      half->broken = true;
      half->readable.ring();
      half->writable.ring();
    }
  }

 private:
  std::shared_ptr<Half> in_;
  std::shared_ptr<Half> out_;
  bool closed_ = false;
};

}  // namespace conclave::test
