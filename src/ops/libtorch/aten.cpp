// ATen's own kernels behind a C interface, for what the tch crate does not bind. Activations arrive as contiguous
// [B, H, W, C] and are seen as NCHW in the channels_last memory format, weights [O, K, K, I] as OIHW likewise: no copies.
// Every function returns 0, or 1 with the message in supcon_last_error.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <exception>
#include <string>
#include <tuple>
#include <vector>

using T = at::Tensor;

namespace {

thread_local std::string last_error;

template <class F>
int guarded(F body) {
    try {
        at::NoGradGuard no_grad;
        body();
        return 0;
    } catch (const std::exception& e) {
        last_error = e.what();
    } catch (...) {
        last_error = "unknown C++ exception";
    }
    return 1;
}

T channels_first(const T& x) { return x.permute({0, 3, 1, 2}); }

// The result owns its memory, in row-major [B, H, W, C].
T* channels_last(const T& x) { return new T(x.permute({0, 2, 3, 1}).contiguous()); }

// The factors of a product in bf16; ATen then sums in f32 and rounds the result once more.
T rounded(const T& x, int bf16) { return bf16 ? x.to(at::kBFloat16) : x; }

T padded(const T& x, int64_t padding) {
    if (padding == 0) return x;
    return at::constant_pad_nd(x, {padding, padding, padding, padding}, 0)
        .contiguous(at::MemoryFormat::ChannelsLast);
}

std::tuple<T, T> pool(const T& x, int64_t kernel, int64_t stride) {
    return at::max_pool2d_with_indices(x, {kernel, kernel}, {stride, stride});
}

}  // namespace

extern "C" {

const char* supcon_last_error() { return last_error.c_str(); }

int supcon_conv_forward(T* x, T* w, T* b, int64_t stride, int64_t padding, int bf16, T** y) {
    return guarded([&] {
        auto r = at::conv2d(channels_first(rounded(*x, bf16)), channels_first(rounded(*w, bf16)), rounded(*b, bf16),
                            {stride, stride}, {padding, padding});
        *y = channels_last(r.to(x->scalar_type()));
    });
}

int supcon_conv_backward(T* grad, T* x, T* w, int64_t stride, int64_t padding, int bf16, int want_x, int want_b,
                         T** grad_x, T** grad_w, T** grad_b) {
    return guarded([&] {
        int64_t outputs = w->size(0);
        auto r = at::convolution_backward(
            channels_first(rounded(*grad, bf16)), channels_first(rounded(*x, bf16)),
            channels_first(rounded(*w, bf16)), at::IntArrayRef(&outputs, 1), {stride, stride}, {padding, padding},
            {1, 1}, false, {0, 0}, 1, {want_x != 0, true, want_b != 0});
        auto kind = x->scalar_type();
        *grad_x = want_x ? channels_last(std::get<0>(r).to(kind)) : new T(at::empty({0}, x->options()));
        *grad_w = channels_last(std::get<1>(r).to(kind));
        *grad_b = want_b ? new T(std::get<2>(r).to(kind)) : new T(at::empty({0}, x->options()));
    });
}

int supcon_norm_forward(T* x, T* gamma, T* beta, double epsilon, int relu, T** y, T** mean, T** inv_std) {
    return guarded([&] {
        auto r = at::native_batch_norm(channels_first(*x), *gamma, *beta, {}, {}, true, 0.0, epsilon);
        T out = std::get<0>(r);
        if (relu) out.relu_();
        *y = channels_last(out);
        *mean = new T(std::get<1>(r));
        *inv_std = new T(std::get<2>(r));
    });
}

int supcon_norm_backward(T* grad, T* y, T* x, T* gamma, T* mean, T* inv_std, int relu, T** grad_x, T** grad_gamma,
                         T** grad_beta) {
    return guarded([&] {
        T passed = relu ? at::threshold_backward(*grad, *y, 0) : grad->contiguous();
        auto r = at::native_batch_norm_backward(channels_first(passed), channels_first(*x), *gamma, {}, {}, *mean,
                                                *inv_std, true, 0.0, {true, true, true});
        *grad_x = channels_last(std::get<0>(r));
        *grad_gamma = new T(std::get<1>(r));
        *grad_beta = new T(std::get<2>(r));
    });
}

int supcon_pool_forward(T* x, int64_t kernel, int64_t stride, int64_t padding, T** y) {
    return guarded([&] {
        *y = channels_last(std::get<0>(pool(padded(channels_first(*x), padding), kernel, stride)));
    });
}

int supcon_pool_backward(T* grad, T* x, int64_t kernel, int64_t stride, int64_t padding, T** grad_x) {
    return guarded([&] {
        T wide = padded(channels_first(*x), padding);
        T indices = std::get<1>(pool(wide, kernel, stride));
        T r = at::max_pool2d_with_indices_backward(channels_first(*grad), wide, {kernel, kernel}, {stride, stride},
                                                   {0, 0}, {1, 1}, false, indices);
        if (padding > 0) r = r.slice(2, padding, -padding).slice(3, padding, -padding);
        *grad_x = channels_last(r);
    });
}

// In place on parameter and moments. `epsilon` is PyTorch's: added to sqrt(v) / sqrt(1 - beta_2^t).
int supcon_adam(T* parameter, T* grad, T* first, T* second, int64_t t, double learning_rate, double beta_1,
                double beta_2, double epsilon) {
    return guarded([&] {
        T step = at::full({}, static_cast<double>(t), parameter->options());
        at::_fused_adam_({*parameter}, {*grad}, {*first}, {*second}, {}, {step}, learning_rate, beta_1, beta_2, 0.0,
                         epsilon, false, false);
    });
}

}  // extern "C"
