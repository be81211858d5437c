/// One call for every method: explain::explain(explain::Method::shap_cam, net, "features.12", image, 130).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <kashi/explain/cam.hpp>
#include <kashi/explain/channel_cam.hpp>
#include <kashi/explain/input_gradient.hpp>
#include <kashi/explain/shap_cam.hpp>

namespace kashi::inline v0::explain {

enum class Method {
  cam,
  grad_cam,
  grad_cam_plus_plus,
  hires_cam,
  xgrad_cam,
  layer_cam,
  score_cam,
  ablation_cam,
  eigen_cam,
  shap_cam,
  integrated_gradients,
  smooth_grad
};

/// All methods with their names: "grad-cam", "shap-cam", ...
inline const std::vector<std::pair<Method, std::string>>& methods() {
  static const std::vector<std::pair<Method, std::string>> all{
      {Method::cam, "cam"},
      {Method::grad_cam, "grad-cam"},
      {Method::grad_cam_plus_plus, "grad-cam++"},
      {Method::hires_cam, "hires-cam"},
      {Method::xgrad_cam, "xgrad-cam"},
      {Method::layer_cam, "layer-cam"},
      {Method::score_cam, "score-cam"},
      {Method::ablation_cam, "ablation-cam"},
      {Method::eigen_cam, "eigen-cam"},
      {Method::shap_cam, "shap-cam"},
      {Method::integrated_gradients, "integrated-gradients"},
      {Method::smooth_grad, "smooth-grad"},
  };
  return all;
}

/// The method's name.
inline const std::string& name_of(Method method) { return methods()[static_cast<std::size_t>(method)].second; }

/// The method of a name. Throws ValueError for one that is not known, with those that are.
template <class = void>
inline Method method_named(const std::string& name) {
  std::string known;
  for (const auto& [method, known_name] : methods()) {
    if (known_name == name) return method;
    known += (known.empty() ? "" : ", ") + known_name;
  }
  throw ValueError(text("explain: there is no method \"", name, "\"; there are: ", known));
}

/// Options of the methods that have any.
struct ExplainOptions {
  ScoreCamOptions score_cam = {};
  AblationCamOptions ablation_cam = {};
  ShapCamOptions shap_cam = {};
  IntegratedGradientsOptions integrated_gradients = {};
  SmoothGradOptions smooth_grad = {};
};

/// The map of a method for one image [H,W,C] or [1,H,W,C], as the network takes it: of the layer's resolution, or of
/// the image's for integrated gradients (signed sum over channels; baseline zeros) and SmoothGrad (sum of magnitudes),
/// which need no layer. The network runs in evaluation mode and has its mode back afterwards. Throws as the methods'
/// own functions do.
template <class T>
Map<T> explain(Method method, nn::Module<T>& net, const std::string& layer, const Tensor<T>& image,
               const std::type_identity_t<Target<T>>& target = {}, const ExplainOptions& options = {}) {
  switch (method) {
    case Method::cam:
      return cam(net, layer, image, target);
    case Method::grad_cam:
      return grad_cam(layer_gradient(net, layer, image, target));
    case Method::grad_cam_plus_plus:
      return grad_cam_plus_plus(layer_gradient(net, layer, image, target));
    case Method::hires_cam:
      return hires_cam(layer_gradient(net, layer, image, target));
    case Method::xgrad_cam:
      return xgrad_cam(layer_gradient(net, layer, image, target));
    case Method::layer_cam:
      return layer_cam(layer_gradient(net, layer, image, target));
    case Method::score_cam:
      return score_cam(net, layer, image, target, options.score_cam);
    case Method::ablation_cam:
      return ablation_cam(net, layer, image, target, options.ablation_cam);
    case Method::eigen_cam:
      return eigen_cam(net, layer, image);
    case Method::shap_cam:
      return shap_cam(net, layer, image, target, options.shap_cam);
    case Method::integrated_gradients:
      return integrated_gradients(net, image, target, {}, options.integrated_gradients).signed_map();
    case Method::smooth_grad:
      break;
  }
  return smooth_grad(net, image, target, options.smooth_grad).magnitude_map();
}

}  // namespace kashi::inline v0::explain
