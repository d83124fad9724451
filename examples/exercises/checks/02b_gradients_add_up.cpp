// The check of exercise 2b: the program of the task, run.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;
using exercises::entry;

std::map<std::string, double> predictions();

static void the_program(Check& check) {
    const std::map<std::string, double> yours = predictions();
    Parameter<double> w("w", full<double>({}, 3));
    Parameter<double> x("x", Array<double>{1, 2, 4});

    check.with("two passes");
    {
        Tape<double> tape;
        tape.backward(w * w);
    }
    check.compare("square", entry(yours, "square"), w.gradient()(),
                  {{3, "w * w reads w twice."}, {9, "That is w w. What is its slope?"}});
    {
        Tape<double> tape;
        tape.backward(w * w * w);
    }
    check.compare("and cube", entry(yours, "and cube"), w.gradient()(),
                  {{27, "That is this pass alone. Was the gradient cleared before it?"}});

    check.with("one w for three entries");
    w.clear_gradient();
    {
        Tape<double> tape;
        tape.backward(sum(w * x));
    }
    check.compare("dw of the sum", entry(yours, "dw of the sum"), w.gradient()(),
                  {{40, "The gradient was cleared before this pass."},
                   {3, "That is w. By w the slope of each product is the entry of x."},
                   {21, "That is the value of the sum. What is its slope by w?"}});
    check.compare("dx of the sum", entry(yours, "dx of the sum"), x.gradient()(0),
                  {{1, "That is x. By x the slope of each product is w."}});

    check.with("v is used twice");
    w.clear_gradient();
    {
        Tape<double> tape;
        const Var<double> v = w * w;
        tape.backward(v + v * w, Keep::everything);
        check.compare("dv", entry(yours, "dv"), tape.gradient(v)(),
                      {{1, "v stands in v * w as well."}, {3, "v stands in the sum as well."}});
    }
    check.compare("dw through v", entry(yours, "dw through v"), w.gradient()(),
                  {{24, "That is what comes through v. w stands in v * w as well."},
                   {9, "That is what comes from v * w straight. w has made v as well."},
                   {40, "The gradient was cleared before this pass."}});
}

int main() { return exercises::run("02b_gradients_add_up", {the_program}); }
