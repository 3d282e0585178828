//! [`Idx`]: one file's content in memory.

use std::fmt;

use crate::element::{Element, ElementType};
use crate::error::ErrorKind;
use crate::header::Header;

/// The content of an IDX file: an array of one [`ElementType`] with 1 to 255 dimensions.
///
/// The elements are kept as the file's own big-endian bytes, last dimension fastest; for `u8`, the
/// usual case, they are the values themselves and no copy is made on the way in or out.
#[derive(Clone, PartialEq, Eq)]
pub struct Idx {
    header: Header,
    payload: Vec<u8>,
}

impl Idx {
    /// Makes an array from big-endian bytes.
    ///
    /// # Errors
    /// [`ErrorKind::BadRank`] unless there are 1 to 255 dimensions, [`ErrorKind::DimOverflow`] where
    /// they are too large, [`ErrorKind::SizeMismatch`] where they do not multiply to the payload.
    pub fn new(
        element_type: ElementType,
        dims: Vec<usize>,
        payload: Vec<u8>,
    ) -> Result<Self, ErrorKind> {
        let header = Header::new(element_type, dims)?;
        if payload.len() != header.payload_bytes() {
            return Err(ErrorKind::SizeMismatch {
                expected_bytes: header.payload_bytes() as u64,
                found_bytes: payload.len() as u64,
            });
        }
        Ok(Self { header, payload })
    }

    /// Makes an array of bytes; images and labels, as a rule. Errors as [`Idx::new`].
    ///
    /// ```
    /// let labels = idx::Idx::from_u8(vec![3], vec![5, 0, 4])?;
    /// assert_eq!(labels.as_u8(), Some(&[5, 0, 4][..]));
    /// # Ok::<(), idx::ErrorKind>(())
    /// ```
    pub fn from_u8(dims: Vec<usize>, payload: Vec<u8>) -> Result<Self, ErrorKind> {
        Self::new(ElementType::U8, dims, payload)
    }

    /// Makes an array of any element type from numbers. Errors as [`Idx::new`].
    ///
    /// ```
    /// let features = idx::Idx::from_values(vec![2, 2], &[0.5f32, 1.0, -2.0, 0.0])?;
    /// assert_eq!(features.payload()[..4], [0x3f, 0, 0, 0]);
    /// # Ok::<(), idx::ErrorKind>(())
    /// ```
    pub fn from_values<T: Element>(dims: Vec<usize>, values: &[T]) -> Result<Self, ErrorKind> {
        Self::new(T::TYPE, dims, T::encode(values))
    }

    /// Returns the type of the elements.
    pub fn element_type(&self) -> ElementType {
        self.header.element_type()
    }

    /// Returns the dimensions, slowest first: of MNIST's images, count, height, width. Their product
    /// with the size of an element, zeros left out, fits `isize`.
    pub fn dims(&self) -> &[usize] {
        self.header.dims()
    }

    /// Returns the number of elements: the product of the dimensions.
    pub fn element_count(&self) -> usize {
        self.payload.len() / self.element_type().size_bytes()
    }

    /// Returns the elements as the big-endian bytes of the file.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns the elements as the big-endian bytes of the file, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.payload
    }

    /// Returns the header as it stands in the file, 4 + 4 rank bytes.
    ///
    /// There is one header for a type and dimensions, so header and payload are the file, byte for
    /// byte, whether it was read raw or from gzip: what a hash of the file's content takes.
    pub fn header_bytes(&self) -> Vec<u8> {
        self.header.to_bytes()
    }

    /// Returns the elements where they are bytes, without a copy.
    pub fn as_u8(&self) -> Option<&[u8]> {
        (self.element_type() == ElementType::U8).then_some(&self.payload)
    }

    /// Returns the elements where they are of type `T`.
    ///
    /// ```
    /// let labels = idx::Idx::from_values(vec![2], &[-1i32, 7])?;
    /// assert_eq!(labels.to_vec::<i32>(), Some(vec![-1, 7]));
    /// assert_eq!(labels.to_vec::<u8>(), None);
    /// # Ok::<(), idx::ErrorKind>(())
    /// ```
    pub fn to_vec<T: Element>(&self) -> Option<Vec<T>> {
        (self.element_type() == T::TYPE).then(|| T::decode(&self.payload))
    }

    /// Returns the elements as `f32` where every value of their type is one: not for `i32`, `f64`.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        match self.element_type() {
            ElementType::U8 => Some(self.widen::<u8, _>()),
            ElementType::I8 => Some(self.widen::<i8, _>()),
            ElementType::I16 => Some(self.widen::<i16, _>()),
            ElementType::F32 => self.to_vec(),
            ElementType::I32 | ElementType::F64 => None,
        }
    }

    /// Returns the elements as `f64`, which holds every value of every type.
    pub fn to_f64(&self) -> Vec<f64> {
        match self.element_type() {
            ElementType::U8 => self.widen::<u8, _>(),
            ElementType::I8 => self.widen::<i8, _>(),
            ElementType::I16 => self.widen::<i16, _>(),
            ElementType::I32 => self.widen::<i32, _>(),
            ElementType::F32 => self.widen::<f32, _>(),
            ElementType::F64 => self.widen::<f64, _>(),
        }
    }

    /// Returns the elements as `i64` where they are integers.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        match self.element_type() {
            ElementType::U8 => Some(self.widen::<u8, _>()),
            ElementType::I8 => Some(self.widen::<i8, _>()),
            ElementType::I16 => Some(self.widen::<i16, _>()),
            ElementType::I32 => Some(self.widen::<i32, _>()),
            ElementType::F32 | ElementType::F64 => None,
        }
    }

    /// Decodes as `T`, which the caller has matched with the element type.
    fn widen<T: Element + Into<U>, U>(&self) -> Vec<U> {
        T::decode(&self.payload).into_iter().map(Into::into).collect()
    }

    pub(crate) fn from_parts(header: Header, payload: Vec<u8>) -> Self {
        debug_assert_eq!(payload.len(), header.payload_bytes());
        Self { header, payload }
    }
}

/// Type and dimensions; not the elements, of which there may be millions.
impl fmt::Debug for Idx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Idx({} {:?})", self.element_type(), self.dims())
    }
}
