/// The losses of masks that the resunet program offers, by name.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <kashi/ops/arithmetic.hpp>
#include <kashi/ops/loss.hpp>

namespace resunet {

/// From logits and masks [N,H,W,1] of 0 and 1 the loss of each image, [N]: so that single images can be weighted.
using MaskLoss =
    std::function<kashi::Variable<float>(const kashi::Variable<float>& logits, const kashi::Tensor<float>& masks)>;

namespace detail {

/// The mean over each image's pixels, [N].
inline kashi::Variable<float> by_image(const kashi::Variable<float>& losses) { return kashi::mean(losses, {1, 2, 3}); }

}  // namespace detail

/// The sources of the losses stand in docs/practice and beside the operations. `positive` is BCE's weight of
/// foreground.
inline std::map<std::string, MaskLoss> losses(double positive) {
  using namespace kashi;
  using Logits = const Variable<float>&;
  using Masks = const Tensor<float>&;
  const auto none = Reduction::none;
  const MaskLoss bce = [=](Logits z, Masks y) {
    return detail::by_image(binary_cross_entropy_with_logits(z, y, {.reduction = none}));
  };
  const MaskLoss dice = [=](Logits z, Masks y) { return dice_loss(z, y, {.per_image = true, .reduction = none}); };
  return {
      {"bce", bce},
      {"weighted_bce",
       [=](Logits z, Masks y) {
         return detail::by_image(binary_cross_entropy_with_logits(z, y, {.reduction = none, .pos_weight = {positive}}));
       }},
      {"focal",
       [=](Logits z, Masks y) {
         return 10.0 * detail::by_image(focal_loss(z, y, {.alpha = 0.75, .gamma = 2, .reduction = none}));
       }},
      {"dice", dice},
      {"tversky", [=](Logits z, Masks y) { return tversky_loss(z, y, {.per_image = true, .reduction = none}); }},
      {"focal_tversky",
       [=](Logits z, Masks y) { return tversky_loss(z, y, {.power = 0.75, .per_image = true, .reduction = none}); }},
      {"bce_dice", [=](Logits z, Masks y) { return bce(z, y) + dice(z, y); }},
      {"lovasz", [=](Logits z, Masks y) { return lovasz_hinge(z, y, {.reduction = none}) + bce(z, y); }},
      {"gce",
       [=](Logits z, Masks y) {
         return detail::by_image(generalized_cross_entropy(z, y, {.reduction = none})) + dice(z, y);
       }},
      {"sce",
       [=](Logits z, Masks y) {
         return detail::by_image(symmetric_cross_entropy(z, y, {.reduction = none})) + dice(z, y);
       }},
      {"bootstrap", [=](Logits z, Masks y) {
         return detail::by_image(bootstrap_loss(z, y, {.beta = 0.8, .hard = true, .reduction = none})) + dice(z, y);
       }}};
}

inline std::vector<std::string> loss_names() {
  std::vector<std::string> out;
  for (const auto& [name, loss] : losses(1)) out.push_back(name);
  return out;
}

}  // namespace resunet
