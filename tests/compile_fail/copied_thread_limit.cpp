// A ThreadLimit belongs to its scope: a copy would restore the limit twice.
// error: deleted function
// error: deleted constructor
#include <kashi/core/parallel.hpp>

int main() {
  kashi::ThreadLimit limit(1);
#ifdef MISUSE
  kashi::ThreadLimit copy = limit;
#endif
}
