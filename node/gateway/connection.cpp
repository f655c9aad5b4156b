#include "node/gateway/connection.hpp"

#include "node/gateway/page.hpp"
#include "node/gateway/request.hpp"
#include "transport/io/completion.hpp"
#include "transport/io/mailbox.hpp"

#include <chrono>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

namespace conclave::gateway {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using namespace std::chrono_literals;
namespace {

using HttpStream = beast::basic_stream<asio::generic::stream_protocol>;
using WebSocket = websocket::stream<HttpStream>;
using HttpRequest = http::request<http::string_body>;
using HttpResponse = http::response<http::string_body>;
using io::with_error;

constexpr std::size_t head_max = 8 * 1024;   // browsers send about 1 KiB
constexpr std::size_t hello_max = 4 * 1024;  // a frame of somebody who has not shown the token
constexpr auto request_patience = 10s;      // from the first byte of a request to its last; also between two
constexpr auto hello_patience = 5s;         // from the WebSocket's opening to its token
constexpr std::size_t letters_max = 1024;   // what a page that sleeps may leave unread
constexpr std::size_t letters_bytes_max = 8 * 1024 * 1024;

struct Letter {
  std::shared_ptr<const std::string> bytes;
  bool binary = false;
};

std::string_view plain(beast::string_view text) { return {text.data(), text.size()}; }

Head head_of(const HttpRequest& request) {
  Head head;
  head.verb = plain(request.method_string());
  head.target = plain(request.target());
  head.host = plain(request[http::field::host]);
  if (auto origin = request.find(http::field::origin); origin != request.end())
    head.origin = plain(origin->value());
  head.content_type = plain(request[http::field::content_type]);
  head.authorization = plain(request[http::field::authorization]);
  head.fetch_site = plain(request["Sec-Fetch-Site"]);
  head.upgrade = websocket::is_upgrade(request);
  return head;
}

class ConnectionBody final : public Connection, public std::enable_shared_from_this<ConnectionBody> {
 public:
  ConnectionBody(Service& service, Id id, Door door, int family, int handle)
      : service_(service),
        id_(id),
        door_(door),
        socket_(asio::generic::stream_protocol::socket(service.executor,
                                                       asio::generic::stream_protocol(family, 0), handle)),
        outbox_(service.executor, service.clock, letters_max) {}

  Id id() const override { return id_; }
  Door door() const override { return door_; }
  bool listening() const override { return open_ && greeted_; }
  bool proven() const override { return greeted_; }

  void push(std::string_view event, const Json& data) override {
    if (listening()) send({std::make_shared<const std::string>(encode_event(event, data)), false});
  }
  void push_binary(ByteView frame) override {
    if (listening()) send({std::make_shared<const std::string>(text(frame)), true});
  }
  void push_encoded(std::shared_ptr<const std::string> encoded) override {
    if (listening()) send({std::move(encoded), false});
  }

  void stop() override {
    open_ = false;
    outbox_.close();
    stream().close();
  }

  asio::awaitable<void> serve() override {
    auto self = shared_from_this();
    beast::flat_buffer buffer(request_max + head_max);
    for (bool more = true; more;) {
      http::request_parser<http::string_body> parser;
      parser.header_limit(head_max);
      parser.body_limit(request_max);
      stream().expires_after(request_patience);
      // The head decides; nobody's body is read who may not come in.
      auto [error, head_size] = co_await http::async_read_header(stream(), buffer, parser, with_error);
      std::expected<Route, Refusal> route = std::unexpected(Refusal());
      if (!error) route = admit(head_of(parser.get()), door_, service_.page_port, service_.token);
      if (!error && !route && !parser.is_done()) {
        co_await write(plain_text(route.error().status, route.error().why));
        break;
      }
      if (!error) {
        auto [body_error, body_size] = co_await http::async_read(stream(), buffer, parser, with_error);
        error = body_error;
      }
      if (error == http::error::body_limit || error == http::error::header_limit)
        co_await write(plain_text(413, "The request is too large."));
      if (error) break;
      stream().expires_never();
      HttpRequest request = parser.release();
      if (route && *route == Route::socket) {
        co_await talk(std::move(request));
        break;
      }
      more = request.keep_alive();
      HttpResponse response;
      if (!route) {
        response = plain_text(route.error().status, route.error().why);
      } else if (*route == Route::page) {
        response = page(request.method() == http::verb::head);
      } else {
        response = co_await answer_once(std::move(request.body()));
      }
      response.keep_alive(more);
      bool written = co_await write(std::move(response));
      more = more && written;
    }
    stop();
  }

 private:
  HttpStream& stream() { return socket_.next_layer(); }

  // --- HTTP ---

  HttpResponse make_response(unsigned status, std::string_view type, std::string body) {
    HttpResponse out(static_cast<http::status>(status), 11, std::move(body));
    out.set(http::field::content_type, type);
    out.set(http::field::cache_control, "no-store");
    out.set("X-Content-Type-Options", "nosniff");
    out.set("Referrer-Policy", "no-referrer");
    out.set("Cross-Origin-Opener-Policy", "same-origin");
    out.set("Cross-Origin-Resource-Policy", "same-origin");
    out.set("Cross-Origin-Embedder-Policy", "require-corp");
    out.prepare_payload();
    return out;
  }

  HttpResponse plain_text(unsigned status, std::string_view sentence) {
    auto out = make_response(status, "text/plain; charset=utf-8", std::string(sentence) + "\n");
    out.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    return out;
  }

  HttpResponse page(bool head_only) {
    auto html = page_html();
    auto out = make_response(200, "text/html; charset=utf-8", std::string(html));
    if (head_only) out.body().clear();  // the length stays the page's
    out.set("Content-Security-Policy", service_.policy);
    out.set("X-Frame-Options", "DENY");
    out.set("Permissions-Policy",
            "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), "
            "screen-wake-lock=(self), fullscreen=(self), autoplay=(self), clipboard-write=(self), "
            "geolocation=(), payment=(), usb=(), serial=(), bluetooth=(), hid=(), midi=()");
    return out;
  }

  asio::awaitable<HttpResponse> answer_once(std::string body) {
    greeted_ = true;  // the head carried the token
    auto request = decode_request(body);
    std::string text;
    if (request) {
      Json id = request->id;
      text = encode_answer(id, co_await answer(std::move(*request)));
    } else {
      text = encode_answer(nullptr, std::unexpected(request.error()));
    }
    co_return make_response(200, "application/json", std::move(text));
  }

  asio::awaitable<bool> write(HttpResponse out) {
    stream().expires_after(request_patience);
    auto [error, size] = co_await http::async_write(stream(), out, with_error);
    co_return !error;
  }

  // --- WebSocket ---

  asio::awaitable<void> talk(HttpRequest upgrade) {
    // Asks a silent peer for a sign of life every 30 seconds and gives it up after another 30.
    websocket::stream_base::timeout patience{request_patience, 60s, /*keep_alive_pings=*/true};
    socket_.set_option(patience);
    auto [error] = co_await socket_.async_accept(upgrade, with_error);
    if (error) co_return;
    open_ = true;
    greeted_ = door_ == Door::terminal;
    socket_.read_message_max(greeted_ ? request_max : hello_max);
    service_.scope.start(write_letters(shared_from_this()));
    auto alarm = service_.clock.at(service_.clock.now() + hello_patience, [weak = weak_from_this()] {
      if (auto self = weak.lock(); self && !self->greeted_) self->stop();
    });
    co_await read_requests();
    service_.clock.cancel(alarm);
    stop();
    service_.registry.gone(id_);
  }

  asio::awaitable<void> read_requests() {
    beast::flat_buffer buffer(request_max);
    for (;;) {
      buffer.clear();
      auto [error, size] = co_await socket_.async_read(buffer, with_error);
      if (error) co_return;
      ByteView frame(static_cast<const Byte*>(buffer.data().data()), buffer.data().size());
      if (socket_.got_binary()) {
        if (!greeted_ || !service_.registry.take_binary(*this, frame))
          co_return co_await dismiss("No channel takes this frame.");
        continue;
      }
      auto request = decode_request(conclave::text(frame));
      if (!request) {
        say(nullptr, std::unexpected(request.error()));
        if (!greeted_) co_return;
      } else if (request->method == "hello" && request->params.contains("challenge")) {
        if (!answer_challenge(*request)) co_return co_await dismiss("A challenge is 64 hexadecimal digits.");
      } else if (request->method == "hello") {
        if (!greet(*request)) co_return co_await dismiss("The token is not this node's.");
      } else if (!greeted_) {
        co_return co_await dismiss("The first request is hello, with the token.");
      } else if (running_ >= calls_per_connection_max || service_.calls_running >= calls_max) {
        say(request->id, std::unexpected(Failure{"busy", "Too many requests are under way.",
                                                 "Wait for answers before asking more."}));
      } else {
        service_.scope.start(answer_later(shared_from_this(), std::move(*request)));
      }
    }
  }

  /// The page wants to know that we are its node before it shows its token.
  bool answer_challenge(const Request& request) {
    auto& given = request.params["challenge"];
    auto challenge = given.is_string() ? from_hex(given.get_ref<const std::string&>()) : fail(Errc::unexpected_type);
    if (!challenge || challenge->size() != challenge_size || request.params.size() != 1) return false;
    say(request.id, Json{{"proof", service_.token.proof(service_.page_port, *challenge)}});
    return true;
  }

  bool greet(const Request& request) {
    auto token = request.params.find("token");
    bool given = token != request.params.end() && token->is_string();
    if (!greeted_ && !(given && service_.token.matches(token->get_ref<const std::string&>()))) return false;
    greeted_ = true;
    socket_.read_message_max(request_max);
    say(request.id, Json{{"api", 1}, {"version", CONCLAVE_VERSION}});
    return true;
  }

  asio::awaitable<void> dismiss(std::string_view why) {
    websocket::close_reason reason(websocket::close_code::policy_error,
                                   beast::string_view(why.data(), why.size()));
    co_await socket_.async_close(reason, with_error);
  }

  // --- calls ---

  asio::awaitable<Answer> answer(Request request) {
    ++running_;
    ++service_.calls_running;
    auto out = co_await service_.registry.call(shared_from_this(), std::move(request.method),
                                               std::move(request.params));
    --running_;
    --service_.calls_running;
    co_return out;
  }

  static asio::awaitable<void> answer_later(std::shared_ptr<ConnectionBody> self, Request request) {
    Json id = request.id;
    self->say(id, co_await self->answer(std::move(request)));
  }

  void say(const Json& id, const Answer& answer) {
    send({std::make_shared<const std::string>(encode_answer(id, answer)), false});
  }

  void send(Letter letter) {
    if (!open_) return;
    waiting_bytes_ += letter.bytes->size();
    if (waiting_bytes_ > letters_bytes_max || !outbox_.put(std::move(letter))) stop();
  }

  static asio::awaitable<void> write_letters(std::shared_ptr<ConnectionBody> self) {
    while (auto letter = co_await self->outbox_.take()) {
      self->socket_.binary(letter->binary);
      auto [error, size] = co_await self->socket_.async_write(asio::buffer(*letter->bytes), with_error);
      self->waiting_bytes_ -= letter->bytes->size();
      if (error) break;
    }
    self->stop();
  }

  Service& service_;
  const Id id_;
  const Door door_;
  WebSocket socket_;
  io::Mailbox<Letter> outbox_;
  std::size_t waiting_bytes_ = 0;
  std::size_t running_ = 0;
  bool open_ = false;     ///< a WebSocket, and not ended
  bool greeted_ = false;  ///< has shown the token, or came by the terminal's door
};

}  // namespace

std::shared_ptr<Connection> Connection::open(Service& service, Id id, Door door, int family, int handle) {
  return std::make_shared<ConnectionBody>(service, id, door, family, handle);
}

}  // namespace conclave::gateway
