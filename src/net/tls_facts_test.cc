// What of TLS reaches the sessions and the clients: channel bindings, certificates, names.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "net/network.h"
#include "net/test_world.h"

namespace gemel::net {
namespace {

using testing::CertificateNames;
using testing::Directory;
using testing::make_certificate;
using testing::Peer;

// Says what it knows of its TLS, in hex, and ends.
class Telling final : public wire::Session {
 public:
  explicit Telling(wire::SessionEnv env) : env_(std::move(env)) {}
  void receive(std::string_view) override {}
  void produce(std::string& out, size_t) override {
    if (std::exchange(has_spoken_, true)) return;
    out += to_hex(env_.tls->exporter) + "\n" + to_hex(env_.tls->server_end_point) + "\n";
    for (const std::string& userid : env_.tls->client_userids) out += userid + " ";
    out += "\n";
  }
  wire::Want want() const override { return wire::Want::kClose; }
  void timed_out() override {}
  void end_of_input() override {}
  void shut_down() override {}

 private:
  wire::SessionEnv env_;
  bool has_spoken_ = false;
};

class TlsFactsTest : public ::testing::Test {
 protected:
  TlsFactsTest() {
    make_certificate(file("mail.pem"), file("mail.key"));
    make_certificate(file("news.pem"), file("news.key"),
                     {.common = "news", .alternative = "DNS:*.news.example"});
    make_certificate(file("ann.pem"), file("ann.key"),
                     {.common = "Ann", .alternative = "email:ann@example.org"});
  }
  std::string file(const std::string& name) const { return directory_.file(name); }
  TlsFiles files() const {
    return {.certificates = {{file("mail.pem"), file("mail.key")},
                             {file("news.pem"), file("news.key")}}};
  }
  std::string listen(const TlsFiles& files) {
    return network_
        .listen(
            {.host = "127.0.0.1",
             .tls = ListenOptions::Tls::kImplicit,
             .identity = TlsIdentity::load(files).value(),
             .alpn = {"imap"},
             .session =
                 [](wire::SessionEnv env) { return std::make_unique<Telling>(std::move(env)); }})
        .value();
  }

  Directory directory_;
  Network network_{{.workers = 2}};
};

std::string exported(SSL* tls) {
  std::string out(32, '\0');
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  const unsigned char nothing = 0;
  EXPECT_EQ(SSL_export_keying_material(tls, reinterpret_cast<unsigned char*>(out.data()), 32,
                                       kLabel.data(), kLabel.size(), &nothing, 0, 1),
            1);
  return out;
}

std::string host_of(SSL* tls) {
  X509* const certificate = SSL_get1_peer_certificate(tls);
  std::array<char, 64> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                            name.size());
  X509_free(certificate);
  return name.data();
}

TEST_F(TlsFactsTest, BothEndsHaveTheSameChannelBindings) {  // RFC 9266 §2, RFC 5929 §4.1
  const std::string address = listen(files());
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    SCOPED_TRACE(version);
    Peer peer(address);
    ASSERT_TRUE(peer.start_tls({.version_max = version}));
    X509* const certificate = SSL_get1_peer_certificate(peer.tls());
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    X509_digest(certificate, EVP_sha256(), digest.data(), &size);
    X509_free(certificate);
    EXPECT_EQ(peer.read_line(), to_hex(exported(peer.tls())) + "\n");
    EXPECT_EQ(peer.read_line(),
              to_hex({reinterpret_cast<const char*>(digest.data()), size}) + "\n");
    EXPECT_EQ(peer.read_line(), "\n");
  }
}

TEST_F(TlsFactsTest, AClientGetsTheCertificateOfTheHostItNames) {  // RFC 6066 §3
  const std::string address = listen(files());
  const auto certificate_for = [&](const std::string& host) {
    Peer peer(address);
    EXPECT_TRUE(peer.start_tls({.host = host}));
    return host_of(peer.tls());
  };
  EXPECT_EQ(certificate_for("a.news.example"), "news");
  EXPECT_EQ(certificate_for("mail.example"), "mail.example");
  EXPECT_EQ(certificate_for("other.example"), "mail.example");
  EXPECT_EQ(certificate_for(""), "mail.example");
}

TEST_F(TlsFactsTest, AClientOfAnotherProtocolIsRefused) {  // RFC 7301 §3.2
  const std::string address = listen(files());
  const auto agreed = [&](const std::string& offer) -> std::string {
    Peer peer(address);
    if (!peer.start_tls({.alpn = offer})) return "refused";
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(peer.tls(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  };
  EXPECT_EQ(agreed("\x04imap"), "imap");
  EXPECT_EQ(agreed("\x02h2\x04imap"), "imap");
  EXPECT_EQ(agreed("\x02h2\x08http/1.1"), "refused");
  EXPECT_EQ(agreed(""), "");
}

TEST_F(TlsFactsTest, ATrustedCertificateNamesItsUser) {
  const auto userids = [&](TlsFiles::ClientName name, const std::string& ca) {
    TlsFiles asking = files();
    asking.client_ca_file = ca;
    asking.client_name = name;
    Peer peer(listen(asking));
    EXPECT_TRUE(peer.start_tls({.certificate_file = file("ann.pem"), .key_file = file("ann.key")}));
    peer.read_line();
    peer.read_line();
    return peer.read_line();
  };
  using Name = TlsFiles::ClientName;
  EXPECT_EQ(userids(Name::kEmail, file("ann.pem")), "ann@example.org \n");
  EXPECT_EQ(userids(Name::kLocalPart, file("ann.pem")), "ann \n");
  EXPECT_EQ(userids(Name::kCommonName, file("ann.pem")), "Ann \n");
  EXPECT_EQ(userids(Name::kEmail, file("news.pem")), "\n");  // nobody vouches for it
  EXPECT_EQ(userids(Name::kEmail, ""), "\n");                // nobody asks for it
}

TEST_F(TlsFactsTest, FilesThatAreNotGoodAreNamed) {
  TlsFiles bad = files();
  bad.client_ca_file = file("mail.key");
  EXPECT_TRUE(TlsIdentity::load(bad).error().text.contains("mail.key"));
  bad = files();
  bad.certificates[1].key_file = file("mail.key");
  EXPECT_TRUE(TlsIdentity::load(bad).error().text.contains("mail.key"));
  EXPECT_EQ(TlsIdentity::load({}).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace gemel::net
