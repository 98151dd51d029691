//! Matrix products on slices, by the `gemm` crate.

/// A matrix inside a slice: element (r, c) lies at `r * row + c * column`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    data: &'a [f32],
    row: usize,
    column: usize,
}

impl<'a> Matrix<'a> {
    /// Rows that begin `row` floats after each other.
    pub(super) const fn rows(data: &'a [f32], row: usize) -> Self {
        Self {
            data,
            row,
            column: 1,
        }
    }

    pub(super) const fn transposed(self) -> Self {
        Self {
            data: self.data,
            row: self.column,
            column: self.row,
        }
    }
}

/// Who computes a product.
#[derive(Clone, Copy)]
pub(super) enum Workers {
    /// This thread, which is one of many.
    One,
    /// All threads of the pool.
    All,
}

/// `c [m, n] = a [m, k] b [k, n]`, or `c += a b`; row `r` of `c` starts at `r * c_row`.
pub(super) fn product(
    [m, n, k]: [usize; 3],
    (c, c_row): (&mut [f32], usize),
    accumulate: bool,
    a: Matrix,
    b: Matrix,
    workers: Workers,
) {
    let last = |rows: usize, columns: usize, row: usize, column: usize| {
        (rows - 1) * row + (columns - 1) * column
    };
    assert!(m > 0 && n > 0 && k > 0);
    assert!(last(m, n, c_row, 1) < c.len());
    assert!(last(m, k, a.row, a.column) < a.data.len());
    assert!(last(k, n, b.row, b.column) < b.data.len());
    let parallelism = match workers {
        Workers::One => gemm::Parallelism::None,
        Workers::All => gemm::Parallelism::Rayon(0),
    };
    // SAFETY: the assertions keep the last element of each matrix inside its slice, and `c` is exclusively ours.
    #[expect(unsafe_code, reason = "the gemm crate takes pointers and strides")]
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            c_row as isize,
            accumulate,
            a.data.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.column as isize,
            b.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}
