/// The playground's HTTP server: one page, /api/about, and /api/TOOL for each tool, to which a picture is posted.
///
/// It serves no files, so there is no path to escape from. Uploads are counted while they arrive.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "playground/tools.hpp"

namespace playground {

struct ServerOptions {
  std::string host = "127.0.0.1";  ///< loopback: nobody else can reach it
  int port = 8080;                 ///< 0: any free one
  std::size_t upload_bytes = std::size_t{16} << 20;
  kashi::Index picture_pixels = kashi::Index{24} << 20;
};

/// Serves until `is_over` is true. `started(port)` is called once the server can be reached.
/// Throws IoError if the port can't be had.
void serve(const About& about, const std::vector<Tool>& tools, const ServerOptions& options,
           const std::function<void(int port)>& started, const std::function<bool()>& is_over);

}  // namespace playground
