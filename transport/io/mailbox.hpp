#pragma once
/// A bounded queue between coroutines of one thread: many put, one takes.
#include <deque>
#include <optional>

#include "crypto/result.hpp"
#include "transport/io/event.hpp"

namespace conclave::io {

template <class T>
class Mailbox {
 public:
  Mailbox(boost::asio::any_io_executor executor, Clock& clock, std::size_t letters_max)
      : arrived_(std::move(executor), clock), letters_max_(letters_max) {}

  /// Fails with Errc::limit_reached when full, Errc::closed after `close()`.
  Result<> put(T letter) {
    if (closed_) return fail(Errc::closed);
    if (letters_.size() >= letters_max_) return fail(Errc::limit_reached);
    letters_.push_back(std::move(letter));
    arrived_.ring();
    return {};
  }

  /// The next letter; nothing when `deadline` came first, or when closed and empty.
  boost::asio::awaitable<std::optional<T>> take_until(TimePoint deadline) {
    while (letters_.empty()) {
      if (closed_ || !co_await arrived_.wait_until(deadline)) {
        if (letters_.empty()) co_return std::nullopt;
      }
    }
    std::optional<T> letter(std::move(letters_.front()));
    letters_.pop_front();
    co_return letter;
  }
  boost::asio::awaitable<std::optional<T>> take() { return take_until(TimePoint::max()); }

  /// What is inside can still be taken; nothing more comes in.
  void close() {
    closed_ = true;
    arrived_.ring();
  }
  bool closed() const { return closed_; }
  std::size_t size() const { return letters_.size(); }

 private:
  std::deque<T> letters_;
  Event arrived_;
  std::size_t letters_max_;
  bool closed_ = false;
};

}  // namespace conclave::io
