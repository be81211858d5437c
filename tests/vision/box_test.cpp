/// Overlap, non-maximum suppression, and the success curve at their edges.
#include <catch2/catch.hpp>

#include <kashi/vision/box.hpp>

using namespace kashi;
using vision::Box;
using vision::Detection;

TEST_CASE("Overlap of boxes") {
  const Box box{0, 0, 10, 10};
  CHECK(vision::iou(box, box) == 1);
  CHECK(vision::iou(box, {5, 0, 10, 10}) == Approx(1.0 / 3));
  CHECK(vision::iou(box, {2, 2, 5, 4}) == Approx(0.2));
  CHECK(vision::iou(box, {10, 0, 10, 10}) == 0);
  CHECK(vision::iou(box, {20, 20, 1, 1}) == 0);
  CHECK(vision::iou({3, 3, 0, 5}, {3, 3, 0, 5}) == 0);
}

TEST_CASE("Suppression keeps the best, what overlaps by the threshold alone, and is greedy") {
  CHECK(vision::nms(std::vector<Detection>{}).empty());
  const Box box{0, 0, 10, 10};
  CHECK(vision::nms(std::vector<Detection>{{box, 0.5, 0}, {box, 0.5, 1}}).size() == 1);
  CHECK(vision::nms(std::vector<Detection>{{box, 0.5, 0}, {box, 0.5, 1}}).front().class_index == 0);
  CHECK(vision::nms(std::vector<Detection>{{box, 0.5, 0}, {box, 0.5, 1}}, {.by_class = true}).size() == 2);
  const Box half{0, 0, 10, 5};  // IoU exactly 0.5
  CHECK(vision::nms(std::vector<Detection>{{box, 1, 0}, {half, 0.9, 0}}, {.iou = 0.5}).size() == 2);
  CHECK(vision::nms(std::vector<Detection>{{box, 1, 0}, {half, 0.9, 0}}, {.iou = 0.49}).size() == 1);
  const std::vector<Detection> chain{{{4, 0, 10, 10}, 0.8, 0}, {{8, 0, 10, 10}, 0.7, 0}, {{0, 0, 10, 10}, 0.9, 0}};
  const auto kept = vision::nms(chain, {.iou = 0.3});
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].box.x == 0);
  CHECK(kept[1].box.x == 8);
  CHECK_THROWS_AS(vision::nms(std::vector<Detection>{{box, std::nan(""), 0}}), ValueError);
}

TEST_CASE("Soft suppression lowers what overlaps, by the square of the overlap") {
  const Box box{0, 0, 10, 10}, half{0, 0, 10, 5}, far{50, 50, 10, 10};
  const auto kept =
      vision::soft_nms(std::vector<Detection>{{half, 0.9, 0}, {box, 1, 0}, {far, 0.5, 0}}, {.sigma = 0.5});
  REQUIRE(kept.size() == 3);
  CHECK(kept[0].score == 1);
  CHECK(kept[1].score == Approx(0.9 * std::exp(-0.5)));
  CHECK(kept[2].score == 0.5);
  CHECK(vision::soft_nms(std::vector<Detection>{{box, 1, 0}, {box, 0.005, 0}}, {.least = 0.001}).size() == 1);
}

TEST_CASE("Area under the success curve") {
  CHECK(vision::success_auc(std::vector<double>{1, 1}) == Approx(1));
  CHECK(vision::success_auc(std::vector<double>{0, 0}) == 0);
  CHECK(vision::success_auc(std::vector<double>{0.5, 0.5}) == Approx(0.5));
  CHECK(vision::success_auc(std::vector<double>{0.52}) == Approx(0.55));
  CHECK(vision::success_curve(std::vector<double>{0, 1})[0] == Approx(0.5));
  CHECK(vision::success_curve(std::vector<double>{}).size() == 21);
}
