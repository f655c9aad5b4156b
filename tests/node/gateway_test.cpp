// The two doors with real sockets: the client blocks on a thread of its own, as a browser would be elsewhere.
#include "node/gateway/gateway.hpp"

#include <chrono>
#include <future>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace conclave::gateway {
namespace {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using Local = asio::local::stream_protocol;

/// Ten times as fast as real time for whoever waits.
class HastyClock final : public io::Clock {
 public:
  explicit HastyClock(asio::any_io_executor executor) : real_(std::move(executor)) {}
  TimePoint now() const override { return real_.now(); }
  UnixTime unix_now() const override { return real_.unix_now(); }
  Alarm at(TimePoint when, std::function<void()> action) override {
    return real_.at(now() + (when - now()) / 10, std::move(action));
  }
  void cancel(Alarm alarm) override { real_.cancel(alarm); }

 private:
  io::AsioClock real_;
};

struct Doors {
  Doors() {
    char pattern[] = "/tmp/conclave-gateway-XXXXXX";
    directory = ::mkdtemp(pattern);
    make();
  }
  ~Doors() {
    if (gateway) close();
    std::filesystem::remove_all(directory);
  }

  void make(std::uint16_t page_port = 0) {
    Options options{directory / "api.sock", directory / "page", true, page_port};
    gateway.emplace(context.get_executor(), clock, random, options);
    gateway->registry().add("echo", [](auto, Json params) -> asio::awaitable<Answer> { co_return params; });
    gateway->registry().add_for_terminal("secret",
                                         [](auto, Json) -> asio::awaitable<Answer> { co_return "yes"; });
    gateway->registry().on_binary(9, [](Caller& caller, ByteView frame) { caller.push_binary(frame); });
    gateway->registry().on_gone([this](Caller::Id) { ++gone; });
  }

  /// Runs `client` on a thread and the node's context here until it is done.
  template <class F>
  void with(F client) {
    auto guard = asio::make_work_guard(context);
    std::thread thread([&] {
      client();
      asio::post(context, [&] {
        guard.reset();
        context.stop();
      });
    });
    context.restart();
    context.run();
    thread.join();
  }

  void close() {
    context.restart();
    bool closed = false;
    asio::co_spawn(context, close_now(closed), asio::detached);
    while (!closed && context.run_one_for(std::chrono::seconds(5)) > 0) {
    }
    EXPECT_TRUE(closed);
    gateway.reset();
  }
  asio::awaitable<void> close_now(bool& closed) {
    co_await gateway->close();
    closed = true;
  }

  /// Sends `request` over TCP and reads to the end of the stream; the head of the answer.
  std::string http(const std::string& request) {
    asio::io_context own;
    tcp::socket socket(own);
    socket.connect({asio::ip::address_v4::loopback(), gateway->page()->port});
    boost::system::error_code error;
    asio::write(socket, asio::buffer(request), error);
    std::string out;
    asio::read(socket, asio::dynamic_buffer(out), error);
    return out;
  }
  std::string get(const std::string& target, const std::string& more = "") {
    return http("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + port() + "\r\nConnection: close\r\n" +
                more + "\r\n");
  }
  std::string port() const { return std::to_string(gateway->page()->port); }
  std::string post(const std::string& body, const std::string& token) {
    return http("POST /api HTTP/1.1\r\nHost: localhost:" + port() +
                "\r\nConnection: close\r\nContent-Type: application/json\r\n" + "Authorization: Bearer " +
                token + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }

  asio::io_context context{1};
  HastyClock clock{context.get_executor()};
  SystemRandom random;
  std::filesystem::path directory;
  std::optional<Gateway> gateway;
  int gone = 0;
};

/// A blocking WebSocket client.
template <class Protocol>
struct Client {
  Client(const typename Protocol::endpoint& where, const std::string& host) : socket(context) {
    socket.next_layer().connect(where);
    socket.handshake(host, "/api/socket");
  }
  void say(const Json& message) { socket.write(asio::buffer(message.dump())); }
  /// Null when the other side has closed.
  Json hear() {
    beast::flat_buffer buffer;
    boost::system::error_code error;
    socket.read(buffer, error);
    if (error) return nullptr;
    if (socket.got_binary()) return beast::buffers_to_string(buffer.data()).size();
    return Json::parse(beast::buffers_to_string(buffer.data()));
  }
  asio::io_context context;
  websocket::stream<typename Protocol::socket> socket;
};

TEST(Gateway, serves_the_page_with_a_strict_policy) {
  Doors doors;
  ASSERT_TRUE(doors.gateway->start());
  doors.with([&] {
    auto answer = doors.get("/");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200"));
    for (auto header :
         {"Content-Security-Policy: default-src 'none'; script-src 'sha256-", "frame-ancestors 'none'",
          "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer",
          "Cross-Origin-Opener-Policy: same-origin", "Cache-Control: no-store"})
      EXPECT_NE(answer.find(header), answer.npos) << header;
    EXPECT_EQ(answer.find("Set-Cookie"), answer.npos);
    EXPECT_EQ(answer.find(doors.gateway->page()->token.text()), answer.npos) << "the page holds no secret";
    EXPECT_TRUE(doors.get("/nothing").starts_with("HTTP/1.1 404"));
  });
}

TEST(Gateway, answers_calls_only_to_the_token) {
  Doors doors;
  ASSERT_TRUE(doors.gateway->start());
  auto token = doors.gateway->page()->token.text();
  doors.with([&] {
    auto good = doors.post(R"({"id":5,"method":"echo","params":{"a":"b"}})", token);
    EXPECT_TRUE(good.ends_with(R"({"id":5,"result":{"a":"b"}})")) << good;
    EXPECT_TRUE(doors.post("{}", std::string(64, '0')).starts_with("HTTP/1.1 401"));
    EXPECT_NE(doors.post(R"({"method":"nope"})", token).find("unknown_method"), std::string::npos);
    EXPECT_NE(doors.post(R"({"method":"secret"})", token).find("terminal_only"), std::string::npos);
    EXPECT_NE(doors.post("not json", token).find("malformed"), std::string::npos);
    EXPECT_TRUE(doors.post(std::string(300 * 1024, 'x'), token).starts_with("HTTP/1.1 413"));
    EXPECT_TRUE(doors.get("/", "X-Long: " + std::string(10'000, 'x') + "\r\n").starts_with("HTTP/1.1 413"));
    EXPECT_TRUE(doors.get("/", "Origin: https://evil.example\r\n").starts_with("HTTP/1.1 403"));
  });
}

TEST(Gateway, serves_the_unix_socket_to_its_user_alone) {
  Doors doors;
  ASSERT_TRUE(doors.gateway->start());
  struct stat info{};
  ASSERT_EQ(::stat((doors.directory / "api.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat((doors.directory / "page").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  doors.with([&] {
    Client<Local> client({(doors.directory / "api.sock").string()}, "conclave");
    client.say({{"id", 1}, {"method", "secret"}});
    EXPECT_EQ(client.hear()["result"], "yes");
    client.socket.binary(true);
    client.socket.write(
        asio::buffer("\x09"
                     "frame",
                     6));
    EXPECT_EQ(client.hear(), 6);
  });
  doors.close();
  EXPECT_FALSE(std::filesystem::exists(doors.directory / "api.sock"));
  EXPECT_EQ(doors.gone, 1);
}

TEST(Gateway, a_page_says_hello_before_it_hears_anything) {
  Doors doors;
  ASSERT_TRUE(doors.gateway->start());
  auto token = doors.gateway->page()->token.text();
  doors.with([&] {
    tcp::endpoint where(asio::ip::address_v4::loopback(), doors.gateway->page()->port);
    auto host = "127.0.0.1:" + doors.port();
    Client<tcp> silent(where, host), rude(where, host), wrong(where, host), good(where, host);
    rude.say({{"id", 1}, {"method", "echo"}});
    EXPECT_EQ(rude.hear(), nullptr);
    EXPECT_EQ(rude.socket.reason().code, websocket::close_code::policy_error);
    wrong.say({{"id", 1}, {"method", "hello"}, {"params", {{"token", std::string(64, '0')}}}});
    EXPECT_EQ(wrong.hear(), nullptr);
    good.say({{"id", 1}, {"method", "hello"}, {"params", {{"token", token}}}});
    EXPECT_EQ(good.hear()["result"]["api"], 1);
    asio::post(doors.context, [&] { doors.gateway->publish("news", {{"n", 1}}); });
    EXPECT_EQ(good.hear(), (Json{{"event", "news"}, {"data", {{"n", 1}}}}));
    good.say({{"id", 2}, {"method", "echo"}, {"params", {{"x", 2}}}});
    EXPECT_EQ(good.hear()["result"]["x"], 2);
    // The silent one was told nothing and is shown the door after five seconds.
    auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(silent.hear(), nullptr);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8));
    asio::post(doors.context, [&] { ASSERT_TRUE(doors.gateway->renew_token()); });
    EXPECT_EQ(good.hear(), nullptr) << "a new token ends what the old one opened";
  });
}

TEST(Gateway, keeps_its_port_and_token_and_never_moves_by_itself) {
  Doors doors;
  ASSERT_TRUE(doors.gateway->start());
  auto first = *doors.gateway->page();
  doors.close();
  doors.make();
  ASSERT_TRUE(doors.gateway->start());
  EXPECT_EQ(doors.gateway->page()->port, first.port);
  EXPECT_EQ(doors.gateway->page()->token.text(), first.token.text());
  doors.close();

  tcp::acceptor squatter(doors.context, {asio::ip::address_v4::loopback(), first.port});
  doors.make();
  auto refused = doors.gateway->start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "port_taken");
  EXPECT_NE(refused.error().message.find(std::to_string(first.port)), std::string::npos);
  doors.gateway.reset();
  squatter.close();
  doors.make();
  ASSERT_TRUE(doors.gateway->start());
  EXPECT_EQ(doors.gateway->page()->port, first.port);
  EXPECT_NE(doors.gateway->page()->token.text(), first.token.text()) << "the squatter may have heard it";
}

TEST(Gateway, bounds_the_connections_of_pages) {
  Doors doors;
  ASSERT_TRUE(doors.gateway->start());
  doors.with([&] {
    asio::io_context own;
    std::vector<tcp::socket> sockets;
    for (std::size_t i = 0; i < page_connections_max + 8; ++i) {
      sockets.emplace_back(own).connect({asio::ip::address_v4::loopback(), doors.gateway->page()->port});
    }
    // Nobody has shown the token: the first ones make room for the last ones, and for the owner.
    EXPECT_TRUE(doors.get("/").starts_with("HTTP/1.1 200"));
    char byte;
    boost::system::error_code error;
    sockets.front().read_some(asio::buffer(&byte, 1), error);
    EXPECT_TRUE(error);
    std::promise<std::size_t> count;
    asio::post(doors.context, [&] { count.set_value(doors.gateway->connections()); });
    EXPECT_LE(count.get_future().get(), page_connections_max);
  });
}

TEST(Gateway, does_not_let_the_owners_pages_make_room) {
  Doors doors;
  ASSERT_TRUE(doors.gateway->start());
  auto token = doors.gateway->page()->token.text();
  doors.with([&] {
    tcp::endpoint where(asio::ip::address_v4::loopback(), doors.gateway->page()->port);
    std::vector<std::unique_ptr<Client<tcp>>> pages;
    for (std::size_t i = 0; i < page_connections_max; ++i) {
      pages.push_back(std::make_unique<Client<tcp>>(where, "127.0.0.1:" + doors.port()));
      pages.back()->say({{"id", 1}, {"method", "hello"}, {"params", {{"token", token}}}});
      EXPECT_EQ(pages.back()->hear()["result"]["api"], 1);
    }
    EXPECT_EQ(doors.get("/"), "") << "one too many";
    pages.front()->say({{"id", 2}, {"method", "echo"}});
    EXPECT_EQ(pages.front()->hear()["id"], 2);
  });
}

TEST(Gateway, proves_that_it_has_the_token_to_a_page_that_asks) {
  Doors doors;
  ASSERT_TRUE(doors.gateway->start());
  auto page = *doors.gateway->page();
  doors.with([&] {
    tcp::endpoint where(asio::ip::address_v4::loopback(), page.port);
    Client<tcp> open(where, "127.0.0.1:" + doors.port()), odd(where, "127.0.0.1:" + doors.port());
    Bytes challenge(challenge_size, 7);
    open.say({{"id", 1}, {"method", "hello"}, {"params", {{"challenge", hex(challenge)}}}});
    EXPECT_EQ(open.hear()["result"]["proof"], page.token.proof(page.port, challenge));
    EXPECT_NE(page.token.proof(page.port, challenge), page.token.proof(4791, challenge)) << "good for this port alone";
    open.say({{"id", 2}, {"method", "echo"}});
    EXPECT_EQ(open.hear(), nullptr) << "to ask is not to show the token";
    odd.say({{"id", 1}, {"method", "hello"}, {"params", {{"challenge", "0011"}}}});
    EXPECT_EQ(odd.hear(), nullptr);
  });
}

TEST(Gateway, reads_no_long_frames_and_no_body_of_those_without_the_token) {
  Doors doors;
  ASSERT_TRUE(doors.gateway->start());
  doors.with([&] {
    tcp::endpoint where(asio::ip::address_v4::loopback(), doors.gateway->page()->port);
    Client<tcp> client(where, "127.0.0.1:" + doors.port());
    client.say({{"id", 1}, {"method", std::string(10'000, 'x')}});
    EXPECT_EQ(client.hear(), nullptr);
    EXPECT_EQ(client.socket.reason().code, websocket::close_code::too_big);
    // The head says what is to come; the answer is there before any of it.
    EXPECT_TRUE(doors.http("POST /api HTTP/1.1\r\nHost: 127.0.0.1:" + doors.port() +
                           "\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
                    .starts_with("HTTP/1.1 401"));
  });
}

TEST(Gateway, finds_its_socket_in_a_profile_with_a_long_path) {
  Doors doors;
  auto deep = doors.directory / std::string(100, 'a') / std::string(100, 'b');
  std::filesystem::create_directories(deep);
  doors.gateway.emplace(doors.context.get_executor(), doors.clock, doors.random,
                        Options{deep / "api.sock", deep / "page", false, 0});
  ASSERT_TRUE(doors.gateway->start());
  EXPECT_TRUE(std::filesystem::is_socket(deep / "api.sock"));
  EXPECT_FALSE(doors.gateway->page());
}

}  // namespace
}  // namespace conclave::gateway
