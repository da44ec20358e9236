#include <cstdio>
#include <res2clip/core/version.hpp>

int main() {
  std::printf("res2clip %s\n", res2clip::version().c_str());
}
