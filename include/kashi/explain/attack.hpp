/// Attacks on images: FGSM (Goodfellow et al. 2015), BIM (Kurakin et al. 2017) and PGD (Madry et al. 2018), in L-inf
/// and L2, and the smallest step that fools.
///
/// Images are [N,H,W,C] with values in [0,1] and epsilon is in the same unit: 8/255 is 8 grey levels. The model takes
/// such images, so a network's normalisation belongs into it (a Sequential, or a function). It must be in evaluation
/// mode.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include <kashi/core/random.hpp>
#include <kashi/nn/module.hpp>
#include <kashi/ops/arithmetic.hpp>
#include <kashi/ops/cross_entropy.hpp>
#include <kashi/ops/softmax.hpp>

namespace kashi::inline v0::explain {

/// From images in [0,1] to logits [N,classes]; an nn::Module is one by itself.
template <class T>
using Classifier = std::function<Variable<T>(const Variable<T>&)>;

enum class Norm { linf, l2 };

struct AttackOptions {
  double epsilon = 8.0 / 255;
  Norm norm = Norm::linf;
  bool targeted =
      false;  ///< the labels are the classes that the model shall see, instead of those it shall no longer see
};

struct PgdOptions {
  double epsilon = 8.0 / 255;
  Norm norm = Norm::linf;
  bool targeted = false;
  Index steps = 10;
  double step_size = 0;      ///< 0: 2.5 epsilon / steps
  bool random_start = true;  ///< uniform in the ball (L-inf), or a random direction's point on the ball's surface (L2);
                             ///< without it PGD is BIM
  std::uint64_t seed = 42;
};

namespace detail {

inline void check_attack(const char* who, const Shape& images, const Shape& labels, double epsilon) {
  require<ShapeError>(images.rank() == 4 && labels == Shape{images[0]}, who,
                      ": images [N,H,W,C] and labels [N] are needed; got ", images, " and ", labels);
  require(epsilon >= 0 && std::isfinite(epsilon), who, ": epsilon can't be negative; got ", epsilon,
          " (it is in units of [0,1]: 8 grey levels are 8.0 / 255)");
}

inline double squared_norm(const auto* values, Index count) {
  double total = 0;
  for (Index i = 0; i < count; ++i) total += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return total;
}

/// Adds `step` times the direction of the gradient: its sign, or the gradient over its L2 norm, image by image.
template <class T>
void move(Tensor<T>& images, const Tensor<T>& gradient, double step, Norm norm) {
  const Index size = images.numel() / images.size(0);
  T* to = images.mutable_data();
  for (Index n = 0; n < images.size(0); ++n) {
    const T* g = gradient.data() + n * size;
    const double length = norm == Norm::l2 ? std::sqrt(squared_norm(g, size)) : 1;
    for (Index i = 0; i < size; ++i, ++to) {
      const double slope = static_cast<double>(g[i]);
      const double direction = norm == Norm::l2 ? (length > 0 ? slope / length : 0)
                                                : (slope > 0   ? 1
                                                   : slope < 0 ? -1
                                                               : 0);
      *to = static_cast<T>(static_cast<double>(*to) + step * direction);
    }
  }
}

/// Brings each image back to within epsilon of the original, and into [0,1].
template <class T>
void project(Tensor<T>& images, const Tensor<T>& originals, double epsilon, Norm norm) {
  const Index size = images.numel() / images.size(0);
  T* value = images.mutable_data();
  const T* original = originals.data();
  for (Index n = 0; n < images.size(0); ++n, value += size, original += size) {
    double scale = 1;
    if (norm == Norm::l2) {
      double squares = 0;
      for (Index i = 0; i < size; ++i)
        squares += std::pow(static_cast<double>(value[i]) - static_cast<double>(original[i]), 2);
      if (squares > epsilon * epsilon) scale = epsilon / std::sqrt(squares);
    }
    for (Index i = 0; i < size; ++i) {
      const double start = static_cast<double>(original[i]), change = static_cast<double>(value[i]) - start;
      const double held = norm == Norm::l2 ? change * scale : std::clamp(change, -epsilon, epsilon);
      value[i] = static_cast<T>(std::clamp(start + held, 0.0, 1.0));
    }
  }
}

}  // namespace detail

/// The gradient of each image's cross-entropy with respect to the image, [N,H,W,C].
template <class T>
Tensor<T> loss_gradient(const std::type_identity_t<Classifier<T>>& model, const Tensor<T>& images,
                        const Tensor<Index>& labels) {
  detail::check_attack("loss_gradient", images.shape(), labels.shape(), 0);
  const EnableGrad enable;
  const Variable<T> leaf = parameter(images);
  return grad(cross_entropy(model(leaf), labels, {.reduction = Reduction::sum}), leaf).value();
}

/// The direction in which each image's cross-entropy grows: the gradient of the log-odds against its label, log((1 - p)
/// / p), [N,H,W,C]. It is the cross-entropy's gradient over 1 - p, so its sign and its direction are the same, but it
/// does not vanish in rounding where the model is certain. Throws ShapeError.
template <class T>
Tensor<T> attack_direction(const std::type_identity_t<Classifier<T>>& model, const Tensor<T>& images,
                           const Tensor<Index>& labels) {
  detail::check_attack("attack_direction", images.shape(), labels.shape(), 0);
  const EnableGrad enable;
  const Variable<T> leaf = parameter(images);
  const Variable<T> logits = model(leaf);
  require<ShapeError>(logits.rank() == 2 && logits.size(0) == images.size(0) && logits.size(1) >= 2,
                      "attack_direction: the model must give logits [", images.size(0),
                      ",classes] of two classes or more; got ", logits.shape());
  Tensor<T> is_label = Tensor<T>::zeros(logits.shape());
  for (Index n = 0; n < labels.numel(); ++n) {
    require(labels(n) >= 0 && labels(n) < logits.size(1), "attack_direction: there is no class ", labels(n),
            " in an output ", logits.shape());
    is_label.at(n, labels(n)) = 1;
  }
  const Variable<T> others = logsumexp(logits + is_label * static_cast<T>(-1e9));
  return grad(sum(others) - sum(logits * is_label), leaf).value();
}

/// One step of a gradient that is known already: clip(x + epsilon sign(g)), or x + epsilon g/|g|; minus if targeted.
/// One gradient serves every epsilon.
template <class T>
Tensor<T> fgsm_step(const Tensor<T>& images, const Tensor<T>& gradient, const AttackOptions& options = {}) {
  require<ShapeError>(images.shape() == gradient.shape(), "fgsm_step: the gradient ", gradient.shape(),
                      " differs in shape from the images ", images.shape());
  Tensor<T> out = images.clone();
  detail::move(out, gradient, options.targeted ? -options.epsilon : options.epsilon, options.norm);
  for (T& value : out.mutable_span()) value = std::clamp(value, T{0}, T{1});
  return out;
}

/// FGSM: the images moved by epsilon so that the loss of the labels grows (shrinks, if targeted), in [0,1]. Where the
/// gradient is 0 nothing moves. Throws ShapeError, ValueError.
template <class T>
Tensor<T> fgsm(const std::type_identity_t<Classifier<T>>& model, const Tensor<T>& images, const Tensor<Index>& labels,
               const AttackOptions& options = {}) {
  detail::check_attack("fgsm", images.shape(), labels.shape(), options.epsilon);
  return fgsm_step(images, attack_direction<T>(model, images, labels), options);
}

/// PGD: many small steps, each brought back to within epsilon of the original and into [0,1]. Throws ShapeError,
/// ValueError.
template <class T>
Tensor<T> pgd(const std::type_identity_t<Classifier<T>>& model, const Tensor<T>& images, const Tensor<Index>& labels,
              const PgdOptions& options = {}) {
  detail::check_attack("pgd", images.shape(), labels.shape(), options.epsilon);
  require(options.steps >= 1 && options.step_size >= 0,
          "pgd: .steps must be at least 1 and .step_size not negative; got ", options.steps, " and ",
          options.step_size);
  const double size =
      options.step_size > 0 ? options.step_size : 2.5 * options.epsilon / static_cast<double>(options.steps);
  Tensor<T> moved = images.clone();
  if (options.random_start) {
    random::Generator generator(options.seed);
    const Tensor<T> start = generator.uniform<T>(images.shape(), -1.0, 1.0);
    if (options.norm == Norm::l2)
      detail::move(moved, start, options.epsilon, Norm::l2);
    else
      std::transform(moved.data(), moved.data() + moved.numel(), start.data(), moved.mutable_data(),
                     [&](T x, T u) { return x + static_cast<T>(options.epsilon) * u; });
    detail::project(moved, images, options.epsilon, options.norm);
  }
  for (Index step = 0; step < options.steps; ++step) {
    detail::move(moved, attack_direction<T>(model, moved, labels), options.targeted ? -size : size, options.norm);
    detail::project(moved, images, options.epsilon, options.norm);
  }
  return moved;
}

/// Images as an 8-bit file holds them: multiples of 1/255, rounded, but never further from the originals than epsilon
/// (L-inf), where originals are multiples of 1/255 themselves.
template <class T>
Tensor<T> as_bytes(const Tensor<T>& images, const Tensor<T>& originals, double epsilon) {
  Tensor<T> out = images.clone();
  const double levels = epsilon * 255 + 1e-4;
  T* value = out.mutable_data();
  for (Index i = 0; i < out.numel(); ++i) {
    const double original = static_cast<double>(originals.data()[i]) * 255;
    double level = std::round(static_cast<double>(value[i]) * 255);
    if (level - original > levels) level = std::floor(original + levels);
    if (original - level > levels) level = std::ceil(original - levels);
    value[i] = static_cast<T>(std::clamp(level, 0.0, 255.0) / 255);
  }
  return out;
}

/// Whether each image's most probable class is the label.
template <class T>
std::vector<bool> is_classified(const std::type_identity_t<Classifier<T>>& model, const Tensor<T>& images,
                                const Tensor<Index>& labels) {
  const NoGrad no_grad;
  const Tensor<Index> classes = argmax(model(Variable<T>(images)).value(), 1);
  std::vector<bool> out;
  for (Index n = 0; n < labels.numel(); ++n) out.push_back(classes(n) == labels(n));
  return out;
}

struct SmallestEpsilonOptions {
  Norm norm = Norm::linf;
  bool targeted = false;
  double step = 1.0 / 255;  ///< of the scan
  double largest = 16.0 / 255;
  double tolerance = 1e-4;  ///< of the bisection
};

/// What smallest_epsilon found.
struct SmallestEpsilon {
  bool found = false;
  double epsilon = 0;       ///< at which the attack succeeds, if found
  double failed_below = 0;  ///< the nearest smaller one that was tried and failed
};

/// The smallest epsilon at which one step succeeds, for one image [1,H,W,C]: a scan upwards to the first success, then
/// bisection between it and the failure before. One-step attacks can fail again at a larger epsilon, so this is the
/// first success found.
template <class T>
SmallestEpsilon smallest_epsilon(const std::type_identity_t<Classifier<T>>& model, const Tensor<T>& image,
                                 const Tensor<Index>& label, const SmallestEpsilonOptions& options = {}) {
  detail::check_attack("smallest_epsilon", image.shape(), label.shape(), options.largest);
  require<ShapeError>(image.size(0) == 1, "smallest_epsilon: one image [1,H,W,C] is needed; got ", image.shape());
  require(options.step > 0 && options.tolerance > 0, "smallest_epsilon: .step and .tolerance must be positive; got ",
          options.step, " and ", options.tolerance);
  const Tensor<T> gradient = attack_direction<T>(model, image, label);
  const auto succeeds = [&](double epsilon) {
    const Tensor<T> moved =
        fgsm_step(image, gradient, {.epsilon = epsilon, .norm = options.norm, .targeted = options.targeted});
    return is_classified<T>(model, moved, label)[0] == options.targeted;
  };
  if (succeeds(0)) return {true, 0, 0};
  SmallestEpsilon out;
  for (Index k = 1; !out.found && static_cast<double>(k) * options.step <= options.largest * (1 + 1e-9); ++k) {
    const double epsilon = static_cast<double>(k) * options.step;
    out.found = succeeds(epsilon);
    (out.found ? out.epsilon : out.failed_below) = epsilon;
  }
  while (out.found && out.epsilon - out.failed_below > options.tolerance) {
    const double middle = (out.epsilon + out.failed_below) / 2;
    (succeeds(middle) ? out.epsilon : out.failed_below) = middle;
  }
  return out;
}

}  // namespace kashi::inline v0::explain
