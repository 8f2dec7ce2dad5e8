// Framer, tokens, UID sets and the codec of updates: what each command and each update goes
// through.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "counted.h"
#include "mail/uid_set.h"
#include "sync/codec.h"
#include "wire/framer.h"
#include "wire/tokens.h"

namespace gemel {
namespace {

std::string commands(int count) {
  std::string out;
  for (int i = 0; i < count; ++i)
    out += "a" + std::to_string(i) +
           " UID STORE 17,19:23 (UNCHANGEDSINCE 12345) +FLAGS.SILENT (\\Seen $Junk \"x\")\r\n";
  return out;
}

void BM_Framer(benchmark::State& state) {
  const std::string input = commands(100);
  const auto piece = static_cast<size_t>(state.range(0));
  const Counting counting;
  for (auto _ : state) {
    wire::Framer framer({.line_bytes_max = 8192});
    for (size_t at = 0; at < input.size(); at += piece) {
      framer.feed(std::string_view(input).substr(at, piece));
      for (auto step = framer.next(); step && *step; step = framer.next())
        benchmark::DoNotOptimize(*step);
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(input.size()));
}
BENCHMARK(BM_Framer)->Arg(7)->Arg(64 << 10)->Apply(counted<100>);

void BM_FramerStreamsALiteral(benchmark::State& state) {
  const std::string body(5'000, 'x');
  const std::string input = "a1 APPEND INBOX (\\Seen) {5000+}\r\n" + body + "\r\n";
  const Counting counting;
  for (auto _ : state) {
    wire::Framer framer({.line_bytes_max = 8192});
    framer.feed(input);
    for (auto step = framer.next(); step && *step; step = framer.next())
      if ((*step)->kind == wire::Step::Kind::kLiteral) framer.stream();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(input.size()));
}
BENCHMARK(BM_FramerStreamsALiteral)->Apply(counted<1'000>);

void BM_Tokens(benchmark::State& state) {
  const std::string line = commands(1);
  const Counting counting;
  for (auto _ : state) {
    wire::Tokenizer tokens{std::string_view(line)};
    if (!tokens.tag()) std::abort();
    while (tokens.skip(' '))
      if (!tokens.skip_value()) tokens.skip(':');
    benchmark::DoNotOptimize(tokens);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(line.size()));
}
BENCHMARK(BM_Tokens)->Apply(counted<10'000>);

/// Every third of `count` uids: as many ranges as members.
UidSet scattered(int64_t count, uint32_t from) {
  UidSet out;
  for (int64_t i = 0; i < count; ++i) out.add(Uid(from + static_cast<uint32_t>(i) * 3));
  return out;
}

void BM_UidSetParse(benchmark::State& state) {
  const std::string text = scattered(state.range(0), 1).text();
  const Counting counting;
  for (auto _ : state) benchmark::DoNotOptimize(UidSet::parse(text, SIZE_MAX));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_UidSetParse)->Arg(100)->Arg(100'000)->Apply(counted<10>);

void BM_UidSetAlgebra(benchmark::State& state) {
  const UidSet some = scattered(state.range(0), 1);
  const UidSet others = UidSet::of(Uid(1), Uid(static_cast<uint32_t>(state.range(0))));
  const Counting counting;
  for (auto _ : state) {
    benchmark::DoNotOptimize(some & others);
    benchmark::DoNotOptimize(others - some);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_UidSetAlgebra)->Arg(100)->Arg(100'000)->Apply(counted<10>);

MailboxUpdate update_of(int64_t messages) {
  MailboxUpdate out;
  out.id = {.origin = 1, .number = 7};
  for (int64_t i = 0; i < messages; ++i) {
    AppendItem item;
    item.uid = Uid(static_cast<uint32_t>(i + 1));
    item.modseq = item.created_modseq = ModSeq(static_cast<uint64_t>(i) + 10);
    item.internaldate_s = item.savedate_s = 1'700'000'000 + i;
    item.guid.bytes.fill(static_cast<uint8_t>(i));
    item.size = 5'000;
    out.items.emplace_back(std::move(item));
  }
  out.from = ModSeq(9);
  out.to = ModSeq(static_cast<uint64_t>(messages) + 9);
  out.last_uid = Uid(static_cast<uint32_t>(messages));
  return out;
}

void BM_CodecEncode(benchmark::State& state) {
  const MailboxUpdate update = update_of(state.range(0));
  const Counting counting;
  for (auto _ : state) {
    sync::CodecContext context;
    benchmark::DoNotOptimize(
        sync::encode(update, [](const AppendItem&) { return false; }, context));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_CodecEncode)->Arg(1)->Arg(1'000)->Apply(counted<100>);

void BM_CodecDecode(benchmark::State& state) {
  sync::CodecContext context;
  std::string text;
  for (const sync::Piece& piece :
       sync::encode(update_of(state.range(0)), [](const AppendItem&) { return false; }, context))
    text += piece.text;
  text = text.substr(text.find(' ') + 1);  // what follows "UPDATE "
  const Counting counting;
  for (auto _ : state) {
    wire::Tokenizer tokens{std::string_view(text)};
    sync::CodecContext theirs;
    if (!sync::decode_update(tokens, theirs)) state.SkipWithError("it does not decode");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_CodecDecode)->Arg(1)->Arg(1'000)->Apply(counted<100>);

}  // namespace
}  // namespace gemel
