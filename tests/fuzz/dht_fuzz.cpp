// What strangers send to a node's DHT: requests, answers, contacts, and a saved table that somebody damaged.
#include "crypto/ensure.hpp"
#include "crypto/sealed_entry.hpp"
#include "dht/saved_table.hpp"
#include "dht/wire.hpp"

using namespace conclave;
using namespace conclave::dht;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 65536) return 0;
  ByteView input(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      if (auto request = decode_request(input)) {
        ensure(request->have.size() <= Request::have_max, "what a reader has is bounded");
        ensure(decode_request(encode(*request)) == *request, "a request survives");
      }
      break;
    case 1:
      if (auto response = decode_response(input)) {
        ensure(response->contacts.size() <= Contacted::max, "contacts are bounded");
        ensure(decode_response(encode(*response)) == *response, "an answer survives");
      }
      break;
    case 2:
      if (auto record = record_of(input)) {
        ensure((*record)->wire.size() <= SealedEntry::size_max, "entries are bounded");
        (void)EntryTrust().genuine(**record, UnixTime{(*record)->expires.ms - 1});
      }
      if (auto contact = decode_contact(input))
        ensure(encode(*contact) == copy(input), "a contact is what it was");
      break;
    default:
      if (auto table = decode_saved_table(input))
        ensure(table->entries.size() <= SavedTable::entries_max && table->anchors <= table->entries.size(),
               "a saved table is bounded");
  }
  return 0;
}
