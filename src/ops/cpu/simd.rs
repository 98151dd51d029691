//! Vector instructions chosen at run time (AVX-512, AVX2, NEON, or none): loops compiled for each of them, and what the
//! register tiles of all products have in common.

use pulp::{Arch, Simd, WithSimd};

/// Vectors side by side in a tile, unless the matrix is narrower than one.
const VECTORS: usize = 2;

/// Defines functions whose loops are compiled for AVX-512, for AVX2 and for the least that the target has; the processor
/// decides which one runs.
macro_rules! for_best {
    ($($(#[$attribute:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block)*) => {$(
        $(#[$attribute])*
        fn $name($($argument: $type),*) {
            #[inline(always)]
            fn body($($argument: $type),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq")]
                fn avx512($($argument: $type),*) {
                    body($($argument),*);
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $type),*) {
                    body($($argument),*);
                }
                // SAFETY: pulp found the instructions.
                #[expect(unsafe_code, reason = "the instructions are known at run time only")]
                match pulp::Arch::new() {
                    pulp::Arch::V4(_) => return unsafe { avx512($($argument),*) },
                    pulp::Arch::V3(_) => return unsafe { avx2($($argument),*) },
                    _ => {}
                }
            }
            body($($argument),*);
        }
    )*};
}
pub(super) use for_best;

/// Floats of one vector.
pub fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    Arch::new().dispatch(Lanes)
}

/// Columns of a panel for a matrix of `columns`: what one tile covers.
pub fn panel_width(columns: usize) -> usize {
    let lanes = lanes();
    if columns <= lanes {
        lanes
    } else {
        VECTORS * lanes
    }
}

/// Work on register tiles, whatever the vectors are and whatever a word of both factors holds.
pub(super) trait Tiled {
    /// Does it.
    fn run<S: Simd, M: Multiply<S>>(self, simd: S);
}

/// How words of two factors meet.
pub(super) trait Multiply<S: Simd> {
    /// `sum + left * right` in every lane.
    fn add(simd: S, left: S::f32s, right: S::f32s, sum: S::f32s) -> S::f32s;
}

/// Memory that several threads write, each its own part.
#[derive(Clone, Copy)]
pub struct Shared {
    pub(super) start: *mut f32,
    pub(super) length: usize,
}

// SAFETY: whoever writes through it promises that no two threads write the same element (`Rows`, `Columns`).
#[expect(unsafe_code, reason = "a pointer that threads share")]
unsafe impl Send for Shared {}
#[expect(unsafe_code, reason = "a pointer that threads share")]
unsafe impl Sync for Shared {}

impl Shared {
    /// The whole of `memory`; values need not be initialised.
    pub fn new(memory: &mut super::Fresh) -> Self {
        Self {
            start: memory.as_mut_ptr().cast(),
            length: memory.len(),
        }
    }
}

/// Rows of one tile, as even as possible.
#[inline(always)]
pub(super) fn tiles(rows: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = rows.div_ceil(most);
    (0..count).map(move |tile| {
        (
            tile * rows / count,
            (tile + 1) * rows / count - tile * rows / count,
        )
    })
}

/// Most rows of a tile: with two vectors a row, 24 of 32 registers hold sums, or 12 of 16.
pub(super) const fn most_rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 12 } else { 6 }
}

/// Calls `$tile::<S, M, R, V>($arguments)` for the run-time row count `$rows`.
macro_rules! tile_of {
    ($rows:expr, $vectors:expr, $tile:ident::<$s:ty, $m:ty>($($argument:expr),*)) => {
        match ($vectors, $rows) {
            (1, 1) => $tile::<$s, $m, 1, 1>($($argument),*),
            (1, 2) => $tile::<$s, $m, 2, 1>($($argument),*),
            (1, 3) => $tile::<$s, $m, 3, 1>($($argument),*),
            (1, 4) => $tile::<$s, $m, 4, 1>($($argument),*),
            (1, 5) => $tile::<$s, $m, 5, 1>($($argument),*),
            (1, 6) => $tile::<$s, $m, 6, 1>($($argument),*),
            (1, 7) => $tile::<$s, $m, 7, 1>($($argument),*),
            (1, 8) => $tile::<$s, $m, 8, 1>($($argument),*),
            (1, 9) => $tile::<$s, $m, 9, 1>($($argument),*),
            (1, 10) => $tile::<$s, $m, 10, 1>($($argument),*),
            (1, 11) => $tile::<$s, $m, 11, 1>($($argument),*),
            (1, _) => $tile::<$s, $m, 12, 1>($($argument),*),
            (_, 1) => $tile::<$s, $m, 1, 2>($($argument),*),
            (_, 2) => $tile::<$s, $m, 2, 2>($($argument),*),
            (_, 3) => $tile::<$s, $m, 3, 2>($($argument),*),
            (_, 4) => $tile::<$s, $m, 4, 2>($($argument),*),
            (_, 5) => $tile::<$s, $m, 5, 2>($($argument),*),
            (_, 6) => $tile::<$s, $m, 6, 2>($($argument),*),
            (_, 7) => $tile::<$s, $m, 7, 2>($($argument),*),
            (_, 8) => $tile::<$s, $m, 8, 2>($($argument),*),
            (_, 9) => $tile::<$s, $m, 9, 2>($($argument),*),
            (_, 10) => $tile::<$s, $m, 10, 2>($($argument),*),
            (_, 11) => $tile::<$s, $m, 11, 2>($($argument),*),
            (_, _) => $tile::<$s, $m, 12, 2>($($argument),*),
        }
    };
}
pub(super) use tile_of;

/// The sum of two tiles.
#[inline(always)]
pub(super) fn add<S: Simd, const R: usize, const V: usize>(
    simd: S,
    mut a: [[S::f32s; V]; R],
    b: [[S::f32s; V]; R],
) -> [[S::f32s; V]; R] {
    for r in 0..R {
        for v in 0..V {
            a[r][v] = simd.add_f32s(a[r][v], b[r][v]);
        }
    }
    a
}

#[inline(always)]
#[expect(unsafe_code, reason = "an unaligned vector load")]
pub(super) unsafe fn load<S: Simd, const V: usize>(from: *const f32) -> [S::f32s; V] {
    // SAFETY: the caller's: V vectors lie behind `from`.
    unsafe { from.cast::<[S::f32s; V]>().read_unaligned() }
}

/// Writes a tile's first `valid` columns.
#[inline(always)]
#[expect(unsafe_code, reason = "an unaligned vector store")]
#[expect(
    clippy::needless_range_loop,
    reason = "all indices are known when the loops are unrolled"
)]
pub(super) unsafe fn store<S: Simd, const R: usize, const V: usize>(
    sums: &[[S::f32s; V]; R],
    (to, step): (*mut f32, usize),
    valid: usize,
) {
    // SAFETY: the caller's: `valid` floats lie behind each row of `to`.
    unsafe {
        for r in 0..R {
            let to = to.add(r * step);
            if valid == V * S::F32_LANES {
                to.cast::<[S::f32s; V]>().write_unaligned(sums[r]);
            } else {
                // A copy, so that the sums themselves have no address and stay in registers.
                let row = sums[r];
                std::ptr::copy_nonoverlapping((&raw const row).cast::<f32>(), to, valid);
            }
        }
    }
}

/// Reads a tile's first `valid` columns.
#[inline(always)]
#[expect(unsafe_code, reason = "an unaligned vector load")]
#[expect(
    clippy::needless_range_loop,
    reason = "all indices are known when the loops are unrolled"
)]
pub(super) unsafe fn load_rows<S: Simd, const R: usize, const V: usize>(
    simd: S,
    (from, step): (*const f32, usize),
    valid: usize,
) -> [[S::f32s; V]; R] {
    let mut rows = [[simd.splat_f32s(0.0); V]; R];
    // SAFETY: the caller's: `valid` floats lie behind each row.
    unsafe {
        for r in 0..R {
            let from = from.add(r * step);
            if valid == V * S::F32_LANES {
                rows[r] = load::<S, V>(from);
            } else {
                let mut row = [simd.splat_f32s(0.0); V];
                std::ptr::copy_nonoverlapping(from, (&raw mut row).cast::<f32>(), valid);
                rows[r] = row;
            }
        }
    }
    rows
}
