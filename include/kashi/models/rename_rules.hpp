/// Names that other projects give to the parameters of networks here, as rules for load_state_dict. A file with our own
/// names is not touched by them.
#pragma once

#include <iterator>
#include <string>
#include <vector>

#include <kashi/nn/rename.hpp>

namespace kashi::inline v0::models {

namespace detail {

/// timm's "blocks.STAGE.BLOCK." as "TO.NUMBER.", numbered from `first` on.
inline void add_stages(std::vector<nn::RenameRule>& rules, const std::vector<int>& stages, const std::string& to,
                       int first) {
  for (std::size_t stage = 0; stage < stages.size(); ++stage)
    for (int block = 0; block < stages[stage]; ++block)
      rules.push_back({"blocks." + std::to_string(stage) + "." + std::to_string(block) + ".*",
                       to + std::to_string(first++) + ".*"});
}

/// For MobileNetV1: timm's names, Keras's, and those of several PyTorch projects.
template <class = void>
inline std::vector<nn::RenameRule> mobilenet_v1_rules() {
  std::vector<nn::RenameRule> rules;
  add_stages(rules, {1, 2, 2, 6, 2}, "features.", 1);
  const nn::RenameRule more[] = {{"features.*.conv_dw.*", "features.*.0.*"},
                                 {"features.*.conv_pw.*", "features.*.3.*"},
                                 {"features.*.bn1.*", "features.*.1.*"},
                                 {"features.*.bn2.*", "features.*.4.*"},
                                 {"conv_stem.*", "features.0.0.*"},
                                 {"bn1.*", "features.0.1.*"},
                                 {"conv1_bn.*", "features.0.1.*"},
                                 {"conv1.*", "features.0.0.*"},
                                 {"conv_dw_*_bn.*", "features.*.1.*"},
                                 {"conv_pw_*_bn.*", "features.*.4.*"},
                                 {"conv_dw_*.*", "features.*.0.*"},
                                 {"conv_pw_*.*", "features.*.3.*"},
                                 {"model.*", "features.*"},
                                 {"features.*.conv.0.0.*", "features.*.0.*"},
                                 {"features.*.conv.0.1.*", "features.*.1.*"},
                                 {"features.*.conv.1.0.*", "features.*.3.*"},
                                 {"features.*.conv.1.1.*", "features.*.4.*"},
                                 {"features.*.0.0.*", "features.*.0.*"},
                                 {"features.*.0.1.*", "features.*.1.*"},
                                 {"features.*.1.0.*", "features.*.3.*"},
                                 {"features.*.1.1.*", "features.*.4.*"},
                                 {"conv_preds.*", "classifier.1.*"},
                                 {"fc.*", "classifier.1.*"},
                                 {"classifier.weight", "classifier.1.weight"},
                                 {"classifier.bias", "classifier.1.bias"}};
  rules.insert(rules.end(), std::begin(more), std::end(more));
  return rules;
}

/// For EfficientNet-Lite: timm's names (tf_efficientnet_lite0). Its first block has no expansion, so that conv_pw is
/// there what conv_pwl is elsewhere.
template <class = void>
inline std::vector<nn::RenameRule> efficientnet_lite_rules(const std::vector<int>& stages) {
  std::vector<nn::RenameRule> rules{{"blocks.0.*.conv_dw.*", "blocks.0.*._depthwise_conv.*"},
                                    {"blocks.0.*.bn1.*", "blocks.0.*._bn1.*"},
                                    {"blocks.0.*.conv_pw.*", "blocks.0.*._project_conv.*"},
                                    {"blocks.0.*.bn2.*", "blocks.0.*._bn2.*"}};
  add_stages(rules, stages, "_blocks.", 0);
  const nn::RenameRule more[] = {{"_blocks.*.conv_pw.*", "_blocks.*._expand_conv.*"},
                                 {"_blocks.*.bn1.*", "_blocks.*._bn0.*"},
                                 {"_blocks.*.conv_dw.*", "_blocks.*._depthwise_conv.*"},
                                 {"_blocks.*.bn2.*", "_blocks.*._bn1.*"},
                                 {"_blocks.*.conv_pwl.*", "_blocks.*._project_conv.*"},
                                 {"_blocks.*.bn3.*", "_blocks.*._bn2.*"},
                                 {"conv_stem.*", "_conv_stem.*"},
                                 {"bn1.*", "_bn0.*"},
                                 {"conv_head.*", "_conv_head.*"},
                                 {"bn2.*", "_bn1.*"},
                                 {"classifier.*", "_fc.*"},
                                 {"_fc.1.*", "_fc.*"}};
  rules.insert(rules.end(), std::begin(more), std::end(more));
  return rules;
}

}  // namespace detail

/// The rules for a network, by its name in make(); none for those whose names are the same everywhere.
template <class = void>
inline std::vector<nn::RenameRule> rename_rules(const std::string& model) {
  if (model.starts_with("mobilenet_v1")) return detail::mobilenet_v1_rules();
  if (model == "efficientnet_lite0") return detail::efficientnet_lite_rules({1, 2, 2, 3, 3, 4, 1});
  if (model == "efficientnet_lite1") return detail::efficientnet_lite_rules({1, 3, 3, 4, 4, 5, 1});
  if (model == "efficientnet_lite2") return detail::efficientnet_lite_rules({1, 3, 3, 4, 4, 5, 1});
  if (model.ends_with("cifar10")) return {{"fc.*", "linear.*"}};
  return {};
}

}  // namespace kashi::inline v0::models
