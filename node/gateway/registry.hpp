#pragma once
/// The methods of the local API by name, and who may call them. docs/api.md lists them; this knows none.
///
/// A request is one JSON object, `{"id": 1, "method": "contacts.list", "params": {…}}`; its answer is
/// `{"id": 1, "result": …}` or `{"id": 1, "error": {"code", "message", "hint"}}`. An event is
/// `{"event": "message", "data": …}` and has no id. See docs/api.md.
#include "crypto/bytes.hpp"
#include "crypto/strong.hpp"

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json_fwd.hpp>

namespace conclave::gateway {

using Json = nlohmann::json;

/// Why a call failed: `code` for programs, `message` (what is wrong) and `hint` (what to do) for people.
struct Failure {
  std::string code;
  std::string message;
  std::string hint;
};
using Answer = std::expected<Json, Failure>;

/// Who asks: one WebSocket, or one HTTP request.
class Caller {
 public:
  using Id = Strong<struct CallerTag, std::uint64_t>;
  enum class Door : Byte {
    terminal,  ///< the Unix socket: a program of the same user
    page,      ///< 127.0.0.1 with the token: the owner's browser
  };
  virtual ~Caller() = default;
  virtual Id id() const = 0;
  virtual Door door() const = 0;
  /// Sends an event to this caller alone. Dropped when it asked by plain HTTP or has gone.
  virtual void push(std::string_view event, const Json& data) = 0;
  /// Sends a binary frame; its first byte is the channel it belongs to.
  virtual void push_binary(ByteView frame) = 0;
};

class Registry {
 public:
  /// Runs on the node's thread. The caller object lives as long as the coroutine holds it.
  using Method = std::function<boost::asio::awaitable<Answer>(std::shared_ptr<Caller>, Json params)>;
  using Binary = std::function<void(Caller&, ByteView frame)>;
  using Gone = std::function<void(Caller::Id)>;

  /// `name` is new. What only a program of the same user may ask (paths on disk) says `Door::terminal`.
  void add(std::string name, Method method);
  void add_for_terminal(std::string name, Method method);
  /// Of every method.
  std::set<std::string> names() const;
  /// Frames whose first byte is `channel`.
  void on_binary(Byte channel, Binary take);
  /// Called when a WebSocket has ended: whatever was kept for it can go.
  void on_gone(Gone gone);

  /// The answer to a method's call; a failure with code "unknown_method" or "terminal_only" where there is
  /// none.
  boost::asio::awaitable<Answer> call(std::shared_ptr<Caller> caller, std::string method, Json params) const;
  /// False where no channel takes the frame.
  bool take_binary(Caller& caller, ByteView frame) const;
  void gone(Caller::Id caller) const;

 private:
  struct Entry {
    Method run;
    bool terminal_only = false;
  };
  std::map<std::string, Entry, std::less<>> methods_;
  std::map<Byte, Binary> channels_;
  std::vector<Gone> gone_;
};

}  // namespace conclave::gateway
