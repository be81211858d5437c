/// Scenes with several small objects, each with a mark on it, and questions that describe one of them.
///
/// A scene and everything about it follow from a RandomStream. Objects differ in colour, shape, size and place; the
/// mark is what a question asks for, so a question never tells its answer.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <kashi/data/example.hpp>

namespace vqa {

using kashi::Index;
using kashi::data::RandomStream;

inline constexpr Index scene_size = 96;

/// What tells objects apart, in the order of the words of a description.
enum Property { size_of, colour_of, shape_of, corner_of };
inline constexpr Index properties = 4;
inline constexpr std::array<Index, properties> value_counts{2, 6, 5, 4};
inline constexpr std::array<std::array<const char*, 6>, properties> value_names{
    {{"small", "large"},
     {"red", "green", "blue", "yellow", "purple", "cyan"},
     {"disc", "square", "triangle", "diamond", "plus"},
     {"top left", "top right", "bottom left", "bottom right"}}};
/// All words of all properties.
inline constexpr Index words = 17;

/// What may be on an object.
inline constexpr Index marks = 4;
inline constexpr std::array<const char*, marks> mark_names{"-", "|", "x", "o"};

struct Object {
  std::array<Index, properties> values{};
  Index mark = 0;
  double x = 0, y = 0;  ///< centre in pixels; pixel i reaches from i to i + 1
  double radius = 0;
};

/// A description: the value of each property, or `any`.
struct Question {
  static constexpr Index any = -1;
  std::array<Index, properties> values{any, any, any, any};

  bool describes(const Object& object) const {
    for (std::size_t p = 0; p < values.size(); ++p)
      if (values[p] != any && values[p] != object.values[p]) return false;
    return true;
  }
  /// "What is on the small red object at the top left?"
  std::string text() const {
    const auto word = [this](Property p) { return std::string(value_names[p][static_cast<std::size_t>(values[p])]); };
    std::string out = "What is on the ";
    for (const Property p : {size_of, colour_of})
      if (values[p] != any) out += word(p) + " ";
    out += values[shape_of] == any ? "object" : word(shape_of);
    if (values[corner_of] != any) out += " at the " + word(corner_of);
    return out + "?";
  }
  /// Which of the words occur, [words] zeros and ones: all that a network hears of a question.
  std::array<float, words> bag() const {
    std::array<float, words> out{};
    Index first = 0;
    for (std::size_t p = 0; p < values.size(); ++p) {
      if (values[p] != any) out[static_cast<std::size_t>(first + values[p])] = 1;
      first += value_counts[p];
    }
    return out;
  }
};

struct Scene {
  std::vector<Object> objects;

  Index count(const Question& question) const {
    return std::count_if(objects.begin(), objects.end(),
                         [&](const Object& object) { return question.describes(object); });
  }
};

/// Five to eight objects that don't touch, anywhere on the canvas, clear of its two middle lines.
inline Scene random_scene(RandomStream& random) {
  Scene scene;
  constexpr double side = static_cast<double>(scene_size), clear = 3;
  const auto wanted = static_cast<std::size_t>(5 + random.below(4));
  while (scene.objects.size() < wanted) {
    Object object;
    for (std::size_t p = 0; p + 1 < object.values.size(); ++p) object.values[p] = random.below(value_counts[p]);
    object.mark = random.below(marks);
    object.radius = object.values[size_of] == 0 ? random.uniform(5.2, 5.8) : random.uniform(7.6, 8.4);
    object.x = random.uniform(object.radius + 1, side - object.radius - 1);
    object.y = random.uniform(object.radius + 1, side - object.radius - 1);
    object.values[corner_of] = (object.y < side / 2 ? 0 : 2) + (object.x < side / 2 ? 0 : 1);
    const bool is_clear = std::min(std::abs(object.x - side / 2), std::abs(object.y - side / 2)) > clear;
    const bool is_free = std::none_of(scene.objects.begin(), scene.objects.end(), [&](const Object& other) {
      return std::max(std::abs(other.x - object.x), std::abs(other.y - object.y)) < other.radius + object.radius + 3;
    });
    if (is_clear && is_free) scene.objects.push_back(object);
  }
  return scene;
}

/// Which properties a description tells, one at least.
using Told = std::array<bool, properties>;

inline Told random_told(RandomStream& random) {
  Told out{};
  while (std::none_of(out.begin(), out.end(), [](bool told) { return told; }))
    for (bool& told : out) told = random.chance(0.5);
  return out;
}

inline Question description(const Object& object, const Told& told) {
  Question out;
  for (std::size_t p = 0; p < told.size(); ++p)
    if (told[p]) out.values[p] = object.values[p];
  return out;
}

/// A question about exactly one object of a scene.
struct Asked {
  Question question;
  Index object = 0;
};

inline Asked random_question(const Scene& scene, RandomStream& random) {
  while (true) {  // two objects may be the same but for their marks, so not every try succeeds
    const Index chosen = random.below(static_cast<Index>(scene.objects.size()));
    const Question question = description(scene.objects[static_cast<std::size_t>(chosen)], random_told(random));
    if (scene.count(question) == 1) return {question, chosen};
  }
}

/// Two descriptions that tell the same properties: one fits an object of the scene, the other nothing in it. In half of
/// the pairs one property is told and its value missing in the scene: words are learnt from these. In the others mostly
/// each word fits something, but no object fits them all. The words alone don't give away which description is which.
struct Pair {
  Question fits, fits_nothing;
};

inline Pair random_pair(const Scene& scene, RandomStream& random) {
  const auto any_object = [&]() -> const Object& {
    return scene.objects[static_cast<std::size_t>(random.below(static_cast<Index>(scene.objects.size())))];
  };
  while (true) {
    const bool is_easy = random.chance(0.5);
    const auto p = static_cast<std::size_t>(random.below(properties));
    Told told = random_told(random);
    if (is_easy) told = Told{};
    told[p] = true;
    Pair out{.fits = description(any_object(), told), .fits_nothing = description(any_object(), told)};
    out.fits_nothing.values[p] =
        !is_easy && random.chance(0.7) ? any_object().values[p] : random.below(value_counts[p]);
    if (scene.count(out.fits_nothing) == 0) return out;
  }
}

namespace detail {

using Colour = std::array<double, 3>;

inline constexpr std::array<Colour, 6> colours{{{0.85, 0.16, 0.15},
                                                {0.16, 0.62, 0.22},
                                                {0.18, 0.32, 0.85},
                                                {0.93, 0.84, 0.16},
                                                {0.58, 0.2, 0.68},
                                                {0.2, 0.78, 0.82}}};

/// Whether the place (u, v), in units of the radius, lies in a shape.
inline bool is_inside(Index shape, double u, double v) {
  const double a = std::abs(u), b = std::abs(v);
  switch (shape) {
    case 0:
      return u * u + v * v <= 1;
    case 1:
      return std::max(a, b) <= 0.88;
    case 2:
      return b <= 0.95 && a <= (v + 0.95) * 0.52;
    case 3:
      return a + b <= 1.05 && std::max(a, b) <= 1;
    default:
      return std::min(a, b) <= 0.4 && std::max(a, b) <= 1;
  }
}

inline bool is_marked(Index mark, double u, double v) {
  const double a = std::abs(u), b = std::abs(v), reach = 0.48, half = 0.15;
  switch (mark) {
    case 0:
      return b <= half && a <= reach;
    case 1:
      return a <= half && b <= reach;
    case 2:
      return std::abs(a - b) <= half * 1.4 && std::max(a, b) <= reach * 0.85;
    default:
      return u * u + v * v <= reach * reach * 0.55;
  }
}

/// Mixes a colour into a pixel.
inline void blend(float* pixel, const Colour& colour, double share) {
  for (std::size_t c = 0; c < 3; ++c)
    pixel[c] += static_cast<float>(share) * (static_cast<float>(colour[c]) - pixel[c]);
}

/// Calls visit(x, y, u, v) for `fine` x `fine` places in each pixel near an object.
template <class Visit>
void for_each_place(const Object& object, Visit&& visit) {
  constexpr Index fine = 4;
  const auto first = [](double at) { return std::max<Index>(0, static_cast<Index>(std::floor(at))); };
  const auto last = [](double at) { return std::min(scene_size, static_cast<Index>(std::ceil(at)) + 1); };
  for (Index y = first(object.y - object.radius); y < last(object.y + object.radius); ++y)
    for (Index x = first(object.x - object.radius); x < last(object.x + object.radius); ++x)
      for (Index k = 0; k < fine * fine; ++k) {
        const double px = static_cast<double>(x) + (static_cast<double>(k % fine) + 0.5) / fine,
                     py = static_cast<double>(y) + (static_cast<double>(k / fine) + 0.5) / fine;
        visit(x, y, (px - object.x) / object.radius, (py - object.y) / object.radius, 1.0 / (fine * fine));
      }
}

inline void draw_object(const Object& object, RandomStream& random, float* pixels) {
  Colour colour = colours[static_cast<std::size_t>(object.values[colour_of])];
  for (double& channel : colour) channel = std::clamp(channel + random.uniform(-0.06, 0.06), 0.0, 1.0);
  const bool is_dark = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] < 0.45;
  const Colour ink = is_dark ? Colour{0.97, 0.97, 0.97} : Colour{0.05, 0.05, 0.05};
  const double below = object.values[shape_of] == 2 ? 0.25 : 0;  // a triangle's room is below its middle
  std::array<double, scene_size * scene_size> cover{}, mark{};
  for_each_place(object, [&](Index x, Index y, double u, double v, double share) {
    const auto at = static_cast<std::size_t>(y * scene_size + x);
    if (is_inside(object.values[shape_of], u, v)) cover[at] += share;
    if (is_marked(object.mark, u, v - below)) mark[at] += share;
  });
  for (std::size_t i = 0; i < cover.size(); ++i) {
    if (cover[i] > 0) blend(pixels + 3 * i, colour, cover[i]);
    if (mark[i] > 0) blend(pixels + 3 * i, ink, mark[i]);
  }
}

/// A tinted ground that grows darker to one side, thin lines, specks and noise.
inline void draw_ground(RandomStream& random, float* pixels) {
  const double light = random.uniform(0.45, 0.75), across = random.uniform(-0.15, 0.15),
               down = random.uniform(-0.15, 0.15), noise = random.uniform(0.01, 0.05);
  Colour tint;
  for (double& channel : tint) channel = light + random.uniform(-0.06, 0.06);
  const kashi::random::Philox grain = random.fork();
  for (Index i = 0; i < scene_size * scene_size; ++i) {
    const double x = static_cast<double>(i % scene_size) / scene_size - 0.5,
                 y = static_cast<double>(i / scene_size) / scene_size - 0.5;
    const double shade = across * x + down * y + noise * (2 * grain.uniform(static_cast<std::uint64_t>(i)) - 1);
    for (std::size_t c = 0; c < 3; ++c)
      pixels[3 * static_cast<std::size_t>(i) + c] = static_cast<float>(tint[c] + shade);
  }
  for (Index k = 0; k < 6; ++k) {
    const double angle = random.uniform(0.0, 6.2832), step_x = std::cos(angle), step_y = std::sin(angle),
                 grey = random.uniform(0.2, 0.95), length = random.uniform(8.0, 50.0);
    double x = random.uniform(0.0, scene_size), y = random.uniform(0.0, scene_size);
    for (double t = 0; t < length; t += 0.5, x += step_x * 0.5, y += step_y * 0.5)
      if (x >= 0 && y >= 0 && x < scene_size && y < scene_size)
        blend(pixels + 3 * (static_cast<Index>(y) * scene_size + static_cast<Index>(x)), {grey, grey, grey}, 0.2);
  }
  for (Index k = 0; k < 12; ++k) {
    const Colour speck{random.uniform(), random.uniform(), random.uniform()};
    blend(pixels + 3 * random.below(scene_size * scene_size), speck, 0.7);
  }
}

}  // namespace detail

/// The picture of a scene, [scene_size,scene_size,3] in [0,1].
inline kashi::Tensor<float> draw(const Scene& scene, RandomStream& random) {
  kashi::Tensor<float> out = kashi::Tensor<float>::empty({scene_size, scene_size, 3});
  float* pixels = out.mutable_data();
  detail::draw_ground(random, pixels);
  for (const Object& object : scene.objects) detail::draw_object(object, random, pixels);
  for (Index i = 0; i < out.numel(); ++i) pixels[i] = std::clamp(pixels[i], 0.0f, 1.0f);
  return out;
}

/// A scene with its picture and a question about one object of it.
struct Puzzle {
  Scene scene;
  kashi::Tensor<float> picture;
  Question question;
  Index object = 0;

  const Object& asked() const { return scene.objects[static_cast<std::size_t>(object)]; }
};

/// The puzzle of a number; `stream` keeps those for learning and for the test apart.
inline Puzzle make_puzzle(std::uint64_t seed, Index stream, Index number) {
  RandomStream random(seed, stream, number);
  Puzzle out;
  out.scene = random_scene(random);
  out.picture = draw(out.scene, random);
  const Asked asked = random_question(out.scene, random);
  out.question = asked.question;
  out.object = asked.object;
  return out;
}

}  // namespace vqa
