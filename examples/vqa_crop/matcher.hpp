/// The question-image matching model: does the scene hold what the question describes? Trained on yes and no alone.
///
/// A convolutional encoder gives each place p of the scene a vector A_p, the sum of its words' vectors is the
/// question's vector q. A place's evidence is M_p = q . A_p; the score pools it by a soft maximum, s = log(mean of
/// exp(r M_p)) / r + bias (Pinheiro and Collobert 2015), so that a small object is not diluted. ds/dA_p = q times a
/// softmax over places, which sums to one: Grad-CAM of s at the encoder's last layer is M / places, the evidence
/// itself.
#pragma once

#include <cmath>
#include <vector>

#include <kashi/data/dataset.hpp>
#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/ops/binary_loss.hpp>
#include <kashi/ops/shape.hpp>
#include <kashi/ops/softmax.hpp>

#include "vqa_crop/scene.hpp"

namespace vqa {

using kashi::Tensor;
using kashi::Variable;

/// Two channels more that tell each place where it is, -1 to 1: without them "top left" means nothing to a convolution.
class Coordinates : public kashi::nn::Module<float> {
 public:
  Variable<float> forward(const Variable<float>& x) const override {
    const Index N = x.size(0), H = x.size(1), W = x.size(2);
    Tensor<float> places = Tensor<float>::empty({N, H, W, 2});
    float* to = places.mutable_data();
    const auto centred = [](Index i, Index size) {
      return (2 * static_cast<float>(i) + 1) / static_cast<float>(size) - 1;
    };
    for (Index i = 0; i < N * H * W; ++i) {
      *to++ = centred(i / W % H, H);
      *to++ = centred(i % W, W);
    }
    return kashi::concat({x, Variable<float>(places)}, 3);
  }
  std::string kind() const override { return "Coordinates"; }
};

/// Convolution, batch norm, ReLU.
inline kashi::nn::Sequential<float> unit(Index in, Index out, Index stride = 1) {
  using namespace kashi;
  return {nn::Conv2d({.in = in, .out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = false}),
          nn::BatchNorm2d(out), nn::ReLU()};
}

class Matcher : public kashi::nn::Module<float> {
 public:
  static constexpr Index channels = 32;
  static constexpr float sharpness = 3;  // r

  Matcher() {
    using namespace kashi;
    encoder_.add("features",
                 nn::Sequential{unit(3, 16, 2), unit(16, 32, 2), unit(32, 32), Coordinates(), unit(34, 48)});
    encoder_.add("map", nn::Conv2d({.in = 48, .out = channels, .kernel = 1}));
    nn::Linear vectors({.in = words, .out = channels});  // one for each word; a question is their sum
    nn::init::normal(vectors.weight(), 0, 0.4);          // large enough for the soft maximum to choose from the start
    question_.add("words", vectors);
  }

  /// The scene encoder, [N,96,96,3] to [N,24,24,channels]; its last layer is called "map".
  kashi::nn::Sequential<float>& encoder() { return encoder_; }

  /// The vectors A_p of scenes.
  Variable<float> forward(const Variable<float>& scenes) const override { return encoder_(scenes); }

  /// The vectors of questions, [K,words] to [K,channels].
  Variable<float> question_vectors(const Tensor<float>& bags) const { return question_(Variable<float>(bags)); }

  /// Scores of K questions about each scene: maps [N,h,w,channels] and vectors [N*K,channels], scene by scene, to
  /// [N*K].
  Variable<float> scores(const Variable<float>& maps, const Variable<float>& vectors) const {
    using namespace kashi;
    const Index N = maps.size(0), places = maps.size(1) * maps.size(2), all = vectors.size(0);
    // The products of all questions of a scene with all its places: each scene is a group of a 1x1 convolution.
    const Variable<float> row =
        reshape(permute(reshape(maps, {N, places, channels}), {1, 0, 2}), {1, places, 1, N * channels});
    const Variable<float> evidence =
        reshape(conv2d(row, reshape(vectors, {all, 1, 1, channels}), Variable<float>(), {.groups = N}), {places, all});
    const float constant = std::log(static_cast<float>(places)) / sharpness;
    return logsumexp(evidence * sharpness, 0) * (1 / sharpness) - constant + bias_;
  }

  void members(kashi::nn::Members<float>& m) override {
    m("encoder", encoder_);
    m("question", question_);
    m("bias", bias_);
  }

 private:
  kashi::nn::Sequential<float> encoder_, question_;
  Variable<float> bias_ = kashi::parameter(Tensor<float>::zeros({1}));
};

inline constexpr Index questions_a_scene = 16;

/// Writes a question's words and whether it matches, words + 1 numbers; gives the place behind them.
inline float* write_example(const Question& question, bool matches, float* to) {
  const auto bag = question.bag();
  to = std::copy(bag.begin(), bag.end(), to);
  *to++ = matches ? 1.0f : 0.0f;
  return to;
}

/// A scene with `questions_a_scene` questions, half of which match: target [questions, words + 1].
inline void draw_match_example(kashi::data::Example& example, RandomStream& random) {
  const Scene scene = random_scene(random);
  example.image = draw(scene, random);
  example.target = Tensor<float>::empty({questions_a_scene, words + 1});
  float* to = example.target.mutable_data();
  for (Index k = 0; k < questions_a_scene; k += 2) {
    const Pair pair = random_pair(scene, random);
    to = write_example(pair.fits, true, to);
    to = write_example(pair.fits_nothing, false, to);
  }
}

/// Scenes to learn matching from. Each is drawn anew in every epoch, by draw_match_example as the loader's transform.
inline kashi::data::Dataset match_examples(Index count) {
  return kashi::data::Dataset(count, [](Index) { return kashi::data::Example{}; });
}

/// The questions of a batch's targets [N,K,words + 1], [N*K,words], and whether they match, [N*K].
struct MatchBatch {
  Tensor<float> bags, matches;

  explicit MatchBatch(const Tensor<float>& targets) {
    const Index count = targets.size(0) * targets.size(1);
    bags = Tensor<float>::empty({count, words});
    matches = Tensor<float>::empty({count});
    float *bag = bags.mutable_data(), *match = matches.mutable_data();
    for (Index i = 0; i < count; ++i) {
      std::copy_n(targets.data() + i * (words + 1), words, bag + i * words);
      match[i] = targets.data()[i * (words + 1) + words];
    }
  }
};

}  // namespace vqa
