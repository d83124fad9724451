// Exercise 2b. Gradients add up: predict the numbers
//
// After lesson 2. About 10 minutes.
//
// Read this program, and write down what each marked line prints. A `Parameter` keeps its gradient
// from pass to pass, and what comes later is added.
//
// ```
//   Parameter<double> w("w", full<double>({}, 3));         // a scalar, 3
//   Parameter<double> x("x", Array<double>{1, 2, 4});
//   {
//       Tape<double> tape;
//       tape.backward(w * w);
//   }
//   print(w.gradient());                                   // square
//   {
//       Tape<double> tape;
//       tape.backward(w * w * w);
//   }
//   print(w.gradient());                                   // and cube
//   w.clear_gradient();
//   {
//       Tape<double> tape;
//       tape.backward(sum(w * x));                         // one w for all three entries of x
//   }
//   print(w.gradient());                                   // dw of the sum
//   print(x.gradient());                                   // dx of the sum: its first entry
//   w.clear_gradient();
//   {
//       Tape<double> tape;
//       const Var<double> v = w * w;
//       tape.backward(v + v * w, Keep::everything);
//       print(tape.gradient(v));                           // dv
//   }
//   print(w.gradient());                                   // dw through v
// ```
//
// Run it: sh examples/exercises/run.sh 02b
#include <map>
#include <string>

std::map<std::string, double> predictions() {
    // YOUR CODE: the right numbers in the place of the zeros
    return {
        {"square", 0},        {"and cube", 0}, {"dw of the sum", 0},
        {"dx of the sum", 0}, {"dv", 0},       {"dw through v", 0},
    };
}
