//! The six element types of the format, as values ([`ElementType`]) and as Rust types ([`Element`]).

use std::fmt;

/// What an IDX file holds; the third byte of its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// Unsigned byte, code `08`: pixels and most labels.
    U8,
    /// Signed byte, code `09`.
    I8,
    /// 16-bit signed integer, code `0b`.
    I16,
    /// 32-bit signed integer, code `0c`: QMNIST's labels.
    I32,
    /// 32-bit float, code `0d`.
    F32,
    /// 64-bit float, code `0e`.
    F64,
}

impl ElementType {
    /// Every type, by ascending code.
    pub const ALL: [Self; 6] = [Self::U8, Self::I8, Self::I16, Self::I32, Self::F32, Self::F64];

    /// Returns the type's code in the header. There is no `0a`.
    pub const fn code(self) -> u8 {
        match self {
            Self::U8 => 0x08,
            Self::I8 => 0x09,
            Self::I16 => 0x0b,
            Self::I32 => 0x0c,
            Self::F32 => 0x0d,
            Self::F64 => 0x0e,
        }
    }

    /// Returns the type with this code, if there is one.
    ///
    /// ```
    /// use idx::ElementType;
    /// assert_eq!(ElementType::from_code(0x0d), Some(ElementType::F32));
    /// assert_eq!(ElementType::from_code(0x0a), None);
    /// ```
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Returns the bytes that one element takes: 1, 2, 4 or 8.
    pub const fn size_bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// The Rust name: `u8`, `f32`.
impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// A Rust number that an IDX file can hold: `u8`, `i8`, `i16`, `i32`, `f32`, `f64`. Sealed.
pub trait Element: Copy + sealed::Bytes {
    /// The type's entry in the format.
    const TYPE: ElementType;
}

pub(crate) mod sealed {
    /// Conversion to and from the file's byte order, out of reach of other crates.
    pub trait Bytes: Sized {
        fn encode(values: &[Self]) -> Vec<u8>;

        /// Ignores an incomplete element at the end; an `Idx` has none.
        fn decode(bytes: &[u8]) -> Vec<Self>;
    }
}

macro_rules! element {
    ($number:ty, $kind:ident) => {
        impl Element for $number {
            const TYPE: ElementType = ElementType::$kind;
        }

        impl sealed::Bytes for $number {
            fn encode(values: &[Self]) -> Vec<u8> {
                // Arrays, then flattened in place: one allocation and vector byte swaps.
                values.iter().map(|v| v.to_be_bytes()).collect::<Vec<_>>().into_flattened()
            }

            fn decode(bytes: &[u8]) -> Vec<Self> {
                bytes.as_chunks().0.iter().map(|chunk| Self::from_be_bytes(*chunk)).collect()
            }
        }

        const _: () = assert!(ElementType::$kind.size_bytes() == size_of::<$number>());
    };
}

element!(u8, U8);
element!(i8, I8);
element!(i16, I16);
element!(i32, I32);
element!(f32, F32);
element!(f64, F64);
