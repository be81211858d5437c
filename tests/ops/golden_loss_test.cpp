/// Losses against the values of PyTorch.
#include "golden_case.hpp"

#include <kashi/ops/loss.hpp>

using namespace golden;

namespace {

template <class V>
auto constant(const V&, const Tensor<double>& x) {
  return x.to<typename V::Scalar>();
}

const std::vector<double> weight{0.5, 2.0, 1.0, 3.0};

Tensor<Index> with_ignored() {
  Tensor<Index> out = labels({6}, 4);
  out.at(2) = -100;
  return out;
}
Tensor<double> target() { return (numbers({5, 4}, 30) > 0.0).to<double>(); }

}  // namespace

TEST_CASE("losses of class scores agree with PyTorch") {
  std::vector<Case> cases{
      {"cross_entropy", {{6, 4}}, [](const auto& x) { return cross_entropy(x[0], labels({6}, 4)); }, 8.0},
      {"cross_entropy_pixels",
       {{2, 3, 2, 4}},
       [](const auto& x) {
         return cross_entropy(x[0], labels({2, 3, 2}, 4));
       },
       8.0},
      {"cross_entropy_ignore",
       {{6, 4}},
       [](const auto& x) { return cross_entropy(x[0], labels({6}, 4), {.ignore_index = 1}); }},
      {"nll", {{6, 4}}, [](const auto& x) { return nll_loss(x[0], with_ignored(), {.weight = weight}); }},
  };
  for (const auto& [name, reduction] :
       {std::pair{"mean", Reduction::mean}, {"sum", Reduction::sum}, {"none", Reduction::none}}) {
    cases.push_back({text("cross_entropy_all_", name),
                     {{6, 4}},
                     [r = reduction](const auto& x) {
                       return cross_entropy(x[0], with_ignored(),
                                            {.weight = weight, .reduction = r, .label_smoothing = 0.1});
                     },
                     8.0});
    cases.push_back(
        {text("cross_entropy_soft_", name),
         {{6, 4}},
         [r = reduction](const auto& x) {
           const auto probabilities = constant(x[0], map(numbers({6, 4}, 30), [](double v) { return std::abs(v); }));
           return cross_entropy(x[0], probabilities, {.weight = weight, .reduction = r, .label_smoothing = 0.2});
         },
         8.0});
  }
  check_all(cases);
}

TEST_CASE("losses of binary scores and numbers agree with PyTorch") {
  check_all({
      {"bce",
       {{5, 4}},
       [](const auto& x) { return binary_cross_entropy_with_logits(x[0], constant(x[0], target())); },
       8.0},
      {"bce_weights",
       {{5, 4}},
       [](const auto& x) {
         const auto factors = constant(x[0], map(numbers({5, 1}, 31), [](double v) { return std::abs(v); }));
         return binary_cross_entropy_with_logits(
             x[0], constant(x[0], target()), {.weight = factors, .reduction = Reduction::sum, .pos_weight = weight});
       },
       8.0},
      {"mse", {{5, 4}, {5, 4}}, [](const auto& x) { return mse_loss(x[0], x[1]); }},
      {"l1", {{5, 4}, {5, 4}}, [](const auto& x) { return l1_loss(x[0], x[1], Reduction::sum); }},
      {"huber", {{5, 4}, {5, 4}}, [](const auto& x) { return huber_loss(x[0], x[1], Reduction::mean, 0.5); }},
      {"smooth_l1", {{5, 4}, {5, 4}}, [](const auto& x) { return smooth_l1_loss(x[0], x[1], Reduction::none, 0.25); }},
      {"focal", {{5, 4}}, [](const auto& x) { return focal_loss(x[0], constant(x[0], target())); }, 8.0},
      {"focal_gamma",
       {{5, 4}},
       [](const auto& x) { return focal_loss(x[0], constant(x[0], target()), {.alpha = 0.75, .gamma = 0.5}); },
       8.0},
      {"dice", {{5, 4}}, [](const auto& x) { return dice_loss(x[0], constant(x[0], target())); }, 8.0},
      {"dice_squared",
       {{5, 4}},
       [](const auto& x) {
         return dice_loss(x[0], constant(x[0], target()), {.smooth = 0.5, .squared = true, .per_image = true});
       },
       8.0},
      {"tversky", {{5, 4}}, [](const auto& x) { return tversky_loss(x[0], constant(x[0], target())); }, 8.0},
      {"tversky_focal",
       {{5, 4}},
       [](const auto& x) {
         return tversky_loss(x[0], constant(x[0], target()),
                             {.fp_weight = 0.2, .fn_weight = 0.8, .smooth = 0.5, .power = 0.75});
       },
       8.0},
  });
}
