/// Looks for pictures whose masks are wrong: each is judged by a network that did not learn from it.
///
/// A network that has seen a wrong mask repeats it; one that has not disagrees. So the pictures are cut into folds, a
/// network learns from all folds but one and marks that one (Northcutt et al. 2021 call this out-of-fold). A mask's
/// agreement is the Dice of mask and marks.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <kashi/core/reduce.hpp>
#include <kashi/data/split.hpp>
#include <kashi/io/atomic_file.hpp>
#include <kashi/plot/contact_sheet.hpp>

#include "resunet/answers.hpp"
#include "resunet/training.hpp"

namespace resunet {

/// What the audit found, in the order of the audited pictures.
struct Audit {
  std::vector<std::string> names;
  std::vector<double> agreement;  ///< Dice of the given mask and the marks of a network that did not learn from it
  double threshold = 0;           ///< agreement below it is suspicious
  std::vector<kashi::Tensor<float>> maps;  ///< what those networks marked; none when read from a file
  double map_threshold = 0.5;
  std::map<std::string, kashi::Tensor<float>> proposals;  ///< by name: a mask for each suspicious picture
  bool was_interrupted = false;

  /// Places, the least agreement first.
  std::vector<std::size_t> order() const {
    std::vector<std::size_t> out(agreement.size());
    std::iota(out.begin(), out.end(), std::size_t{0});
    std::stable_sort(out.begin(), out.end(), [&](std::size_t a, std::size_t b) { return agreement[a] < agreement[b]; });
    return out;
  }
  bool is_suspicious(std::size_t i) const { return agreement[i] < threshold; }
  kashi::Index suspicious() const {
    kashi::Index count = 0;
    for (std::size_t i = 0; i < agreement.size(); ++i) count += is_suspicious(i) ? 1 : 0;
    return count;
  }
  /// 1 for a mask that agrees, and less the less it does.
  float trust(std::size_t i) const {
    return is_suspicious(i) ? static_cast<float>(0.5 * agreement[i] / threshold) : 1.0f;
  }
  /// The place of a picture by its name. Throws ValueError for a picture that was not audited.
  std::size_t place(const std::string& name) const {
    const auto found = std::find(names.begin(), names.end(), name);
    kashi::require(found != names.end(), "audit: it knows no picture \"", name, "\"");
    return static_cast<std::size_t>(found - names.begin());
  }
};

namespace detail {

/// (2 I + s) / (A + B + s): the smoothing s forgives a few pixels marked on a picture without lesions.
inline double agreement(const kashi::Tensor<float>& map, const kashi::Tensor<float>& mask, double threshold,
                        double smoothing) {
  double both = 0, all = smoothing;
  for (kashi::Index i = 0; i < map.numel(); ++i) {
    const bool is_marked = map.data()[i] >= threshold, is_given = mask.data()[i] > 0.5f;
    both += is_marked && is_given ? 1 : 0;
    all += (is_marked ? 1 : 0) + (is_given ? 1 : 0);
  }
  return (2 * both + smoothing) / all;
}

/// Otsu's threshold (1979) between two groups of values in [0,1]: the cut that makes the groups' means differ most.
inline double otsu(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size()), total = std::accumulate(values.begin(), values.end(), 0.0);
  double best = -1, cut = 0, sum = 0;
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    sum += values[i];
    const double below = static_cast<double>(i + 1), above = n - below,
                 difference = sum / below - (total - sum) / above;
    const double between = below * above * difference * difference;
    if (between <= best) continue;
    best = between;
    cut = 0.5 * (values[i] + values[i + 1]);
  }
  return cut;
}

/// The pixels at or above a threshold as 1, the others as 0.
inline kashi::Tensor<float> marks_of(const kashi::Tensor<float>& map, double threshold) {
  auto out = kashi::Tensor<float>::empty(map.shape());
  std::transform(map.data(), map.data() + map.numel(), out.mutable_data(),
                 [&](float value) { return value >= static_cast<float>(threshold) ? 1.0f : 0.0f; });
  return out;
}

/// What the networks marked on the suspicious pictures, at the threshold that suits the masks that are trusted.
inline void propose(Audit& out, const kashi::data::Dataset& pictures) {
  kashi::train::MaskCurve trusted;
  for (std::size_t i = 0; i < out.maps.size(); ++i)
    if (!out.is_suspicious(i)) trusted.add(out.maps[i], pictures.get(static_cast<kashi::Index>(i)).target);
  const double threshold = trusted.best_threshold();
  for (std::size_t i = 0; i < out.maps.size(); ++i)
    if (out.is_suspicious(i)) out.proposals[out.names[i]] = marks_of(out.maps[i], threshold);
}

}  // namespace detail

/// Whether more than half of a picture is marked. Decay is small: only a mask whose black and white were confused does
/// that, and a few such masks keep a network from learning, and the figures below from being of use.
inline bool is_absurd(const kashi::Tensor<float>& mask) { return kashi::mean(mask).item() > 0.5f; }

/// The pictures of `part` whose masks are not absurd; all of them where that would leave none.
inline kashi::data::Dataset without_absurd(const kashi::data::Dataset& part) {
  std::vector<kashi::Index> kept;
  for (kashi::Index i = 0; i < part.size(); ++i)
    if (!is_absurd(part.get(i).target)) kept.push_back(i);
  return kept.empty() ? part : part.subset(kept);
}

/// Trains a network for each fold and judges every picture of `pictures`. A mask is suspicious below Otsu's threshold
/// of the agreements, but never when it agrees by half, and never more than two in five are: where networks contradict
/// most masks, it is they who don't know.
inline Audit audit(const kashi::data::Dataset& pictures, const Settings& settings, const Plan& plan) {
  using namespace kashi;
  Settings plain = settings;
  plain.noise = "none";
  Audit out;
  out.maps.resize(static_cast<std::size_t>(pictures.size()));
  train::MaskCurve curve;
  // Folds of places, not of examples, so that each map finds its picture again.
  const data::Dataset places(
      pictures.size(), [&](Index i) { return data::Example{.label = pictures.label(i), .name = std::to_string(i)}; });
  Index number = 0;
  for (const data::Split& fold : data::k_fold(places, {.folds = settings.folds, .seed = plan.seed})) {
    std::fprintf(stderr, "audit: fold %ld of %ld\n", static_cast<long>(++number), static_cast<long>(settings.folds));
    const auto of = [&](const data::Dataset& part) {
      std::vector<Index> indices;
      for (Index i = 0; i < part.size(); ++i) indices.push_back(std::stol(part.name(i)));
      return indices;
    };
    auto net = make_network(plain.encoder);
    const train::FitResult result = fit(net, without_absurd(pictures.subset(of(fold.train))), {}, plain, plan,
                                        {.callbacks = {std::make_shared<train::ProgressBar>()}});
    if (result.interrupted) {
      out.was_interrupted = true;
      return out;
    }
    net.eval();
    for (const Index i : of(fold.test)) {
      const data::Example example = pictures.get(i);
      Tensor<float>& map = out.maps[static_cast<std::size_t>(i)];
      map = probabilities(net, example, plan.side, true);
      if (!is_absurd(example.target)) curve.add(map, example.target);
    }
  }

  double given = 0, marked = 0;
  for (Index i = 0; i < pictures.size(); ++i) {
    const Tensor<float> mask = pictures.get(i).target;
    if (is_absurd(mask)) continue;
    const auto area = static_cast<double>(
        std::count_if(mask.span().begin(), mask.span().end(), [](float value) { return value > 0.5f; }));
    given += area;
    marked += area > 0 ? 1 : 0;
  }
  const double smoothing = 0.1 * given / std::max(1.0, marked);
  out.map_threshold = curve.best_threshold();
  for (Index i = 0; i < pictures.size(); ++i) {
    out.names.push_back(pictures.name(i));
    out.agreement.push_back(
        detail::agreement(out.maps[static_cast<std::size_t>(i)], pictures.get(i).target, out.map_threshold, smoothing));
  }
  const double two_in_five = out.agreement[out.order()[static_cast<std::size_t>(pictures.size() * 2 / 5)]];
  out.threshold = std::min({0.5, two_in_five, detail::otsu(out.agreement)});
  detail::propose(out, pictures);
  return out;
}

/// How far the mask of each picture of `part` is trusted.
inline std::vector<float> trust_in(const kashi::data::Dataset& part, const Audit& found) {
  std::vector<float> out;
  for (kashi::Index i = 0; i < part.size(); ++i) out.push_back(found.trust(found.place(part.name(i))));
  return out;
}

/// The pictures of `part` whose masks are not suspicious; all of them where that would leave none.
inline kashi::data::Dataset without_suspicious(const kashi::data::Dataset& part, const Audit& found) {
  std::vector<kashi::Index> kept;
  for (kashi::Index i = 0; i < part.size(); ++i)
    if (!found.is_suspicious(found.place(part.name(i)))) kept.push_back(i);
  return kept.empty() ? part : part.subset(kept);
}

/// `part` with the proposals in the place of suspicious masks.
inline kashi::data::Dataset corrected(const kashi::data::Dataset& part, const Audit& found) {
  return part.map([proposals = found.proposals](kashi::data::Example& example, kashi::data::RandomStream&) {
    const auto mask = proposals.find(example.name);
    if (mask != proposals.end()) example.target = mask->second;
  });
}

/// `part` again from its start until there are `size` pictures, so that a training on fewer takes as many steps.
inline kashi::data::Dataset filled_up(const kashi::data::Dataset& part, kashi::Index size) {
  std::vector<kashi::Index> indices;
  for (kashi::Index i = 0; i < size; ++i) indices.push_back(i % part.size());
  return part.subset(indices);
}

/// Writes file, agreement, suspicious and trust of every picture, the least trusted first; read_audit takes it back.
inline void write_audit(const std::filesystem::path& path, const Audit& found) {
  std::string out = "file,agreement,suspicious,trust\n# threshold,";
  char line[64];
  std::snprintf(line, sizeof line, "%.17g\n", found.threshold);
  out += line;
  for (const std::size_t i : found.order()) {
    std::snprintf(line, sizeof line, ",%.17g,%d,%.4f\n", found.agreement[i], found.is_suspicious(i) ? 1 : 0,
                  static_cast<double>(found.trust(i)));
    out += found.names[i];
    out += line;
  }
  kashi::io::write_atomically(path, out, "cannot write audit");
}

/// Where a picture's proposal lies: as its mask lies in the data's masks/.
inline std::filesystem::path proposal_path(const std::filesystem::path& folder, const std::string& name) {
  const std::string images = "/images/";
  const auto at = name.rfind(images);
  const std::filesystem::path inside = at == std::string::npos ? name : name.substr(at + images.size());
  return (folder / inside).replace_extension(".png");
}

/// Writes the proposals as masks of 0 and 255, for a person to look at and to take; those of an earlier run go.
inline void write_proposals(const std::filesystem::path& folder, const Audit& found) {
  std::filesystem::remove_all(folder);
  for (const auto& [name, mask] : found.proposals) {
    const std::filesystem::path path = proposal_path(folder, name);
    kashi::io::make_output_folder(path.parent_path());
    kashi::io::save_png(path, kashi::io::to_bytes(mask));
  }
}

/// The audit of an earlier sitting, if `path` holds one of just these pictures, with the proposals of a folder.
inline std::optional<Audit> read_audit(const std::filesystem::path& path, const std::filesystem::path& proposals,
                                       const kashi::data::Dataset& pictures) {
  std::ifstream in(path);
  std::map<std::string, double> agreement;
  Audit out;
  std::string line;
  while (std::getline(in, line)) {
    const std::string mark = "# threshold,";
    if (line.starts_with(mark)) out.threshold = std::strtod(line.c_str() + mark.size(), nullptr);
    // A file's name may hold commas: three fields from the end.
    std::size_t at = line.size();
    for (int field = 0; field < 3 && at != std::string::npos; ++field)
      at = at == 0 ? std::string::npos : line.rfind(',', at - 1);
    if (at != std::string::npos) agreement[line.substr(0, at)] = std::strtod(line.c_str() + at + 1, nullptr);
  }
  for (kashi::Index i = 0; i < pictures.size(); ++i) {
    const auto found = agreement.find(pictures.name(i));
    if (found == agreement.end()) return std::nullopt;
    out.names.push_back(found->first);
    out.agreement.push_back(found->second);
    if (!out.is_suspicious(static_cast<std::size_t>(i))) continue;
    const std::filesystem::path mask = proposal_path(proposals, found->first);
    if (!std::filesystem::exists(mask)) return std::nullopt;
    out.proposals[found->first] = kashi::io::to_float(kashi::io::load_image(mask, {.channels = 1}));
  }
  return out;
}

/// The pictures whose masks agree least, for a person to look at: given masks green, the answers of the folds' networks
/// red.
inline kashi::plot::Image audit_sheet(const kashi::data::Dataset& pictures, const Audit& found) {
  using namespace kashi;
  constexpr std::size_t most = 24;
  std::vector<plot::Image> cells;
  std::vector<std::string> captions;
  for (const std::size_t i : found.order()) {
    if (cells.size() == most) break;
    const data::Example example = pictures.get(static_cast<Index>(i));
    cells.push_back(overlay(example, found.maps.empty() ? Tensor<float>::zeros(example.target.shape()) : found.maps[i],
                            found.map_threshold));
    char caption[160];
    std::snprintf(caption, sizeof caption, "%.3f%s  %s", found.agreement[i],
                  found.is_suspicious(i) ? " suspicious" : "",
                  std::filesystem::path(example.name).filename().string().c_str());
    captions.emplace_back(caption);
  }
  return plot::contact_sheet(cells, captions,
                             {.title = "Masks that agree least with networks that did not learn from them",
                              .columns = 3,
                              .cell = overlay_side});
}

}  // namespace resunet
