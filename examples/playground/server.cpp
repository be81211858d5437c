#include "playground/server.hpp"

#include <chrono>
#include <mutex>
#include <thread>

#include <httplib.h>

#include <kashi/io/image.hpp>

#include "playground/page.hpp"

using namespace kashi;

namespace playground {

namespace {

void answer(httplib::Response& response, int status, const nlohmann::json& content) {
  response.status = status;
  response.set_content(content.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), "application/json");
}

void refuse(httplib::Response& response, int status, const std::string& reason) {
  answer(response, status, {{"error", reason}});
}

bool is_loopback(const std::string& host) { return host == "127.0.0.1" || host == "localhost" || host == "::1"; }

/// The name in "localhost:8080" or "[::1]:8080".
std::string name_of_host(const std::string& header) {
  if (header.starts_with('[')) return header.substr(1, header.find(']') - 1);
  return header.substr(0, header.find(':'));
}

class Pages {
 public:
  Pages(const About& about, const std::vector<Tool>& tools, const ServerOptions& options)
      : about_(about), tools_(tools), options_(options) {}

  void add_to(httplib::Server& server) {
    server.set_payload_max_length(options_.upload_bytes);
    server.set_keep_alive_max_count(1);  // what a refused upload leaves behind is never read as a next request
    server.set_read_timeout(10);
    server.set_write_timeout(10);
    server.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      return is_refused(request, response) ? httplib::Server::HandlerResponse::Handled
                                           : httplib::Server::HandlerResponse::Unhandled;
    });
    server.set_expect_100_continue_handler([this](const httplib::Request& request, httplib::Response& response) {
      return is_refused(request, response) ? response.status : 100;
    });
    server.set_error_handler([this](const httplib::Request&, httplib::Response& response) {
      if (!response.body.empty()) return;
      refuse(response, response.status,
             response.status == 404   ? "there is nothing at this address"
             : response.status == 413 ? too_large()
                                      : "the request can't be understood");
    });
    server.Get("/", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(page, "text/html; charset=utf-8");
    });
    server.Get("/api/about", [this](const httplib::Request&, httplib::Response& response) {
      nlohmann::json names = nlohmann::json::array();
      for (const Tool& tool : tools_) names.push_back(tool.name);
      answer(response, 200,
             {{"model", about_.model},
              {"classes", about_.classes},
              {"drawn", about_.is_drawn},
              {"tools", names},
              {"upload_bytes", options_.upload_bytes}});
    });
    for (const Tool& tool : tools_) {
      server.Post("/api/" + tool.name, [this, &tool](const httplib::Request& request, httplib::Response& response,
                                                     const httplib::ContentReader& content) {
        run(tool, Parameters({request.params.begin(), request.params.end()}), response, content);
      });
    }
  }

 private:
  std::string too_large() const {
    return text("the upload is too large: at most ", options_.upload_bytes >> 20, " MiB are taken");
  }

  /// Looks at the head of a request before its content is read.
  bool is_refused(const httplib::Request& request, httplib::Response& response) const {
    const auto no = [&](int status, const std::string& reason) {
      refuse(response, status, reason);
      return true;
    };
    // A foreign page may have its own name point to this machine; it would then come with that name.
    if (is_loopback(options_.host) && !is_loopback(name_of_host(request.get_header_value("Host"))))
      return no(403, "this server answers to localhost alone");
    if (request.method == "GET" || request.method == "HEAD") return false;
    if (request.method != "POST") return no(405, "only GET and POST are understood");
    const bool is_known = std::any_of(tools_.begin(), tools_.end(),
                                      [&](const Tool& tool) { return request.path == "/api/" + tool.name; });
    if (!is_known) return no(404, "there is nothing at this address");
    if (request.has_header("Transfer-Encoding") || !request.has_header("Content-Length"))
      return no(411, "the upload's length must be told beforehand (Content-Length)");
    if (request.has_header("Content-Encoding")) return no(415, "send the picture's bytes as they are");
    if (request.is_multipart_form_data()) return no(415, "send the picture's bytes alone, not a form");
    return false;
  }

  void run(const Tool& tool, const Parameters& parameters, httplib::Response& response,
           const httplib::ContentReader& content) {
    std::string bytes;
    const bool is_whole = content([&](const char* data, std::size_t count) {
      if (count > options_.upload_bytes - bytes.size()) return false;
      bytes.append(data, count);
      return true;
    });
    if (!is_whole) {
      if (response.status == 413)
        refuse(response, 413, too_large());
      else
        refuse(response, 400, "the upload broke off");
      return;
    }
    if (bytes.empty()) return refuse(response, 400, "the upload is empty");
    try {
      const std::scoped_lock one_at_a_time(working_);
      const auto begin = std::chrono::steady_clock::now();
      io::Limits limits;
      limits.image_pixels = options_.picture_pixels;
      const Tensor<std::uint8_t> image =
          io::decode_image(std::as_bytes(std::span(bytes)), {.channels = 3, .limits = limits});
      nlohmann::json result = tool.run(as_float(image), parameters);
      result["width"] = image.size(1);
      result["height"] = image.size(0);
      result["milliseconds"] =
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
      answer(response, 200, result);
    } catch (const Error& error) {
      refuse(response, 422, error.what());
    } catch (const std::bad_alloc&) {
      refuse(response, 503, "there is not enough memory for this picture");
    }
  }

  static Tensor<float> as_float(const Tensor<std::uint8_t>& image) {
    auto out = Tensor<float>::empty(image.shape());
    std::transform(image.data(), image.data() + image.numel(), out.mutable_data(),
                   [](std::uint8_t value) { return static_cast<float>(value) / 255.0f; });
    return out;
  }

  const About& about_;
  const std::vector<Tool>& tools_;
  const ServerOptions& options_;
  std::mutex working_;  // one picture in memory at a time, and all threads for it
};

}  // namespace

void serve(const About& about, const std::vector<Tool>& tools, const ServerOptions& options,
           const std::function<void(int port)>& started, const std::function<bool()>& is_over) {
  httplib::Server server;
  server.new_task_queue = [] { return new httplib::ThreadPool(8); };
  Pages pages(about, tools, options);
  pages.add_to(server);
  const int port = options.port == 0                                 ? server.bind_to_any_port(options.host)
                   : server.bind_to_port(options.host, options.port) ? options.port
                                                                     : -1;
  require<IoError>(port > 0, "can't listen at ", options.host, " port ", options.port,
                   ": is it in use? (--port chooses another)");
  std::thread listening([&] { server.listen_after_bind(); });
  started(port);
  while (!is_over()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  server.stop();
  listening.join();
}

}  // namespace playground
