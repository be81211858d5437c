/// CAM (Zhou et al. 2016): for networks whose last map is averaged over its places and then goes through a linear
/// layer.
#pragma once

#include <kashi/explain/gradient_cam.hpp>
#include <kashi/nn/dropout.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/nn/shape.hpp>

namespace kashi::inline v0::explain {

namespace detail {

/// The modules that a Sequential runs one after the other, and those in it likewise. One with hooks stays whole.
template <class T>
void unfold(nn::Module<T>* module, std::vector<nn::Module<T>*>& out) {
  if (typeid(*module) != typeid(nn::Sequential<T>) || module->has_hooks()) {
    out.push_back(module);
    return;
  }
  for (const auto& [name, child] : module->children()) unfold(child, out);
}

template <class T>
std::vector<nn::Module<T>*> unfolded(const std::vector<nn::Module<T>*>& modules) {
  std::vector<nn::Module<T>*> out;
  for (nn::Module<T>* module : modules) unfold(module, out);
  return out;
}

template <class T>
bool is_global_average(const nn::Module<T>& module) {
  if (module.has_hooks()) return false;
  if (const auto* pool = dynamic_cast<const nn::AdaptiveAvgPool2d<T>*>(&module))
    return pool->output().height == 1 && pool->output().width == 1;
  return dynamic_cast<const nn::GlobalAvgPool2d<T>*>(&module) != nullptr;
}

/// Layers that are linear, up to a constant, in evaluation mode; hooks could make anything of them.
template <class T>
bool is_affine_head(const nn::Module<T>& module) {
  if (module.has_hooks()) return false;
  return dynamic_cast<const nn::Linear<T>*>(&module) || dynamic_cast<const nn::Flatten<T>*>(&module) ||
         dynamic_cast<const nn::Dropout<T>*>(&module) || dynamic_cast<const nn::Identity<T>*>(&module);
}

/// Whether behind the layer come only an average over all places and then layers that are linear up to a constant.
template <class T>
bool has_average_head(const LayerCut<T>& cut) {
  const auto behind = unfolded(cut.behind());
  std::size_t i = 0;
  while (i < behind.size() && dynamic_cast<const nn::Dropout<T>*>(behind[i]) != nullptr) ++i;
  bool fits = cut.is_chain() && i < behind.size() && is_global_average(*behind[i]);
  for (++i; fits && i < behind.size(); ++i) fits = is_affine_head(*behind[i]);
  return fits;
}

}  // namespace detail

/// sum_k w_k A_k, [h,w]; its mean is y minus the bias. A_k is the channel k of the layer's output, w_k the weight of
/// its mean. `target`: a class, or a linear function of the output. Throws ValueError unless behind the layer come a
/// global average and then linear layers only.
template <class T>
Map<T> cam(nn::Module<T>& net, const std::string& layer, const Tensor<T>& image,
           const std::type_identity_t<Target<T>>& target = {}) {
  const EvalMode<T> eval(net);
  const LayerCut<T> cut(net, layer, image);
  require(detail::has_average_head(cut), "cam: behind the layer \"", layer,
          "\" must come a global average and linear layers only (Grad-CAM has no such need)");
  // With such a head dy/dA_k is w_k / Z at every place.
  const LayerGradient<T> at = layer_gradient(net, layer, image, target);
  Map<T> map = hires_cam(at);
  const T places = static_cast<T>(map.raw.numel());
  for (T& value : map.raw.mutable_span()) value *= places;
  return map;
}

}  // namespace kashi::inline v0::explain
