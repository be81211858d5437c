/// The labelled pictures of a fine-tuning: where they come from, how they are varied, and what frozen layers make of
/// them.
#pragma once

#include <cstdio>
#include <memory>
#include <set>
#include <string>

#include <kashi/data/image_folder.hpp>
#include <kashi/data/split.hpp>
#include <kashi/data/transforms.hpp>

#include "common/named_network.hpp"
#include "common/read_all.hpp"
#include "finetune/partly_frozen.hpp"

namespace finetune {

namespace data = kashi::data;

/// Whether the labels are folders: pictures lie in more than one.
inline bool has_class_folders(const std::string& folder) {
  std::set<std::string> folders;
  for (const std::string& path : data::detail::list_pictures("finetune", folder))
    folders.insert(path.substr(0, path.find_last_of('/')));
  return folders.size() > 1;
}

/// The pictures of a folder, labelled by "folder" or "name"; "auto" takes folders if there are several. Throws
/// ValueError if all are of one class, and what the readers throw; every picture is read once.
inline data::Dataset labelled_pictures(const std::string& folder, const std::string& labels) {
  const bool by_folder = labels == "folder" || (labels == "auto" && has_class_folders(folder));
  const data::Dataset out = data::image_folder(folder, by_folder ? data::label_from_folder : data::label_from_name);
  kashi::require(out.class_names().size() > 1, "finetune: the pictures in '", folder, "' are all of one class, \"",
                 out.class_names().front(),
                 "\"; each class needs a folder of its own, or names that begin with the class, as in cat_12.jpg");
  examples::read_all(out);
  return out;
}

/// 80 % to learn from, of which a part decides which epoch was best, and 20 % that only the end sees.
struct Parts {
  data::Dataset learning, validation, test;
};

inline Parts split_pictures(const data::Dataset& pictures, std::uint64_t seed) {
  const auto [train, test] = data::split(pictures, {.train = 0.8, .seed = seed});
  const auto [learning, validation] = data::split(train, {.train = 0.8, .seed = seed});
  return {learning, validation, test};
}

/// How pictures in [0,1] are varied for training: "photo" mirrors, turns a little, zooms and changes colours; "writing"
/// does not mirror; "none".
inline data::Transform variation(const std::string& name) {
  if (name == "none") return [](data::Example&, data::RandomStream&) {};
  const data::ColorJitter colours({.brightness = 0.2, .contrast = 0.2, .saturation = name == "photo" ? 0.2 : 0.0});
  if (name == "writing")
    return data::Compose({data::RandomAffine({.degrees = 10,
                                              .translate = {0.06, 0.06},
                                              .scale = {0.85, 1.15},
                                              .shear = 8,
                                              .fill = {.border = data::Border::colour}}),
                          colours});
  return data::Compose(
      {data::RandomHorizontalFlip(),
       data::RandomAffine(
           {.degrees = 8, .translate = {0.08, 0.08}, .scale = {0.9, 1.3}, .fill = {.border = data::Border::reflect}}),
       colours});
}

/// From a picture of any size to the network's input, varied on the way.
inline data::Transform preparation(const kashi::models::Preset& how, const data::Transform& vary) {
  return [how, vary](data::Example& example, data::RandomStream& random) {
    example.image = examples::seen_part(example.image, how);
    vary(example, random);
    example.image = kashi::models::normalize_for(example.image, how);
  };
}

/// What the frozen layers make of each picture, computed when it is first asked for and then kept: image = the
/// features, or with `views` > 0 that many variants of them in `target` [views,...], of which pick_view() takes one.
inline data::Dataset features_of(const data::Dataset& pictures, const PartlyFrozen& net, const data::Transform& prepare,
                                 Index views = 0) {
  const auto one = [&net, prepare](data::Example example, data::RandomStream& random) {
    prepare(example, random);
    return net.front(kashi::stack(std::vector{example.image}))[0];
  };
  return pictures
      .map([one, views](data::Example& example, data::RandomStream& random) {
        std::vector<kashi::Tensor<float>> seen;
        for (Index i = 0; i < std::max<Index>(1, views); ++i) seen.push_back(one(example, random));
        example.image = seen.front();
        if (views > 0) example.target = kashi::stack(seen);
      })
      .cached();
}

/// One of the kept variants, another one each time.
inline void pick_view(data::Example& example, data::RandomStream& random) {
  example.image = example.target[random.below(example.target.size(0))];
  example.target = {};
}

}  // namespace finetune
