/// What a network thinks a class looks like: an image that is optimised until the network takes it for the class.
///
/// The objective is the class's logit, not its probability, which also grows where other classes shrink (Simonyan et
/// al. 2013). Forms and regularisers: plain pixels; decay towards grey, blur and jitter (Yosinski et al. 2015); total
/// variation (Mahendran and Vedaldi 2015); octaves; spectra of decorrelated colours with views by chance (Olah et al.
/// 2017).
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <kashi/data/blur.hpp>
#include <kashi/explain/attack.hpp>
#include <kashi/explain/channel_dropout.hpp>
#include <kashi/explain/image_parameters.hpp>
#include <kashi/explain/image_priors.hpp>
#include <kashi/explain/image_sampling.hpp>
#include <kashi/ops/index.hpp>
#include <kashi/ops/resize.hpp>
#include <kashi/ops/softmax.hpp>
#include <kashi/optim/adam.hpp>

namespace kashi::inline v0::explain {

/// Which numbers are optimised.
enum class ImageForm {
  pixels,   ///< the pixels themselves, by steps along the normalised gradient, kept in [0,1]
  spectrum  ///< a spectrum of decorrelated colours, by Adam; a sigmoid keeps the pixels in [0,1]
};

/// Options of visualize_class.
struct ClassVisualizationOptions {
  Index size = 256;  ///< side of the image
  Index view = 224;  ///< side of what the model sees of it, around the middle
  Index steps = 256;
  ImageForm form = ImageForm::spectrum;
  double lr = 0.05;  ///< of Adam; for pixels the root mean square of a step
  Index copies = 1;  ///< views a step
  ViewOptions views = {};
  double logit = 1;            ///< weight of the class's logit
  double log_probability = 0;  ///< weight of the class's log-probability, which stops growing once the class is certain
  double noise = 0;            ///< standard deviation of noise added to each view
  double tint =
      0;  ///< 0.2: each view's colours are scaled by 0.8 to 1.2 and moved by up to 0.2, each channel by itself
  double contrast = 0;         ///< spectrum only: largest root mean square of the components; 0: any
  double falloff = 1;          ///< spectrum only: 0 treats all frequencies alike, 1 as natural images have them
  double total_variation = 0;  ///< weight of the mean total variation (beta 1) a pixel
  double decay = 0;            ///< pixels only: the share of the way to grey that each step goes (L2)
  double blur = 0;             ///< pixels only: standard deviation of a blur after every 4th step; below 0.1: none
  Index octaves = 1;           ///< pixels only: how many sizes, each 1.4 times the one before
  double settle =
      0.3;  ///< the share of the steps at the end over which lr falls to a twentieth and views come to the middle
  std::uint64_t seed = 42;
};

/// Called after each step with its number (from 1), the mean logit that it found, and a function that gives the image
/// now.
template <class T>
using VisualizationStep = std::function<void(Index step, double logit, const std::function<Tensor<T>()>& image)>;

namespace detail {

/// The image that is worked on, in one of its forms.
template <class T>
class GrowingImage {
 public:
  GrowingImage(const ClassVisualizationOptions& options, Index channels) : options_(options), generator_(options.seed) {
    if (options.form == ImageForm::spectrum) {
      map_ = std::make_shared<const ImageSpectrum<T>>(options.size, options.size, options.falloff);
      numbers_ = parameter(generator_.normal<T>(map_->shape(channels), 0, 0.01));
      adam_.emplace(std::vector{numbers_}, optim::AdamOptions{.lr = options.lr, .eps = 1e-8, .maximize = true});
    } else {
      const Index side = octave_side(0);
      numbers_ = parameter(generator_.normal<T>({1, side, side, channels}, 0.5, 0.02));
    }
  }

  /// [1,size,size,C] in [0,1].
  Variable<T> image() const {
    if (map_ == nullptr) return numbers_;
    const Variable<T> components = image_of_spectrum<T>(map_, numbers_);
    return sigmoid(components.size(3) == 3 ? correlate_colors(components) : components);
  }

  random::Generator& generator() { return generator_; }

  /// One step up the gradient that backward() left.
  void climb(Index step, double strength) {
    if (adam_) {
      adam_->set_lr(options_.lr * strength);
      adam_->step();
      adam_->zero_grad();
      if (options_.contrast > 0) limit_contrast();
      return;
    }
    const Tensor<T> gradient = numbers_.grad();
    const double length =
        std::sqrt(squared_norm(gradient.data(), gradient.numel()) / static_cast<double>(gradient.numel()));
    Tensor<T> pixels = numbers_.value().clone();
    T* value = pixels.mutable_data();
    for (Index i = 0; i < pixels.numel(); ++i) {
      const double moved = static_cast<double>(value[i]) +
                           (length > 0 ? options_.lr * strength * static_cast<double>(gradient.data()[i]) / length : 0);
      value[i] = static_cast<T>(std::clamp(0.5 + (moved - 0.5) * (1 - options_.decay), 0.0, 1.0));
    }
    if (options_.blur >= 0.1 && step % 4 == 0) pixels = blurred(pixels);
    const Index side = octave_side(step);
    if (side != pixels.size(1))
      pixels = resize(Variable<T>(pixels), {side, side}, {.mode = ResizeMode::bilinear}).value();
    numbers_ = parameter(pixels);
  }

 private:
  /// The side of the image after so many steps: the last octave takes as long as the others.
  Index octave_side(Index step) const {
    const Index octave = std::min(options_.octaves - 1, step * options_.octaves / options_.steps);
    const double side =
        static_cast<double>(options_.size) * std::pow(1.4, static_cast<double>(octave - options_.octaves + 1));
    return std::max<Index>(8, static_cast<Index>(std::lround(side)));
  }
  /// Scales the spectrum so that its image keeps to the contrast.
  void limit_contrast() {
    const Tensor<T> components = map_->to_image(numbers_.value());
    const double contrast =
        std::sqrt(squared_norm(components.data(), components.numel()) / static_cast<double>(components.numel()));
    if (contrast <= options_.contrast) return;
    for (T& number : numbers_.mutable_value().mutable_span()) number *= static_cast<T>(options_.contrast / contrast);
  }
  Tensor<T> blurred(const Tensor<T>& pixels) const {
    data::Example example{.image = pixels[0].template to<float>()};
    data::RandomStream unused(0, 0, 0);
    data::GaussianBlur({.sigma = {options_.blur, options_.blur}})(example, unused);
    return example.image.template to<T>().reshape(pixels.shape());
  }

  ClassVisualizationOptions options_;
  random::Generator generator_;
  std::shared_ptr<const ImageSpectrum<T>> map_;
  Variable<T> numbers_;
  std::optional<optim::Adam<T>> adam_;
};

/// The views with other colours and noise, as far as the options say.
template <class T>
Variable<T> disturbed(const Variable<T>& views, const ClassVisualizationOptions& options, double strength,
                      random::Generator& generator) {
  Variable<T> out = views;
  const double tint = options.tint * strength;
  if (tint > 0) {
    const Shape by_channel{views.size(0), 1, 1, views.size(3)};
    out = (out - 0.5) * generator.uniform<T>(by_channel, 1 - tint, 1 + tint) +
          generator.uniform<T>(by_channel, 0.5 - tint, 0.5 + tint);
  }
  if (options.noise > 0) out = out + generator.normal<T>(views.shape(), 0, options.noise * strength);
  return out;
}

template <class = void>
inline void check_visualization(const ClassVisualizationOptions& o) {
  require(o.size >= 8 && o.view >= 8 && o.steps >= 1 && o.copies >= 1 && o.octaves >= 1,
          "visualize_class: .size and .view must be at least 8, .steps, .copies and .octaves at least 1; got ", o.size,
          ", ", o.view, ", ", o.steps, ", ", o.copies, " and ", o.octaves);
  require(o.lr > 0 && o.total_variation >= 0 && o.decay >= 0 && o.decay < 1 && o.blur >= 0 && o.settle >= 0 &&
              o.settle <= 1 && o.noise >= 0 && o.tint >= 0 && o.contrast >= 0,
          "visualize_class: .lr must be positive, .total_variation, .blur, .noise, .tint and .contrast not negative, "
          ".decay in [0,1), .settle in [0,1]; got ",
          o.lr, ", ", o.total_variation, ", ", o.blur, ", ", o.noise, ", ", o.tint, ", ", o.contrast, ", ", o.decay,
          " and ", o.settle);
}

}  // namespace detail

/// An image [size,size,C] in [0,1] with a high logit of the class; C is 3 but for form pixels, where `channels` may
/// differ. `model` takes images [N,view,view,C] in [0,1] and gives logits [N,classes]; give it without a ReLU at its
/// very end, which has no gradient for classes that the first noise doesn't touch. Equal seeds give equal images.
/// Throws ValueError, ShapeError for an unknown class.
template <class T>
Tensor<T> visualize_class(const std::type_identity_t<Classifier<T>>& model, Index class_index,
                          const ClassVisualizationOptions& options = {},
                          const std::type_identity_t<VisualizationStep<T>>& after_step = {}, Index channels = 3) {
  detail::check_visualization(options);
  const EnableGrad enable;
  detail::GrowingImage<T> growing(options, channels);
  const auto now = [&] {
    const NoGrad no_grad;
    Variable<T> image = growing.image();
    if (image.size(1) != options.size)
      image = resize(image, {options.size, options.size}, {.mode = ResizeMode::bilinear});
    return image.value()[0];
  };
  for (Index step = 1; step <= options.steps; ++step) {
    const double left = static_cast<double>(options.steps - step) / static_cast<double>(options.steps);
    const double strength = left < options.settle ? 0.05 + 0.95 * left / options.settle : 1;
    const double wander = left < options.settle ? left / options.settle : 1;
    const Variable<T> image = growing.image();
    const double zoom = static_cast<double>(image.size(1)) / static_cast<double>(options.size);
    std::vector<View> views;
    for (Index copy = 0; copy < options.copies; ++copy) {
      View view = random_view(
          growing.generator().next_stream(),
          {options.views.jitter * wander * zoom, options.views.scale * wander, options.views.rotation * wander});
      view.scale *= zoom;
      views.push_back(view);
    }
    const Variable<T> logits = model(detail::disturbed(sample_views(image, views, options.view, options.view), options,
                                                       wander, growing.generator()));
    require<ShapeError>(logits.rank() == 2 && class_index >= 0 && class_index < logits.size(1),
                        "visualize_class: there is no class ", class_index, " in an output ", logits.shape());
    const Variable<T> logit = mean(select(logits, 1, class_index));
    Variable<T> objective = logit * options.logit;
    if (options.log_probability > 0)
      objective = objective + mean(select(log_softmax(logits), 1, class_index)) * options.log_probability;
    if (options.total_variation > 0)
      objective = objective - total_variation(image) * (options.total_variation / static_cast<double>(image.numel()));
    objective.backward();
    growing.climb(step, strength);
    if (after_step) after_step(step, static_cast<double>(logit.item()), now);
  }
  return now();
}

}  // namespace kashi::inline v0::explain
