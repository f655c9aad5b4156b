#pragma once
/// One stream of a link, as its user has it.
#include "transport/tcp/link.hpp"

namespace conclave::tcp {

class LinkStream final : public io::Stream {
 public:
  LinkStream(std::shared_ptr<Link> link, YamuxId id, std::shared_ptr<Link::Lane> lane);
  ~LinkStream() override;

  /// Beside io::Stream's errors: Errc::unsupported where the peer does not speak the protocol that we named.
  boost::asio::awaitable<Result<std::size_t>> read_some(MutableBytes into) override;
  /// A write that is cancelled half way leaves a stream with a hole: it is reset.
  boost::asio::awaitable<Result<>> write_all(ByteView bytes) override;
  boost::asio::awaitable<Result<>> close_write() override;
  void reset() override;

 private:
  Result<> hear_answer();
  Error write_error() const;

  std::shared_ptr<Link> link_;
  YamuxId id_;
  std::shared_ptr<Link::Lane> lane_;
};

}  // namespace conclave::tcp
