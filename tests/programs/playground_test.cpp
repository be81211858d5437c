/// The playground as a process: its page, its answers, and what it refuses.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <kashi/io/image.hpp>
#include <kashi/train/weights.hpp>

#include "../../examples/digits/network.hpp"
#include "programs/process.hpp"

using namespace kashi;
using Catch::Matchers::Contains;

namespace {

struct Answer {
  int status = 0;
  std::string body;
};

/// Sends these bytes and reads to the end.
Answer talk(int port, const std::string& request) {
  const int connection = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string received;
  if (::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    for (std::size_t sent = 0; sent < request.size();) {
      const ssize_t count = ::send(connection, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) break;
      sent += static_cast<std::size_t>(count);
    }
    char buffer[4096];
    for (ssize_t count; (count = ::recv(connection, buffer, sizeof buffer, 0)) > 0;)
      received.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(connection);
  const std::size_t head = received.find("\r\n\r\n");
  if (!received.starts_with("HTTP/1.1 ") || head == std::string::npos) return {};
  return {std::stoi(received.substr(9, 3)), received.substr(head + 4)};
}

Answer get(int port, const std::string& path, const std::string& host = "localhost") {
  return talk(port, "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
}

Answer post(int port, const std::string& path, const std::string& body, const std::string& headers = "") {
  return talk(port, "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers +
                        "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

std::string picture() {
  const auto png = io::encode_png(Tensor<std::uint8_t>::full({20, 30, 3}, 200));
  return {reinterpret_cast<const char*>(png.data()), png.size()};
}

/// A server on a free port, with an untrained network.
class Server {
 public:
  Server()
      : weights_(save_weights(folder_ / "w.safetensors")),
        process_("playground", {"--weights", weights_, "--port", "0"}) {
    for (int i = 0; i < 600 && port_ == 0 && process_.is_running(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      const std::string said = process_.output();
      const std::size_t place = said.find("127.0.0.1:");
      if (place != std::string::npos && said.find('\n') != std::string::npos)
        port_ = std::stoi(said.substr(place + 10));
    }
    REQUIRE(port_ > 0);
  }

  int port() const { return port_; }
  Process& process() { return process_; }

 private:
  static std::string save_weights(const std::filesystem::path& path) {
    train::save_weights(path, digits::network(3).to_state_dict(), digits::metadata({"one", "two", "three"}));
    return path.string();
  }

  TemporaryFolder folder_;
  std::string weights_;
  Process process_;
  int port_ = 0;
};

/// The message of an answer with this status.
std::string refusal(const Answer& answer, int status) {
  CHECK(answer.status == status);
  return answer.body;
}

bool is_built() {
  if (std::filesystem::exists(program_path("playground"))) return true;
  WARN("examples/playground was not built (cpp-httplib is missing)");
  return false;
}

}  // namespace

TEST_CASE("the playground serves its page, and classes with probabilities for a picture") {
  if (!is_built()) return;
  Server server;
  const Answer page = get(server.port(), "/");
  CHECK(page.status == 200);
  CHECK_THAT(page.body, Contains("kashi playground") && Contains("<canvas"));
  const auto about = nlohmann::json::parse(get(server.port(), "/api/about").body);
  CHECK(about.at("classes") == 3);
  CHECK(about.at("tools") == nlohmann::json{"classify", "map", "attack"});

  const Answer answer = post(server.port(), "/api/classify", picture());
  REQUIRE(answer.status == 200);
  const auto classes = nlohmann::json::parse(answer.body).at("classes");
  REQUIRE(classes.size() == 3);
  double sum = 0;
  for (const auto& one : classes) sum += one.at("probability").get<double>();
  CHECK(sum == Approx(1).epsilon(1e-5));
  CHECK(classes[0].at("probability") >= classes[1].at("probability"));

  server.process().send(SIGINT);
  CHECK(server.process().wait().exit_code == 130);
}

TEST_CASE("the playground refuses bad uploads with a message, and lives on") {
  if (!is_built()) return;
  Server server;
  const int port = server.port();
  CHECK_THAT(refusal(post(port, "/api/classify", "no picture"), 422), Contains("it is no PNG, JPEG or BMP file"));
  CHECK_THAT(refusal(post(port, "/api/classify", picture().substr(0, 40)), 422), Contains("cannot read image"));
  CHECK_THAT(refusal(post(port, "/api/classify", ""), 400), Contains("empty"));
  CHECK_THAT(refusal(post(port, "/api/classify", std::string((16 << 20) + 1, 'x')), 413), Contains("at most 16 MiB"));
  CHECK_THAT(refusal(post(port, "/api/classify", "x", "Content-Encoding: gzip\r\n"), 415), Contains("as they are"));
  CHECK_THAT(
      refusal(
          talk(port, "POST /api/classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
          411),
      Contains("Content-Length"));
  CHECK_THAT(refusal(get(port, "/../../etc/passwd"), 404), Contains("nothing at this address"));
  CHECK_THAT(refusal(get(port, "/%2e%2e/etc/passwd"), 404), Contains("nothing at this address"));
  CHECK_THAT(refusal(post(port, "/elsewhere", picture()), 404), Contains("nothing at this address"));
  CHECK_THAT(refusal(get(port, "/", "elsewhere.example"), 403), Contains("localhost alone"));
  CHECK(post(port, "/api/classify", picture()).status == 200);
}

TEST_CASE("the playground shows what speaks for a class, and how little fools the network") {
  if (!is_built()) return;
  Server server;
  const auto ask = [&](const std::string& what) {
    const Answer answer = post(server.port(), "/api/" + what, picture());
    CAPTURE(what, answer.body.substr(0, 300));
    CHECK(answer.status == 200);
    return nlohmann::json::parse(answer.body);
  };
  const auto is_picture = [](const nlohmann::json& url) {
    return url.get<std::string>().starts_with("data:image/png;base64,iVBOR");
  };
  const auto classes = ask("classify").at("classes");
  const auto likeliest = ask("map");
  CHECK(likeliest.at("index") == classes[0].at("index"));
  CHECK(is_picture(likeliest.at("picture")));
  const auto second = ask("map?class=" + std::to_string(classes[1].at("index").get<int>()));
  CHECK(second.at("name") == classes[1].at("name"));
  CHECK(is_picture(second.at("picture")));

  const auto none = ask("attack?epsilon=0"), some = ask("attack?epsilon=8");
  CHECK(none.at("classes")[0].at("index") == classes[0].at("index"));
  CHECK(some.at("before").at("index") == classes[0].at("index"));
  CHECK(is_picture(some.at("picture")));
  CHECK(is_picture(some.at("change")));
  const auto probability = [&](const nlohmann::json& answer) {
    for (const auto& one : answer.at("classes"))
      if (one.at("index") == classes[0].at("index")) return one.at("probability").get<double>();
    return 0.0;
  };
  CHECK(probability(some) <= probability(none));

  CHECK_THAT(refusal(post(server.port(), "/api/map?class=3", picture()), 422),
             Contains("class must be a number between -1 and 2"));
  CHECK_THAT(refusal(post(server.port(), "/api/map?class=cat", picture()), 422), Contains("class must be a number"));
  CHECK_THAT(refusal(post(server.port(), "/api/attack?epsilon=1e9", picture()), 422),
             Contains("epsilon must be a number between 0 and 64"));
}

TEST_CASE("eight clients at once all get the same answer") {
  if (!is_built()) return;
  Server server;
  std::vector<std::string> answers(80);
  std::vector<std::thread> clients;
  for (std::size_t client = 0; client < 8; ++client) {
    clients.emplace_back([&, client] {
      for (std::size_t i = client; i < answers.size(); i += 8) {
        const Answer answer = post(server.port(), "/api/classify", picture());
        if (answer.status == 200) answers[i] = nlohmann::json::parse(answer.body).at("classes").dump();
      }
    });
  }
  for (auto& client : clients) client.join();
  CHECK_FALSE(answers.front().empty());
  CHECK(answers == std::vector<std::string>(answers.size(), answers.front()));
}

TEST_CASE("the playground says what it needs") {
  if (!is_built()) return;
  const Ending without = run_program("playground", {});
  CHECK(without.exit_code == 1);
  CHECK_THAT(without.errors, Contains("--weights FILE is needed"));
  const TemporaryFolder folder;
  io::save_safetensors(folder / "other", {});
  const Ending other = run_program("playground", {"--weights", (folder / "other").string()});
  CHECK(other.exit_code == 1);
  CHECK_THAT(other.errors, Contains("does not hold weights of this program"));
  const Ending wrong =
      run_program("playground", {"--model", "resnet20_cifar10", "--weights", (folder / "other").string()});
  CHECK(wrong.exit_code == 1);
  CHECK_THAT(wrong.errors, Contains("does not hold weights of resnet20_cifar10"));
}
