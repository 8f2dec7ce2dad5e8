#include "bin/gemel_client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace gemel::tool {
namespace {

Code code_of(std::string_view name) {
  for (size_t i = 0; i < kCodeCount; ++i)
    if (name_of(static_cast<Code>(i)) == name) return static_cast<Code>(i);
  return Code::kIo;
}

}  // namespace

Result<Client> Client::connect(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path)
    return fail(Code::kInvalid, fmt::format("the socket's path is too long: {}", socket_path));
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  Client client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (client.descriptor_ < 0) return fail(Code::kIo, std::strerror(errno));
  if (::connect(client.descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
    return client;
  const int error = errno;
  if (error == EACCES)
    return fail(Code::kDenied, fmt::format("you may not use the socket {}", socket_path));
  return fail(Code::kUnavailable,
              fmt::format("no server listens on {} ({})", socket_path, std::strerror(error)));
}

Client::~Client() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Client::Client(Client&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), input_(std::move(other.input_)) {}

Result<void> Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return fail(Code::kUnavailable, "the server closed the connection");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

Result<std::string> Client::read_line() {
  size_t searched = 0;
  while (true) {
    if (const size_t end = input_.find('\n', searched); end != std::string::npos) {
      std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      return line;
    }
    searched = input_.size();
    char buffer[65536];
    const ssize_t count = ::read(descriptor_, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(Code::kUnavailable, "the server closed the connection");
    input_.append(buffer, static_cast<size_t>(count));
  }
}

Result<admin::Json> Client::receive(const std::function<void(const admin::Json&)>& on_row) {
  while (true) {
    TRY(const std::string line, read_line());
    admin::Json row = admin::Json::parse(line, nullptr, false);
    if (!row.is_object()) return fail(Code::kCorrupt, "the server's answer is no JSON object");
    const auto ok = row.find("ok");
    if (ok == row.end() || !ok->is_boolean()) {
      on_row(row);
      continue;
    }
    if (ok->get<bool>()) return row;
    return fail(code_of(row.value("code", "io")), row.value("error", "the server gave no reason"));
  }
}

Result<admin::Json> Client::call(const admin::Json& request,
                                 const std::function<void(const admin::Json&)>& on_row) {
  TRY_OK(send(admin::to_line(request) + "\n"));
  return receive(on_row);
}

}  // namespace gemel::tool
