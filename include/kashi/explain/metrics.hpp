/// How good a map of importance is: insertion and deletion, drop and increase, ADCC, pointing game, rank correlations.
///
/// Maps are [H,W] of the image's size. Scores are softmax probabilities of one class, the one predicted for the clean
/// image. The model takes images [N,H,W,C] and gives logits; what stands for "nothing" is given in the model's own
/// units.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include <kashi/core/manipulate.hpp>
#include <kashi/core/random.hpp>
#include <kashi/explain/target.hpp>
#include <kashi/ops/softmax.hpp>

namespace kashi::inline v0::explain {

/// Pearson's correlation; 0 if either is constant. Throws ShapeError for different lengths.
template <class = void>
inline double pearson(std::span<const double> a, std::span<const double> b) {
  require<ShapeError>(a.size() == b.size(), "pearson: as many numbers are needed on both sides; got ", a.size(),
                      " and ", b.size());
  const double n = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n,
               mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double common = 0, squares_a = 0, squares_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    common += (a[i] - mean_a) * (b[i] - mean_b);
    squares_a += (a[i] - mean_a) * (a[i] - mean_a);
    squares_b += (b[i] - mean_b) * (b[i] - mean_b);
  }
  const double product = squares_a * squares_b;
  return product > 0 ? std::clamp(common / std::sqrt(product), -1.0, 1.0) : 0;
}

namespace detail {

/// Ranks from 0, equal numbers sharing their mean rank.
template <class = void>
inline std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) out[order[i]] = static_cast<double>(begin + end - 1) / 2;
    begin = end;
  }
  return out;
}

template <class T>
std::vector<double> doubles(const Tensor<T>& x) {
  return std::vector<double>(x.span().begin(), x.span().end());
}

}  // namespace detail

/// Spearman's rank correlation, equal numbers sharing their mean rank; 0 if either is constant.
inline double spearman(std::span<const double> a, std::span<const double> b) {
  return pearson(detail::ranks(a), detail::ranks(b));
}

/// The same of two maps.
template <class T>
double spearman(const Tensor<T>& a, const Tensor<T>& b) {
  return spearman(detail::doubles(a), detail::doubles(b));
}

/// A model for metrics: images [N,H,W,C] to logits [N,classes].
template <class T>
using Logits = std::function<Variable<T>(const Variable<T>&)>;

/// The class's probability for each image of a batch.
template <class T>
std::vector<double> class_probabilities(const std::type_identity_t<Logits<T>>& model, const Tensor<T>& images,
                                        Index class_index) {
  const NoGrad no_grad;
  const Tensor<T> probabilities = softmax(model(Variable<T>(images))).value();
  std::vector<double> out;
  for (Index n = 0; n < probabilities.size(0); ++n) out.push_back(static_cast<double>(probabilities(n, class_index)));
  return out;
}

struct CurveOptions {
  Index steps = 56;  ///< points of the curve but for the first; the reference takes 224 pixels a step
  Index batch = 8;
  std::uint64_t seed = 42;  ///< of the order among equal values
};

/// A curve of probabilities and its mean height, by trapezoids.
struct Curve {
  std::vector<double> scores;
  double area() const {
    if (scores.size() < 2) return scores.empty() ? 0 : scores[0];
    const double total = std::accumulate(scores.begin(), scores.end(), 0.0) - (scores.front() + scores.back()) / 2;
    return total / static_cast<double>(scores.size() - 1);
  }
};

/// The probabilities while `from` turns into `to`, [H,W,C] each, pixel by pixel in the order of falling importance
/// (Petsiuk et al. 2018). Deletion: from the image to a flat one; a good map has a small area. Insertion: from a
/// blurred image to the image; a good map has a large one. Only the map's order counts. Throws ShapeError.
template <class T>
Curve change_curve(const std::type_identity_t<Logits<T>>& model, const Tensor<T>& from, const Tensor<T>& to,
                   const Tensor<T>& map, Index class_index, const CurveOptions& options = {}) {
  require<ShapeError>(
      from.rank() == 3 && from.shape() == to.shape() && map.shape() == Shape{from.size(0), from.size(1)},
      "change_curve: two images [H,W,C] and a map [H,W] are needed; got ", from.shape(), ", ", to.shape(), " and ",
      map.shape());
  require(options.steps >= 1 && options.batch >= 1, "change_curve: .steps and .batch must be at least 1; got ",
          options.steps, " and ", options.batch);
  std::vector<Index> order = random::Generator(options.seed).permutation(map.numel()).to_vector();
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return map.data()[a] > map.data()[b]; });
  Curve curve;
  Tensor<T> current = from.clone();
  std::vector<Tensor<T>> waiting;
  const Index channels = from.size(2), pixels = map.numel();
  Index changed = 0;
  for (Index step = 0; step <= options.steps; ++step) {
    T* value = current.mutable_data();
    for (const Index end = pixels * step / options.steps; changed < end; ++changed) {
      const Index pixel = order[static_cast<std::size_t>(changed)];
      std::copy_n(to.data() + pixel * channels, channels, value + pixel * channels);
    }
    waiting.push_back(current.clone());
    if (static_cast<Index>(waiting.size()) < options.batch && step < options.steps) continue;
    for (const double score : class_probabilities<T>(model, stack(waiting), class_index)) curve.scores.push_back(score);
    waiting.clear();
  }
  return curve;
}

/// An image [H,W,C] seen through a map [H,W] in [0,1]; where the map is 0 stands `nothing`, one number a channel
/// (empty: zeros).
template <class T>
Tensor<T> masked_image(const Tensor<T>& image, const Tensor<T>& map, const std::vector<double>& nothing = {}) {
  require<ShapeError>(image.rank() == 3 && map.shape() == Shape{image.size(0), image.size(1)},
                      "masked_image: an image [H,W,C] and a map [H,W] are needed; got ", image.shape(), " and ",
                      map.shape());
  const Index channels = image.size(2);
  Tensor<T> out = Tensor<T>::empty(image.shape());
  T* to = out.mutable_data();
  for (Index i = 0; i < image.numel(); ++i) {
    const T share = map.data()[i / channels],
            other = nothing.empty() ? T{0} : static_cast<T>(nothing[static_cast<std::size_t>(i % channels)]);
    to[i] = image.data()[i] * share + other * (1 - share);
  }
  return out;
}

/// The image blurred by a Gaussian, [H,W,C], mirrored at the edges: where insertion starts (the reference: 11 x 11,
/// deviation 5).
template <class T>
Tensor<T> blurred(const Tensor<T>& image, double deviation = 5, Index radius = 5) {
  require<ShapeError>(image.rank() == 3, "blurred: an image [H,W,C] is needed; got ", image.shape());
  require(deviation > 0 && radius >= 0, "blurred: the deviation must be positive, the radius not negative; got ",
          deviation, " and ", radius);
  std::vector<double> kernel;
  for (Index i = -radius; i <= radius; ++i)
    kernel.push_back(std::exp(-static_cast<double>(i * i) / (2 * deviation * deviation)));
  const double total = std::accumulate(kernel.begin(), kernel.end(), 0.0);
  const auto along = [&](const Tensor<T>& from, Index outer, Index size, Index inner) {
    Tensor<T> to = Tensor<T>::empty(from.shape());
    T* value = to.mutable_data();
    for (Index o = 0; o < outer; ++o)
      for (Index i = 0; i < size; ++i)
        for (Index k = 0; k < inner; ++k) {
          double sum_of = 0;
          for (Index tap = -radius; tap <= radius; ++tap) {
            const Index period = std::max<Index>(1, 2 * (size - 1)), place = std::abs(i + tap) % period;
            sum_of += kernel[static_cast<std::size_t>(tap + radius)] *
                      static_cast<double>(from.data()[(o * size + std::min(place, period - place)) * inner + k]);
          }
          *value++ = static_cast<T>(sum_of / total);
        }
    return to;
  };
  return along(along(image, 1, image.size(0), image.size(1) * image.size(2)), image.size(0), image.size(1),
               image.size(2));
}

/// Deletion: the image loses its most important pixels first; what comes is `nothing`, one number a channel (empty:
/// zeros).
template <class T>
Curve deletion(const std::type_identity_t<Logits<T>>& model, const Tensor<T>& image, const Tensor<T>& map,
               Index class_index, const CurveOptions& options = {}, const std::vector<double>& nothing = {}) {
  return change_curve<T>(model, image, masked_image(image, Tensor<T>::zeros(map.shape()), nothing), map, class_index,
                         options);
}

/// Insertion: the blurred image gets its most important pixels back first.
template <class T>
Curve insertion(const std::type_identity_t<Logits<T>>& model, const Tensor<T>& image, const Tensor<T>& map,
                Index class_index, const CurveOptions& options = {}) {
  return change_curve<T>(model, blurred(image), image, map, class_index, options);
}

/// A map that knows nothing: uniform random numbers, [H,W].
template <class T>
Tensor<T> random_map(Index height, Index width, std::uint64_t seed = 42) {
  return random::Generator(seed).uniform<T>({height, width}, 0.0, 1.0);
}

/// A map that knows where photographers put things: 1 in the middle, falling to 0 in the corners, [H,W].
template <class T>
Tensor<T> centre_map(Index height, Index width) {
  Tensor<T> out = Tensor<T>::empty({height, width});
  T* value = out.mutable_data();
  const double middle_y = static_cast<double>(height - 1) / 2, middle_x = static_cast<double>(width - 1) / 2,
               far = std::max(std::hypot(middle_y, middle_x), 1e-12);
  for (Index y = 0; y < height; ++y)
    for (Index x = 0; x < width; ++x)
      *value++ =
          static_cast<T>(1 - std::hypot(static_cast<double>(y) - middle_y, static_cast<double>(x) - middle_x) / far);
  return out;
}

/// What masking by a map does to the class: O = p(image * map + nothing * (1 - map)) beside Y = p(image).
struct MaskedScore {
  double clean = 0;   ///< Y
  double masked = 0;  ///< O
  /// max(0, Y - O) / Y: small is good, but for a map of ones, too; see complexity().
  double drop() const { return clean > 0 ? std::max(0.0, clean - masked) / clean : 0; }
  bool increased() const { return masked > clean; }
};

template <class T>
MaskedScore masked_score(const std::type_identity_t<Logits<T>>& model, const Tensor<T>& image, const Tensor<T>& map,
                         Index class_index, const std::vector<double>& nothing = {}) {
  const std::vector<double> scores =
      class_probabilities<T>(model, stack({image, masked_image(image, map, nothing)}), class_index);
  return {scores[0], scores[1]};
}

/// The mean of |map|, 0..1: small maps are simpler.
template <class T>
double complexity(const Tensor<T>& map) {
  double total = 0;
  for (const T value : map.span()) total += std::abs(static_cast<double>(value));
  return map.numel() > 0 ? total / static_cast<double>(map.numel()) : 0;
}

/// ADCC (Poppi et al. 2021): the harmonic mean of coherency, 1 - complexity and 1 - drop; coherency is (r + 1) / 2, r
/// the correlation of the map with the map of the masked image. 0 if any of the three is 0.
inline double adcc(double coherency, double complexity, double drop) {
  if (coherency <= 0 || complexity >= 1 || drop >= 1) return 0;
  return 3 / (1 / coherency + 1 / (1 - complexity) + 1 / (1 - drop));
}

/// (r + 1) / 2 of two maps.
template <class T>
double coherency(const Tensor<T>& map, const Tensor<T>& map_of_masked) {
  return (pearson(detail::doubles(map), detail::doubles(map_of_masked)) + 1) / 2;
}

/// ADCC with its parts, for one image.
struct AdccParts {
  double coherency = 0;
  double complexity = 0;
  double drop = 0;
  double adcc() const { return explain::adcc(coherency, complexity, drop); }
};

/// The parts for the map of an image, [H,W] in [0,1], where `map_of` gives the map of any other image for the same
/// class.
template <class T>
AdccParts adcc_parts(const std::type_identity_t<Logits<T>>& model,
                     const std::type_identity_t<std::function<Tensor<T>(const Tensor<T>&)>>& map_of,
                     const Tensor<T>& image, const Tensor<T>& map, Index class_index,
                     const std::vector<double>& nothing = {}) {
  const Tensor<T> again = map_of(masked_image(image, map, nothing));
  return {coherency(map, again), complexity(map), masked_score<T>(model, image, map, class_index, nothing).drop()};
}

/// Pointing game (Zhang et al. 2016): whether the map's largest value lies in the object's mask [H,W], or within
/// `tolerance` pixels.
template <class T>
bool points_at(const Tensor<T>& map, const Tensor<bool>& object, double tolerance = 15) {
  require<ShapeError>(map.rank() == 2 && map.shape() == object.shape() && map.numel() > 0,
                      "points_at: a map and a mask [H,W] are needed; got ", map.shape(), " and ", object.shape());
  const Index best = std::max_element(map.data(), map.data() + map.numel()) - map.data(), width = map.size(1);
  for (Index i = 0; i < object.numel(); ++i)
    if (object.data()[i] && std::hypot(static_cast<double>(i / width - best / width),
                                       static_cast<double>(i % width - best % width)) <= tolerance)
      return true;
  return false;
}

/// The share of the positive map that lies in the object's mask (Wang et al. 2020).
template <class T>
double energy_inside(const Tensor<T>& map, const Tensor<bool>& object) {
  require<ShapeError>(map.shape() == object.shape(),
                      "energy_inside: a map and a mask of the same shape are needed; got ", map.shape(), " and ",
                      object.shape());
  double inside = 0, all = 0;
  for (Index i = 0; i < map.numel(); ++i) {
    const double value = std::max(0.0, static_cast<double>(map.data()[i]));
    all += value;
    inside += object.data()[i] ? value : 0;
  }
  return all > 0 ? inside / all : 0;
}

}  // namespace kashi::inline v0::explain
