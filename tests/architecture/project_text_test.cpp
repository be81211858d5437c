/// The project's text names no path of the machine that it was written on.
#include <catch2/catch.hpp>

#include <regex>

#include "include_graph.hpp"

namespace fs = std::filesystem;

namespace {

/// Absolute paths below a person's or a workplace's folder. The pieces keep this file from finding itself.
const std::regex& machine_path() {
  static const std::regex pattern(std::string("(^|[^A-Za-z0-9_.~}/-])/(wo") + "rk|ro" + "ot|ho" + "me/[a-z]+|Us" +
                                  "ers/[A-Za-z]+)/|[A-Z]:\\\\Us" + "ers");
  return pattern;
}

/// Optional data beside the checkout: tests and benchmarks alone may look for it.
const std::string beside = std::string("../sha") + "red";

bool is_built_or_hidden(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == ".git" || name == "out" || name == "build" || name.starts_with("build-") || name == "__pycache__";
}

/// Broken rules of one text, as "path:line: text".
std::vector<std::string> machine_paths(const std::string& path, const std::string& text) {
  const bool may_look_beside = path.starts_with("tests/") || path.starts_with("benchmarks/");
  std::vector<std::string> found;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const bool beside_the_tree = !may_look_beside && line.find(beside) != std::string::npos;
    if (beside_the_tree || std::regex_search(line, machine_path())) {
      found.push_back(path + ":" + std::to_string(number) + ": " + line);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("no file of the project names a machine's paths") {
  const fs::path root = KASHI_SOURCE_DIR;
  std::size_t files = 0;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    if (it->is_directory() && is_built_or_hidden(it->path())) it.disable_recursion_pending();
    if (!it->is_regular_file() || it->file_size() > 1 << 20) continue;
    const std::string text = architecture::read(it->path());
    if (text.find('\0') != std::string::npos) continue;
    ++files;
    CHECK(machine_paths(fs::relative(it->path(), root).generic_string(), text) == std::vector<std::string>{});
  }
  CHECK(files > 20);
}

TEST_CASE("the check finds machine paths and leaves other text alone") {
  const auto machine = [](const std::string& name) { return "open(\"/" + name + "/data\")"; };
  CHECK(machine_paths("docs/a.md", machine("work")).size() == 1);
  CHECK(machine_paths("docs/a.md", machine("home/ali")).size() == 1);
  CHECK(machine_paths("include/kashi/a.hpp", "// " + beside + "/data").size() == 1);
  CHECK(machine_paths("tests/data/a_test.cpp", "// " + beside + "/data").empty());
  const auto inside = [](const std::string& folder, const std::string& name) { return folder + "/" + name + "/x"; };
  CHECK(machine_paths("docs/a.md", "see " + inside("out", "work") + " and /usr/include and " + inside("build", "root"))
            .empty());
}
