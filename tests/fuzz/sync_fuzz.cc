// Any bytes, cut anywhere, to the receiver of a sync link over a store of its own, and to the
// sender's reader of answers: no crash, and the store stays sound.
//
// The first byte says how the input is cut, the second who reads it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "sync/answers.h"
#include "sync/grammar.h"
#include "sync/receiver.h"
#include "wire/framer.h"

namespace {

using namespace gemel;

enum Reader : uint8_t { kReceiver, kBeforeLogin, kAnswers, kReaders };

class OneCredential final : public wire::CredentialSource {
 public:
  Result<void> check_user(std::string_view) override { return {}; }
  Result<wire::ScramCredential> scram(std::string_view) override { return credential_; }
  Result<void> check_password(std::string_view, std::string_view) override { return {}; }

 private:
  SeededRandom random_{3};
  wire::ScramCredential credential_ =
      wire::make_scram_credential("secret", wire::kScramIterationsMin, random_).value();
};

std::string said_by(wire::Session& session) {
  std::string out;
  do session.produce(out, 65536);
  while (session.want() == wire::Want::kMore);
  return out;
}

std::string say(wire::Session& session, std::string_view bytes) {
  session.receive(bytes);
  return said_by(session);
}

void log_in(wire::Session& session) {
  SeededRandom random(9);
  wire::ScramClient client = wire::ScramClient::make("replicator", "secret", random).value();
  std::string answer = say(
      session,
      "HELLO 1 1 fuzz PRIMARY 1-00000000000000aa 00000000000000aa\r\nAUTHENTICATE SCRAM-SHA-256 " +
          to_base64(client.first()) + "\r\n");
  answer = answer.substr(answer.find("+ ") + 2);
  answer.resize(answer.size() - 2);
  const std::string proof = client.answer(from_base64(answer).value()).value();
  CHECK(say(session, to_base64(proof) + "\r\n").starts_with("OK AUTHENTICATE"));
}

std::unique_ptr<MailStore> open_store(MemoryOpener& memory) {
  MailStore::Options options;
  options.path = "/fuzz";
  options.role = Role::kReplica;
  options.free_bytes_min = 1;
  options.opener = &memory;
  return MailStore::open(std::move(options)).value();
}

// Cuts of pseudo-random length, the same for the same input.
template <class Take>
void in_pieces(std::string_view bytes, uint8_t cuts, Take take) {
  SeededRandom random(cuts);
  while (!bytes.empty()) {
    const size_t count =
        std::min<size_t>(bytes.size(), 1 + random.u64() % (cuts == 0 ? 65536 : cuts));
    if (!take(bytes.substr(0, count))) return;
    bytes.remove_prefix(count);
  }
}

void to_receiver(std::string_view bytes, uint8_t cuts, Reader reader) {
  static OneCredential credential;
  SeededRandom random(2);
  MemoryOpener memory;
  const std::unique_ptr<MailStore> store = open_store(memory);
  const auto session = sync::make_receiver(*store,
                                           {.userid = "replicator",
                                            .server_name = "fuzz",
                                            .credentials = &credential,
                                            .random = &random,
                                            .server_secret = "secret"},
                                           {.peer_address = "127.0.0.1", .is_local = true});
  said_by(*session);
  if (reader == kReceiver) log_in(*session);
  in_pieces(bytes, cuts, [&](std::string_view piece) {
    if (session->want() != wire::Want::kInput) return false;
    say(*session, piece);
    return true;
  });
  if (reader == kReceiver && session->want() == wire::Want::kInput) say(*session, "\r\nSYNC\r\n");
  CHECK(store->verify({}).value().problems.empty());
}

void to_answers(std::string_view bytes, uint8_t cuts) {
  wire::Framer framer(sync::kLimits);
  in_pieces(bytes, cuts, [&](std::string_view piece) {
    framer.feed(piece);
    while (true) {
      const auto step = framer.next();
      if (!step) return false;
      if (!*step) return true;
      if ((*step)->kind == wire::Step::Kind::kLiteral) {
        if (!framer.keep()) return false;
        continue;
      }
      wire::Tokenizer in((*step)->frame);
      (void)sync::decode_answer(in);
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gemel::log::set_level(gemel::log::Level::kOff);
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
  const auto reader = static_cast<Reader>(data[1] % kReaders);
  if (reader == kAnswers)
    to_answers(bytes, data[0]);
  else
    to_receiver(bytes, data[0], reader);
  return 0;
}
