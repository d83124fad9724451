#include "core/kernels/gemm.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <new>
// not cxxblas.cxx alone: before xblas_config.hpp it is the slow generic code
#include <xtensor-blas/xblas.hpp>

#include "core/kernels/map.hpp"
#include "core/kernels/parallel.hpp"

#ifndef HAVE_CBLAS
#error "xtensor-blas must call a BLAS library: its generic products are 50 times slower"
#endif

extern "C" {
void openblas_set_num_threads(int);
int openblas_get_num_threads();
char* openblas_get_corename();
}

namespace taper {

// A thread's first product takes a buffer of OpenBLAS, 128 MiB of addresses on x86, which asks for
// it without end where the system has none. So that this is an error instead, the thread asks
// before, and no other one takes what it was promised. OpenBLAS's own threads take theirs as they
// start, perhaps only now: the first product of all asks for these too.
static thread_local bool has_buffer = false;
static std::mutex first_product;

static void require_buffer() {
    static auto buffers_to_come = static_cast<std::size_t>(openblas_get_num_threads());
    constexpr std::size_t buffer = std::size_t{129} << 20;  // with what malloc adds
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    const std::size_t bytes = buffers_to_come * buffer;
    void* const probe = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (probe == MAP_FAILED) throw std::bad_alloc();
    munmap(probe, bytes);
    buffers_to_come = 1;
}

template <class T>
static void blas(const Matrix<T>& a, const Matrix<T>& b, T* c, std::size_t c_stride,
                 bool accumulate) {
    // OpenBLAS stays on one thread, whatever else the process asked it for since: parallel_for is
    // outside. The index type, alpha and beta are spelled out since any other type selects a scalar
    // triple loop.
    std::unique_lock lock(first_product, std::defer_lock);
    if (!has_buffer) {
        lock.lock();
        require_buffer();
    }
    if (openblas_get_num_threads() != 1) openblas_set_num_threads(1);
    const auto index = [](std::size_t n) { return static_cast<xt::blas_index_t>(n); };
    const auto trans = [](const Matrix<T>& m) {
        return m.transposed ? cxxblas::Trans : cxxblas::NoTrans;
    };
    const auto leading = [&](std::size_t stride) {
        return index(std::max<std::size_t>(stride, 1));
    };
    cxxblas::gemm<xt::blas_index_t>(cxxblas::RowMajor, trans(a), trans(b), index(a.rows),
                                    index(b.columns), index(a.columns), T(1), a.data,
                                    leading(a.stride), b.data, leading(b.stride),
                                    accumulate ? T(1) : T(0), c, leading(c_stride));
    has_buffer = true;
}

// OpenBLAS copies ("packs") both operands of each call. Its AVX-512 kernels do not where a product
// has at most 10^6 multiply-adds and b is not transposed: there blocks of that size are a tenth
// faster. With other kernels large blocks are, a tenth too.
static bool& blocks() {
    static bool cut = [kernels = std::string(openblas_get_corename())] {
        return kernels == "SkylakeX" || kernels == "Cooperlake" || kernels == "SapphireRapids";
    }();
    return cut;
}
bool in_blocks() { return blocks(); }
void set_in_blocks(bool cut) { blocks() = cut; }

struct Block {
    std::size_t rows, inner, columns;
};
static Block block() { return in_blocks() ? Block{48, 128, 128} : Block{120, 256, 128}; }
static std::size_t panel_rows() { return in_blocks() ? 60 : 120; }

template <class T>
static Matrix<T> part(const Matrix<T>& x, std::size_t row, std::size_t rows, std::size_t column,
                      std::size_t columns) {
    const std::size_t begin = x.transposed ? column * x.stride + row : row * x.stride + column;
    return {x.data + begin, std::min(rows, x.rows - row), std::min(columns, x.columns - column),
            x.stride, x.transposed};
}

template <class T>
void gemm(const Matrix<T>& a, const Matrix<T>& b, T* c, std::size_t c_stride, bool accumulate) {
    const auto [rows, inner, columns] = block();
    if (!in_blocks() || b.transposed || a.rows * a.columns * b.columns <= rows * inner * columns)
        return blas(a, b, c, c_stride, accumulate);
    for (std::size_t i = 0; i < a.rows; i += rows)
        for (std::size_t k = 0; k < a.columns; k += inner)
            for (std::size_t j = 0; j < b.columns; j += columns)
                blas(part(a, i, rows, k, inner), part(b, k, inner, j, columns),
                     c + i * c_stride + j, c_stride, accumulate || k > 0);
}

template <class T> Panels<T>::Panels(const Matrix<T>& matrix, std::size_t a_rows) : b(matrix) {
    if (!in_blocks() || a_rows <= panel_rows()) return;
    data = empty<T>({(b.columns + width - 1) / width, b.rows, width});
    parallel_for(
        data.shape(0), 1 + elementwise_chunk / (b.rows * width + 1),
        [&](std::size_t begin, std::size_t end) {
            for (std::size_t panel = begin; panel < end; ++panel) {
                const Matrix<T> from = part(b, 0, b.rows, panel * width, width);
                T* to = data.data() + panel * b.rows * width;
                if (from.transposed)
                    copy_transposed(from.columns, from.rows, from.data, from.stride, to, width);
                else
                    for (std::size_t i = 0; i < b.rows; ++i)
                        std::copy_n(from.data + i * from.stride, from.columns, to + i * width);
            }
        });
}

template <class T>
void gemm(const Matrix<T>& a, const Panels<T>& panels, T* c, std::size_t c_stride, const T* row) {
    const Matrix<T>& b = panels.b;
    for (std::size_t i = 0; row && i < a.rows; ++i) std::copy_n(row, b.columns, c + i * c_stride);
    if (panels.data.dimension() == 0 || b.rows == 0) return gemm(a, b, c, c_stride, row != nullptr);
    constexpr std::size_t inner = 256;
    for (std::size_t i = 0; i < a.rows; i += panel_rows())
        for (std::size_t k = 0; k < b.rows; k += inner)
            for (std::size_t j = 0; j < b.columns; j += panels.width) {
                const Matrix<T> panel{panels.data.data() + j * b.rows, b.rows,
                                      std::min(panels.width, b.columns - j), panels.width};
                blas(part(a, i, panel_rows(), k, inner), part(panel, k, inner, 0, panels.width),
                     c + i * c_stride + j, c_stride, row != nullptr || k > 0);
            }
}

template <class T>
void add_seen(const Matrix<T>& a, const Matrix<T>& b, T* c, std::size_t c_stride) {
    const auto zero = [](auto x) { return x * 0; };  // NaN where x is not finite
    T hidden = 0;
    for (std::size_t i = 0; i < b.rows; ++i)
        hidden += sum_row(b.columns, zero, b.data + i * b.stride);
    if (hidden == 0) return gemm(a, b, c, c_stride, true);
    // b with zeros for the rest, which is added by itself
    std::vector<T> finite(b.rows * b.columns);
    for (std::size_t i = 0; i < b.rows; ++i)
        for (std::size_t j = 0; j < b.columns; ++j) {
            const T x = b.data[i * b.stride + j];
            finite[i * b.columns + j] = std::isfinite(x) ? x : 0;
            for (std::size_t t = 0; t < a.rows && !std::isfinite(x); ++t)
                if (const T weight = a.data[t * a.stride + i]; weight != 0)
                    c[t * c_stride + j] += weight * x;
        }
    gemm(a, {finite.data(), b.rows, b.columns, b.columns}, c, c_stride, true);
}

// The shape of the matrices before the last two axes.
static Shape batch_of(const Shape& shape) { return Shape(shape.begin(), shape.end() - 2); }

// For each matrix of the broadcast batch, the number of the matrix of x that it reads.
static std::vector<std::size_t> batch_numbers(const Shape& x, const Shape& batch) {
    std::vector<std::size_t> numbers(count(batch), 0);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        std::size_t rest = i, stride = 1;
        for (std::size_t axis = 1; axis <= x.size(); ++axis) {
            const std::size_t extent = x[x.size() - axis], whole = batch[batch.size() - axis];
            if (extent != 1) numbers[i] += rest % whole * stride;
            rest /= whole;
            stride *= extent;
        }
    }
    return numbers;
}

// Each of a batch by another; c (batch, a.rows, b.columns).
template <class T>
static Array<T> product_of_each(const Matrix<T>& a, const std::vector<std::size_t>& number_a,
                                const Matrix<T>& b, const std::vector<std::size_t>& number_b) {
    const Block by = block();
    const std::size_t batch = number_a.size(), size = a.rows * b.columns;
    const std::size_t strips = (a.rows + by.rows - 1) / by.rows,
                      rows = (a.rows + strips - 1) / strips;
    const std::size_t parts =
        // few strips: a sum over parts of their rows
        batch * strips < 8 ? sum_parts(a.columns) : 1;
    auto c = empty<T>({parts, batch, size});
    const std::size_t work = rows * std::max<std::size_t>(a.columns / parts, 1) * b.columns;
    parallel_for(parts * batch * strips, 1 + 500'000 / work,
                 [&](std::size_t begin, std::size_t end) {
                     for (std::size_t task = begin; task < end; ++task) {
                         const std::size_t first = task % strips * rows, i = task / strips % batch,
                                           p = task / strips / batch;
                         const std::size_t from = p * a.columns / parts,
                                           width = (p + 1) * a.columns / parts - from;
                         Matrix<T> strip = part(a, first, rows, from, width),
                                   those = part(b, from, width, 0, b.columns);
                         strip.data += number_a[i] * a.rows * a.columns,
                             those.data += number_b[i] * b.rows * b.columns;
                         gemm(strip, those, c.data() + (p * batch + i) * size + first * b.columns,
                              b.columns);
                     }
                 });
    return parts > 1 ? sum_to(c, {1, batch, size}) : c;
}

template <class T> Array<T> rows_times(const Array<T>& a, const Matrix<T>& b, const Array<T>* row) {
    Shape shape = a.shape();
    shape.back() = b.columns;
    auto c = empty<T>(shape);
    if (c.size() == 0) return c;
    const Matrix<T> all{a.data(), c.size() / b.columns, b.rows, b.rows};
    const Panels<T> panels(b, all.rows);
    const std::size_t work = panel_rows() * std::max<std::size_t>(b.rows, 1) * b.columns;
    parallel_for(all.rows, panel_rows() * (1 + 500'000 / work),
                 [&](std::size_t begin, std::size_t end) {
                     gemm(part(all, begin, end - begin, 0, b.rows), panels,
                          c.data() + begin * b.columns, b.columns, row ? row->data() : nullptr);
                 });
    return c;
}

template <class T>
Array<T> product(const Array<T>& a, bool transpose_a, const Array<T>& b, bool transpose_b) {
    const Matrix<T> left = transpose_a ? transposed(matrix(a)) : matrix(a);
    const Matrix<T> right = transpose_b ? transposed(matrix(b)) : matrix(b);
    if (b.dimension() == 2 && !transpose_a) return rows_times(a, right);
    const Shape batch =
        broadcast_shape("matmul", {"a", batch_of(a.shape())}, {"b", batch_of(b.shape())});
    Shape shape = batch;
    shape.push_back(left.rows);
    shape.push_back(right.columns);
    if (count(shape) == 0) return empty<T>(shape);
    if (transpose_b && !transpose_a &&
        left.rows * (left.columns + right.columns) < right.columns * left.columns)
        // a and c are the smaller ones
        return matrices_transposed(product(b, false, matrices_transposed(a), false));
    if (in_blocks() && transpose_b && left.rows > block().rows)
        return product(a, transpose_a, matrices_transposed(b), false);
    return reshaped(product_of_each(left, batch_numbers(batch_of(a.shape()), batch), right,
                                    batch_numbers(batch_of(b.shape()), batch)),
                    shape);
}

template <class T> Array<T> row_product(const Array<T>& a, const Array<T>& b, Array<T>* a_sum) {
    const std::size_t m = a.shape().back(), n = b.shape().back(),
                      rows = a.size() / std::max<std::size_t>(m, 1);
    // The narrower of a and b is read transposed: with the other way round BLAS strides through
    // more memory, and is a sixth slower. A task makes some columns of the wider one's: so much of
    // the result as stays in the cache.
    const Block by = block();
    const bool swapped = m > n;
    const auto &narrow = swapped ? b : a, &wide = swapped ? a : b;
    const std::size_t height = std::min(m, n), width = std::max(m, n);
    const std::size_t strips = std::max<std::size_t>((width + by.columns - 1) / by.columns, 1);
    const std::size_t parts = std::min(sum_parts(rows), (8 + strips - 1) / strips);
    auto products = empty<T>({parts, height, width});
    auto sums = zeros<double>({parts, a_sum ? m : 0});
    const Matrix<T> narrow_rows{narrow.data(), rows, height, height},
        wide_rows{wide.data(), rows, width, width};
    parallel_for(parts * strips, 1, [&](std::size_t task, std::size_t) {
        const std::size_t p = task / strips, strip = task % strips, end = (p + 1) * rows / parts;
        const std::size_t column = strip * by.columns, first = strip * m / strips,
                          past = (strip + 1) * m / strips;
        T* to = products.data() + p * height * width + column;
        for (std::size_t begin = p * rows / parts, i = begin; i == begin || i < end;
             i += by.inner) {
            const std::size_t count = std::min(by.inner, end - i);
            gemm(transposed(part(narrow_rows, i, count, 0, height)),
                 part(wide_rows, i, count, column, by.columns), to, width, i > begin);
            if (a_sum)
                add_rows(count, past - first, a.data() + i * m + first, m,
                         sums.data() + p * m + first);
        }
    });
    if (a_sum) *a_sum = converted<T>(sum_to(sums, {m}));
    if (parts > 1) products = sum_to(products, {1, height, width});
    products.reshape(Shape{height, width});
    return swapped ? matrices_transposed(products) : products;
}

#define TAPER_INSTANTIATE(T)                                                           \
    template void gemm(const Matrix<T>&, const Matrix<T>&, T*, std::size_t, bool);     \
    template struct Panels<T>;                                                         \
    template void gemm(const Matrix<T>&, const Panels<T>&, T*, std::size_t, const T*); \
    template void add_seen(const Matrix<T>&, const Matrix<T>&, T*, std::size_t);       \
    template Array<T> product(const Array<T>&, bool, const Array<T>&, bool);           \
    template Array<T> rows_times(const Array<T>&, const Matrix<T>&, const Array<T>*);  \
    template Array<T> row_product(const Array<T>&, const Array<T>&, Array<T>*);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
