#include "transport/tcp/link_stream.hpp"

namespace conclave::tcp {
namespace asio = boost::asio;

LinkStream::LinkStream(std::shared_ptr<Link> link, YamuxId id, std::shared_ptr<Link::Lane> lane)
    : link_(std::move(link)), id_(id), lane_(std::move(lane)) {}

LinkStream::~LinkStream() {
  link_->yamux_.release(id_);
  link_->lanes_.erase(id_);
  link_->wake_writer();
}

/// Takes the answer to our proposal from the front of what can be read.
Result<> LinkStream::hear_answer() {
  if (lane_->refusal) return fail(lane_->refusal);
  if (!lane_->proposal) return {};
  auto used = lane_->proposal->receive(link_->yamux_.unread(id_));
  if (!used) {
    lane_->refusal = used.error();
    reset();
    return fail(used.error());
  }
  link_->yamux_.consume(id_, *used, link_->now());
  if (lane_->proposal->agreed()) lane_->proposal.reset();
  return {};
}

asio::awaitable<Result<std::size_t>> LinkStream::read_some(MutableBytes into) {
  for (;;) {
    CO_CHECK(hear_answer());
    auto unread = link_->yamux_.unread(id_);
    if (!unread.empty() && !lane_->proposal) {
      auto size = std::min(unread.size(), into.size());
      std::copy_n(unread.begin(), size, into.begin());
      link_->yamux_.consume(id_, size, link_->now());
      link_->wake_writer();
      co_return size;
    }
    CO_CHECK(link_->yamux_.status(id_));
    if (link_->over()) co_return fail(Errc::closed);
    co_await lane_->readable.wait();
  }
}

Error LinkStream::write_error() const {
  if (lane_->refusal) return lane_->refusal;
  if (link_->over()) return Errc::closed;
  auto status = link_->yamux_.status(id_);
  if (!status && status.error() == Errc::stream_reset) return status.error();
  return Errc::closed;  // by close_write
}

asio::awaitable<Result<>> LinkStream::write_all(ByteView bytes) {
  auto& yamux = link_->yamux_;
  if (link_->over() || yamux.write_ended(id_)) co_return fail(write_error());
  if (bytes.empty()) co_return Result<>();
  struct Lent {
    LinkStream& stream;
    bool finished = false;
    ~Lent() {
      if (!finished) stream.reset();
    }
  } lent{*this};
  yamux.lend(id_, bytes);
  link_->wake_writer();
  while (yamux.lent(id_) > 0) co_await lane_->drained.wait();
  if (link_->over() || yamux.write_ended(id_)) co_return fail(write_error());
  lent.finished = true;
  co_return Result<>();
}

asio::awaitable<Result<>> LinkStream::close_write() {
  auto& yamux = link_->yamux_;
  if (link_->over() || yamux.write_ended(id_)) co_return fail(write_error());
  yamux.finish(id_);
  link_->wake_writer();
  co_return Result<>();
}

void LinkStream::reset() {
  link_->yamux_.reset(id_);
  link_->dispatch();
  link_->wake_writer();
}

}  // namespace conclave::tcp
