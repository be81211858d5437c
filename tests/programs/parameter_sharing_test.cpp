/// The program parameter_sharing: its locally connected layer, and its report.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include <kashi/autograd/grad_check.hpp>

#include "../../examples/parameter_sharing/locally_connected.hpp"
#include "programs/process.hpp"

using namespace kashi;

TEST_CASE("a locally connected layer multiplies each window by weights of its own") {
  manual_seed(1);
  sharing::LocallyConnected2d<double> layer({.in = 2, .out = 3, .kernel = 3, .stride = 2, .size = 8});
  const Tensor<double> x = random::Generator(2).normal<double>({2, 8, 8, 2}, 0, 1);
  const Tensor<double> y = layer(Variable<double>(x)).value(), weight = layer.weight().value();
  REQUIRE(y.shape() == Shape{2, 3, 3, 3});
  for (Index n = 0; n < 2; ++n)
    for (Index p = 0; p < 9; ++p)
      for (Index o = 0; o < 3; ++o) {
        double sum = layer.bias().value()(p * 3 + o);
        for (Index u = 0; u < 3; ++u)
          for (Index v = 0; v < 3; ++v)
            for (Index c = 0; c < 2; ++c)
              sum += weight(p * 3 + o, 0, 0, (u * 3 + v) * 2 + c) * x(n, p / 3 * 2 + u, p % 3 * 2 + v, c);
        CHECK(y(n, p / 3, p % 3, o) == Approx(sum).margin(1e-12));
      }
}

TEST_CASE("with the same weights everywhere it is the convolution") {
  manual_seed(3);
  sharing::LocallyConnected2d<double> layer({.in = 1, .out = 2, .kernel = 3, .size = 6});
  const Tensor<double> shared = random::Generator(4).normal<double>({2, 3, 3, 1}, 0, 1),
                       x = random::Generator(5).normal<double>({1, 6, 6, 1}, 0, 1);
  layer.bias().mutable_value().fill(0);
  double* weight = layer.weight().mutable_value().mutable_data();
  for (Index p = 0; p < 16; ++p) weight = std::copy_n(shared.data(), shared.numel(), weight);
  CHECK(allclose(layer(Variable<double>(x)).value(), conv2d(Variable<double>(x), Variable<double>(shared)).value(),
                 1e-12, 1e-12));
}

TEST_CASE("a locally connected layer has the right gradients and refuses other images") {
  manual_seed(6);
  sharing::LocallyConnected2d<double> layer({.in = 2, .out = 2, .kernel = 2, .stride = 2, .size = 4});
  const auto result = grad_check([&](const Variable<double>& x) { return layer(x); },
                                 {random::Generator(7).normal<double>({2, 4, 4, 2}, 0, 1)});
  INFO(result.to_string());
  CHECK(result);
  CHECK_THROWS_WITH(layer(Variable<double>(Tensor<double>::zeros({1, 5, 5, 2}))),
                    Catch::Matchers::Contains("images [N,4,4,2] are needed; got [1,5,5,2]"));
  CHECK_THROWS_WITH((sharing::LocallyConnected2d<double>({.in = 1, .out = 1, .kernel = 5, .size = 4})),
                    Catch::Matchers::Contains("the kernel must lie in 1..size; got 5 and 4"));
}

TEST_CASE("parameter_sharing: fewer parameters, and only the convolution follows a move") {
  const TemporaryFolder folder;
  const Ending ending = run_program("parameter_sharing",
                                    {"--quick", "--epochs", "3", "--threads", "1", "--out", (folder / "out").string()});
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  CHECK_THAT(ending.errors, Catch::Matchers::Contains("no --data given"));
  CHECK_THAT(lines_of(ending.output).back(), Catch::Matchers::Contains("report.html"));
  const nlohmann::json report = nlohmann::json::parse(read_whole(folder / "out" / "report.json"));
  const auto& networks = report.at("networks");
  const auto parameters = [&](const char* name) { return networks.at(name).at("parameters").get<long>(); };
  // Kernels of 5x5, 3x3 and 3x3; the 800 numbers of the last map go to 4 classes.
  CHECK(parameters("convolution") == (25 + 1) * 4 + (36 + 1) * 16 + (144 + 1) * 32 + 800 * 4 + 4);
  CHECK(parameters("locally connected") == 256 * (25 + 1) * 4 + 49 * (36 + 1) * 16 + 25 * (144 + 1) * 32 + 800 * 4 + 4);
  CHECK(networks.at("convolution").at("equivariance_error").get<double>() < 1e-5);
  CHECK(networks.at("locally connected").at("equivariance_error").get<double>() > 0.3);
  CHECK(networks.at("dense").at("equivariance_error").get<double>() > 0.3);
  for (const char* picture : {"accuracy.png", "shift.png", "pictures.png"})
    CHECK(std::filesystem::exists(folder / "out" / picture));
  const Ending wrong =
      run_program("parameter_sharing", {"--weights", "w.safetensors", "--out", (folder / "other").string()});
  CHECK(wrong.exit_code == 1);
  CHECK_THAT(wrong.errors, Catch::Matchers::Contains("takes no --weights"));
}
