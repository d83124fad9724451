#include "core/engine/notation.hpp"

#include <ostream>

namespace taper {

template <class T> std::ostream& operator<<(std::ostream& out, const Var<T>& x) {
    return out << to_string(x.value());
}

template std::ostream& operator<<(std::ostream&, const Var<float>&);
template std::ostream& operator<<(std::ostream&, const Var<double>&);

}  // namespace taper
