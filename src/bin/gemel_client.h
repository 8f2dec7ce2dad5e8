// The tool's side of the admin protocol: a unix socket, lines out and in.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "admin/rows.h"
#include "base/result.h"

namespace gemel::tool {

/// One connection to a running server. Waits. One thread.
class Client {
 public:
  /// Errors: kUnavailable, no server listens there; kDenied, the socket's permissions.
  static Result<Client> connect(const std::string& socket_path);
  ~Client();
  Client(Client&& other) noexcept;
  Client& operator=(Client&&) = delete;

  /// Errors: kUnavailable, the server has gone.
  Result<void> send(std::string_view bytes);

  /// Reads rows until the last one, which is returned; the others go to `on_row`. Errors:
  /// kUnavailable; those that the server answers, with its code and text.
  Result<admin::Json> receive(const std::function<void(const admin::Json&)>& on_row);

  /// send and receive.
  Result<admin::Json> call(const admin::Json& request,
                           const std::function<void(const admin::Json&)>& on_row);

 private:
  explicit Client(int descriptor) : descriptor_(descriptor) {}
  Result<std::string> read_line();

  int descriptor_;
  std::string input_;
};

}  // namespace gemel::tool
