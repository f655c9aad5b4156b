// status, nodes, devices, backup and the page's address.
#include "crypto/codec/key_text.hpp"
#include "node/api.hpp"
#include "node/api_json.hpp"
#include "node/api_params.hpp"
#include "node/findings.hpp"

#include <fstream>

#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

namespace conclave::node {
namespace {
using gateway::allow;
using gateway::Answer;
using gateway::Caller;
using gateway::Failure;
using gateway::Registry;
using Call = std::shared_ptr<Caller>;
template <class T>
using Later = boost::asio::awaitable<T>;

// Most lists of nodes to start from hold three to eight.
constexpr std::size_t nodes_max = 64;

// What this process costs, for `status` and for whoever measures it.
Json process_json() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0, resident = 0;
  statm >> pages >> resident;
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto us = [](timeval time) { return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec; };
  return {{"pid", ::getpid()},
          {"rss_bytes", resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))},
          {"cpu_us", us(used.ru_utime) + us(used.ru_stime)}};
}

Later<Answer> status(ApiParts parts, Call caller, Json params) {
  CO_CHECK(allow(params, {}));
  Json out = to_json(parts.node.status());
  out["link"] = parts.node.link();
  out["did"] = codec::to_did(parts.node.account());
  out["knows_somebody"] = parts.node.knows_somebody();
  out["process"] = process_json();
  auto page = parts.gateway.page();
  // Without the token: what goes into logs and screenshots must not open the page.
  out["page"] = page ? Json("http://127.0.0.1:" + std::to_string(page->port) + "/") : Json(nullptr);
  co_return out;
}

Later<Answer> doctor(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {}));
  constexpr const char* kinds[] = {"good", "note", "bad"};
  Json findings = Json::array();
  for (auto& finding : examine(parts.node.status(), parts.node.knows_somebody()))
    findings.push_back({{"kind", kinds[static_cast<std::size_t>(finding.kind)]},
                        {"what", finding.what},
                        {"todo", finding.todo}});
  co_return Json{{"findings", std::move(findings)}};
}

Later<Answer> add_nodes(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"nodes"}));
  auto given = params.find("nodes");
  std::vector<std::string> nodes;
  if (given != params.end() && given->is_array() && given->size() <= nodes_max) {
    for (auto& node : *given) {
      if (node.is_string()) nodes.push_back(node.get<std::string>());
    }
  }
  if (nodes.empty() || nodes.size() != given->size())
    co_return std::unexpected(Failure{"malformed", "\"nodes\" is not a list of 1 to 64 texts.",
                                      "Give multiaddrs that end in /p2p/…, or links."});
  CO_CHECK(told(co_await parts.node.bootstrap(std::move(nodes))));
  co_return Json::object();
}

Later<Answer> list_devices(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {}));
  CO_TRY(auto devices, told(co_await parts.node.devices()));
  co_return Json{{"devices", to_json(devices)}};
}

Later<Answer> add_device(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"node", "name"}));
  CO_TRY(auto node, node_param(params, "node"));
  CO_TRY(auto name, gateway::text_or(params, "name", ""));
  CO_TRY(auto certificate, told(co_await parts.node.add_device(node, std::move(name))));
  co_return Json{{"certificate", certificate}};
}

Later<Answer> revoke_device(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"node"}));
  CO_TRY(auto node, node_param(params, "node"));
  CO_CHECK(told(co_await parts.node.revoke_device(node)));
  co_return Json::object();
}

Later<Answer> backup(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"file", "passphrase"}));
  CO_TRY(auto file, gateway::required_text(params, "file"));
  CO_TRY(auto passphrase, gateway::required_text(params, "passphrase"));
  if (!std::filesystem::path(file).is_absolute())
    co_return std::unexpected(Failure{"malformed", "\"file\" is not an absolute path.", ""});
  if (passphrase.empty())
    co_return std::unexpected(
        Failure{"malformed", "The passphrase is empty.", "Whoever has the file has everything."});
  CO_CHECK(told(co_await parts.node.backup(file, std::move(passphrase))));
  co_return Json{{"file", file}};
}

Later<Answer> page_address(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"renew"}));
  CO_TRY(bool renew, gateway::flag_or(params, "renew", false));
  if (!parts.gateway.page())
    co_return std::unexpected(Failure{"no_page", "This node serves no page.", "Start it without --no-page."});
  if (renew) CO_CHECK(told(parts.gateway.renew_token()));
  co_return Json{{"url", parts.gateway.page()->url()}};
}

}  // namespace

void add_node_methods(Registry& registry, ApiParts parts) {
  auto bound = [parts](auto method) {
    return [parts, method](Call caller, Json params) {
      return method(parts, std::move(caller), std::move(params));
    };
  };
  registry.add("status", bound(status));
  registry.add("doctor", bound(doctor));
  registry.add("nodes.add", bound(add_nodes));
  registry.add("devices.list", bound(list_devices));
  registry.add("devices.add", bound(add_device));
  registry.add("devices.revoke", bound(revoke_device));
  registry.add_for_terminal("backup", bound(backup));
  registry.add_for_terminal("page.address", bound(page_address));
}

}  // namespace conclave::node
