/// What the resunet program has beside the flags of all programs, and the network that follows from it.
#pragma once

#include <cstdlib>
#include <map>
#include <string>

#include <kashi/io/tensor_file.hpp>
#include <kashi/models/resunet.hpp>

namespace resunet {

struct Settings {
  std::string loss = "bce_dice";
  std::string encoder = "residual";
  std::string noise = "auto";  ///< what is done about pictures whose masks look wrong
  kashi::Index folds = 3;      ///< parts of the out-of-fold audit
  double soften = 0;           ///< blur of the masks' borders, in pixels
  double corrupted = 0.2;      ///< share of wrong masks among the generated pictures
  kashi::Index pictures = 0;   ///< generated ones to learn from
  kashi::Index side = 512;     ///< longer side of the pictures that the network sees
  kashi::Index crop = 0;
  kashi::Index crops = 0;  ///< of each picture in an epoch; 0: six, of generated pictures three
  double lr = 2e-3;
  double positive = 10;  ///< weight of foreground in weighted_bce
  double minutes = 0;
  bool tensorboard = false;
  bool evaluate = false;
};

inline kashi::models::ResUNet<float> make_network(const std::string& encoder) {
  using namespace kashi;
  const models::ResUNetOptions options{.in = 1, .out = 1, .widths = {16, 32, 64, 128, 192}, .dropout = 0.1};
  return encoder == "plain" ? models::ResUNet(options, models::plain_encoder<float>(options))
                            : models::ResUNet(options);
}

/// What a weights file says beside the numbers, so that --evaluate needs no other flag.
inline std::map<std::string, std::string> about_weights(const Settings& settings, kashi::Index side) {
  return {{"encoder", settings.encoder}, {"side", std::to_string(side)}};
}

}  // namespace resunet
