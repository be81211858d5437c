/// ResNeXt for small images (Xie et al., "Aggregated Residual Transformations for Deep Neural Networks", 2017), and its
/// block in the three forms of the paper's figure 3. ResNeXt-50 for ImageNet's sizes stands in resnet.hpp.
///
/// A block adds up `cardinality` transformations of one form, each through a bottleneck of `width` channels. Seen as
/// branches that are summed (a), as branches that are put side by side before one last 1x1 convolution (b), or as one
/// grouped convolution (c), it is the same function; (c) is the one to use.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <kashi/core/manipulate.hpp>
#include <kashi/models/options.hpp>
#include <kashi/ops/shape.hpp>

namespace kashi::inline v0::models {

/// The forms (a), (b) and (c).
enum class ResNeXtForm { branches, concatenation, grouped };

/// Options of a ResNeXt block.
struct ResNeXtBlockOptions {
  Index in = 0;
  Index out = 0;
  Index cardinality = 1;         ///< number of transformations, C
  Index width = 64;              ///< channels of each one's bottleneck, d
  Index stride = 1;              ///< of the 3x3 convolution and the shortcut
  bool pooled_shortcut = false;  ///< with a stride, the shortcut averages pixels instead of leaving them out
};

namespace detail {

/// A convolution without bias, padded to keep the size, with its batch norm; what a line of the paper's tables means.
template <class T>
nn::Sequential<T>& add_conv_norm(nn::Sequential<T>& to, Index in, Index out, Index kernel, Index stride = 1,
                                 Index groups = 1) {
  to.add(nn::Conv2d<T>({.in = in,
                        .out = out,
                        .kernel = kernel,
                        .stride = stride,
                        .padding = kernel / 2,
                        .groups = groups,
                        .bias = false}));
  return to.add(nn::BatchNorm2d<T>(out));
}

/// Modules that get the same input, and whose outputs are added up or put side by side. Children: "0", "1", ...
template <class T>
class Branches : public nn::Module<T> {
 public:
  Branches(std::vector<nn::Sequential<T>> branches, bool sums) : branches_(std::move(branches)), sums_(sums) {}

  Variable<T> forward(const Variable<T>& x) const override {
    std::vector<Variable<T>> outputs;
    for (const auto& branch : branches_) outputs.push_back(branch(x));
    if (!sums_) return concat(outputs, -1);
    Variable<T> sum = outputs.front();
    for (std::size_t i = 1; i < outputs.size(); ++i) sum = add(sum, outputs[i]);
    return sum;
  }
  void members(nn::Members<T>& m) override {
    for (std::size_t i = 0; i < branches_.size(); ++i) m(std::to_string(i), branches_[i]);
  }
  std::string kind() const override { return "Branches"; }

 private:
  std::vector<nn::Sequential<T>> branches_;
  bool sums_;
};

/// The block's sum of transformations, batch norm at its end included.
template <class T>
nn::Sequential<T> resnext_body(const ResNeXtBlockOptions& o, ResNeXtForm form) {
  const Index wide = o.cardinality * o.width;
  nn::Sequential<T> body;
  if (form == ResNeXtForm::grouped) {
    add_conv_norm(body, o.in, wide, 1).add(nn::ReLU<T>());
    add_conv_norm(body, wide, wide, 3, o.stride, o.cardinality).add(nn::ReLU<T>());
    return add_conv_norm(body, wide, o.out, 1);
  }
  const bool sums = form == ResNeXtForm::branches;
  std::vector<nn::Sequential<T>> branches(static_cast<std::size_t>(o.cardinality));
  for (auto& branch : branches) {
    add_conv_norm(branch, o.in, o.width, 1).add(nn::ReLU<T>());
    add_conv_norm(branch, o.width, o.width, 3, o.stride).add(nn::ReLU<T>());
    if (sums) branch.add(nn::Conv2d<T>({.in = o.width, .out = o.out, .kernel = 1, .bias = false}));
  }
  body.add(Branches<T>(std::move(branches), sums));
  return sums ? body.add(nn::BatchNorm2d<T>(o.out)) : add_conv_norm(body, wide, o.out, 1);
}

template <class T>
nn::Sequential<T> resnext_shortcut(const ResNeXtBlockOptions& o) {
  nn::Sequential<T> shortcut;
  const bool pools = o.pooled_shortcut && o.stride > 1;
  if (pools)
    shortcut.add(
        nn::AvgPool2d<T>({.kernel = o.stride, .stride = o.stride, .ceil_mode = true, .count_include_pad = false}));
  return add_conv_norm(shortcut, o.in, o.out, 1, pools ? 1 : o.stride);
}

/// Channels [index * width, (index + 1) * width) of an axis.
template <class T>
Tensor<T> channel_group(const Tensor<T>& values, int axis, Index index, Index width) {
  return narrow(values, axis, index * width, (index + 1) * width);
}

}  // namespace detail

/// relu(transformations(x) + shortcut(x)): [N,H,W,in] -> [N,H/stride,W/stride,out]. Children of the Sequential: "block"
/// (nn::Residual with "body" and, where the shape changes, "shortcut") and "relu". Throws ValueError for sizes below 1.
template <class T = float>
nn::Sequential<T> resnext_block(const ResNeXtBlockOptions& o, ResNeXtForm form = ResNeXtForm::grouped) {
  require(o.in > 0 && o.out > 0 && o.cardinality > 0 && o.width > 0 && o.stride > 0,
          "resnext_block: channels, cardinality, width and stride must be positive; got .in = ", o.in,
          ", .out = ", o.out, ", .cardinality = ", o.cardinality, ", .width = ", o.width, ", .stride = ", o.stride);
  nn::Sequential<T> block;
  if (o.in == o.out && o.stride == 1)
    block.add("block", nn::Residual<T>(detail::resnext_body<T>(o, form)));
  else
    block.add("block", nn::Residual<T>(detail::resnext_body<T>(o, form), detail::resnext_shortcut<T>(o)));
  return block.add("relu", nn::ReLU<T>());
}

/// The state of a block in form (a) or (b) that computes what a block in form (c) with the state `grouped` does: branch
/// i takes the i-th group of channels. `o` is the options of both.
template <class T>
nn::StateDict<T> resnext_block_state(const nn::StateDict<T>& grouped, const ResNeXtBlockOptions& o, ResNeXtForm form) {
  if (form == ResNeXtForm::grouped) return grouped;
  const bool sums = form == ResNeXtForm::branches;
  const std::string body = "block.body.";
  nn::StateDict<T> out;
  const auto is_last = [&](const std::string& name) {
    return name.starts_with(body + "6.") || name.starts_with(body + "7.");
  };
  for (const auto& [name, value] : grouped) {
    if (!name.starts_with(body) || name.starts_with("block.shortcut.")) {
      out.set(name, value);
    } else if (is_last(name)) {
      // In form (a) the last convolution is split; in both the last batch norm follows the branches.
      const std::string rest = name.substr(body.size() + 2);
      const bool is_convolution = name[body.size()] == '6';
      if (!is_convolution)
        out.set(body + (sums ? "1." : "2.") + rest, value);
      else if (!sums)
        out.set(body + "1." + rest, value);
      else
        for (Index i = 0; i < o.cardinality; ++i)
          out.set(text(body, "0.", i, ".6.", rest), detail::channel_group(value, 3, i, o.width));
    } else {
      for (Index i = 0; i < o.cardinality; ++i)
        out.set(text(body, "0.", i, ".", name.substr(body.size())),
                value.rank() == 0 ? value : detail::channel_group(value, 0, i, o.width));
    }
  }
  return out;
}

/// What tells one ResNeXt for small images from another.
struct ResNeXtShape {
  std::array<Index, 3> blocks{3, 3, 3};      ///< in the three stages; the second and third halve the image
  std::array<Index, 3> out{256, 512, 1024};  ///< channels that a stage gives
  std::array<Index, 3> width{64, 128, 256};  ///< of a transformation: it grows with the stage, cardinality does not
  Index cardinality = 8;
  std::array<Index, 2> stem{
      64, 0};  ///< channels of the first 3x3 convolution and of a second one, which halves the image; 0: none
  bool pooled_shortcut = false;
};

/// A ResNeXt of any shape: [N,H,W,in] -> [N,classes], 10 classes by default. First weights are He's normal ones.
template <class T = float>
nn::Sequential<T> resnext(const ResNeXtShape& shape, const ModelOptions& options = {}) {
  nn::Sequential<T> net, stem;
  Index channels = shape.stem[0];
  detail::add_conv_norm(stem, options.in, channels, 3).add(nn::ReLU<T>());
  if (shape.stem[1] > 0) {
    detail::add_conv_norm(stem, channels, shape.stem[1], 3).add(nn::ReLU<T>()).add(nn::MaxPool2d<T>(2));
    channels = shape.stem[1];
  }
  net.add("stem", stem);
  for (std::size_t stage = 0; stage < shape.blocks.size(); ++stage) {
    nn::Sequential<T> blocks;
    for (Index i = 0; i < shape.blocks[stage]; ++i) {
      blocks.add(resnext_block<T>({.in = channels,
                                   .out = shape.out[stage],
                                   .cardinality = shape.cardinality,
                                   .width = shape.width[stage],
                                   .stride = i == 0 && stage > 0 ? 2 : 1,
                                   .pooled_shortcut = shape.pooled_shortcut}));
      channels = shape.out[stage];
    }
    net.add("stage" + std::to_string(stage + 1), blocks);
  }
  net.add("avgpool", nn::GlobalAvgPool2d<T>());
  if (options.dropout > 0) net.add("dropout", nn::Dropout<T>(options.dropout));
  net.add("fc", nn::Linear<T>({.in = channels, .out = detail::classes_or(options, 10)}));
  detail::init_weights(net);
  return net;
}

/// The paper's ResNeXt-29 for CIFAR, C x 64d: 34,426,698 parameters with C = 8 and 68,155,210 with C = 16, for 10
/// classes.
template <class T = float>
nn::Sequential<T> resnext29(Index cardinality = 8, const ModelOptions& options = {}) {
  return resnext<T>({.cardinality = cardinality}, options);
}

/// A ResNeXt of this project for CIFAR on a few CPU cores: 112 million multiplications an image of 32 x 32 pixels and
/// 2.9 million parameters. The stem halves the image, so that all blocks stand at 16, 8 and 4 pixels; cardinality is 4,
/// and groups are 32, 64 and 128 channels wide, which fill a CPU's vectors and let Winograd's algorithm gain.
template <class T = float>
nn::Sequential<T> resnext_compact(const ModelOptions& options = {}) {
  return resnext<T>({.blocks = {1, 2, 2},
                     .out = {128, 256, 512},
                     .width = {32, 64, 128},
                     .cardinality = 4,
                     .stem = {24, 48},
                     .pooled_shortcut = true},
                    options);
}

}  // namespace kashi::inline v0::models
