// The table of the products is in core/kernels/gemm.hpp.
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

// A thread's first product takes a buffer of OpenBLAS: 128 MiB of addresses on x86. Where the
// system has none, OpenBLAS asks again without end. So the thread asks first, which fails with an
// error, and a lock keeps other threads from taking what it was promised. OpenBLAS's own threads
// take their buffers as they start, perhaps only now: the first product of all asks for these too.
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

static cxxblas::Transpose blas_transpose(bool transposed) {
    return transposed ? cxxblas::Trans : cxxblas::NoTrans;
}

static xt::blas_index_t blas_index(std::size_t n) { return static_cast<xt::blas_index_t>(n); }

// BLAS wants 1 or more, also of a matrix without entries.
static xt::blas_index_t blas_stride(std::size_t stride) {
    return blas_index(std::max<std::size_t>(stride, 1));
}

// One call of BLAS. OpenBLAS stays on one thread, whatever else the process asked it for since:
// parallel_for is outside.
template <class T>
static void blas_gemm(const MatrixView<T>& a, const MatrixView<T>& b, T* c, std::size_t c_stride,
                      bool accumulate) {
    std::unique_lock lock(first_product, std::defer_lock);
    if (!has_buffer) {
        lock.lock();
        require_buffer();
    }
    if (openblas_get_num_threads() != 1) openblas_set_num_threads(1);
    // The types are spelled out: any other index type, alpha or beta selects a scalar triple loop.
    const T alpha = 1;
    const T beta = accumulate ? T(1) : T(0);
    cxxblas::gemm<xt::blas_index_t>(
        cxxblas::RowMajor, blas_transpose(a.transposed), blas_transpose(b.transposed),
        blas_index(a.rows), blas_index(b.columns), blas_index(a.columns), alpha, a.data,
        blas_stride(a.stride), b.data, blas_stride(b.stride), beta, c, blas_stride(c_stride));
    has_buffer = true;
}

// OpenBLAS copies ("packs") both operands of each call. Its AVX-512 kernels do not where a product
// has at most 10^6 multiply-adds and b is not transposed: there blocks of that size are a tenth
// faster. With other kernels large blocks are a tenth faster.
static bool kernels_suit_blocks() {
    const std::string kernels = openblas_get_corename();
    return kernels == "SkylakeX" || kernels == "Cooperlake" || kernels == "SapphireRapids";
}
static bool& cut_in_blocks() {
    static bool cut = kernels_suit_blocks();
    return cut;
}
bool in_blocks() { return cut_in_blocks(); }
void set_in_blocks(bool cut) { cut_in_blocks() = cut; }

// A block of a is (rows, inner), a block of b is (inner, columns).
struct Block {
    std::size_t rows, inner, columns;
};
static Block block() { return in_blocks() ? Block{48, 128, 128} : Block{120, 256, 128}; }

// Rows of a that meet a panel at a time.
static std::size_t panel_rows() { return in_blocks() ? 60 : 120; }

// A chunk of parallel_for has at least this many multiply-adds, if there are as many.
constexpr std::size_t chunk_work = 500'000;

// Where a product has fewer tasks than this, its sum is cut into parts, which are tasks as well. It
// does not depend on the number of threads, and so the bits do not.
constexpr std::size_t few_tasks = 8;

// Entry number n of an array. One without entries has no memory, and so no address to count from.
template <class T> static T* entry(T* data, std::size_t n) { return data ? data + n : nullptr; }

// The part of x that begins at (row, column), cut where x ends.
template <class T>
static MatrixView<T> submatrix(const MatrixView<T>& x, std::size_t row, std::size_t rows,
                               std::size_t column, std::size_t columns) {
    const std::size_t begin = x.transposed ? column * x.stride + row : row * x.stride + column;
    return {entry(x.data, begin), std::min(rows, x.rows - row),
            std::min(columns, x.columns - column), x.stride, x.transposed};
}

template <class T>
void gemm(const MatrixView<T>& a, const MatrixView<T>& b, T* c, std::size_t c_stride,
          bool accumulate) {
    const auto [rows, inner, columns] = block();
    if (!in_blocks() || b.transposed || a.rows * a.columns * b.columns <= rows * inner * columns)
        return blas_gemm(a, b, c, c_stride, accumulate);
    for (std::size_t i = 0; i < a.rows; i += rows)
        for (std::size_t k = 0; k < a.columns; k += inner)
            for (std::size_t j = 0; j < b.columns; j += columns) {
                const MatrixView<T> a_block = submatrix(a, i, rows, k, inner);
                const MatrixView<T> b_block = submatrix(b, k, inner, j, columns);
                blas_gemm(a_block, b_block, c + i * c_stride + j, c_stride, accumulate || k > 0);
            }
}

// The columns of b from `column` on, in rows of Panels::width entries.
template <class T> static void copy_panel(const MatrixView<T>& b, std::size_t column, T* panel) {
    constexpr std::size_t width = Panels<T>::width;
    const MatrixView<T> x = submatrix(b, 0, b.rows, column, width);
    if (x.transposed) return copy_transposed(x.columns, x.rows, x.data, x.stride, panel, width);
    for (std::size_t i = 0; i < x.rows; ++i)
        std::copy_n(x.data + i * x.stride, x.columns, panel + i * width);
}

template <class T> Panels<T>::Panels(const MatrixView<T>& matrix, std::size_t a_rows) : b(matrix) {
    if (!in_blocks() || a_rows <= panel_rows()) return;
    const std::size_t panels = ceil_quotient(b.columns, width);
    const std::size_t chunk = 1 + elementwise_chunk / (b.rows * width + 1);
    data = empty<T>({panels, b.rows, width});
    parallel_for(panels, chunk, [&](std::size_t begin, std::size_t end) {
        for (std::size_t panel = begin; panel < end; ++panel)
            copy_panel(b, panel * width, data.data() + panel * b.rows * width);
    });
}

template <class T>
void gemm(const MatrixView<T>& a, const Panels<T>& panels, T* c, std::size_t c_stride,
          const T* row) {
    const MatrixView<T>& b = panels.b;
    if (row)
        for (std::size_t i = 0; i < a.rows; ++i) std::copy_n(row, b.columns, c + i * c_stride);
    if (panels.data.dimension() == 0 || b.rows == 0) return gemm(a, b, c, c_stride, row != nullptr);
    constexpr std::size_t inner = 256;
    for (std::size_t i = 0; i < a.rows; i += panel_rows())
        for (std::size_t k = 0; k < b.rows; k += inner)
            for (std::size_t j = 0; j < b.columns; j += panels.width) {
                const std::size_t columns = std::min(panels.width, b.columns - j);
                const T* const panel_data = panels.data.data() + j * b.rows;
                const MatrixView<T> panel{panel_data, b.rows, columns, panels.width};
                const MatrixView<T> a_block = submatrix(a, i, panel_rows(), k, inner);
                const MatrixView<T> b_block = submatrix(panel, k, inner, 0, panels.width);
                const bool accumulate = row != nullptr || k > 0;
                blas_gemm(a_block, b_block, c + i * c_stride + j, c_stride, accumulate);
            }
}

template <class T> static bool all_finite(const MatrixView<T>& x) {
    const auto zero = [](auto v) { return v * 0; };  // NaN where v is not finite
    T zeros = 0;
    for (std::size_t i = 0; i < x.rows; ++i)
        zeros += sum_row(x.columns, zero, x.data + i * x.stride);
    return zeros == 0;
}

template <class T>
void gemm_masked(const MatrixView<T>& a, const MatrixView<T>& b, T* c, std::size_t c_stride) {
    if (all_finite(b)) return gemm(a, b, c, c_stride, true);
    // `finite` is b with 0 in place of what is not finite. Such an entry of b is added by itself,
    // in the rows whose entry of a is not 0.
    std::vector<T> finite(b.rows * b.columns);
    for (std::size_t i = 0; i < b.rows; ++i)
        for (std::size_t j = 0; j < b.columns; ++j) {
            const T x = b.data[i * b.stride + j];
            finite[i * b.columns + j] = std::isfinite(x) ? x : 0;
            if (std::isfinite(x)) continue;
            for (std::size_t t = 0; t < a.rows; ++t)
                if (const T weight = a.data[t * a.stride + i]; weight != 0)
                    c[t * c_stride + j] += weight * x;
        }
    gemm(a, {finite.data(), b.rows, b.columns, b.columns}, c, c_stride, true);
}

// The axes before the last two.
static Shape batch_of(const Shape& shape) { return Shape(shape.begin(), shape.end() - 2); }

// For each matrix of the broadcast batch, the number of the matrix of x that it reads.
static std::vector<std::size_t> batch_numbers(const Shape& x, const Shape& batch) {
    std::vector<std::size_t> numbers(count(batch), 0);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        std::size_t rest = i;
        std::size_t stride = 1;
        for (std::size_t axis = 1; axis <= x.size(); ++axis) {
            const std::size_t extent = x[x.size() - axis];
            const std::size_t batch_extent = batch[batch.size() - axis];
            if (extent != 1) numbers[i] += rest % batch_extent * stride;
            rest /= batch_extent;
            stride *= extent;
        }
    }
    return numbers;
}

// Matrix `number` of several that stand one behind the other, of which x is the first.
template <class T> static MatrixView<T> nth_matrix(MatrixView<T> x, std::size_t number) {
    x.data += number * x.rows * x.columns;
    return x;
}

// Returns (1, pairs, a.rows b.columns): for each pair the product of matrix a_numbers[pair] and
// matrix b_numbers[pair]. A task is a strip of rows of one pair. Where strips are few, the sum over
// the columns of a is cut into parts, too.
template <class T>
static Array<T> pair_products(const MatrixView<T>& a, const std::vector<std::size_t>& a_numbers,
                              const MatrixView<T>& b, const std::vector<std::size_t>& b_numbers) {
    const std::size_t pairs = a_numbers.size();
    const std::size_t size = a.rows * b.columns;
    const std::size_t strips = ceil_quotient(a.rows, block().rows);
    const std::size_t rows = ceil_quotient(a.rows, strips);
    const std::size_t parts = pairs * strips < few_tasks ? sum_parts(a.columns) : 1;
    auto c = empty<T>({parts, pairs, size});
    const std::size_t work = rows * std::max<std::size_t>(a.columns / parts, 1) * b.columns;
    const std::size_t chunk = 1 + chunk_work / work;
    parallel_for(parts * pairs * strips, chunk, [&](std::size_t begin, std::size_t end) {
        for (std::size_t task = begin; task < end; ++task) {
            const std::size_t first_row = task % strips * rows;
            const std::size_t pair = task / strips % pairs;
            const std::size_t part = task / strips / pairs;
            const Interval sum = nth_part(a.columns, parts, part);
            const std::size_t inner = sum.end - sum.begin;
            const MatrixView<T> a_pair = nth_matrix(a, a_numbers[pair]);
            const MatrixView<T> b_pair = nth_matrix(b, b_numbers[pair]);
            const MatrixView<T> a_part = submatrix(a_pair, first_row, rows, sum.begin, inner);
            const MatrixView<T> b_part = submatrix(b_pair, sum.begin, inner, 0, b.columns);
            T* const c_part = c.data() + (part * pairs + pair) * size;
            gemm(a_part, b_part, c_part + first_row * b.columns, b.columns);
        }
    });
    if (parts == 1) return c;
    return sum_to(c, {1, pairs, size});
}

template <class T>
Array<T> product(const Array<T>& a, bool transpose_a, const Array<T>& b, bool transpose_b) {
    const MatrixView<T> left = transpose_a ? transposed(matrix(a)) : matrix(a);
    const MatrixView<T> right = transpose_b ? transposed(matrix(b)) : matrix(b);
    if (b.dimension() == 2 && !transpose_a) return rows_times(a, right);
    const Shape a_batch = batch_of(a.shape());
    const Shape b_batch = batch_of(b.shape());
    const Shape batch = broadcast_shape("matmul", {"a", a_batch}, {"b", b_batch});
    Shape shape = batch;
    shape.push_back(left.rows);
    shape.push_back(right.columns);
    if (count(shape) == 0) return empty<T>(shape);
    // a b^T = (b a^T)^T, where a and the result have fewer entries to transpose than b.
    const bool transposes_a_and_result =
        transpose_b && !transpose_a &&
        left.rows * (left.columns + right.columns) < right.columns * left.columns;
    if (transposes_a_and_result)
        return matrices_transposed(product(b, false, matrices_transposed(a), false));
    const bool transposes_b = in_blocks() && transpose_b && left.rows > block().rows;
    if (transposes_b) return product(a, transpose_a, matrices_transposed(b), false);
    Array<T> products =
        pair_products(left, batch_numbers(a_batch, batch), right, batch_numbers(b_batch, batch));
    return reshaped(std::move(products), shape);
}

template <class T>
Array<T> rows_times(const Array<T>& a, const MatrixView<T>& b, const Array<T>* row) {
    Shape shape = a.shape();
    shape.back() = b.columns;
    auto c = empty<T>(shape);
    if (c.size() == 0) return c;
    const MatrixView<T> a_rows{a.data(), c.size() / b.columns, b.rows, b.rows};
    const Panels<T> panels(b, a_rows.rows);
    const std::size_t work = panel_rows() * std::max<std::size_t>(b.rows, 1) * b.columns;
    const std::size_t chunk = panel_rows() * (1 + chunk_work / work);
    parallel_for(a_rows.rows, chunk, [&](std::size_t begin, std::size_t end) {
        const MatrixView<T> strip = submatrix(a_rows, begin, end - begin, 0, b.rows);
        gemm(strip, panels, c.data() + begin * b.columns, b.columns, row ? row->data() : nullptr);
    });
    return c;
}

// The narrower of a and b is read transposed. The other way round BLAS strides through more memory
// and is a sixth slower. A task takes some columns of the wider operand, so few that their strip of
// the result stays in the cache, and sums over a part of the rows.
template <class T>
Array<T> sum_of_outer_products(const Array<T>& a, const Array<T>& b, Array<T>* a_sum) {
    const std::size_t m = a.shape().back();
    const std::size_t n = b.shape().back();
    const std::size_t rows = a.size() / std::max<std::size_t>(m, 1);
    const bool swapped = m > n;
    const std::size_t height = std::min(m, n);
    const std::size_t width = std::max(m, n);
    const MatrixView<T> narrow{(swapped ? b : a).data(), rows, height, height};
    const MatrixView<T> wide{(swapped ? a : b).data(), rows, width, width};
    const Block cut = block();
    const std::size_t strips = std::max<std::size_t>(ceil_quotient(width, cut.columns), 1);
    const std::size_t parts = std::min(sum_parts(rows), ceil_quotient(few_tasks, strips));
    auto products = empty<T>({parts, height, width});
    auto sums = zeros<double>({parts, a_sum ? m : 0});
    parallel_for(parts * strips, 1, [&](std::size_t task, std::size_t) {
        const std::size_t part = task / strips;
        const std::size_t strip = task % strips;
        const std::size_t column = strip * cut.columns;
        const Interval part_rows = nth_part(rows, parts, part);
        const Interval summed = nth_part(m, strips, strip);  // columns of a
        T* const c = entry(products.data(), part * height * width + column);
        std::size_t i = part_rows.begin;
        do {  // once where there is no row: the product is 0 then
            const std::size_t count = std::min(cut.inner, part_rows.end - i);
            const MatrixView<T> narrow_rows = submatrix(narrow, i, count, 0, height);
            const MatrixView<T> wide_rows = submatrix(wide, i, count, column, cut.columns);
            gemm(transposed(narrow_rows), wide_rows, c, width, i > part_rows.begin);
            if (a_sum)
                add_rows(count, summed.end - summed.begin, entry(a.data(), i * m + summed.begin), m,
                         entry(sums.data(), part * m + summed.begin));
            i += cut.inner;
        } while (i < part_rows.end);
    });
    if (a_sum) *a_sum = converted<T>(sum_to(sums, {m}));
    if (parts > 1) products = sum_to(products, {1, height, width});
    products.reshape(Shape{height, width});
    if (swapped) return matrices_transposed(products);
    return products;
}

#define TAPER_INSTANTIATE(T)                                                                \
    template void gemm(const MatrixView<T>&, const MatrixView<T>&, T*, std::size_t, bool);  \
    template struct Panels<T>;                                                              \
    template void gemm(const MatrixView<T>&, const Panels<T>&, T*, std::size_t, const T*);  \
    template void gemm_masked(const MatrixView<T>&, const MatrixView<T>&, T*, std::size_t); \
    template Array<T> product(const Array<T>&, bool, const Array<T>&, bool);                \
    template Array<T> rows_times(const Array<T>&, const MatrixView<T>&, const Array<T>*);   \
    template Array<T> sum_of_outer_products(const Array<T>&, const Array<T>&, Array<T>*);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
