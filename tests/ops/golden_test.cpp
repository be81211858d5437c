/// Pooling, resizing and normalisation against the values of PyTorch.
#include "golden_case.hpp"

#include <kashi/ops/norm.hpp>
#include <kashi/ops/pool.hpp>
#include <kashi/ops/resize.hpp>

using namespace golden;

namespace {

template <class V>
V none(const V&) {
  return {};
}

}  // namespace

TEST_CASE("pooling agrees with PyTorch, with equal numbers in a window too") {
  check_all({
      {"max_pool", {{2, 4, 6, 3}}, [](const auto& x) { return max_pool2d(x[0]); }},
      {"max_pool_overlap",
       {{1, 7, 8, 2}},
       [](const auto& x) { return max_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1}); }},
      {"max_pool_ties",
       {{1, 5, 6, 2}},
       [](const auto& x) { return max_pool2d(rounded(x[0]), {.kernel = 3, .stride = 1, .padding = 1}); },
       2.0},
      {"max_pool_ceil",
       {{1, 6, 8, 2}},
       [](const auto& x) {
         return max_pool2d(x[0], {.kernel = {3, 2}, .stride = {2, 3}, .padding = {1, 0}, .ceil_mode = true});
       }},
      {"max_pool_dilation",
       {{1, 7, 8, 1}},
       [](const auto& x) { return max_pool2d(x[0], {.kernel = 3, .stride = 1, .padding = 1, .dilation = 2}); }},
      {"avg_pool", {{2, 4, 6, 3}}, [](const auto& x) { return avg_pool2d(x[0]); }},
      {"avg_pool_pad",
       {{1, 6, 7, 2}},
       [](const auto& x) { return avg_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1}); }},
      {"avg_pool_pad_ceil",
       {{1, 6, 8, 2}},
       [](const auto& x) { return avg_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true}); }},
      {"avg_pool_exclude_ceil",
       {{1, 6, 8, 2}},
       [](const auto& x) {
         return avg_pool2d(x[0],
                           {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false});
       }},
      {"avg_pool_divisor",
       {{1, 4, 7, 2}},
       [](const auto& x) {
         return avg_pool2d(x[0], {.kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 0}, .divisor_override = 5});
       }},
      {"adaptive_avg",
       {{2, 7, 5, 2}},
       [](const auto& x) {
         return adaptive_avg_pool2d(x[0], {3, 2});
       }},
      {"adaptive_avg_larger",
       {{1, 3, 2, 2}},
       [](const auto& x) {
         return adaptive_avg_pool2d(x[0], {4, 5});
       }},
      {"adaptive_max",
       {{2, 7, 5, 2}},
       [](const auto& x) {
         return adaptive_max_pool2d(x[0], {3, 4});
       }},
      {"global_avg", {{2, 4, 3, 3}}, [](const auto& x) { return global_avg_pool2d(x[0]); }},
  });
}

TEST_CASE("resizing and padding agree with PyTorch") {
  check_all({
      {"nearest_up",
       {{1, 3, 4, 2}},
       [](const auto& x) {
         return resize(x[0], {7, 9});
       }},
      {"nearest_down",
       {{1, 5, 7, 2}},
       [](const auto& x) {
         return resize(x[0], {2, 3});
       }},
      {"bilinear_up",
       {{1, 3, 4, 2}},
       [](const auto& x) {
         return resize(x[0], {7, 9}, {.mode = ResizeMode::bilinear});
       }},
      {"bilinear_down",
       {{1, 5, 7, 2}},
       [](const auto& x) {
         return resize(x[0], {2, 3}, {.mode = ResizeMode::bilinear});
       }},
      {"bilinear_corners",
       {{1, 3, 4, 2}},
       [](const auto& x) {
         return resize(x[0], {7, 1}, {.mode = ResizeMode::bilinear, .align_corners = true});
       }},
      {"upsample", {{2, 3, 2, 1}}, [](const auto& x) { return upsample(x[0], 2, {.mode = ResizeMode::bilinear}); }},
      {"pad",
       {{1, 2, 3, 2}},
       [](const auto& x) {
         return pad(x[0], {1, 0, 3, 2}, -1.5);
       }},
  });
}

TEST_CASE("normalisations agree with PyTorch") {
  check_all({
      {"layer",
       {{2, 3, 4}, {3, 4}, {3, 4}},
       [](const auto& x) {
         return layer_norm(x[0], {3, 4}, x[1], x[2]);
       }},
      {"layer_plain", {{5, 7}}, [](const auto& x) { return layer_norm(x[0], {7}, none(x[0]), none(x[0]), 0.1); }},
      {"group", {{2, 3, 2, 6}, {6}, {6}}, [](const auto& x) { return group_norm(x[0], 2, x[1], x[2]); }},
      {"group_features", {{3, 8}}, [](const auto& x) { return group_norm(x[0], 4, none(x[0]), none(x[0])); }},
      {"instance", {{2, 3, 4, 3}, {3}, {3}}, [](const auto& x) { return instance_norm(x[0], x[1], x[2]); }},
  });
}

TEST_CASE("batch norm and its running statistics agree with PyTorch") {
  struct Setting {
    std::string name;
    Shape shape;
    BatchNormOptions options;
  };
  for (const Setting& setting : {Setting{"batch", {3, 2, 3, 4}, {.training = true}},
                                 Setting{"batch_momentum", {5, 4}, {.training = true, .momentum = 0.3, .eps = 1e-3}},
                                 Setting{"batch_eval", {3, 2, 3, 4}, {}}}) {
    const auto run = [&](auto number, double tolerance) {
      using T = decltype(number);
      Tensor<T> mean = numbers({4}, 20).to<T>(),
                variance = (map(numbers({4}, 21), [](double v) { return std::abs(v) + 0.5; })).template to<T>();
      check<T>(
          {setting.name, {setting.shape, {4}, {4}}, Call()},
          [&](const std::vector<Variable<T>>& x) {
            return batch_norm(x[0], x[1], x[2], mean, variance, setting.options);
          },
          tolerance);
      CHECK(error(setting.name + "/mean", mean) <= tolerance);
      CHECK(error(setting.name + "/var", variance) <= tolerance);
    };
    run(0.0, 1e-9);
    run(0.0F, 1e-5);
  }
}
