//! Views of matrices with any strides, so that a transpose costs nothing.

use std::fmt;

/// A matrix to read: element (i, j) stands at `i * row_stride + j * col_stride`.
#[derive(Clone, Copy)]
pub struct MatRef<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// A matrix to write, whose elements are all distinct.
pub struct MatMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// The number of elements that a view must have: one past its last, or 0 if it is empty.
fn span(rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> Option<usize> {
    if rows == 0 || cols == 0 {
        return Some(0);
    }
    let last_row = (rows - 1).checked_mul(row_stride)?;
    (cols - 1).checked_mul(col_stride)?.checked_add(last_row)?.checked_add(1)
}

impl<'a> MatRef<'a> {
    /// A row-major matrix [rows x cols].
    ///
    /// Panics if `data` has another length.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(Some(data.len()), rows.checked_mul(cols), "elements of {rows} x {cols}");
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// A matrix with strides, in elements; a stride may be 0.
    ///
    /// Panics if an element would lie outside of `data`.
    pub fn with_strides(
        data: &'a [f32],
        (rows, cols): (usize, usize),
        (row_stride, col_stride): (usize, usize),
    ) -> Self {
        let inside = span(rows, cols, row_stride, col_stride).is_some_and(|n| n <= data.len());
        assert!(inside, "{rows} x {cols} by {row_stride}, {col_stride} in {} elements", data.len());
        Self { data, rows, cols, row_stride, col_stride }
    }

    /// The transpose; no element moves.
    pub fn transposed(self) -> Self {
        let Self { data, rows, cols, row_stride, col_stride } = self;
        Self { data, rows: cols, cols: rows, row_stride: col_stride, col_stride: row_stride }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Strides of a row and of a column, in elements.
    pub fn strides(&self) -> (usize, usize) {
        (self.row_stride, self.col_stride)
    }

    /// Element (i, j).
    ///
    /// Panics if there is none.
    pub fn at(&self, i: usize, j: usize) -> f32 {
        assert!(i < self.rows && j < self.cols, "({i}, {j}) of {self:?}");
        self.data[i * self.row_stride + j * self.col_stride]
    }

    /// The rows from `first` to the end of row `end - 1`.
    pub(crate) fn row_range(self, first: usize, end: usize) -> Self {
        assert!(first <= end && end <= self.rows, "rows {first}..{end} of {self:?}");
        let start = (first * self.row_stride).min(self.data.len());
        Self { data: &self.data[start..], rows: end - first, ..self }
    }

    /// The elements from (i, j) on, in the order of the strides.
    pub(crate) fn from(&self, i: usize, j: usize) -> &'a [f32] {
        &self.data[i * self.row_stride + j * self.col_stride..]
    }
}

impl<'a> MatMut<'a> {
    /// A row-major matrix [rows x cols].
    ///
    /// Panics if `data` has another length.
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(Some(data.len()), rows.checked_mul(cols), "elements of {rows} x {cols}");
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// A matrix with strides, in elements.
    ///
    /// Panics if an element would lie outside of `data`, or if rows (or columns) overlap.
    pub fn with_strides(
        data: &'a mut [f32],
        (rows, cols): (usize, usize),
        (row_stride, col_stride): (usize, usize),
    ) -> Self {
        let view = MatRef::with_strides(data, (rows, cols), (row_stride, col_stride));
        let by_rows = span(1, cols, 0, col_stride).is_some_and(|n| n <= row_stride || rows <= 1);
        let by_cols = span(rows, 1, row_stride, 0).is_some_and(|n| n <= col_stride || cols <= 1);
        let steps = (row_stride > 0 || rows <= 1) && (col_stride > 0 || cols <= 1);
        let empty = rows == 0 || cols == 0;
        assert!(empty || (steps && (by_rows || by_cols)), "elements of {view:?} overlap");
        Self { data, rows, cols, row_stride, col_stride }
    }

    /// The transpose; no element moves.
    pub fn transposed(self) -> Self {
        let Self { data, rows, cols, row_stride, col_stride } = self;
        Self { data, rows: cols, cols: rows, row_stride: col_stride, col_stride: row_stride }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The matrix to read.
    pub fn as_ref(&self) -> MatRef<'_> {
        let Self { data, rows, cols, row_stride, col_stride } = self;
        let (rows, cols, row_stride, col_stride) = (*rows, *cols, *row_stride, *col_stride);
        MatRef { data, rows, cols, row_stride, col_stride }
    }

    /// Element (i, j), to write.
    ///
    /// Panics if there is none.
    pub fn at_mut(&mut self, i: usize, j: usize) -> &mut f32 {
        assert!(i < self.rows && j < self.cols, "({i}, {j}) of {:?}", self.as_ref());
        &mut self.data[i * self.row_stride + j * self.col_stride]
    }

    /// `len` elements of row `i` from column `j` on, where columns stand side by side.
    pub(crate) fn row_mut(&mut self, i: usize, j: usize, len: usize) -> &mut [f32] {
        assert_eq!(self.col_stride, 1, "columns side by side");
        let first = i * self.row_stride + j;
        &mut self.data[first..first + len]
    }

    /// Whether the rows can be told apart by cutting the data between them.
    pub(crate) fn is_row_wise(&self) -> bool {
        span(1, self.cols, 0, self.col_stride).is_some_and(|n| n <= self.row_stride)
    }

    /// Cuts a row-wise matrix into its first `rows` rows and the others.
    pub(crate) fn split_rows(self, rows: usize) -> (Self, Self) {
        let Self { data, rows: all, cols, row_stride, col_stride } = self;
        let (top, bottom) = data.split_at_mut((rows * row_stride).min(data.len()));
        (
            Self { data: top, rows, cols, row_stride, col_stride },
            Self { data: bottom, rows: all - rows, cols, row_stride, col_stride },
        )
    }
}

impl fmt::Debug for MatRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} x {} by {}, {}]", self.rows, self.cols, self.row_stride, self.col_stride)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transpose_swaps_indices() {
        let data = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let a = MatRef::new(&data, 2, 3);
        assert_eq!((a.at(1, 2), a.transposed().at(2, 1)), (6.0, 6.0));
        assert_eq!(a.row_range(1, 2).at(0, 0), 4.0);
    }

    #[test]
    fn views_outside_of_the_data_or_onto_themselves_are_refused() {
        let refused = |shape, strides| {
            std::panic::catch_unwind(|| {
                MatMut::with_strides(&mut [0.0; 12], shape, strides);
            })
            .is_err()
        };
        assert!(!refused((3, 4), (4, 1)) && !refused((4, 3), (1, 4)) && !refused((2, 2), (7, 2)));
        assert!(!refused((0, 9), (9, 1)) && !refused((0, 9), (1, 0)) && !refused((1, 1), (0, 0)));
        assert!(refused((3, 4), (5, 1)), "past the end");
        assert!(refused((3, 4), (3, 1)), "rows overlap");
        assert!(refused((2, 2), (0, 1)) && refused((2, 2), (1, 1)), "elements coincide");
        assert!(refused((usize::MAX, 2), (2, 1)), "past the end of memory");
    }
}
