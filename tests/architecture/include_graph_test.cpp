/// The house stands as drawn: arrows of the include graph go to the floors below, and never in circles.
#include <catch2/catch.hpp>

#include "include_graph.hpp"

using architecture::Headers;

namespace {

const Headers& library() {
  static const Headers headers = architecture::read_headers(KASHI_SOURCE_DIR "/include");
  return headers;
}

/// The broken rules when `from` holds one include of `to`, a header that exists.
std::vector<std::string> one_arrow(const std::string& from, const std::string& to) {
  Headers headers{{to, "#pragma once\n"}};
  headers[from] = "#pragma once\n#include <" + to + ">\n";
  return architecture::broken_arrows(headers);
}

}  // namespace

TEST_CASE("headers include only their own folder and floors below") {
  CHECK(library().contains("kashi/kashi.hpp"));
  CHECK(architecture::broken_arrows(library()) == std::vector<std::string>{});
}

TEST_CASE("headers do not include each other in circles") {
  CHECK(architecture::cycles(library()) == std::vector<std::string>{});
}

TEST_CASE("the umbrella includes every header") {
  CHECK(architecture::unreached(library(), "kashi/kashi.hpp") == std::vector<std::string>{});
}

TEST_CASE("every header has #pragma once") {
  CHECK(architecture::without_pragma_once(library()) == std::vector<std::string>{});
}

TEST_CASE("the checks let good arrows pass") {
  const auto [from, to] = GENERATE(table<std::string, std::string>({
      {"kashi/kashi.hpp", "kashi/train/trainer.hpp"},
      {"kashi/core/tensor.hpp", "kashi/core/shape.hpp"},
      {"kashi/kernels/conv.hpp", "kashi/core/parallel.hpp"},
      {"kashi/ops/conv.hpp", "kashi/kernels/conv.hpp"},
      {"kashi/plot/sheet.hpp", "kashi/io/image.hpp"},
      {"kashi/data/folder.hpp", "kashi/io/image.hpp"},
      {"kashi/train/trainer.hpp", "kashi/models/resnet.hpp"},
      {"kashi/explain/cam.hpp", "kashi/train/trainer.hpp"},
  }));
  CAPTURE(from, to);
  CHECK(one_arrow(from, to).empty());
}

TEST_CASE("the checks find bad arrows") {
  const auto [from, to] = GENERATE(table<std::string, std::string>({
      {"kashi/core/tensor.hpp", "kashi/nn/module.hpp"},
      {"kashi/core/tensor.hpp", "kashi/kashi.hpp"},
      {"kashi/kernels/conv.hpp", "kashi/core/tensor.hpp"},
      {"kashi/io/image.hpp", "kashi/ops/conv.hpp"},
      {"kashi/io/image.hpp", "kashi/plot/sheet.hpp"},
      {"kashi/plot/sheet.hpp", "kashi/nn/module.hpp"},
      {"kashi/data/loader.hpp", "kashi/optim/sgd.hpp"},
      {"kashi/data/loader.hpp", "kashi/plot/sheet.hpp"},
      {"kashi/explain/cam.hpp", "kashi/vision/matching.hpp"},
      {"kashi/attic/old.hpp", "kashi/core/tensor.hpp"},
  }));
  CAPTURE(from, to);
  CHECK(one_arrow(from, to).size() == 1);
}

TEST_CASE("the checks find what no header may hold") {
  CHECK(architecture::broken_arrows({{"kashi/core/a.hpp", "  # include <iostream>\n"}}).size() == 1);
  CHECK(architecture::broken_arrows({{"kashi/core/a.hpp", "#include \"b.hpp\"\n"}}).size() == 1);
  CHECK(architecture::broken_arrows({{"kashi/core/a.hpp", "#include <kashi/core/missing.hpp>\n"}}).size() == 1);
  CHECK(architecture::without_pragma_once({{"kashi/core/a.hpp", "#include <string>\n"}}).size() == 1);
  const Headers lonely{{"kashi/kashi.hpp", "#include <kashi/core/a.hpp>\n"},
                       {"kashi/core/a.hpp", "#include <kashi/core/b.hpp>\n"},
                       {"kashi/core/b.hpp", ""},
                       {"kashi/core/c.hpp", ""}};
  CHECK(architecture::unreached(lonely, "kashi/kashi.hpp") == std::vector<std::string>{"kashi/core/c.hpp"});
  const Headers circle{{"kashi/core/a.hpp", "#include <kashi/core/b.hpp>\n"},
                       {"kashi/core/b.hpp", "#include <kashi/core/a.hpp>\n"}};
  CHECK(architecture::cycles(circle) ==
        std::vector<std::string>{"kashi/core/a.hpp -> kashi/core/b.hpp -> kashi/core/a.hpp"});
}
