#include "cli/face.hpp"

#include "cli/terminal.hpp"
#include "node/contacts/link.hpp"

namespace conclave::cli {

std::string link_qr(const std::string& link, int columns) {
  auto parsed = contacts::parse_link(link);
  if (!parsed) return {};
  for (;;) {
    if (auto code = qr_code(contacts::format_link(*parsed), columns)) return *code;
    if (parsed->via.empty()) return {};
    parsed->via.pop_back();  // the nodes are sorted, best first
  }
}

}  // namespace conclave::cli
