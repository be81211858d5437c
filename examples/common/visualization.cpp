#include "common/visualization.hpp"

#include <kashi/io/pixels.hpp>

namespace examples {

using namespace kashi;

std::vector<VisualizationMethod> visualization_methods() {
  // Chosen on six classes by what a second network says (docs/practice/q7-class-visualization-and-fgsm.md): without
  // lost channels the pictures fit one network only, and each view loses others.
  explain::ClassVisualizationOptions spectrum{.steps = 384, .copies = 4, .views = {.scale = 0.2}, .log_probability = 1};
  explain::ClassVisualizationOptions plain{
      .form = explain::ImageForm::pixels, .lr = 0.02, .views = {.jitter = 0, .scale = 0, .rotation = 0}};
  explain::ClassVisualizationOptions regularised = plain;
  regularised.views.jitter = 16;
  regularised.decay = 0.01;
  regularised.blur = 0.5;
  regularised.total_variation = 1;
  explain::ClassVisualizationOptions octaves = regularised;
  octaves.octaves = 4;
  return {{"plain", "gradient ascent on pixels", plain, 0},
          {"regularised", "pixels; jitter, decay, blur, total variation", regularised, 0},
          {"octaves", "the same, from small to large", octaves, 0},
          {"spectrum", "decorrelated spectrum; random views; channels are lost", spectrum, 0.1}};
}

VisualizationMethod visualization_method(const std::string& name, const PhotoNetwork& network, const Flags& flags) {
  std::string known;
  for (VisualizationMethod way : visualization_methods()) {
    known += (known.empty() ? "" : ", ") + way.name;
    if (way.name != name) continue;
    way.options.size = network.picture_side();
    way.options.view = network.preset.crop;
    way.options.views.jitter *= static_cast<double>(network.preset.crop) / 224;
    way.options.seed = flags.seed;
    if (flags.quick) way.options.steps = 64;
    return way;
  }
  throw ValueError(text("there is no method \"", name, "\"; there are: ", known));
}

Tensor<std::uint8_t> class_picture(const PhotoNetwork& network, Index class_index, const VisualizationMethod& method,
                                   const explain::VisualizationStep<float>& after_step) {
  nn::Sequential<float> net = network.net;  // shares the layers
  const explain::ChannelDropout<float> dropout(net, method.dropout, method.options.seed);
  return io::to_bytes(explain::visualize_class<float>([&](const Variable<float>& x) { return network.scores(x); },
                                                      class_index, method.options, after_step));
}

}  // namespace examples
