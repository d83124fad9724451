#include "core/engine/parameter.hpp"

#include <algorithm>
#include <memory>
#include <string>

#include "core/engine/tape.hpp"

namespace taper {

template <class T>
Parameter<T>::Parameter(std::string name, Array<T> value, bool trainable)
    : Var<T>(std::move(value)) {
    this->leaf = std::make_shared<Leaf<T>>(std::move(name), trainable);
    this->leaf->present = this->value_.get();
    this->is_parameter_ = true;
}

template <class T> const Array<T>& Parameter<T>::gradient() const {
    if (!has_gradient())
        throw Error(
            "gradient: a backward pass must have reached the parameter (run tape.backward(loss) "
            "on a loss that uses it): " +
            name());
    return *this->leaf->gradient;
}

template <class T> Array<T>& Parameter<T>::mutable_gradient() {
    gradient();  // Error: there is none
    return *this->leaf->gradient;
}

template <class T> Array<T>& Parameter<T>::mutable_value() {
    this->value();  // Error: there is none
    const bool shared = this->value_.use_count() > 1 || this->leaf->recorded();
    if (shared) this->value_ = std::make_shared<Array<T>>(*this->value_);
    this->leaf->present = this->value_.get();
    return *this->value_;
}

template <class T>
void require_parameters(const char* who, const std::vector<Parameter<T>*>& parameters) {
    const auto null = std::find(parameters.begin(), parameters.end(), nullptr);
    if (null != parameters.end())
        throw Error(std::string(who) + ": no pointer to a parameter may be null: number " +
                    std::to_string(null - parameters.begin()) + " of " +
                    std::to_string(parameters.size()) + ", counted from 0");
}

template <class T> std::vector<Parameter<T>*> freeze(const std::vector<Parameter<T>*>& parameters) {
    require_parameters("freeze", parameters);
    for (const Parameter<T>* parameter : parameters) {
        parameter->value();  // Error: there is none
        if (parameter->leaf->recorded())
            throw Error("freeze: no live tape may have recorded the parameter: " +
                        parameter->name());
    }
    std::vector<Parameter<T>*> frozen;
    for (Parameter<T>* parameter : parameters) {
        if (!parameter->trainable()) continue;
        parameter->leaf->trainable_ = false;
        parameter->clear_gradient();
        frozen.push_back(parameter);
    }
    return frozen;
}

template <class T> void thaw(const std::vector<Parameter<T>*>& parameters) {
    require_parameters("thaw", parameters);
    for (Parameter<T>* parameter : parameters) {
        parameter->value();  // Error: there is none
        if (!parameter->trainable() && Tape<T>::begun())
            throw Error("thaw: no tape may be alive, or it may hold the parameter as a constant: " +
                        parameter->name());
    }
    for (Parameter<T>* parameter : parameters) parameter->leaf->trainable_ = true;
}

template <class T> void clear_gradients(const std::vector<Parameter<T>*>& parameters) {
    require_parameters("clear_gradients", parameters);
    for (Parameter<T>* parameter : parameters) parameter->clear_gradient();
}

#define TAPER_INSTANTIATE(T)                                                          \
    template class Parameter<T>;                                                      \
    template void require_parameters(const char*, const std::vector<Parameter<T>*>&); \
    template std::vector<Parameter<T>*> freeze(const std::vector<Parameter<T>*>&);    \
    template void thaw(const std::vector<Parameter<T>*>&);                            \
    template void clear_gradients(const std::vector<Parameter<T>*>&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
