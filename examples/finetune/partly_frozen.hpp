/// A network of which a part learns: what is frozen before it is computed in evaluation mode and without gradients, or
/// not at all when its results are kept.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kashi/nn/container.hpp>

namespace finetune {

using kashi::Index;
using kashi::Variable;

/// One layer of a network's outermost row, with its name.
using Step = std::pair<std::string, std::shared_ptr<kashi::nn::Module<float>>>;

/// The layers that a network computes one after the other. A plain nn::Sequential in the row ("features") is taken
/// apart.
inline std::vector<Step> steps_of(const kashi::nn::Sequential<float>& net) {
  const auto owner = std::make_shared<kashi::nn::Sequential<float>>(net);
  std::vector<Step> out;
  for (const auto& [name, child] : owner->children()) {
    const auto inner = child->children();
    const bool is_row = kashi::nn::detail::is_exactly<kashi::nn::Sequential<float>>(*child) &&
                        std::none_of(inner.begin(), inner.end(), [](const auto& part) { return part.first.empty(); });
    if (!is_row)
      out.emplace_back(name, std::shared_ptr<kashi::nn::Module<float>>(owner, child));
    else
      for (const auto& [inner_name, part] : inner)
        out.emplace_back(name + "." + inner_name, std::shared_ptr<kashi::nn::Module<float>>(owner, part));
  }
  return out;
}

/// Freezes the parameters whose names begin with one of `prefixes`, whole words between dots ("features.3", "layer1");
/// the one prefix "backbone" means all but the head, "none" nothing. Throws ValueError for a prefix that fits no
/// parameter, or if nothing is left to learn.
inline void freeze(const kashi::nn::Sequential<float>& net, const std::vector<std::string>& prefixes,
                   const std::string& head) {
  const auto begins = [](const std::string& name, const std::string& prefix) {
    return name == prefix || name.starts_with(prefix + ".");
  };
  net.set_requires_grad(true);
  for (const std::string& prefix : prefixes) {
    if (prefix == "none") continue;
    bool is_used = false;
    for (auto& [name, parameter] : net.named_parameters()) {
      if (prefix == "backbone" ? begins(name, head) : !begins(name, prefix)) continue;
      parameter.set_requires_grad(false);
      is_used = true;
    }
    std::string names;
    for (const auto& [name, step] : steps_of(net))
      if (!step->parameters().empty()) names += (names.empty() ? "" : ", ") + name;
    kashi::require(is_used, "--freeze: no weight's name begins with \"", prefix, "\"; there are: ", names);
  }
  const auto all = net.parameters();
  kashi::require(std::any_of(all.begin(), all.end(), [](const auto& parameter) { return parameter.requires_grad(); }),
                 "--freeze: nothing is left to learn");
}

inline bool learns(const kashi::nn::Module<float>& module) {
  const auto all = module.parameters();
  return std::any_of(all.begin(), all.end(), [](const auto& parameter) { return parameter.requires_grad(); });
}

/// Its members are those of the learning part alone, so that a training saves and changes nothing else. Batch norms of
/// frozen layers within that part keep their statistics. Shares its numbers with the network that it is made of.
class PartlyFrozen : public kashi::nn::Module<float> {
 public:
  explicit PartlyFrozen(const kashi::nn::Sequential<float>& net) {
    const std::vector<Step> steps = steps_of(net);
    const auto first = std::find_if(steps.begin(), steps.end(), [](const Step& step) { return learns(*step.second); });
    for (auto step = steps.begin(); step != first; ++step) front_.add(step->second);
    for (auto step = first; step != steps.end(); ++step) {
      back_.add(step->second);
      for (auto& [name, part] : step->second->named_modules())
        if (!part->parameters().empty() && !learns(*part)) frozen_.push_back(part);
    }
    front_.eval();
  }

  /// Whether there are frozen layers before the first that learns.
  bool has_front() const { return front_.size() > 0; }
  /// What the frozen layers make of pictures [N,H,W,3]. May be called by several threads at once.
  kashi::Tensor<float> front(const kashi::Tensor<float>& pictures) const {
    const kashi::NoGrad no_grad;
    return has_front() ? front_(pictures).value() : pictures;
  }
  /// From now on the input is what front() gives.
  void take_features() { takes_features_ = true; }

  Variable<float> forward(const Variable<float>& x) const override {
    if (is_training())
      for (kashi::nn::Module<float>* part : frozen_) part->eval();
    return back_(takes_features_ ? x : Variable<float>(front(x.value())));
  }
  void members(kashi::nn::Members<float>& m) override { m("", back_); }
  std::string kind() const override { return "PartlyFrozen"; }

 private:
  kashi::nn::Sequential<float> front_, back_;
  std::vector<kashi::nn::Module<float>*> frozen_;
  bool takes_features_ = false;
};

}  // namespace finetune
