// The MIME scanner and what IMAP makes of its tree, on mail of usual and unusual shapes.
#include <benchmark/benchmark.h>

#include <string>

#include "counted.h"
#include "mail/imap_envelope.h"
#include "mail/mime_structure.h"
#include "mail/text.h"

namespace gemel {
namespace {

std::string header() {
  std::string out;
  for (int i = 0; i < 8; ++i)
    out +=
        "Received: from relay.example.net (relay.example.net [192.0.2.1])\r\n"
        "\tby mx.example.org with ESMTPS id 0123456789; Mon, 1 Jan 2024 10:00:00 +0000\r\n";
  out +=
      "From: Some One <someone@example.org>\r\nTo: other@example.org, third@example.org\r\n"
      "Subject: =?utf-8?q?A_usual_subject_with_=C3=A9?=\r\nMessage-ID: <1@example.org>\r\n"
      "Date: Mon, 1 Jan 2024 10:00:00 +0000\r\nMIME-Version: 1.0\r\n";
  return out;
}

/// Text, HTML and an attachment of about `bytes` in lines as base64 has them.
std::string usual_mail(size_t bytes) {
  std::string out = header() + "Content-Type: multipart/mixed; boundary=\"=_outer\"\r\n\r\n";
  out += "--=_outer\r\nContent-Type: multipart/alternative; boundary=\"=_inner\"\r\n\r\n";
  out += "--=_inner\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello.\r\n";
  out += "--=_inner\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello.</p>\r\n";
  out +=
      "--=_inner--\r\n--=_outer\r\nContent-Type: application/pdf; name=a.pdf\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\n";
  while (out.size() < bytes) out += std::string(76, 'A') + "\r\n";
  return out + "--=_outer--\r\n";
}

std::string nested_mail(int levels) {
  std::string out;
  for (int i = 0; i < levels; ++i) {
    const std::string boundary = std::to_string(i);
    out += "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
  }
  return out;
}

void scan(benchmark::State& state, const std::string& message) {
  const Counting counting;
  for (auto _ : state) benchmark::DoNotOptimize(parse_structure(message));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(message.size()));
}

void BM_ScanUsualMail(benchmark::State& state) {
  scan(state, usual_mail(static_cast<size_t>(state.range(0))));
}
BENCHMARK(BM_ScanUsualMail)->Arg(5'000)->Arg(100'000)->Arg(10'000'000)->Apply(counted<10>);

void BM_ScanDelimiterLookalikes(benchmark::State& state) {
  std::string message = nested_mail(100);
  for (int i = 0; i < 100'000; ++i) message += "--=_none_of_the_boundaries_but_much_like_one\r\n";
  scan(state, message);
}
BENCHMARK(BM_ScanDelimiterLookalikes)->Apply(counted<3>);

void BM_ScanNested(benchmark::State& state) { scan(state, nested_mail(20'000)); }
BENCHMARK(BM_ScanNested)->Apply(counted<3>);

void BM_EnvelopeAndBodystructure(benchmark::State& state) {
  const std::string message = usual_mail(5'000);
  const MimePart structure = parse_structure(message);
  WholeMessage whole(message);
  const Counting counting;
  for (auto _ : state) {
    benchmark::DoNotOptimize(imap_envelope(structure.header_in(message), ImapDialect::kAscii));
    benchmark::DoNotOptimize(imap_bodystructure(whole, structure, ImapDialect::kAscii));
  }
}
BENCHMARK(BM_EnvelopeAndBodystructure)->Apply(counted<1'000>);

void BM_EnvelopeOfManyAddresses(benchmark::State& state) {
  std::string message = "To: ";
  for (int i = 0; i < 1'000'000; ++i) message += "a@example.org,\r\n ";
  const Counting counting;
  for (auto _ : state) benchmark::DoNotOptimize(imap_envelope(message, ImapDialect::kAscii));
}
BENCHMARK(BM_EnvelopeOfManyAddresses)->Apply(counted<1>);

void BM_TextSearch(benchmark::State& state) {
  const std::string message = usual_mail(100'000);
  const MimePart structure = parse_structure(message);
  WholeMessage whole(message);
  const SearchKey key("nowhere");
  const Counting counting;
  for (auto _ : state) benchmark::DoNotOptimize(text_contains(whole, structure, key));
}
BENCHMARK(BM_TextSearch)->Apply(counted<100>);

}  // namespace
}  // namespace gemel
