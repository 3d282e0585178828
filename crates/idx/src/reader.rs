//! [`Reader`]: a file whose elements are taken piece by piece.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::data::Idx;
use crate::element::ElementType;
use crate::error::{Error, ErrorKind};
use crate::pair::{PairError, pair_form};
use crate::read::{Either, Payload, open_file};

/// An open file, raw or gzip, whose header is proven and whose elements are still to come.
///
/// For files that need not be in memory as they are: what is done with the elements can be done while
/// the next are on their way, and the largest piece is all that is kept of them.
///
/// ```
/// use idx::{Compression, Idx, Reader};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("images-idx3-ubyte.gz");
/// idx::write(&path, &Idx::from_u8(vec![3, 2], vec![1, 2, 3, 4, 5, 6])?, Compression::Gzip)?;
/// let mut images = Reader::open(&path)?;
/// assert_eq!(images.dims(), [3, 2]);
/// assert_eq!(images.piece(4)?, [1, 2, 3, 4]);
/// assert_eq!(images.piece(4)?, [5, 6]);
/// assert_eq!(images.piece(4)?, []);
/// # Ok(())
/// # }
/// ```
pub struct Reader {
    path: PathBuf,
    payload: Payload<Either<BufReader<File>>>,
}

impl Reader {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// Those of [`read`](crate::read()) that concern the file, the header and the header's claim.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let open = || {
            let (input, file_bytes) = open_file(path)?;
            Payload::open(input, file_bytes)
        };
        let payload = open().map_err(Error::at(path))?;
        Ok(Self { path: path.to_owned(), payload })
    }

    /// Returns the type of the elements.
    pub fn element_type(&self) -> ElementType {
        self.payload.header.element_type()
    }

    /// Returns the dimensions, slowest first. A gzip file may turn out to hold fewer elements.
    pub fn dims(&self) -> &[usize] {
        self.payload.header.dims()
    }

    /// Returns whether the elements are compressed, so that a piece takes longer than a copy.
    pub fn is_gzip(&self) -> bool {
        self.payload.is_gzip()
    }

    /// Returns the header as it stands in the file.
    pub fn header_bytes(&self) -> Vec<u8> {
        self.payload.header.to_bytes()
    }

    /// Proves that `labels` belong to these images, as [`pair`](crate::pair()) does, and returns the class
    /// of each.
    ///
    /// # Errors
    /// Those of [`pair`](crate::pair()).
    pub fn pair(&self, labels: &Idx, classes: usize) -> Result<Vec<u32>, PairError> {
        pair_form((self.dims(), self.element_type()), labels, classes)
    }

    /// Returns the next bytes of the elements, big-endian as in the file: as many as are left, at most
    /// `most_bytes`; none at the end. The last piece is returned only after the whole file was proven.
    ///
    /// # Errors
    /// Those of [`read`](crate::read()) that concern the payload.
    pub fn piece(&mut self, most_bytes: usize) -> Result<Vec<u8>, Error> {
        self.piece_in(Vec::new(), most_bytes)
    }

    /// Returns the next piece as [`piece`](Self::piece) does, in the memory of `buffer`, whose content is
    /// lost: new memory takes longer to get than a raw piece to read.
    ///
    /// # Errors
    /// Those of [`piece`](Self::piece).
    pub fn piece_in(&mut self, buffer: Vec<u8>, most_bytes: usize) -> Result<Vec<u8>, Error> {
        self.payload.piece_in(buffer, most_bytes).map_err(Error::at(&self.path))
    }

    /// Reads all elements that are still to come, which must be all there are.
    ///
    /// # Errors
    /// Those of [`read`](crate::read()) that concern the payload.
    pub fn read_all(mut self) -> Result<Idx, Error> {
        let payload = self.piece(usize::MAX)?;
        let (element_type, dims) = (self.element_type(), self.dims().to_vec());
        Idx::new(element_type, dims, payload).map_err(|kind: ErrorKind| Error::at(&self.path)(kind))
    }
}
