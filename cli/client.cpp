#include "cli/client.hpp"

#include "node/gateway/socket_path.hpp"
#include "transport/io/completion.hpp"

#include <csignal>
#include <deque>
#include <map>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace conclave::cli {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using Unix = asio::local::stream_protocol;
using io::with_error;

namespace {

std::unexpected<Trouble> no_node(const std::filesystem::path& profile) {
  return trouble(Exit::no_node, "no_node", "No node is running for the profile " + profile.string() + ".",
                 "Start one with `conclave run`, or name another profile with --profile.");
}

std::unexpected<Trouble> gone() {
  return trouble(Exit::no_node, "no_node", "The node has gone.", "Start it again with `conclave run`.");
}

}  // namespace

struct Client::Body {
  asio::io_context context{1};
  websocket::stream<Unix::socket> socket{context};
  std::map<std::uint64_t, Json> answers;
  std::deque<Json> events;
  std::uint64_t last_id = 0;
  bool closed = false;

  asio::awaitable<void> read() {
    beast::flat_buffer buffer;
    for (;;) {
      buffer.clear();
      auto [error, size] = co_await socket.async_read(buffer, with_error);
      if (error) break;
      auto message =
          Json::parse(beast::buffers_to_string(buffer.data()), nullptr, /*allow_exceptions=*/false);
      if (!message.is_object()) continue;
      if (message.contains("event")) {
        events.push_back(std::move(message));
      } else if (message.contains("id") && message["id"].is_number_unsigned()) {
        answers.emplace(message["id"].get<std::uint64_t>(), std::move(message));
      }
    }
    closed = true;
  }

  asio::awaitable<void> write(std::string text) {
    auto [error, size] = co_await socket.async_write(asio::buffer(text), with_error);
    if (error) closed = true;
  }

  void run_until(const std::function<bool()>& done) {
    context.restart();
    while (!done() && context.run_one() > 0) {
    }
  }
};

Client::Client(std::unique_ptr<Body> body) : body_(std::move(body)) {}
Client::Client(Client&&) noexcept = default;
Client::~Client() = default;

Outcome<Client> Client::connect(const std::filesystem::path& profile) {
  auto path = gateway::SocketPath::of(profile / "api.sock");
  if (!path) return no_node(profile);
  auto body = std::make_unique<Body>();
  boost::system::error_code error;
  body->socket.next_layer().connect(Unix::endpoint(path->text()), error);
  if (error == boost::system::errc::permission_denied)
    return trouble(Exit::failed, "not_yours", "The node of " + profile.string() + " belongs to another user.",
                   "Run this command as that user.");
  if (error) return no_node(profile);
  body->socket.read_message_max(64 * 1024 * 1024);  // 500 messages of history, and then some
  body->socket.handshake("conclave", "/api/socket", error);
  if (error)
    return trouble(Exit::failed, "refused",
                   "The node does not speak with this program: " + error.message() + ".",
                   "It may have too many connections; try again.");
  asio::co_spawn(body->context, body->read(), asio::detached);
  return Client(std::move(body));
}

Outcome<Json> Client::call(const std::string& method, const Json& params) {
  auto& body = *body_;
  auto id = ++body.last_id;
  Json request{{"id", id}, {"method", method}, {"params", params}};
  asio::co_spawn(body.context, body.write(request.dump(-1, ' ', false, Json::error_handler_t::replace)),
                 asio::detached);
  body.run_until([&] { return body.closed || body.answers.contains(id); });
  auto found = body.answers.find(id);
  if (found == body.answers.end()) return gone();
  Json answer = std::move(found->second);
  body.answers.erase(found);
  if (!answer.contains("error")) return answer["result"];
  auto& error = answer["error"];
  std::string code = error.value("code", "failed");
  return trouble(exit_for(code), code, error.value("message", "The node refused."), error.value("hint", ""));
}

Outcome<> Client::listen(std::function<bool(const Json&)> on_event,
                         std::function<bool(std::string)> on_line) {
  struct Input {
    std::deque<std::string> lines;
    bool ended = false;
  };
  auto& body = *body_;
  auto input = std::make_shared<Input>();
  asio::signal_set signals(body.context, SIGINT, SIGTERM);
  bool interrupted = false;
  signals.async_wait([&](auto error, int) { interrupted = !error; });
  if (on_line) {
    // A thread, because a file on standard input cannot be waited for. It ends with the program.
    std::thread([input, &context = body.context] {
      std::string pending;
      char chunk[4096];
      for (ssize_t got; (got = ::read(STDIN_FILENO, chunk, sizeof chunk)) > 0;) {
        pending.append(chunk, static_cast<std::size_t>(got));
        for (std::size_t end; (end = pending.find('\n')) != pending.npos; pending.erase(0, end + 1))
          asio::post(context, [input, line = pending.substr(0, end)] { input->lines.push_back(line); });
      }
      asio::post(context, [input, pending] {
        if (!pending.empty()) input->lines.push_back(pending);
        input->ended = true;
      });
    }).detach();
  }
  for (;;) {
    body.run_until([&] {
      return interrupted || body.closed || !body.events.empty() || !input->lines.empty() || input->ended;
    });
    if (interrupted) return {};
    if (!body.events.empty()) {
      Json event = std::move(body.events.front());
      body.events.pop_front();
      if (!on_event(event)) return {};
    } else if (!input->lines.empty()) {
      std::string line = std::move(input->lines.front());
      input->lines.pop_front();
      if (!on_line(std::move(line))) return {};
    } else if (body.closed) {
      return gone();
    } else if (input->ended) {
      return {};
    }
  }
}

bool node_is_running(const std::filesystem::path& profile) { return Client::connect(profile).has_value(); }

}  // namespace conclave::cli
