#include "strokes.hpp"

namespace res2clip::demo {

Path wander(Dice& dice, Point middle, float length, float curl, float jitter, int pieces) {
  float angle = dice.direction();
  const float turn = dice.bell(curl) / static_cast<float>(pieces), step = length / static_cast<float>(pieces);
  Point at;
  Path path{at};
  for (int k = 0; k < pieces; ++k) {
    angle += turn + dice.bell(jitter);
    at = at + towards(angle) * step;
    path.push_back(at);
  }
  const Point shift = middle - path[path.size() / 2];
  for (Point& point : path) point = point + shift;
  return path;
}

Blob::Blob(Dice& dice, Point at, float radius, float roughness, float stretch)
    : at_(at), turn_(dice.direction()), radius_(radius), stretch_(stretch) {
  for (int k = 0; k < 4; ++k) {
    waves_[k] = dice.bell(roughness / static_cast<float>(k + 2));
    phases_[k] = dice.direction();
  }
}

float Blob::inside(Point p) const {
  Point q = turn_(p - at_);
  q.y *= stretch_;
  const float distance = length_of(q);
  if (distance > 2 * radius_) return radius_ - distance;
  const float angle = angle_of(q.y, q.x);
  float wave = 0;
  for (int k = 0; k < 4; ++k) wave += waves_[k] * cosine(static_cast<float>(k + 2) * angle + phases_[k]);
  wave = wave < -0.6F ? -0.6F : (wave > 0.6F ? 0.6F : wave);
  return radius_ * (1 + wave) - distance;
}

}  // namespace res2clip::demo
