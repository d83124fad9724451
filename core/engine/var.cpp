#include "core/engine/var.hpp"

#include <memory>
#include <string>

namespace taper {

template <class T>
Var<T>::Var(Array<T> value) : value_(std::make_shared<Array<T>>(std::move(value))) {
    Place<T>::shape = value_->shape();
}

template <class T> Var<T>::Var(T value) : Var(full<T>(Shape{}, value)) {}

template <class T> void Var<T>::no_value() {
    throw Error(
        "value: a Var or Parameter must have a value: it was made without one, or moved from");
}

template <class T> void Var<T>::parameter_assigned() const {
    const std::string name = this->leaf ? "parameter " + this->leaf->name : "a moved parameter";
    shape_error(
        "assignment",
        "a Parameter must stay itself, also where it is seen as a Var (mutable_value() changes its "
        "value)",
        {{name.c_str(), shape()}});
}

template <class T> T Var<T>::item() const {
    if (value().size() != 1) shape_error("item", "a Var must have one entry", {{"x", shape()}});
    return *value().data();
}

template <class T> Var<T> Var<T>::detach() const {
    Var constant;
    static_cast<Place<T>&>(constant).shape = shape();
    constant.value_ = value_;
    return constant;
}

template class Var<float>;
template class Var<double>;

}  // namespace taper
