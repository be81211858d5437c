#include <catch2/catch.hpp>

#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/dropout.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/nn/shape.hpp>

using namespace kashi;

namespace {

/// The text of the error when a layer called "here" gets an input of this shape.
template <class Layer>
std::string refusal(Layer layer, const Shape& input) {
  nn::Sequential<float> net;
  net.add("here", std::move(layer));
  try {
    net(Tensor<float>::ones(input));
  } catch (const ShapeError& error) {
    return error.what();
  } catch (const ValueError& error) {
    return std::string("ValueError ") + error.what();
  }
  return "nothing was thrown";
}

void check_refusal(const std::string& found, const std::string& text) { CHECK(found == text + " (layer \"here\")"); }

}  // namespace

TEST_CASE("wrong shapes in convolutions and linear layers") {
  check_refusal(refusal(nn::Conv2d({.in = 3, .out = 4, .kernel = 3}), {1, 8, 8, 4}),
                "conv2d: input channels 4 differ from the weight's 3; input [1,8,8,4], weight [4,3,3,3]");
  check_refusal(refusal(nn::Conv2d({.in = 3, .out = 4, .kernel = 3}), {8, 8, 3}),
                "conv2d: the input must have 4 axes; got [8,8,3]");
  check_refusal(refusal(nn::Conv2d({.in = 3, .out = 4, .kernel = 3}), {1, 2, 8, 3}),
                "conv2d: the kernel's extent 3x3 exceeds the padded input 2x8; input [1,2,8,3], weight [4,3,3,3]");
  check_refusal(refusal(nn::ConvTranspose2d({.in = 3, .out = 4, .kernel = 3}), {1, 8, 8, 4}),
                "conv_transpose2d: input channels 4 differ from the weight's 3; input [1,8,8,4], weight [3,3,3,4]");
  check_refusal(refusal(nn::ConvTranspose2d({.in = 3, .out = 4, .kernel = 3}), {8, 3}),
                "conv_transpose2d: the input must have 4 axes; got [8,3]");
  check_refusal(refusal(nn::Linear({.in = 3, .out = 4}), {2, 5}),
                "linear: the input's last axis must have 3 features; input [2,5], weight [4,3]");
  check_refusal(refusal(nn::Linear({.in = 3, .out = 4}), {}),
                "linear: the input's last axis must have 3 features; input [], weight [4,3]");
}

TEST_CASE("wrong shapes in norms") {
  check_refusal(refusal(nn::BatchNorm2d(3), {1, 8, 8, 4}), "BatchNorm2d: the input must be [N,H,W,3]; got [1,8,8,4]");
  check_refusal(refusal(nn::BatchNorm2d(3), {2, 3}), "BatchNorm2d: the input must be [N,H,W,3]; got [2,3]");
  check_refusal(refusal(nn::BatchNorm2d(3), {1, 1, 1, 3}),
                "batch_norm: more than one value per channel is needed in training; input [1,1,1,3]");
  check_refusal(refusal(nn::BatchNorm1d(3), {2, 4}), "BatchNorm1d: the input must be [N,3]; got [2,4]");
  check_refusal(refusal(nn::BatchNorm1d(3), {2, 2, 2, 3}), "BatchNorm1d: the input must be [N,3]; got [2,2,2,3]");
  check_refusal(refusal(nn::LayerNorm(3), {2, 4}), "layer_norm: the input's last axes must be [3]; input [2,4]");
  check_refusal(refusal(nn::GroupNorm(2, 4), {1, 2, 2, 6}), "GroupNorm: the input must be [N,...,4]; got [1,2,2,6]");
  check_refusal(refusal(nn::GroupNorm(2, 4, {.affine = false}), {1, 2, 2, 6}),
                "GroupNorm: the input must be [N,...,4]; got [1,2,2,6]");
  check_refusal(refusal(nn::InstanceNorm2d(4), {1, 2, 2, 6}),
                "InstanceNorm2d: the input must be [N,H,W,4]; got [1,2,2,6]");
  check_refusal(refusal(nn::InstanceNorm2d(4), {1, 1, 1, 4}),
                "instance_norm: more than one pixel is needed; input [1,1,1,4]");
}

TEST_CASE("wrong shapes in pooling") {
  check_refusal(refusal(nn::MaxPool2d(2), {4, 4, 3}), "max_pool2d: images [N,H,W,C] are needed; got [4,4,3]");
  check_refusal(refusal(nn::MaxPool2d(5), {1, 4, 4, 3}),
                "max_pool2d: the window 5x5 exceeds the padded input 4x4; input [1,4,4,3]");
  check_refusal(refusal(nn::MaxPool2d(MaxPool2dOptions{.kernel = 2, .padding = 2}), {1, 4, 4, 3}),
                "ValueError max_pool2d: padding must be at most half of the kernel; padding 2, kernel 2");
  check_refusal(refusal(nn::AvgPool2d(2), {4, 4, 3}), "avg_pool2d: images [N,H,W,C] are needed; got [4,4,3]");
  check_refusal(refusal(nn::AvgPool2d(0), {1, 4, 4, 3}), "ValueError avg_pool2d: kernel must be positive; got 0x0");
  check_refusal(refusal(nn::AdaptiveAvgPool2d(2), {4, 3}),
                "adaptive_avg_pool2d: images [N,H,W,C] are needed; got [4,3]");
  check_refusal(refusal(nn::AdaptiveMaxPool2d(0), {1, 4, 4, 3}),
                "ValueError adaptive_max_pool2d: the output size must be positive; got 0x0");
  check_refusal(refusal(nn::GlobalAvgPool2d(), {4, 3}), "global_avg_pool2d: images [N,H,W,C] are needed; got [4,3]");
  check_refusal(refusal(nn::GlobalMaxPool2d(), {1, 0, 0, 3}),
                "global_max_pool2d: images can't be empty; got [1,0,0,3]");
}

TEST_CASE("wrong shapes in the other layers") {
  check_refusal(refusal(nn::Flatten(), {4}), "flatten: axis 1 is not one of the 1 axes of [4]");
  check_refusal(refusal(nn::Upsample(2), {4, 4, 3}), "Upsample: images [N,H,W,C] are needed; got [4,4,3]");
  check_refusal(refusal(nn::ZeroPad2d(1), {4, 4, 3}), "pad: images [N,H,W,C] are needed; got [4,4,3]");
  check_refusal(refusal(nn::Dropout2d(0.5), {4, 3}), "dropout2d: images [N,H,W,C] are needed; got [4,3]");
  check_refusal(refusal(nn::Softmax(2), {4, 3}), "softmax: axis 2 is not one of the 2 axes of [4,3]");
  check_refusal(refusal(nn::LogSoftmax(-3), {4, 3}), "log_softmax: axis -3 is not one of the 2 axes of [4,3]");
  check_refusal(refusal(nn::Residual(nn::Linear({.in = 3, .out = 4})), {2, 3}),
                "Residual: the body gives [2,4], the shortcut [2,3] (give it a shortcut that changes the shape, such "
                "as a 1x1 convolution)");
}
