/// A network cut at a layer: what the layer gives for an image, and the rest of the network from there.
///
/// Where the layer lies in nothing but Sequentials, the modules behind it are run by themselves. Elsewhere (inside a
/// Residual, or a module of one's own) the whole network runs with a hook that puts the wanted values in the place of
/// the layer's output. Hooks on the Sequentials around the layer are not called.
#pragma once

#include <string>
#include <typeinfo>
#include <vector>

#include <kashi/explain/target.hpp>
#include <kashi/nn/container.hpp>

namespace kashi::inline v0::explain {

namespace detail {

/// Splits a chain of Sequentials at a dotted name: the modules up to and with the layer, and those behind it. False if
/// another kind of module lies around the layer.
template <class T>
bool split_chain(nn::Module<T>& module, const std::string& name, std::vector<nn::Module<T>*>& before,
                 std::vector<nn::Module<T>*>& behind) {
  if (typeid(module) != typeid(nn::Sequential<T>)) return false;
  const auto children = module.children();
  for (std::size_t i = 0; i < children.size(); ++i) {
    const auto& [child_name, child] = children[i];
    bool found = child_name == name;
    std::vector<nn::Module<T>*> inner_before, inner_behind;
    if (found)
      inner_before.push_back(child);
    else if (child_name.empty())
      found = split_chain(*child, name, inner_before, inner_behind);
    else if (name.starts_with(child_name + "."))
      found = split_chain(*child, name.substr(child_name.size() + 1), inner_before, inner_behind);
    if (!found) continue;
    for (std::size_t j = 0; j < i; ++j) before.push_back(children[j].second);
    before.insert(before.end(), inner_before.begin(), inner_before.end());
    behind.insert(behind.end(), inner_behind.begin(), inner_behind.end());
    for (std::size_t j = i + 1; j < children.size(); ++j) behind.push_back(children[j].second);
    return true;
  }
  return false;
}

template <class T>
Variable<T> run_chain(const std::vector<nn::Module<T>*>& modules, Variable<T> x) {
  for (const nn::Module<T>* module : modules) x = (*module)(x);
  return x;
}

}  // namespace detail

/// One image's way through a layer. The network must outlive the cut and be in evaluation mode (EvalMode).
template <class T>
class LayerCut {
 public:
  /// Runs the network up to the layer of the dotted name ("" is the whole network) for one image [H,W,C] or [1,H,W,C].
  /// Throws ValueError for an unknown name, or a layer that runs not exactly once.
  LayerCut(nn::Module<T>& net, const std::string& layer, const Tensor<T>& image)
      : net_(&net), module_(&net.find(layer)), input_(detail::as_batch(image)) {
    const NoGrad no_grad;
    is_chain_ = detail::split_chain(net, layer, before_, behind_);
    if (is_chain_) {
      activation_ = detail::run_chain(before_, Variable<T>(input_)).value();
      return;
    }
    int runs = 0;
    HookHandle hook = module_->register_forward_hook([&](const auto&, const auto&, const Variable<T>& output) {
      ++runs;
      activation_ = output.value();
      return output;
    });
    const Removal removal{hook};
    net(Variable<T>(input_));
    require(runs == 1, "explain: the layer \"", layer, "\" runs ", runs, " times for an image; it must run once");
  }

  /// What the layer gives for the image, [1,...].
  const Tensor<T>& activation() const { return activation_; }

  /// The same, checked to be a map [1,h,w,channels]. Throws ShapeError.
  const Tensor<T>& map_activation() const {
    require<ShapeError>(activation_.rank() == 4, "explain: the layer must give a map [1,h,w,channels]; it gives ",
                        activation_.shape(), " (choose one before the pooling)");
    return activation_;
  }

  /// The network's output when the layer gives these values, [N,...].
  Variable<T> rest(const Variable<T>& values) const {
    if (is_chain_) return detail::run_chain(behind_, values);
    HookHandle hook =
        module_->register_forward_hook([&](const auto&, const auto&, const Variable<T>&) { return values; });
    const Removal removal{hook};
    return (*net_)(Variable<T>(detail::repeat(input_, values.size(0))));
  }

  /// Whether behind() is the whole rest of the network.
  bool is_chain() const { return is_chain_; }
  /// The modules behind the layer, one after the other; only where is_chain().
  const std::vector<nn::Module<T>*>& behind() const { return behind_; }

 private:
  struct Removal {
    HookHandle& hook;
    ~Removal() { hook.remove(); }
  };

  nn::Module<T>* net_;
  nn::Module<T>* module_;
  Tensor<T> input_;
  Tensor<T> activation_;
  bool is_chain_ = false;
  std::vector<nn::Module<T>*> before_;
  std::vector<nn::Module<T>*> behind_;
};

}  // namespace kashi::inline v0::explain
